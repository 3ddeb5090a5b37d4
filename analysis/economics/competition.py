"""Compute the two ends of every index of collusion: the outcome of competition and of a cartel, on the same traffic."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from auctionsim import arithmetic
from auctionsim.analysis.economics import indices
from auctionsim.arithmetic.groups import first_of_each
from auctionsim.auction.bid_formula import FEATURES
from auctionsim.auction.kernel.ties import tie_keys
from auctionsim.auction.outcome import COST, GMV, OUTCOMES
from auctionsim.auction.sources import TableSource
from auctionsim.market.agencies.rings import with_rings
from auctionsim.market.market import Market
from auctionsim.market.policy import Constant, Policy
from auctionsim.market.simulate import simulate_day
from auctionsim.names.display import short_repr

Array = NDArray[np.float64]
_VALUE = FEATURES.index("value")


@dataclass(frozen=True)
class BenchmarkIndices:
    """The indices of an outcome against one competitive benchmark: 0 at the benchmark, 1 at the cartel."""

    profit_gain: float
    """Delta of the controlled advertisers' profit."""
    suppression: float
    """Share of the benchmark's revenue that is missing; 1 if all of it is."""
    normalized_suppression: float
    """Missing revenue as a share of the revenue that the cartel would take away."""
    efficiency_loss: float = float("nan")
    """Share of the benchmark's welfare that is missing; negative if the outcome allocates better."""

    __repr__ = short_repr


def totals_over_days(market: Market, policy: Policy, days: tuple[int, ...]) -> Array:
    """Return each advertiser's impressions, clicks, conversions, GMV and cost, summed over days: `[advertisers, 5]`."""
    outcomes = [simulate_day(market, day, policy).outcome for day in days]
    return np.stack([np.sum([getattr(o, name).sum(axis=(0, 2)) for o in outcomes], axis=0) for name in OUTCOMES], axis=1)


def competitive_totals(market: Market, days: tuple[int, ...], independent: Policy | None = None) -> dict[str, Array]:
    """Return the totals of every competitive benchmark under the market's budgets, `[advertisers, 5]` by name.

    `truthful`, but for the first price: everybody bids the value of a click. `best response`, first price with one slot: the
    best bids what the second best is worth, so that the outcome is the second price's. `envy-free`, several slots: the
    envy-free outcome with the lowest revenue, whose payments are those of Vickrey-Clarke-Groves at truthful bids (Edelman,
    Ostrovsky and Schwarz 2007, theorem 1). With one slot, or charged by VCG, it equals `truthful` and is left out. `manual`:
    everybody's keyword bids. `independent`: learners that each maximize their own objective.

    Args:
        market: The market.
        days: The days to simulate, summed.
        independent: The policy of the independent learners; the benchmark is left out if None.
    """
    market = with_rings(market, ())
    vcg = replace(market, rules=replace(market.rules, pricing="vcg"))
    truthful = Constant(market.static("truthful"))
    has_slots, pricing = len(market.rules.slot_effect) > 1, market.rules.pricing
    totals: dict[str, Array] = {}
    if pricing != "first":
        totals["truthful"] = totals_over_days(market, truthful, days)
    if pricing == "first" or (pricing == "gsp" and has_slots):
        totals["envy-free" if has_slots else "best response"] = totals_over_days(vcg, truthful, days)
    totals["manual"] = totals_over_days(market, Constant(market.static("manual")), days)
    return totals if independent is None else totals | {"independent": totals_over_days(market, independent, days)}


def cartel_totals(market: Market, days: tuple[int, ...], coalition: NDArray[np.bool_] | None = None) -> Array:
    """Return the totals of a cartel: in each auction its best member bids its value, the other members bid the reserve.

    The best member may still pay more than the reserve: with a reserve of 0.1, a member of twice its quality that bids 0.1
    makes it pay 0.2. In the first price the best member pays its own bid, and so bids just above the best outsider, or the
    reserve. Advertisers under a fixed rule keep it; learners outside the cartel bid truthfully.

    Args:
        market: The market.
        days: The days to simulate, summed.
        coalition: True for the members of the cartel, `[advertisers]`; all learners if None.

    Returns:
        The totals of all advertisers, `[advertisers, 5]`.
    """
    market = with_rings(market, ())
    members = market.is_controlled if coalition is None else coalition
    theta = market.fixed[:, :, None].copy()
    theta[members | market.is_controlled] = market.static("truthful")[0]
    source = TableSource(market.traffic, market.rules, _with_one_active_member(market, members, theta[:, :, 0]))
    return totals_over_days(replace(market, traffic_source=source), Constant(theta), days)


def outcome_indices(totals: Array, competitive: Array, cartel: Array, members: NDArray[np.bool_]) -> BenchmarkIndices:
    """Return the indices of an outcome between a competitive benchmark and the cartel.

    Args:
        totals: The outcome's totals `[advertisers, 5]`, as `competition.totals_over_days` returns them.
        competitive: The totals of the competitive benchmark, `[advertisers, 5]`.
        cartel: The totals of the cartel, `[advertisers, 5]`.
        members: True for the advertisers whose profit counts, `[advertisers]`; revenue and welfare are those of all.
    """
    profit, profit_n, profit_c = (float(profits_of(t[members]).sum()) for t in (totals, competitive, cartel))
    revenue, revenue_n, revenue_c = (float(t[:, COST].sum()) for t in (totals, competitive, cartel))
    return BenchmarkIndices(
        indices.profit_gain(profit, profit_n, profit_c),
        indices.suppression(revenue, revenue_n),
        indices.normalized_suppression(revenue, revenue_n, revenue_c),
        indices.efficiency_loss(float(totals[:, GMV].sum()), float(competitive[:, GMV].sum())),
    )


def profits_of(totals: Array) -> Array:
    """Return each advertiser's profit, `[advertisers]`."""
    profit: Array = totals[:, GMV] - totals[:, COST]
    return profit


def _with_one_active_member(market: Market, members: NDArray[np.bool_], theta: Array) -> Array:
    """Return bid features in which every member but each auction's best has min(value, reserve) as its value."""
    traffic, value = market.traffic, market.phi[:, _VALUE]
    is_member = members[traffic.advertiser] & market.is_ranked
    score = np.where(is_member, market.quality * value, -1.0)
    cell = np.repeat(np.arange(len(traffic.weight)), np.diff(traffic.cell_start))
    key = tie_keys(score)
    # Ties to the lower row, as the auction ranks.
    best = np.flatnonzero(key == np.maximum.reduceat(key, traffic.cell_start[:-1])[cell])
    is_best = np.zeros(len(value), dtype=bool)
    is_best[first_of_each(best, cell)] = True
    phi = market.phi.copy()
    shaded = is_member & ~is_best
    phi[shaded, _VALUE] = np.minimum(value[shaded], market.rules.reserve)
    if market.rules.pricing == "first":
        # Outsiders whose rule bids hour by hour have NaN coefficients: their values stand in for their bids.
        bids = arithmetic.dot(theta[traffic.advertiser], market.phi)
        outside = np.where(is_member | ~market.is_ranked, 0.0, market.quality * np.where(np.isnan(bids), value, bids))
        rival = np.maximum(np.maximum.reduceat(outside, traffic.cell_start[:-1]), traffic.market_ecpm)[cell]
        just_above = np.maximum(rival / market.quality, market.rules.reserve) * (1 + 1e-9)
        active = is_member & is_best
        phi[active, _VALUE] = np.minimum(value[active], just_above[active])
    return phi
