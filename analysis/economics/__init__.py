"""Measure markets by replaying them: competition, deviations, collusion."""
