"""Estimates of click and conversion rates that a log lacks, and their calibration."""
