"""Audit regret: what advertisers would have earned by fixed bids, and which values their bids are consistent with."""
