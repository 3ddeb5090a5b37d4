"""The synthetic generator: days of traffic drawn from a world of queries and advertisers.

Every draw is keyed by its purpose, so that day 7 is the same whether or not day 6 was drawn.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from auctionsim import arithmetic
from auctionsim.scenario import TrafficSection
from auctionsim.streams import stream
from auctionsim.traffic.profile import Profile
from auctionsim.traffic.table import HOURS, Traffic
from auctionsim.traffic.world import World, make_world

_CELLS_AT_ONCE = 100_000

ASSUMPTIONS = (
    "Conversion rates are lognormal around {cvr:.0%} of clicks; click-through rates, values per conversion and query "
    "volumes are lognormal around the profile's levels; each query has its own random set of advertisers; keyword "
    "bids are a stated share of the query's mean value with a stated lognormal error."
)
"""Assumptions of the generator, in words for reports."""


def make_traffic(
    section: TrafficSection, profile: Profile, advertisers: tuple[str, ...], seed: int, disjoint: Sequence[range] = ()
) -> Traffic:
    """Draw the training, validation and test days of a scenario.

    Args:
        section: The scenario's traffic section.
        profile: The figures that the generator is calibrated on.
        advertisers: Names of the advertisers, in the order of their indices.
        seed: The seed of the world and of its days.
        disjoint: Index ranges of groups whose advertisers never meet: each query has one advertiser of each such group.

    Returns:
        The table of these days, in memory.
    """
    parts = list(_draw_days(section, profile, len(advertisers), seed, section.all_days, disjoint))
    joined = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    n_candidates = len(parts[0]["advertiser"]) // len(parts[0]["day"])
    return Traffic(
        advertisers=advertisers,
        queries=query_names(section),
        cell_start=np.arange(len(joined["day"]) + 1) * n_candidates,
        notes={
            "source": f"synthetic, profile {profile.name}, {section.auctions_per_day} auctions a day",
            "measured": " ".join(profile.sources) or "nothing",
            "supposed": ASSUMPTIONS.format(cvr=profile.cvr),
        },
        **joined,
    )


def stream_traffic(
    section: TrafficSection,
    profile: Profile,
    n_advertisers: int,
    seed: int,
    days: Iterable[int],
    disjoint: Sequence[range] = (),
) -> Iterator[tuple[int, int, dict[str, NDArray[Any]]]]:
    """Draw the traffic of `make_traffic` part by part, for `store_writer.store_traffic`.

    Args:
        section: The scenario's traffic section.
        profile: The figures that the generator is calibrated on.
        n_advertisers: Number of advertisers.
        seed: The seed of the world and of its days.
        days: The days to draw, ascending.
        disjoint: Index ranges of groups whose advertisers never meet.

    Yields:
        Day, hour, and the columns of a part of that hour.
    """
    for part in _draw_days(section, profile, n_advertisers, seed, days, disjoint):
        n_cells = len(part["day"])
        sizes = np.full(n_cells, len(part["advertiser"]) // n_cells)
        yield int(part["day"][0]), int(part["hour"][0]), {"size": sizes, **part}


def query_names(section: TrafficSection) -> tuple[str, ...]:
    """Return the names of the scenario's queries."""
    return tuple(f"keyword-{q}" for q in range(section.queries))


def _draw_days(
    section: TrafficSection,
    profile: Profile,
    n_advertisers: int,
    seed: int,
    days: Iterable[int],
    disjoint: Sequence[range],
) -> Iterator[dict[str, NDArray[Any]]]:
    """Draw the columns of some days in time order, an hour or a part of an hour at a time."""
    world = make_world(section, profile, n_advertisers, seed, disjoint)
    for day in days:
        share, cvr = _drifted(section, world, seed, day)
        for hour in range(HOURS):
            rng = stream(seed, "hour", day, hour)
            level = profile.cpc_hour_factor[hour] * arithmetic.exp(profile.cpc_log_sd * arithmetic.normal(rng))
            true_rate = float(profile.cvr_hour_factor[hour]) * _hour_factor(section, seed, day, hour)
            expected = section.auctions_per_day * profile.hour_share[hour] * profile.week_factor[day % 7, hour]
            n_cells = max(1, round(expected / section.weight))
            for first in range(0, n_cells, _CELLS_AT_ONCE):
                # The first part continues the hour's stream, the others have their own.
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
    """Draw the columns of `n_cells` cells of one hour; `factors` are its price level and its true over predicted cvr."""
    level, true_rate = factors
    query = rng.choice(len(share), n_cells, p=share)
    shape = (n_cells, world.advertiser.shape[1])
    ctr = world.ctr[query] * _lognormal(rng, section.ctr_noise, shape)
    # The hour's price level scales the value of a click and, as in dayparting, keyword bids. So prices follow the profile.
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
        # The predicted rates above ignore the hour, the true ones do not.
        "cvr": np.minimum(rate * true_rate, 1.0).ravel(),
    }


def _drifted(section: TrafficSection, world: World, seed: int, day: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the query shares and conversion rates of a day: a random walk from the world's, one keyed step per day."""
    log_volume = np.zeros(len(world.query_share))
    log_cvr = np.zeros_like(world.cvr)
    for past in range(1, day + 1):
        rng = stream(seed, "drift", past)
        log_volume += section.drift * arithmetic.normal(rng, log_volume.shape)
        log_cvr += 0.5 * section.drift * arithmetic.normal(rng, log_cvr.shape)
    share = world.query_share * arithmetic.exp(log_volume)
    return share / share.sum(), np.minimum(world.cvr * arithmetic.exp(log_cvr), max(0.5, float(world.cvr.max())))


def _hour_factor(section: TrafficSection, seed: int, day: int, hour: int) -> float:
    """Return the factor with mean 1 by which an hour of a day departs from the profile's curve of true conversion rates.

    Its stream is its own, so that without noise every other draw, and each byte of the traffic, is as it would be without it.
    """
    return float(_lognormal(stream(seed, "hour-noise", day, hour), section.hour_noise, ()))


def _lognormal(rng: np.random.Generator, log_sd: float, shape: tuple[int, ...]) -> NDArray[np.float64]:
    """Draw lognormal numbers with mean 1."""
    return arithmetic.exp(log_sd * arithmetic.normal(rng, shape) - 0.5 * log_sd * log_sd)
