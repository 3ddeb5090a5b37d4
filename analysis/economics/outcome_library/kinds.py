"""The kinds of labeled outcomes, and how to draw them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from auctionsim import arithmetic
from auctionsim.analysis.economics.auctions import Auctions
from auctionsim.analysis.economics.outcome_library import guilty as g
from auctionsim.analysis.economics.outcome_library import innocent as i
from auctionsim.analysis.economics.outcome_library.markets import Half, Setting, market_of
from auctionsim.streams import stream

Array = NDArray[np.float64]
Draw = Callable[[Auctions, np.random.Generator], Array]


@dataclass(frozen=True)
class Kind:
    """One kind of outcome."""

    name: str
    colludes: bool
    setting: Setting
    draw: Draw
    """Function that returns the bids."""
    budget: float = 0.0
    """Budgets as a share of what each would spend in competition; 0 for none."""
    control: Draw | None = None
    """Function that returns the bids of the same bidders without budgets."""
    start: Draw | None = None
    """Function that returns the bids before learning, which `draw` finds as the auctions' bids; None if they are not known."""


@dataclass(frozen=True, eq=False)
class Labeled:
    """An outcome whose cause is known."""

    kind: str
    colludes: bool
    seed: int
    auctions: Auctions
    control: Auctions | None
    """The same bidders without budgets; None where there are no budgets."""
    start: Auctions | None = None
    """The bids before learning; None where they are not known."""


def kinds() -> tuple[Kind, ...]:
    """Return all kinds, the innocent ones first."""
    return (*_innocent(), *_guilty())


def outcomes(half: Half, draws: int) -> Iterator[Labeled]:
    """Draw every kind of outcome some times.

    Args:
        half: The generator's settings.
        draws: Number of draws of each kind.
    """
    for kind in kinds():
        for draw in range(draws):
            yield drawn(kind, half, draw)


def drawn(kind: Kind, half: Half, draw: int) -> Labeled:
    """Draw one outcome.

    Args:
        kind: The kind of outcome.
        half: The generator's settings.
        draw: Number of the draw, from 0.
    """
    seed = half.seed + draw
    rng = stream(seed, "outcome library", kind.name)
    market = market_of(half, kind.setting, seed, rng)
    control, start = None, None
    if kind.start:
        market = start = i.bidding(market, kind.start(market, rng))
    if kind.budget:
        control = i.bidding(market, (kind.control or kind.draw)(market, rng))
        market = i.with_budgets(market, kind.budget)
    return Labeled(kind.name, kind.colludes, seed, i.bidding(market, kind.draw(market, rng)), control, start)


