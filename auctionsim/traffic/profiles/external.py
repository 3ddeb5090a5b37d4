"""Competition from outside the simulation: floors by query and the best rival's bid, from aggregates of a bidder's log.

A bidder's log shows the floors of all auctions, and the floors and prices of those that it won with bids up to `bid`. So

- each query has a floor, and queries in random order fill the distribution of floors by their volume;
- a bid of `bid` wins the day's share of auctions, and at each floor that share times the ratio of the floors' densities, won to
  all (Bayes);
- where it wins, the price is the larger of the floor and the best rival's bid, which are independent. Then the distributions
  of prices, of won floors, and of rivals' bids are F_price = F_floor x F_rival, which gives the last one;
- where it loses, the best rival bids more than `bid` by a half of a lognormal distribution.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from auctionsim import arithmetic
from auctionsim.errors import InputError
from auctionsim.streams import stream
from auctionsim.traffic.profiles.figures import MOST_SPREAD, WEEKDAYS, figures
from auctionsim.traffic.profiles.quantiles import Quantiles, read_quantiles

Array = NDArray[np.float64]

PER_IMPRESSION = 1e-3
"""Floors and prices are stated for a thousand impressions."""
_MOST_PRICE = 1e9
"""Largest floor or price per thousand impressions, so that a score stays below the 1e9 of the traffic table."""
_LEVELS = 1000
"""Intervals of the table of rivals' bids."""
SECTION = "external"


@dataclass(frozen=True, eq=False)
class External:
    """Aggregates of the competition that a bidder from outside met, per thousand impressions."""

    bid: float
    """The bid that the win rates and won auctions refer to."""
    win_rate: Array
    """Share of auctions that `bid` wins on each day of the week, Monday first, in (0, 1], `[7]`."""
    floor: Quantiles
    """Floors of all auctions."""
    won_floor: Quantiles
    """Floors of the auctions that `bid` wins. Within its intervals floors are distributed as all floors are."""
    price: Quantiles
    """Prices of the auctions that `bid` wins."""
    tail_log_sd: float
    """Log standard deviation of the lognormal distribution whose upper half rivals' bids follow where `bid` loses."""

    @property
    def _knots(self) -> tuple[Array, Array]:
        """Return the shares of all and of won auctions with floors up to the intervals' ends."""
        all_below = np.concatenate([[0.0], self.floor.below(self.won_floor.values[1:])])
        all_below[-1] = 1.0
        return all_below, self.won_floor.levels

    def won_floor_below(self, floor: Array) -> Array:
        """Return the share of won auctions whose floor is <= each floor."""
        return np.asarray(arithmetic.interpolate(self.floor.below(floor), *self._knots))

    def relative_chance(self, level: Array) -> Array:
        """Return the chance to win at each level of the distribution of floors, over the mean chance."""
        all_below, won_below = self._knots
        at = np.clip(np.searchsorted(all_below, level, side="right") - 1, 0, len(all_below) - 2)
        found: Array = (np.diff(won_below) / np.diff(all_below))[at]
        return found

    def rivals(self) -> tuple[Array, Array]:
        """Return the distribution of the best rival's bid where `bid` wins: levels and quantiles."""
        levels = np.union1d(np.linspace(0.0, 1.0, _LEVELS + 1), self.price.levels)
        prices = self.price.at(levels)
        floors = self.won_floor_below(prices)
        share = np.divide(levels, floors, out=np.zeros_like(levels), where=floors > 0)
        return np.minimum(np.maximum.accumulate(share), 1.0), prices


class Placements(NamedTuple):
    """What the queries of a world are to outside competitors."""

    floor: Array
    """Floor of each query, per thousand impressions, `[queries]`."""
    chance: Array
    """Chance that `bid` wins a query's auction, over the mean of all auctions, `[queries]`."""


def placed(external: External, query_share: Array, seed: int) -> Placements:
    """Give each query of a world its floor.

    Args:
        external: The aggregates.
        query_share: Share of each query in the auctions, `[queries]`.
        seed: The seed of the world.
    """
    order = stream(seed, "world", "floor").permutation(len(query_share))
    level = np.empty(len(query_share))
    level[order] = np.cumsum(query_share[order]) - 0.5 * query_share[order]
    level = np.clip(level, 0.0, 1.0)
    chance = external.relative_chance(level)
    return Placements(external.floor.at(level), chance / (query_share * chance).sum())


class HourOfRivals(NamedTuple):
    """What the best outside scores of an hour are drawn from."""

    rng: np.random.Generator
    external: External
    rivals: tuple[Array, Array]
    placements: Placements
    win_rate: float

    def draw(self, query: NDArray[np.int64]) -> Array:
        """Draw the best outside rank score of each auction: the floor or the best rival, per impression, `[auctions]`."""
        wins = arithmetic.uniform(self.rng, 0.0, 1.0, query.shape) < self.win_rate * self.placements.chance[query]
        beaten = arithmetic.interpolate(arithmetic.uniform(self.rng, 0.0, 1.0, query.shape), *self.rivals)
        log_above = self.external.tail_log_sd * np.abs(arithmetic.normal(self.rng, query.shape))
        # The next number above 1 keeps a lost auction lost where the tail has no width.
        above = self.external.bid * np.maximum(arithmetic.exp(log_above), 1.0 + 1e-9)
        rival = np.where(wins, beaten, np.minimum(above, _MOST_PRICE))
        return np.maximum(self.placements.floor[query], rival) * PER_IMPRESSION


def read_external(tree: dict[str, Any], source: str) -> External | None:
    """Read the section `[external]` of a profile; None where there is none.

    Raises:
        InputError: A figure is missing or invalid.
    """
    if SECTION not in tree:
        return None
    bid = float(figures(tree, source, f"{SECTION}.bid", (), maximum=_MOST_PRICE))
    found = External(
        bid=bid,
        win_rate=figures(tree, source, f"{SECTION}.win_rate", (WEEKDAYS,), maximum=1.0),
        floor=read_quantiles(tree, source, f"{SECTION}.floor", bid),
        won_floor=read_quantiles(tree, source, f"{SECTION}.won_floor", bid),
        price=read_quantiles(tree, source, f"{SECTION}.price", bid),
        tail_log_sd=float(figures(tree, source, f"{SECTION}.tail_log_sd", (), minimum=0.0, maximum=MOST_SPREAD)),
    )
    all_below, _ = found._knots
    if (np.diff(all_below) <= 0).any():
        raise InputError(
            f"{source}: {SECTION}.won_floor.values: expected floors with auctions of [external.floor] between any two, "
            f"got {found.won_floor.values.tolist()}"
        )
    return found
