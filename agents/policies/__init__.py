"""Bid: policies that map the state of a day to bids."""
