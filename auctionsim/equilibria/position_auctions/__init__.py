"""Solve position auctions with complete information: slots with given click-through rates, bidders with known values."""
