"""Tests of what is computed from a log besides its table."""
