"""State who bids for whom: agencies of several advertisers, and the share of advertisers who use an optimizer at all."""
