"""Tests of what a machine can fail at."""
