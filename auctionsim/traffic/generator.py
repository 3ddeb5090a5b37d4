"""The synthetic generator: a world of keywords and advertisers, and days drawn from it.

Supposed, not measured: rates, values, who competes where, and how keyword bids err. Each is a lognormal draw around the
profile's level with the spread stated in the profile or in the scenario. Every draw is keyed by what it is for, so that day 7
is the same whether or not day 6 was drawn.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from auctionsim.scenario import TrafficSection
from auctionsim.streams import stream
from auctionsim.traffic.profile import Profile
from auctionsim.traffic.table import HOURS, Traffic

_CELLS_AT_ONCE = 100_000

SUPPOSITIONS = (
    "Conversion rates are lognormal around {cvr:.0%} of clicks; click-through rates, values per conversion and keyword "
    "volumes are lognormal around the profile's levels; each keyword has its own random set of advertisers; keyword "
    "bids are a stated share of the keyword's mean value with a stated lognormal error."
)


@dataclass(frozen=True, eq=False)
class World:
    """What holds on all days. Pair arrays are `[queries, candidates]`."""

    query_share: NDArray[np.float64]
    """Share of a day's auctions, `[queries]`."""
    advertiser: NDArray[np.int64]
    """Which advertisers meet on a query, ascending."""
    ctr: NDArray[np.float64]
    cvr: NDArray[np.float64]
    item_price: NDArray[np.float64]
    keyword_bid: NDArray[np.float64]


def make_traffic(
    section: TrafficSection, profile: Profile, advertisers: tuple[str, ...], seed: int, apart: Sequence[range] = ()
) -> Traffic:
    """Draw the training and test days of a scenario.

    Args:
        section: The scenario's traffic section.
        profile: Figures the generator is calibrated on.
        advertisers: Names, in order.
        seed: Draws world and days.
        apart: Groups of advertisers that never meet: each keyword has one of each.
    """
    days = sorted({*section.train_days, *section.test_days})
    parts = list(_draw_days(section, profile, len(advertisers), seed, days, apart))
    joined = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    n_candidates = len(parts[0]["advertiser"]) // len(parts[0]["day"])
    return Traffic(
        advertisers=advertisers,
        queries=query_names(section),
        cell_start=np.arange(len(joined["day"]) + 1) * n_candidates,
        notes={
            "source": f"synthetic, profile {profile.name}, {section.auctions_per_day} auctions a day",
            "measured": " ".join(profile.sources) or "nothing",
            "supposed": SUPPOSITIONS.format(cvr=profile.cvr),
        },
        **joined,
    )


