"""Log days with exploration, learn from the logs alone, and hold off-policy estimates against the simulator's truth."""
