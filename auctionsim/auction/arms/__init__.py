"""Replay days whose auctions belong to two arms of an experiment: other rules and bids in each, and budgets shared or split."""
