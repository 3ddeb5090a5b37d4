"""Replay a scenario's or a log's own bids under changes of the mechanism, of budgets and of bidding products."""
