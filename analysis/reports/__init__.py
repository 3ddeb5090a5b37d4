"""Read runs and say what they show."""
