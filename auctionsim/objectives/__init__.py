"""Define goals and constraints once, for training, rewards, bounds and reports."""
