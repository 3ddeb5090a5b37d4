"""Delays between clicks and reports of their conversions: distributions, and their fit to logs."""
