"""The synthetic generator: days of traffic drawn from a world of queries and advertisers.

Every draw is keyed by its purpose, so that day 7 is the same whether or not day 6 was drawn.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import groupby, islice
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from auctionsim import arithmetic
from auctionsim.compiled_code.threads import threads_for
from auctionsim.scenario import TrafficSection
from auctionsim.streams import stream
from auctionsim.traffic.profile import Profile
from auctionsim.traffic.profiles.external import HourOfRivals
from auctionsim.traffic.profiles.figures import WEEKDAYS
from auctionsim.traffic.rows.layout import columns_of, empty_rows
from auctionsim.traffic.table import FIGURES_NOTE, HOURS, Traffic
from auctionsim.traffic.world import World, make_world

if TYPE_CHECKING:
    # With numba, which takes longer to import than all else here.
    from auctionsim.traffic.rows.drawing import Noise, Pairs

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
    world = make_world(section, profile, len(advertisers), seed, disjoint)
    parts = list(_parts(section, profile, section.all_days))
    n_cells, n_candidates = sum(part.cells for part in parts), world.advertiser.shape[1]
    table = _empty_cells(n_cells, n_candidates)
    hours = _hours_of(section, profile, world, seed, parts)
    are_valid = _draw_all(hours, table, n_candidates)
    sizes = [part.cells for part in parts]
    described: dict[str, Any] = {
        "advertisers": advertisers,
        "queries": query_names(section),
        "day": np.repeat([part.day for part in parts], sizes),
        "hour": np.repeat([part.hour for part in parts], sizes),
        "weight": np.full(n_cells, section.weight),
        "market_ecpm": table.market,
        "query": table.query,
        "cell_start": np.arange(n_cells + 1) * n_candidates,
        "advertiser": table.advertiser,
        "notes": {
            "source": f"synthetic, profile {profile.name}, {section.auctions_per_day} auctions a day",
            "measured": " ".join(profile.sources) or "nothing",
            FIGURES_NOTE: profile.marks.sentence(profile.name),
            "supposed": ASSUMPTIONS.format(cvr=profile.cvr),
        },
    }
    if are_valid:
        return Traffic.of_rows(table.rows, **described)
    # Checks every number, and names the first one that is wrong.
    return Traffic(**(described | columns_of(table.rows)))


def stream_traffic(
    section: TrafficSection,
    profile: Profile,
    n_advertisers: int,
    seed: int,
    days: Iterable[int],
    disjoint: Sequence[range] = (),
) -> Iterator[tuple[int, int, dict[str, NDArray[Any]]]]:
    """Draw the traffic of `make_traffic` part by part, for `stored.writer.store_traffic`.

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
    world = make_world(section, profile, n_advertisers, seed, disjoint)
    n_candidates = world.advertiser.shape[1]
    for part, hour in _hours_of(section, profile, world, seed, _parts(section, profile, days)):
        drawn = _empty_cells(part.cells, n_candidates)
        hour.draw(drawn)
        yield (
            part.day,
            part.hour,
            {
                "size": np.full(part.cells, n_candidates),
                "weight": np.full(part.cells, section.weight),
                "market_ecpm": drawn.market,
                "query": drawn.query,
                "advertiser": drawn.advertiser,
                **columns_of(drawn.rows),
            },
        )


def query_names(section: TrafficSection) -> tuple[str, ...]:
    """Return the names of the scenario's queries."""
    return tuple(f"keyword-{q}" for q in range(section.queries))


class _Part(NamedTuple):
    """An hour of a day, or a part of one."""

    day: int
    hour: int
    first: int
    """Number of the hour's cells before it."""
    cells: int


class _Cells(NamedTuple):
    """Memory for what is drawn of some cells."""

    query: NDArray[np.int64]
    """`[cells]`."""
    market: NDArray[np.float64]
    """Best rank score from outside, 0 where there is none, `[cells]`."""
    advertiser: NDArray[np.int64]
    """`[cells x candidates]`."""
    rows: NDArray[np.float64]
    """See `rows.layout`, `[cells x candidates, 8]`."""


