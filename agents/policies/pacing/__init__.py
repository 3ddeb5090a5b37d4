"""Bid hour by hour by rules that do not learn: `agents/policies/registry.py` has their names, docs/controllers.md sources."""
