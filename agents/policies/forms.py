"""Forms of a policy: what a vector of parameters means, for every searching learner alike.

An agent is an advertiser, or a group that shares one set of parameters (`learner.sharing`).
"""

from __future__ import annotations

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from auctionsim.agents.policies.base import Policy
from auctionsim.agents.policies.bid_formula import Formula
from auctionsim.agents.policies.contextual import Contextual
from auctionsim.agents.policies.per_auction import FreeBids
from auctionsim.market.market import Market
from auctionsim.scenario import LearnerSection

Array = NDArray[np.float64]


class Form(Protocol):
    """How parameters become bids."""

    side_by_side: bool
    """Whether a day can be replayed for many sets of parameters at once."""

    def start(self, market: Market) -> Array:
        """Parameters of one agent that bid about as the keyword bids do, `[size]`."""

    def policy(self, market: Market, parameters: Array) -> Policy:
        """The policies of parameters `[P, learners, size]`."""


def make_form(settings: LearnerSection) -> Form:
    """The form that `learner.policy` names."""
    if settings.policy == "contextual":
        return Contextual(settings.hidden)
    return FreeBids(settings.hidden) if settings.policy == "free" else Formula()


def agent_of_learners(market: Market, settings: LearnerSection) -> NDArray[np.int64]:
    """Index of the agent of each learner, `[learners]`."""
    if settings.sharing == "advertiser":
        return np.arange(len(market.learners))
    names = [market.groups[i].group for i in market.learners]
    index = {name: k for k, name in enumerate(dict.fromkeys(names))}
    return np.array([index[name] for name in names], dtype=np.int64)


def start_parameters(market: Market, settings: LearnerSection) -> Array:
    """The parameters before learning, `[agents, size]`."""
    n_agents = len(np.unique(agent_of_learners(market, settings)))
    return np.tile(make_form(settings).start(market), (n_agents, 1))


def learned_policy(market: Market, settings: LearnerSection, parameters: Array) -> Policy:
    """The policy of one set of parameters `[agents, size]`."""
    by_learner = parameters[agent_of_learners(market, settings)]
    return make_form(settings).policy(market, by_learner[None])
