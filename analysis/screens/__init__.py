"""Screen a log of bids for traces of collusion, by bids alone: what is a reason to look, and what competition shows as well."""
