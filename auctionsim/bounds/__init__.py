"""Bound what any bids could reach: linear programs, column generation, bids from dual prices."""
