"""Train, evaluate and resume runs."""
