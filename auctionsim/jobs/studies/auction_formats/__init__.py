"""Compare first and second prices by how bidders bid: pacing refilled budgets, or learning bids from affiliated values."""
