"""Measure speed: the engine, stored days, clusters."""
