"""Reproduce published instances of autobidding, of learning in auctions and of throttling."""
