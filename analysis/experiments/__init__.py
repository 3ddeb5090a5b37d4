"""Simulate experiments on a change of a market: A/A and A/B tests by user, budget, advertiser and time, beside the truth."""
