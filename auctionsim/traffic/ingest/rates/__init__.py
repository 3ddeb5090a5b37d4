"""Estimate and calibrate click and conversion rates that a log lacks."""
