"""Rank the trials of a sweep, measure which settings mattered, and report both."""
