"""Small games of the literature with known outcomes, on which measures of collusion are checked. No traffic, no scenario."""
