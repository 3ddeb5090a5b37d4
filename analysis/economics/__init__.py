"""Measure markets by simulating their days: competition, cartel, deviations, bid shading, and a verdict on collusion."""
