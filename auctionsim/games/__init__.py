"""Simulate small games of the literature with known outcomes, to check measures of collusion. No traffic, no scenario."""
