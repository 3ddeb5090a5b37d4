"""Generate outcomes of auctions whose cause is known, on which the verdict on collusion is tuned and measured."""
