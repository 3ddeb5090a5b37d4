"""Draw figures. Each function takes numbers and returns a matplotlib Figure; it saves nothing and sets no global style."""

from auctionsim.auction.environment import quiet_matplotlib

# Before the modules of this folder import it.
with quiet_matplotlib():
    import matplotlib  # noqa: F401
