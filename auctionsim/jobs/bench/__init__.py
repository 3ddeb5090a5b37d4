"""Measure speed: the auction kernel, stored days, clusters."""
