"""The world of the synthetic generator: queries, their candidates, and the rates, values and keyword bids of each pair.

Rates, values, the candidates of each query and the errors of keyword bids are assumed, not measured. Each is a lognormal draw
around the profile's level, with the spread that the profile or the scenario states.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from auctionsim import arithmetic
from auctionsim.errors import InputError
from auctionsim.names.display import short_repr
from auctionsim.scenario import TrafficSection
from auctionsim.streams import stream
from auctionsim.traffic.profile import Profile
from auctionsim.traffic.profiles.external import Placements, placed


@dataclass(frozen=True, eq=False)
class World:
    """Figures that hold on all days. Pair arrays are `[queries, candidates]`."""

    query_share: NDArray[np.float64]
    """Share of each query in a day's auctions, sums to 1, `[queries]`."""
    advertiser: NDArray[np.int64]
    """Indices of the advertisers that meet on each query, ascending, `[queries, candidates]`."""
    ctr: NDArray[np.float64]
    """Click-through rate of each pair, in (0, 1], `[queries, candidates]`."""
    cvr: NDArray[np.float64]
    """Conversion rate of a click of each pair, in (0, 1], `[queries, candidates]`."""
    item_price: NDArray[np.float64]
    """Value of a conversion of each pair, currency, `[queries, candidates]`."""
    keyword_bid: NDArray[np.float64]
    """Keyword bid of each pair, currency per click, `[queries, candidates]`."""
    category: NDArray[np.int64]
    """Category of each query, an index of the profile's shares, `[queries]`."""
    placements: Placements | None = None
    """Floors of queries, where the profile states competition from outside."""

    __repr__ = short_repr


def make_world(
    section: TrafficSection, profile: Profile, n_advertisers: int, seed: int, disjoint: Sequence[range] = ()
) -> World:
    """Draw the queries, their candidates, and the rates, values and keyword bids of each pair.

    Args:
        section: The scenario's traffic section.
        profile: The figures that the generator is calibrated on.
        n_advertisers: Number of advertisers.
        seed: The seed of the world.
        disjoint: Index ranges of groups whose advertisers never meet.
    """
    # At most one advertiser of a disjoint group can be a candidate: of 10 advertisers, 4 of them disjoint, at most 7 meet.
    n_queries, n_candidates = section.queries, min(section.candidates, n_advertisers - sum(len(g) - 1 for g in disjoint))
    shape, spreads = (n_queries, n_candidates), profile.spreads

    def normal(purpose: str, size: tuple[int, ...]) -> NDArray[np.float64]:
        return arithmetic.normal(stream(seed, "world", purpose), size)

    category = stream(seed, "world", "category").choice(len(profile.category_share), n_queries, p=profile.category_share)
    volume = arithmetic.exp(spreads.query_volume * normal("volume", (n_queries,)))
    # A category's queries share its volume, so that category totals follow the profile if each category has a query.
    by_category = np.bincount(category, volume, minlength=len(profile.category_share))
    query_share = profile.category_share[category] * volume / by_category[category]
    advertiser = _candidates(shape, n_advertisers, seed, disjoint)
    ctr = profile.ctr * arithmetic.exp(
        spreads.query_ctr * normal("query-ctr", (n_queries, 1))
        + spreads.advertiser_ctr * normal("advertiser-ctr", (n_advertisers,))[advertiser]
        + spreads.pair_ctr * normal("pair-ctr", shape)
    )
    cvr = profile.cvr * arithmetic.exp(
        spreads.query_cvr * normal("query-cvr", (n_queries, 1)) + spreads.pair_cvr * normal("pair-cvr", shape)
    )
    item_price = arithmetic.exp(
        spreads.advertiser_value * normal("advertiser-value", (n_advertisers,))[advertiser]
        + spreads.pair_value * normal("pair-value", shape)
        + spreads.query_value * normal("query-value", (n_queries, 1))
    )
    keyword_bid = section.manual_share * cvr * item_price * arithmetic.exp(section.manual_error * normal("manual", shape))
    keyword_bid *= arithmetic.exp(section.manual_spread * normal("manual-level", (n_advertisers,))[advertiser])
    # A level above 0.5 is intended (logs of impressions have a rate of 1). A draw above it is the tail of a lognormal.
    ctr, cvr = np.minimum(ctr, max(0.5, profile.ctr)), np.minimum(cvr, max(0.5, profile.cvr))
    query_share /= query_share.sum()
    placements = None if profile.external is None else placed(profile.external, query_share, seed)
    world = World(query_share, advertiser, ctr, cvr, item_price, keyword_bid, category, placements)
    return _at_price_level(world, profile.cpc)


def budget_factors(profile: Profile, n_advertisers: int, seed: int) -> NDArray[np.float64]:
    """Return the daily budgets of advertisers over their median: the profile's quantiles, dealt at random.

    Args:
        profile: The profile.
        n_advertisers: Number of advertisers, >= 1.
        seed: The seed of the world.

    Returns:
        The factors, > 0, `[advertisers]`.
    """
    quantiles = profile.budget_quantiles
    levels = (stream(seed, "world", "budget").permutation(n_advertisers) + 0.5) / n_advertisers
    return np.asarray(arithmetic.interpolate(levels, np.linspace(0.0, 1.0, len(quantiles)), quantiles))


def _candidates(shape: tuple[int, int], n_advertisers: int, seed: int, disjoint: Sequence[range]) -> NDArray[np.int64]:
    """Draw the candidates of each query, ascending, `[queries, candidates]`; exactly one of each disjoint group."""
    n_queries, n_candidates = shape
    rng = stream(seed, "world", "who")
    # Queries are dealt to a group's advertisers in turn, so that all of them get about as many.
    dealt = [np.resize(rng.permutation(np.array(group)), n_queries)[:, None] for group in disjoint]
    in_groups = np.concatenate([np.array(group) for group in disjoint] or [np.empty(0, int)])
    others = np.setdiff1d(np.arange(n_advertisers), in_groups)
    drawn = rng.permuted(np.tile(others, (n_queries, 1)), axis=1)[:, : n_candidates - len(disjoint)]
    return np.sort(np.concatenate([*dealt, drawn], axis=1), axis=1)


def _at_price_level(world: World, cpc: float) -> World:
    """Scale the currency so that keyword bids alone pay `cpc` per click on average, at second prices in one slot."""
    score = np.sort(world.ctr * world.keyword_bid, axis=1)
    winner = np.argmax(world.ctr * world.keyword_bid, axis=1)
    winner_ctr = np.take_along_axis(world.ctr, winner[:, None], axis=1)[:, 0]
    paid = (world.query_share * score[:, -2]).sum() / (world.query_share * winner_ctr).sum()
    if not (np.isfinite(paid) and paid > 0):
        raise InputError(f"traffic.profile: expected spreads under which keyword bids pay a price > 0, got a price of {paid:g}")
    scale = cpc / paid
    return replace(world, item_price=world.item_price * scale, keyword_bid=world.keyword_bid * scale)
