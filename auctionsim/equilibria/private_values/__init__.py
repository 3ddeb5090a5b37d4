"""Measure any bids in an auction of one object with private values: distance to an equilibrium, and what they leave to gain."""
