"""Screens of bids."""
