"""Repeated auctions between bidders that pace themselves: by two multipliers, or by one scale of all bids."""
