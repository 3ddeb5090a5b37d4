"""Parameterizations of a policy: how a vector of parameters becomes bids, for every learner that searches over parameters.

An agent is an advertiser, or a group of advertisers that shares one set of parameters (`learner.sharing`).
"""

from __future__ import annotations

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from auctionsim.agents.policies.auction_level.policy import AuctionLevelBids
from auctionsim.agents.policies.base import Policy
from auctionsim.agents.policies.hourly_network import HourlyNetwork
from auctionsim.agents.policies.linear_bid_formula import LinearBidFormula
from auctionsim.agents.policies.per_auction_network import PerAuctionNetwork
from auctionsim.market.market import Market
from auctionsim.scenario import LearnerSection

Array = NDArray[np.float64]


class Parameterization(Protocol):
    """A parameterization: it turns parameters into bids."""

    side_by_side: bool
    """Whether a day can be replayed for many sets of parameters at once."""

    def start(self, market: Market) -> Array:
        """Return the parameters before learning: of one agent, about the keyword bids, `[size]`, or `[learners, size]`."""

    def policy(self, market: Market, parameters: Array) -> Policy:
        """Return the policies of parameters `[P, learners, size]`.

        Args:
            market: The market.
            parameters: P sets of parameters of each controlled advertiser; P is 1 unless `side_by_side`.
        """


def make_parameterization(settings: LearnerSection) -> Parameterization:
    """Make the parameterization that `learner.policy` names.

    Args:
        settings: The scenario's section `learner`. Its `policy` is `formula` (linear bid formula), `contextual` (hourly
            network), `auction` (auction-level bids) or `free` (per-auction network).
    """
    if settings.policy == "auction":
        return AuctionLevelBids()
    if settings.policy == "contextual":
        return HourlyNetwork(settings.hidden)
    return PerAuctionNetwork(settings.hidden) if settings.policy == "free" else LinearBidFormula()


def agent_of_learners(market: Market, settings: LearnerSection) -> NDArray[np.int64]:
    """Return the index of each controlled advertiser's agent, `[learners]`.

    For example, with `sharing = "group"` and learners of the groups a, a, b: 0, 0, 1.

    Args:
        market: The market.
        settings: The scenario's section `learner`.
    """
    if settings.sharing == "advertiser":
        return np.arange(len(market.learners))
    names = [market.groups[i].group for i in market.learners]
    index = {name: k for k, name in enumerate(dict.fromkeys(names))}
    return np.array([index[name] for name in names], dtype=np.int64)


def n_agents(market: Market, settings: LearnerSection) -> int:
    """Return the number of agents."""
    return len(np.unique(agent_of_learners(market, settings)))


def mean_by_agent(market: Market, settings: LearnerSection, by_learner: Array) -> Array:
    """Return the means over the advertisers of each agent, `[agents, k]`, of values `[learners, k]`."""
    agent = agent_of_learners(market, settings)
    sums = np.zeros((n_agents(market, settings), by_learner.shape[1]))
    np.add.at(sums, agent, by_learner)
    mean: Array = sums / np.bincount(agent)[:, None]
    return mean


def start_parameters(market: Market, settings: LearnerSection) -> Array:
    """Return the parameters before learning, `[agents, size]`; an agent of several learners starts at their mean."""
    start = make_parameterization(settings).start(market)
    if start.ndim == 1:
        return np.tile(start, (n_agents(market, settings), 1))
    return mean_by_agent(market, settings, start)


def learned_policy(market: Market, settings: LearnerSection, parameters: Array) -> Policy:
    """Return the policy of one set of parameters, `[agents, size]`."""
    by_learner = parameters[agent_of_learners(market, settings)]
    return make_parameterization(settings).policy(market, by_learner[None])
