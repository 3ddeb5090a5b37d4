"""Repeated auctions of one object whose bidders learn from affiliated values."""
