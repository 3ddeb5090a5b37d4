"""Bids that depend on who else is in the auction: the policy `auction` (docs/macg.md)."""
