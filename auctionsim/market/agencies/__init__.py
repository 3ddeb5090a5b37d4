"""Decide who bids for whom: adopters of an optimizer, and agencies whose members give way to each other."""
