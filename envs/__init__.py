"""Environments over the simulated market: one hour is a step, one day an episode.

Importing this package registers `auctionsim/SingleBidder-v0`. `gymnasium.make("auctionsim/SingleBidder-v0")` works
after the import, and `gymnasium.make("auctionsim.envs:auctionsim/SingleBidder-v0")` without it.
"""

from gymnasium.envs.registration import register, registry

from auctionsim.envs.auction_env import AuctionParallelEnv, env, parallel_env
from auctionsim.envs.single_agent import SINGLE_BIDDER, SingleBidderEnv
from auctionsim.envs.vector_env import AgentsAsEnvs, AuctionVectorEnv
from auctionsim.market.observations import FEATURES

__all__ = ["FEATURES", "AgentsAsEnvs", "AuctionParallelEnv", "AuctionVectorEnv", "SingleBidderEnv", "env", "parallel_env"]

if SINGLE_BIDDER not in registry:
    register(
        id=SINGLE_BIDDER,
        entry_point="auctionsim.envs.single_agent:SingleBidderEnv",
        vector_entry_point="auctionsim.envs.single_agent:single_bidder_vector",
    )