def _innocent() -> list[Kind]:
    def one(name: str, draw: Draw, setting: Setting | None = None, **more: object) -> Kind:
        return Kind(name, False, setting or Setting(), draw, **more)  # type: ignore[arg-type]

    first = Setting("first", slots=1)
    found = [
        one(f"competition, {pricing}, {slots} slots", i.truthful, Setting(pricing, slots))
        for pricing in ("gsp", "vcg") for slots in (1, 2, 3)
    ]  # fmt: skip
    found += [
        one(f"learned shares, {p}, {s} slots", i.learned_shares, Setting(p, s)) for p in ("gsp", "first") for s in (1, 2, 3)
    ]
    found += [
        one("second value bid in the first price", i.second_value, first),
        one("honest shading in the first price", i.honest_shading, first),
        one("honest shading, two candidates", i.honest_shading, Setting("first", 1, candidates=2)),
        one("nearly truthful", i.nearly_truthful, Setting("gsp")),
        one("thin market of two", i.truthful, Setting("gsp", 1, advertisers=2, candidates=2)),
        one("one candidate", i.truthful, Setting("gsp", 1, candidates=1, reserve=0.3)),
        one("high reserve", i.truthful, Setting("gsp", reserve=0.8)),
        one("high reserve, learned shares", i.learned_shares, Setting("first", 1, reserve=0.6)),
        one("failed learners", i.failed),
        one("failed learners, two candidates", i.failed, Setting(candidates=2)),
        one("failed learners, few", i.failed, Setting(advertisers=3, candidates=3)),
        one("failed learners by hour", i.failed_by_hour),
        one("failed learners by query", i.failed_by_query),
        one("failed learners by auction", i.failed_by_auction),
        one("failed learners, flat bids", i.failed_flat),
        one("keyword bids", i.keyword_bids),
        one("low keyword bids", i.low_keyword_bids),
        one("business hours", i.own_hours, Setting("gsp")),
        one("lower at night", i.lower_at_night, Setting("gsp")),
        one("two are absent", i.one_is_absent, Setting("gsp")),
        one("random participation", i.throttled, Setting("gsp")),
    ]
    found += [
        one("keyword bids, nobody learned", i.keyword_bids, start=i.keyword_bids),
        one("still learning, from a common share", i.still_learning, start=i.common_share),
        one("still learning, from bids alike", i.still_learning, start=i.bids_alike),
        one("still learning, from bids alike, few", i.still_learning, Setting(advertisers=4, candidates=3), start=i.bids_alike),
        one("still learning, from own shares", i.still_learning, start=i.failed),
        one("failed learners, from keyword bids", i.failed, start=i.keyword_bids),
        one("some way to competition, from own shares", i.some_way_to_competition, start=i.failed),
        one("still learning, one came later", i.still_learning, start=_but_one_came_later(i.common_share)),
        one("hours in a row", i.hours_in_a_row, Setting("gsp")),
        one("hours in a row, no bids outside", _absent_at_0(i.hours_in_a_row), Setting("gsp")),
        one("opening hours", i.opening_hours, Setting("gsp")),
        one("low at night", i.low_at_night, Setting("gsp")),
        one("low on rare queries", i.low_on_rare_queries, Setting("gsp")),
        one("queries of their own", i.own_queries, Setting("gsp")),
        one("days off, of two", i.days_off, Setting("gsp")),
        one("days off, of seven", i.days_off, Setting("gsp", days=7)),
        one("entries and exits", _absent_at_0(i.entries_and_exits), Setting("gsp", days=10)),
        one("shares that drift by the hour", i.drifting_by_hour, Setting("gsp")),
        one("shares that drift by the day", i.drifting_by_day, Setting("gsp", days=14)),
        one("target returns of their own", i.own_targets),
    ]  # fmt: skip
    for share in (0.2, 0.6):
        found.append(one(f"truthful within budgets of {share}", i.truthful, Setting("gsp"), budget=share))
        found.append(one(f"paced within budgets of {share}", i.paced, Setting("gsp"), budget=share, control=i.truthful))
    return found


