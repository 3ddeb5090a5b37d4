"""The auctions to be cleared: traffic tables, their files, the memory-mapped store, and the synthetic generator."""

from auctionsim.environment import check_environment

check_environment()
