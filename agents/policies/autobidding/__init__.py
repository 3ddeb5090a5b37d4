"""Bid for advertisers that state a budget and a target in place of bids: `target-cpa`, `target-roas`, `max-value`."""