def _guilty() -> list[Kind]:
    def one(name: str, draw: Draw, setting: Setting | None = None, **more: object) -> Kind:
        return Kind(name, True, setting or Setting(), draw, **more)  # type: ignore[arg-type]

    def everybody(a: Auctions) -> NDArray[np.bool_]:
        return np.ones(len(a.names), dtype=bool)

    def shares(a: Auctions, low: float, high: float, rng: np.random.Generator) -> Array:
        level = arithmetic.uniform(rng, low, high)
        return level * arithmetic.uniform(rng, 0.85, 1.15, len(a.names))

    def shading_alike(low: float, high: float) -> Draw:
        return lambda a, r: g.all_low(a, everybody(a), shares(a, low, high, r))

    def ring_bids(size: int) -> Draw:
        return lambda a, r: g.best_member(a, g.some(len(a.names), size, r))

    def ring_by_hour(size: int) -> Draw:
        return lambda a, r: g.taking_turns(a, g.some(len(a.names), size, r), a.hour)

    def best_bids(a: Auctions, _: np.random.Generator) -> Array:
        return g.best_member(a, everybody(a))

    def by_hour(a: Auctions, _: np.random.Generator) -> Array:
        return g.taking_turns(a, everybody(a), a.hour)

    def by_day(a: Auctions, _: np.random.Generator) -> Array:
        return g.taking_turns(a, everybody(a), a.day)

    def by_query(a: Auctions, r: np.random.Generator) -> Array:
        return g.taking_turns(a, everybody(a), g.by_candidates(a, everybody(a), r))

    def by_auction(a: Auctions, _: np.random.Generator) -> Array:
        return g.taking_turns(a, everybody(a), g.in_auction_turns(a, everybody(a)))

    found = []
    for pricing in ("gsp", "vcg", "first"):
        found += [
            one(f"cartel, best member bids, {pricing}", best_bids, Setting(pricing)),
            one(f"cartel, all shade alike, {pricing}", shading_alike(0.02, 0.2), Setting(pricing, 1)),
            one(f"rotation by hour, {pricing}", by_hour, Setting(pricing)),
            one(f"division by query, {pricing}", by_query, Setting(pricing)),
            one(f"turns by auction, {pricing}", by_auction, Setting(pricing)),
            one(
                f"a tenth of the queries, all low, {pricing}",
                lambda a, r: g.all_low(a, everybody(a), shares(a, 0.01, 0.1, r), g.tenth_of_queries(a, r)), Setting(pricing),
            ),
        ]  # fmt: skip
        found += [
            one(f"ring of {size} of 12, best member bids, {pricing}", ring_bids(size), Setting(pricing, advertisers=12))
            for size in (2, 3, 4, 5, 6)
        ]  # fmt: skip
    found += [
        one(f"ring of {size} of 12 by the hour", ring_by_hour(size), Setting("gsp", advertisers=12))
        for size in (2, 3, 6)
    ]  # fmt: skip
    found += [
        one(
            "a tenth of the queries, best member bids",
            lambda a, r: g.best_member(a, everybody(a), g.tenth_of_queries(a, r)), Setting("gsp"),
        ),
        one("turns by day", by_day, Setting("gsp", days=4)),
        one("rotation, others bid low", lambda a, _: g.taking_turns(a, everybody(a), a.hour, 0.05), Setting("gsp")),
        one("side payments, turns by auction", lambda a, r: _turns_of_ring(a, 3, r), Setting("gsp", advertisers=12)),
        one(
            "some hours, all low",
            lambda a, r: g.all_low(a, everybody(a), shares(a, 0.01, 0.1, r), a.hour < 4), Setting("gsp"),
        ),
        one(
            "cartel under budgets, all shade alike",
            lambda a, _: a.value * 0.05, Setting("gsp", 1), budget=0.8,
        ),
        one("cartel under budgets, best member bids", best_bids, Setting("gsp"), budget=0.5),
    ]  # fmt: skip
    found += [
        one(f"{name}, no bids aside", _absent_at_0(draw), setting)
        for name, draw, setting in (
            ("cartel, best member bids", best_bids, Setting("gsp", reserve=0)),
            ("rotation by hour", by_hour, Setting("gsp")),
            ("turns by auction", by_auction, Setting("gsp")),
            ("division by query", by_query, Setting("gsp")),
            ("ring of 3 of 12", ring_bids(3), Setting("gsp", advertisers=12, reserve=0)),
        )
    ]  # fmt: skip
    found.append(one("turns by day, two weeks", by_day, Setting("gsp", days=14)))
    found += [
        one(f"cartel, all shade alike, {of}", shading_alike(low, high), Setting("gsp", 1), start=start)
        for of, low, high, start in (
            ("from keyword bids", 0.02, 0.2, i.keyword_bids),
            ("from a common share", 0.02, 0.2, i.competitive_share),
            ("at the level of keyword bids", 0.45, 0.5, i.keyword_bids),
            ("from low shares of their own", 0.15, 0.25, i.failed),
        )
    ]
    return found


def _absent_at_0(draw: Draw) -> Draw:
    """Return a draw that makes no bid where another one bids 0."""

    def drawn(auctions: Auctions, rng: np.random.Generator) -> Array:
        bid = draw(auctions, rng)
        return np.where(bid > 0, bid, np.nan)

    return drawn


def _but_one_came_later(draw: Draw) -> Draw:
    """Return a draw of bids before learning in which one advertiser made none."""

    def drawn(auctions: Auctions, rng: np.random.Generator) -> Array:
        came = int(rng.integers(len(auctions.names)))
        return np.where(auctions.who == came, np.nan, draw(auctions, rng))

    return drawn


def _turns_of_ring(auctions: Auctions, size: int, rng: np.random.Generator) -> Array:
    ring = g.some(len(auctions.names), size, rng)
    return g.taking_turns(auctions, ring, g.in_auction_turns(auctions, ring))
