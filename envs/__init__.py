"""Environments over the simulated market: one hour is a step, one day an episode."""

from auctionsim.envs.auction_env import AuctionParallelEnv, parallel_env

__all__ = ["AuctionParallelEnv", "parallel_env"]
