"""What competition and what a cartel would bring on the same traffic: the two ends that indices of collusion lie between."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from auctionsim.auction.bid_formula import FEATURES
from auctionsim.auction.kernel.engine import OUTCOMES
from auctionsim.auction.sources import TableFeed
from auctionsim.market.market import Market
from auctionsim.market.policy import Constant, Policy
from auctionsim.market.simulate import simulate_day

Array = NDArray[np.float64]
_VALUE = FEATURES.index("value")


def days_totals(market: Market, policy: Policy, days: tuple[int, ...]) -> Array:
    """Impressions, clicks, conversions, GMV and cost of each advertiser over some days, `[advertisers, 5]`."""
    outcomes = [simulate_day(market, day, policy).outcome for day in days]
    return np.stack([np.sum([getattr(o, name).sum(axis=(0, 2)) for o in outcomes], axis=0) for name in OUTCOMES], axis=1)


def competitive_totals(market: Market, days: tuple[int, ...], independent: Policy | None = None) -> dict[str, Array]:
    """Competitive benchmarks under the market's budgets, totals `[advertisers, 5]` each.

    `truthful`: everybody bids the value of a click. `envy-free`: the lowest-revenue envy-free outcome of the generalised
    second price, whose payments are those of Vickrey-Clarke-Groves at truthful bids (Edelman, Ostrovsky and Schwarz 2007,
    theorem 1); with one slot it is the truthful one. `manual`: everybody's keyword bids. `independent`: learners
    that were each trained on their own objective.

    Args:
        market: The market.
        days: Which days, together.
        independent: The policy of independent learners, where there is one.
    """
    vcg = replace(market, rules=replace(market.rules, pricing="vcg"))
    truthful = Constant(market.static("truthful"))
    totals = {
        "truthful": days_totals(market, truthful, days),
        "envy-free": days_totals(vcg, truthful, days),
        "manual": days_totals(market, Constant(market.static("manual")), days),
    }
    return totals if independent is None else totals | {"independent": days_totals(market, independent, days)}


def cartel_totals(market: Market, days: tuple[int, ...], coalition: NDArray[np.bool_] | None = None) -> Array:
    """What a cartel brings: in each auction its best member bids its value, the rest bid the reserve.

    A member of higher quality that bids the reserve still makes the best one pay a little more than the reserve. Advertisers
    outside keep their fixed rule; learners that are not members bid truthfully.

    Args:
        market: The market.
        days: Which days, together.
        coalition: Members, `[advertisers]`; all learners where None.

    Returns:
        Totals `[advertisers, 5]`.
    """
    members = market.is_controlled if coalition is None else coalition
    theta = market.fixed[:, :, None].copy()
    theta[members | market.is_controlled] = market.static("truthful")[0]
    feed = TableFeed(market.traffic, market.rules, _with_one_serious_member(market, members))
    return days_totals(replace(market, feed=feed), Constant(theta), days)


def _with_one_serious_member(market: Market, members: NDArray[np.bool_]) -> Array:
    """Bid features where the value of all members but each auction's best is the reserve, or the value where that is lower."""
    traffic, value = market.traffic, market.phi[:, _VALUE]
    is_member = members[traffic.advertiser]
    score = np.where(is_member, market.quality * value, -1.0)
    cell = np.repeat(np.arange(len(traffic.weight)), np.diff(traffic.cell_start))
    # Best first within a cell, and of equal scores the lower row, as the auction ranks.
    order = np.lexsort((-score, cell))
    is_best = np.zeros(len(value), dtype=bool)
    is_best[order[traffic.cell_start[:-1]]] = True
    phi = market.phi.copy()
    shaded = is_member & ~is_best
    phi[shaded, _VALUE] = np.minimum(value[shaded], market.rules.reserve)
    return phi


def envy_free_bids(value: list[float], slot_effect: tuple[float, ...]) -> list[float]:
    """Bids of the lowest-revenue envy-free outcome of one generalised second-price auction (Edelman et al. 2007, theorem 1).

    Args:
        value: Of a click times quality, falling; as many as advertisers.
        slot_effect: Click decay by slot.

    Returns:
        Bids times quality. The first one is the value: any bid above the second does.
    """
    effect = [*slot_effect, *([0.0] * max(0, len(value) - len(slot_effect)))]
    bids = list(value)
    for k in range(len(value) - 1, 0, -1):
        below = bids[k + 1] if k + 1 < len(value) else 0.0
        if effect[k] > 0:
            bids[k] = value[k] - effect[k] / effect[k - 1] * (value[k] - below)
    return bids
