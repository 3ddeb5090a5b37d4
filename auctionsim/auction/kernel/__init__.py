"""Compile the auction for many policies at once."""
