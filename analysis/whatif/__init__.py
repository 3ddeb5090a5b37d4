"""What would be under a change: replays of the same auctions, their intervals, and what is shown of them."""
