"""Search over a scenario's settings: distributions to draw from, trials, and successive halving."""
