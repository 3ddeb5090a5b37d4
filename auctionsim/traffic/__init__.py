"""Describe what auctions there are: tables, files, stores, the generator."""