class _Hour(NamedTuple):
    """What the cells of a part are drawn from."""

    rng: np.random.Generator
    share: NDArray[np.float64]
    """Share of each query in the day's auctions, `[queries]`."""
    pairs: Pairs
    noise: Noise
    rivals: HourOfRivals | None

    def draw(self, cells: _Cells) -> bool:
        """Draw cells, and return whether all their numbers are in their ranges."""
        from auctionsim.traffic.rows.drawing import draw_rows

        cells.query[...] = self.rng.choice(len(self.share), len(cells.query), p=self.share)
        if self.rivals is not None:
            cells.market[...] = self.rivals.draw(cells.query)
        are_rates = draw_rows(self.rng, self.noise, cells.query, self.pairs, cells.advertiser, cells.rows)
        prices = (self.pairs.item_price, self.pairs.keyword_bid)
        return are_rates and all(bool(np.isfinite(one).all()) for one in prices)


def _empty_cells(n_cells: int, n_candidates: int) -> _Cells:
    n_rows = n_cells * n_candidates
    return _Cells(np.empty(n_cells, np.int64), np.zeros(n_cells), np.empty(n_rows, np.int64), empty_rows(n_rows))


def _draw_all(hours: Iterable[tuple[_Part, _Hour]], table: _Cells, n_candidates: int) -> bool:
    """Draw the cells of a table in time order, and return whether all their numbers are in their ranges.

    Hours have streams of their own, so a large table's are drawn at the same time, one by each thread.
    """
    n_threads = threads_for(len(table.advertiser))

    def parts_of_table() -> Iterator[Callable[[], bool]]:
        first = 0
        for part, hour in hours:
            cells, first = slice(first, first + part.cells), first + part.cells
            rows = slice(cells.start * n_candidates, cells.stop * n_candidates)
            yield partial(hour.draw, _Cells(table.query[cells], table.market[cells], table.advertiser[rows], table.rows[rows]))

    draws = parts_of_table()
    are_valid = True
    if n_threads == 1:
        for draw in draws:
            are_valid &= draw()
        return are_valid
    with ThreadPoolExecutor(n_threads) as pool:
        # A few at a time: what an hour is drawn from takes memory, too.
        while batch := list(islice(draws, n_threads)):
            are_valid &= all(list(pool.map(_call, batch)))
    return are_valid


def _call(draw: Callable[[], bool]) -> bool:
    return draw()


def _parts(section: TrafficSection, profile: Profile, days: Iterable[int]) -> Iterator[_Part]:
    """Cut days into their hours, and these into parts, in time order."""
    for day in days:
        for hour in range(HOURS):
            expected = section.auctions_per_day * profile.hour_share[hour] * profile.week_factor[day % WEEKDAYS, hour]
            n_cells = max(1, round(expected / section.weight))
            for first in range(0, n_cells, _CELLS_AT_ONCE):
                yield _Part(day, hour, first, min(_CELLS_AT_ONCE, n_cells - first))


def _hours_of(
    section: TrafficSection, profile: Profile, world: World, seed: int, parts: Iterable[_Part]
) -> Iterator[tuple[_Part, _Hour]]:
    """Yield each part with what its cells are drawn from, before the next one is asked for."""
    from auctionsim.traffic.rows.drawing import Noise, Pairs

    rivals_of = _rivals(profile, world, seed)
    for day, parts_of_day in groupby(parts, key=lambda part: part.day):
        share, cvr = _drifted(section, world, seed, day)
        for hour, parts_of_hour in groupby(parts_of_day, key=lambda part: part.hour):
            rng = stream(seed, "hour", day, hour)
            # The hour's price level scales the value of a click and, as in dayparting, keyword bids: prices follow the profile.
            level = profile.cpc_hour_factor[hour] * arithmetic.exp(profile.cpc_log_sd * arithmetic.normal(rng))
            true_rate = float(profile.cvr_hour_factor[hour]) * _hour_factor(section, seed, day, hour)
            pairs = Pairs(world.advertiser, world.ctr, cvr * level, world.item_price, world.keyword_bid * level)
            noise = Noise(section.ctr_noise, section.cvr_noise, true_rate)
            for part in parts_of_hour:
                # The first part continues the hour's stream, the others have their own.
                own_rng = rng if part.first == 0 else stream(seed, "hour", day, hour, part.first)
                yield part, _Hour(own_rng, share, pairs, noise, rivals_of(part))


def _rivals(profile: Profile, world: World, seed: int) -> Callable[[_Part], HourOfRivals | None]:
    """Return the function that gives each part its draws of outside competition; their streams are their own."""
    external, placements = profile.external, world.placements
    if external is None or placements is None:
        return lambda _: None
    beaten = external.rivals()

    def of(part: _Part) -> HourOfRivals:
        rng = stream(seed, "external", part.day, part.hour, part.first)
        return HourOfRivals(rng, external, beaten, placements, float(external.win_rate[part.day % WEEKDAYS]))

    return of


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
