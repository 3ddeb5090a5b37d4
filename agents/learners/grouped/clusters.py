"""Clusters of advertisers that act as one: what `maab` and `dcmab` observe, how they are paid, and their days.

A cluster sees the mean of its members' observations (market/observations.py) and is paid the mean of their own objectives, over
the baseline's mean hour. Neither paper knows constraints but budgets: soft constraints, the platform's floor and the global
term are not learned from.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from auctionsim.agents.learners.rl.rollout import Floats, observations_of
from auctionsim.agents.policies.base import DayPolicy, DayState
from auctionsim.auction.bid_formula import FEATURES as BID_FEATURES
from auctionsim.auction.outcome import COST
from auctionsim.market.goals import goals_of
from auctionsim.market.market import Market
from auctionsim.market.observations import FEATURES, Scales
from auctionsim.names.display import short_repr
from auctionsim.objectives.goals import global_profit, own_objective
from auctionsim.traffic.table import HOURS

Array = NDArray[np.float64]
Clusters = tuple[NDArray[np.int64], ...]
"""Positions among the learners, of each cluster."""
INPUTS = len(FEATURES)


@dataclass(frozen=True, eq=False)
class ClusterDays:
    """Parallel copies of a day, seen by C clusters."""

    observed: Floats
    """Before each hour and at the end, `[copies, 25, C, 15]`."""
    chosen: NDArray[Any]
    """Choices that `act` made, `[copies, 24, ...]`."""
    objective: Array
    """Mean of the members' own objectives, over the baseline's mean hour, `[copies, 24, C]`."""
    payment: Array
    """The members' cost likewise, `[copies, 24, C]`."""
    revenue: Array
    """The platform's revenue over the baseline's, `[copies]`."""
    profit: Array
    """All advertisers' profit over the baseline's, `[copies]`."""


def by_group(market: Market) -> Clusters:
    """Group the learners by the scenario's groups."""
    names = [market.groups[i].group for i in market.learners]
    return tuple(np.flatnonzero([name == own for name in names]) for own in dict.fromkeys(names))


def by_revenue(market: Market, most: int) -> Clusters:
    """Cut the learners, by GMV under the baseline, into clusters of about equal presence in auctions (DCMAB)."""
    days, learners = market.scenario.traffic.train_days, market.learners
    gmv = np.sum([market.baseline[day].gmv[:, learners, 0].sum(axis=0) for day in days], axis=0)
    auctions = np.sum([market.hourly_auctions(day)[:, learners].sum(axis=0) for day in days], axis=0)
    order = np.argsort(-gmv, kind="stable")
    presence = np.maximum(auctions[order], 1e-12)
    # The middle of an advertiser's presence says which cluster it falls into.
    middle = (presence.cumsum() - presence / 2) / presence.sum()
    cluster = np.minimum((middle * most).astype(np.int64), most - 1)
    return tuple(np.sort(order[cluster == k]) for k in range(most) if (cluster == k).any())


def observed_by(market: Market, state: DayState, scales: Scales, clusters: Clusters) -> Floats:
    """Return the means of the members' observations before the next hour, `[P, C, 15]`."""
    return _means(observations_of(market, state, scales), clusters)


def simulate(
    market: Market,
    day: int,
    num_envs: int,
    clusters: Clusters,
    act: Callable[[Floats], NDArray[Any]],
    bids: Callable[[NDArray[Any]], Array],
) -> ClusterDays:
    """Simulate parallel copies of a day.

    Args:
        market: The market.
        day: A training day.
        num_envs: Number of copies, P.
        clusters: The clusters, each of which acts as one.
        act: A function from observations `[P, C, 15]` to what is chosen, `[P, ...]`.
        bids: A function from what is chosen to everybody's coefficients, `[advertisers, 4, P]`.
    """
    sim, goals = market.day(day, num_envs), goals_of(market, day)
    scales = Scales.of(market, day, market.learners)
    usual_cost = np.maximum(market.baseline[day].cost[:, market.learners, 0].sum(axis=0) / HOURS, 1e-12)[:, None]
    observed, chosen, objective, payment = [observed_by(market, sim.state, scales, clusters)], [], [], []
    for _ in range(HOURS):
        chosen.append(act(observed[-1]))
        sim.step(bids(chosen[-1]))
        step_outcome = sim.rewarded_step
        own = own_objective(step_outcome, goals)[market.learners] * HOURS
        objective.append(_means(own.T[:, :, None], clusters)[..., 0])
        payment.append(_means((step_outcome[market.learners, COST] / usual_cost).T[:, :, None], clusters)[..., 0])
        observed.append(observed_by(market, sim.state, scales, clusters))
    totals = sim.cumulative
    return ClusterDays(
        np.stack(observed, axis=1),
        np.stack(chosen, axis=1),
        np.stack(objective, axis=1),
        np.stack(payment, axis=1),
        totals[:, COST].sum(axis=0) / goals.revenue_scale,
        global_profit(totals, goals),
    )


def logged(results: list[ClusterDays]) -> dict[str, float]:
    """Return what the first copies, which are greedy, earned: means over days."""
    return {
        "revenue_ratio": float(np.mean([one.revenue[0] for one in results])),
        "profit_ratio": float(np.mean([one.profit[0] for one in results])),
        "objective": float(np.mean([one.objective[0].mean() for one in results])),
    }


def coefficients(market: Market, of_learners: Mapping[str, Array]) -> Array:
    """Return everybody's coefficients `[advertisers, 4, P]`: the fixed ones, and the learners' by feature, `[learners, P]`."""
    policies = next(iter(of_learners.values())).shape[1]
    theta = np.repeat(market.fixed[:, :, None], policies, axis=2)
    for name, values in of_learners.items():
        theta[market.learners, BID_FEATURES.index(name)] = values
    return theta


@dataclass(frozen=True, eq=False)
class ClusterPolicy:
    """Bid by what the clusters choose without noise."""

    clusters: Clusters
    act: Callable[[Floats], NDArray[Any]]
    """A function from observations `[P, C, 15]` to what is chosen, `[P, ...]`."""
    bids: Callable[[NDArray[Any]], Array]
    """A function from what is chosen to everybody's coefficients, `[advertisers, 4, P]`."""

    __repr__ = short_repr

    def begin(self, market: Market, day: int, n_policies: int) -> DayPolicy:  # noqa: ARG002  (any number)
        """Bid by what the clusters choose."""
        scales = Scales.of(market, day, market.learners)

        def act(state: DayState) -> Array:
            return self.bids(self.act(observed_by(market, state, scales, self.clusters)))

        return DayPolicy(act)


def _means(values: NDArray[Any], clusters: Clusters) -> NDArray[Any]:
    """Return the means by cluster, `[P, C, F]`, of values `[P, learners, F]`."""
    return np.stack([values[:, own].mean(axis=1) for own in clusters], axis=1)
