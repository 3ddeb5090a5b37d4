"""Clear auctions on the CPU: the compiled kernel, an hour of auctions for many policies at once."""
