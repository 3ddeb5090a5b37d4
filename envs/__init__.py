"""Environments over the simulated market: one hour is a step, one day an episode."""

from auctionsim.envs.auction_env import AuctionParallelEnv, env, parallel_env
from auctionsim.envs.observations import FEATURES
from auctionsim.envs.single_agent import SingleBidderEnv
from auctionsim.envs.vector_env import AgentsAsEnvs, AuctionVectorEnv

__all__ = ["FEATURES", "AgentsAsEnvs", "AuctionParallelEnv", "AuctionVectorEnv", "SingleBidderEnv", "env", "parallel_env"]
