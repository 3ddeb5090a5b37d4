"""Reproduce published equilibria, instances and bounds: pacing, autobidding, one object, learning and online allocation."""
