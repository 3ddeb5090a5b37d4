"""Compare what the generator draws with the aggregates of its profile."""
