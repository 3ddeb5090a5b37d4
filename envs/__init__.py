"""Environments over the simulated market: one hour is a step, one day an episode.

Importing this package registers `auctionsim/SingleBidder-v0`. `gymnasium.make("auctionsim/SingleBidder-v0")` works
after the import, and `gymnasium.make("auctionsim.envs:auctionsim/SingleBidder-v0")` without it. Where PettingZoo has a
registry, `pettingzoo.make("parallel", "auctionsim/Auction-v0")` and `pettingzoo.make("aec", ...)` work after the import.
"""

import warnings
from typing import Any

import pettingzoo
from gymnasium.envs.registration import register, registry

from auctionsim.envs.as_policy import as_policy
from auctionsim.envs.auction_env import AUCTION, AuctionParallelEnv, parallel_env
from auctionsim.envs.flatten_agents import FlattenAgents
from auctionsim.envs.layouts.auctionnet import AuctionNetObservations
from auctionsim.envs.single_agent import SINGLE_BIDDER, SingleBidderEnv
from auctionsim.envs.torch.make import torch_env
from auctionsim.envs.turn_by_turn import env
from auctionsim.envs.vector_env import AuctionVectorEnv
from auctionsim.errors import RenamedWarning
from auctionsim.market.observations import FEATURES
from auctionsim.objectives.costs import COSTS

__all__ = [
    "COSTS",
    "FEATURES",
    "AuctionNetObservations",
    "AuctionParallelEnv",
    "AuctionVectorEnv",
    "FlattenAgents",
    "SingleBidderEnv",
    "as_policy",
    "env",
    "parallel_env",
    "torch_env",
]

if SINGLE_BIDDER not in registry:
    register(
        id=SINGLE_BIDDER,
        entry_point="auctionsim.envs.single_agent:SingleBidderEnv",
        vector_entry_point="auctionsim.envs.single_agent:single_bidder_vector",
        # Gymnasium's passive checker takes a first reset that was refused for one that was made, and fails at the next step.
        # The environment checks what it is given by itself, and Gymnasium's own check passes (tests/envs).
        disable_env_checker=True,
    )

if hasattr(pettingzoo, "register"):  # older versions of PettingZoo have no registry
    if AUCTION not in pettingzoo.parallel_registry:
        pettingzoo.register("parallel", AUCTION, "auctionsim.envs.auction_env:parallel_env")
    if AUCTION not in pettingzoo.aec_registry:
        pettingzoo.register("aec", AUCTION, "auctionsim.envs.turn_by_turn:env")


def __getattr__(name: str) -> Any:
    """Return a public name by the name that it had before, with a warning."""
    if name != "AgentsAsEnvs":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    text = "auctionsim.envs.AgentsAsEnvs is called FlattenAgents now; the old name works until version 0.3"
    warnings.warn(text, RenamedWarning, stacklevel=2)
    return FlattenAgents
