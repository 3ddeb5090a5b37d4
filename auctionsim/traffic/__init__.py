"""The auctions to be cleared: traffic tables, their files, the memory-mapped store, and the synthetic generator."""