def stream_traffic(
    section: TrafficSection,
    profile: Profile,
    n_advertisers: int,
    seed: int,
    days: Iterable[int],
    apart: Sequence[range] = (),
) -> Iterator[tuple[int, int, dict[str, NDArray[Any]]]]:
    """The same traffic part by part, for `stored.store_traffic`: day, hour, columns; of some days, ascending."""
    for part in _draw_days(section, profile, n_advertisers, seed, days, apart):
        n_cells = len(part["day"])
        sizes = np.full(n_cells, len(part["advertiser"]) // n_cells)
        yield int(part["day"][0]), int(part["hour"][0]), {"size": sizes, **part}


def query_names(section: TrafficSection) -> tuple[str, ...]:
    """Names of the scenario's keywords."""
    return tuple(f"keyword-{q}" for q in range(section.queries))


def make_world(section: TrafficSection, profile: Profile, n_advertisers: int, seed: int, apart: Sequence[range] = ()) -> World:
    """Draw keywords, who competes on them, rates, values and keyword bids."""
    # Of a group that never meets itself, one member at most can be a candidate.
    n_queries, n_candidates = section.queries, min(section.candidates, n_advertisers - sum(len(g) - 1 for g in apart))
    shape, spreads = (n_queries, n_candidates), profile.spreads

    def normal(purpose: str, size: tuple[int, ...]) -> NDArray[np.float64]:
        return stream(seed, "world", purpose).standard_normal(size)

    category = stream(seed, "world", "category").choice(len(profile.category_share), n_queries, p=profile.category_share)
    volume = np.exp(spreads.query_volume * normal("volume", (n_queries,)))
    # A category's queries share its volume, so category totals follow the profile where each has a query.
    by_category = np.bincount(category, volume, minlength=len(profile.category_share))
    query_share = profile.category_share[category] * volume / by_category[category]
    advertiser = _who_meets((n_queries, n_candidates), n_advertisers, seed, apart)
    ctr = profile.ctr * np.exp(
        spreads.query_ctr * normal("query-ctr", (n_queries, 1))
        + spreads.advertiser_ctr * normal("advertiser-ctr", (n_advertisers,))[advertiser]
        + spreads.pair_ctr * normal("pair-ctr", shape)
    )
    cvr = profile.cvr * np.exp(
        spreads.query_cvr * normal("query-cvr", (n_queries, 1)) + spreads.pair_cvr * normal("pair-cvr", shape)
    )
    item_price = np.exp(
        spreads.advertiser_value * normal("advertiser-value", (n_advertisers,))[advertiser]
        + spreads.pair_value * normal("pair-value", shape)
        + spreads.query_value * normal("query-value", (n_queries, 1))
    )
    keyword_bid = section.manual_share * cvr * item_price * np.exp(section.manual_error * normal("manual", shape))
    keyword_bid *= np.exp(section.manual_spread * normal("manual-level", (n_advertisers,))[advertiser])
    # Levels above a half are meant (logs of impressions have a rate of 1); draws above it are the tail of a lognormal.
    ctr, cvr = np.minimum(ctr, max(0.5, profile.ctr)), np.minimum(cvr, max(0.5, profile.cvr))
    world = World(query_share / query_share.sum(), advertiser, ctr, cvr, item_price, keyword_bid)
    return _at_price_level(world, profile.cpc)


def _who_meets(shape: tuple[int, int], n_advertisers: int, seed: int, apart: Sequence[range]) -> NDArray[np.int64]:
    """The candidates of each keyword, ascending, `[queries, candidates]`; one of each group that never meets itself."""
    n_queries, n_candidates = shape
    rng = stream(seed, "world", "who")
    # Dealt in turn, so that all members have about as many keywords.
    dealt = [np.resize(rng.permutation(np.array(group)), n_queries)[:, None] for group in apart]
    others = np.setdiff1d(np.arange(n_advertisers), np.concatenate([np.array(group) for group in apart] or [np.empty(0, int)]))
    drawn = rng.permuted(np.tile(others, (n_queries, 1)), axis=1)[:, : n_candidates - len(apart)]
    return np.sort(np.concatenate([*dealt, drawn], axis=1), axis=1)


def _at_price_level(world: World, cpc: float) -> World:
    """Scale the currency so that the keyword bids alone pay `cpc` per click on average."""
    score = np.sort(world.ctr * world.keyword_bid, axis=1)
    winner = np.argmax(world.ctr * world.keyword_bid, axis=1)
    winner_ctr = np.take_along_axis(world.ctr, winner[:, None], axis=1)[:, 0]
    paid = (world.query_share * score[:, -2]).sum() / (world.query_share * winner_ctr).sum()
    scale = cpc / paid
    return World(world.query_share, world.advertiser, world.ctr, world.cvr, world.item_price * scale, world.keyword_bid * scale)


def _draw_days(
    section: TrafficSection,
    profile: Profile,
    n_advertisers: int,
    seed: int,
    days: Iterable[int],
    apart: Sequence[range],
) -> Iterator[dict[str, NDArray[Any]]]:
    """Columns of some days in time order, an hour or a part of one at a time."""
    world = make_world(section, profile, n_advertisers, seed, apart)
    for day in days:
        share, cvr = _drifted(section, world, seed, day)
        for hour in range(HOURS):
            rng = stream(seed, "hour", day, hour)
            level = profile.cpc_hour_factor[hour] * np.exp(profile.cpc_log_sd * rng.standard_normal())
            true_rate = float(profile.cvr_hour_factor[hour])
            expected = section.auctions_per_day * profile.hour_share[hour] * profile.week_factor[day % 7, hour]
            n_cells = max(1, round(expected / section.weight))
            for first in range(0, n_cells, _CELLS_AT_ONCE):
                # The first part goes on with the hour's stream, the others have their own.
                part_rng = rng if first == 0 else stream(seed, "hour", day, hour, first)
                size = min(_CELLS_AT_ONCE, n_cells - first)
                yield _draw_cells(section, world, share, cvr, (level, true_rate), part_rng, size, (day, hour))


def _draw_cells(
    section: TrafficSection,
    world: World,
    share: NDArray[np.float64],
    cvr: NDArray[np.float64],
    factors: tuple[float, float],
    rng: np.random.Generator,
    n_cells: int,
    time: tuple[int, int],
) -> dict[str, NDArray[Any]]:
    level, true_rate = factors
    query = rng.choice(len(share), n_cells, p=share)
    shape = (n_cells, world.advertiser.shape[1])
    ctr = world.ctr[query] * _lognormal(rng, section.ctr_noise, shape)
    # The hour's price level moves what a click is worth and, by dayparting, the keyword bids; so prices follow the profile.
    rate = cvr[query] * level * _lognormal(rng, section.cvr_noise, shape)
    ctr, rate = np.clip(ctr, 1e-9, 1.0), np.clip(rate, 0.0, 1.0)
    return {
        "day": np.full(n_cells, time[0]),
        "hour": np.full(n_cells, time[1]),
        "weight": np.full(n_cells, section.weight),
        "market_ecpm": np.zeros(n_cells),
        "query": query,
        "advertiser": world.advertiser[query].ravel(),
        "pctr": ctr.ravel(),
        "pcvr": rate.ravel(),
        "item_price": world.item_price[query].ravel(),
        "keyword_bid": (world.keyword_bid[query] * level).ravel(),
        "ctr": ctr.ravel(),
        # The predictions above do not know the hour; the truth does.
        "cvr": np.minimum(rate * true_rate, 1.0).ravel(),
    }


def _drifted(section: TrafficSection, world: World, seed: int, day: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Query shares and conversion rates of a day: a random walk from the world's, one keyed step a day."""
    log_volume = np.zeros(len(world.query_share))
    log_cvr = np.zeros_like(world.cvr)
    for past in range(1, day + 1):
        rng = stream(seed, "drift", past)
        log_volume += section.drift * rng.standard_normal(log_volume.shape)
        log_cvr += 0.5 * section.drift * rng.standard_normal(log_cvr.shape)
    share = world.query_share * np.exp(log_volume)
    return share / share.sum(), np.minimum(world.cvr * np.exp(log_cvr), max(0.5, float(world.cvr.max())))


def _lognormal(rng: np.random.Generator, log_sd: float, shape: tuple[int, ...]) -> NDArray[np.float64]:
    """Draws with mean 1."""
    return np.exp(log_sd * rng.standard_normal(shape) - 0.5 * log_sd**2)
