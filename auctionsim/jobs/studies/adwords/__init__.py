"""Sell queries to advertisers with budgets as they arrive, on a public instance and on others of its kind."""
