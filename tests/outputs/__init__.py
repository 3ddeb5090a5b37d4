"""Tests of `auctionsim.outputs`."""
