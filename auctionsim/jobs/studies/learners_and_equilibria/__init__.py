"""Set learners beside equilibria that are known: how far they end from it, and what a best response would still gain."""
