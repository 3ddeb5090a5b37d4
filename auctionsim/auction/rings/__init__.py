"""Let advertisers bid as one: bidding rings, of whose members one bids in each auction."""
