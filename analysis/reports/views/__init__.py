"""Look closer at a run: each advertiser, each hour of each advertiser, each query."""
