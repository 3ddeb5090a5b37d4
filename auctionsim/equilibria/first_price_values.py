"""Solve first-price auctions of one object with private values: the Bayes-Nash equilibrium, and how exploitable bids are.

With n symmetric bidders everybody bids `b(v) = v - integral from low to v of F(t)^(n-1) dt / F(v)^(n-1)`, which is
`v (n - 1) / n` for uniform values from 0 (Vickrey 1961; Krishna, Auction Theory, section 2.3). Bidders with different
distributions solve `sum over j != i of f_j(u_j) u_j' / F_j(u_j) = 1 / (u_i - b)`, where u_i(b) is the value at which bidder i
bids b. The highest bid, which two of them at least make, is not known beforehand: the equations are followed downwards from
trial bids until one ends at the lowest value (Marshall, Meurer, Richard and Stromquist, Games and Economic Behavior 1994).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from auctionsim import arithmetic
from auctionsim.arguments.arrays import real_numbers
from auctionsim.equilibria.distributions import ValueDistribution
from auctionsim.equilibria.quadrature import composite_rule
from auctionsim.errors import InputError

Array = NDArray[np.float64]

_POINTS = 1000
"""Intervals of a bid function that is tabulated."""
_STEPS = 400
"""Steps from the highest bid down to the lowest value."""
_TRIALS, _ZOOMS = 255, 6
"""Trial highest bids followed at once, and how often the interval around the right one is divided again."""
_ZOOM_POINTS = 65
"""Trial bids at once in the search of a best response."""


@dataclass(frozen=True, eq=False)
class BidFunction:
    """Bids by value, piecewise linear between points."""

    values: Array
    """Values, rising, `[points]`."""
    bids: Array
    """Bid at each value, rising strictly, `[points]`."""

    def __call__(self, value: Array) -> Array:
        """Return the bids at some values, elementwise."""
        return np.asarray(arithmetic.interpolate(value, self.values, self.bids))

    def value_at(self, bid: Array) -> Array:
        """Return the values at which some bids are made, elementwise; the ends beyond the lowest and the highest bid."""
        return np.asarray(arithmetic.interpolate(bid, self.bids, self.values))

    def scaled(self, factor: float) -> BidFunction:
        """Return the bids times a factor > 0."""
        return BidFunction(self.values, self.bids * factor)


@dataclass(frozen=True, eq=False)
class FirstPriceEquilibrium:
    """Bids of every bidder in a first-price auction with private values."""

    distributions: tuple[ValueDistribution, ...]
    """Distribution of each bidder's value."""
    bids: tuple[BidFunction, ...]
    """Bid function of each bidder."""

    @property
    def exploitability(self) -> float:
        """Return the largest expected gain of a bidder from its best responses, in the object's currency."""
        return float(utility_losses(self.distributions, self.bids).max())


def first_price_equilibrium(distributions: Sequence[ValueDistribution]) -> FirstPriceEquilibrium:
    """Return the Bayes-Nash equilibrium of a first-price auction without a reserve.

    Args:
        distributions: The distribution of each bidder's value: two or more bidders, who are all alike or have the same lowest
            value.

    Raises:
        InputError: There are fewer bidders, or bidders who are not alike have different lowest values.
    """
    if len(distributions) < 2:
        raise InputError(f"distributions: expected one per bidder, >= 2 bidders, got {len(distributions)}")
    first = distributions[0]
    if all(other == first for other in distributions):
        bids = symmetric_bids(first, len(distributions))
        return FirstPriceEquilibrium(tuple(distributions), (bids,) * len(distributions))
    if any(other.low != first.low for other in distributions):
        raise InputError(
            "distributions: expected bidders that are all alike or have the same lowest value, got lowest values "
            f"{', '.join(f'{other.low:g}' for other in distributions)}"
        )
    return FirstPriceEquilibrium(tuple(distributions), _asymmetric_bids(distributions))


def symmetric_bids(distribution: ValueDistribution, n_bidders: int) -> BidFunction:
    """Return the equilibrium's bids of symmetric bidders, tabulated.

    Args:
        distribution: The distribution of everybody's value.
        n_bidders: The number of bidders, >= 2.
    """
    edges = np.linspace(distribution.low, distribution.high, _POINTS + 1)
    nodes, weights = composite_rule(edges)
    chance = arithmetic.power(distribution.cdf(nodes), float(n_bidders - 1))
    area = np.concatenate([[0.0], np.cumsum((weights * chance).reshape(_POINTS, -1).sum(axis=1))])
    wins = np.asarray(arithmetic.power(distribution.cdf(edges), float(n_bidders - 1)))
    shading = np.divide(area, wins, out=np.zeros(len(edges)), where=wins > 0)
    return BidFunction(edges, edges - shading)


def utility_losses(distributions: Sequence[ValueDistribution], bids: Sequence[BidFunction]) -> Array:
    """Return what each bidder gains in expectation by a best response to the others' bids, >= 0, `[bidders]`.

    A best response is found for each value by itself, among all bids up to the value; the gain's expectation is over the value.

    Args:
        distributions: The distribution of each bidder's value.
        bids: The bids of each bidder, rising strictly with its value.
    """
    losses = np.zeros(len(bids))
    pairs = list(zip(distributions, bids, strict=True))
    for bidder, (own, distribution) in enumerate(zip(bids, distributions, strict=True)):
        if bidder and pairs[bidder] == pairs[0] and pairs.count(pairs[0]) == len(pairs):
            losses[bidder] = losses[0]
            continue
        others = pairs[:bidder] + pairs[bidder + 1 :]
        rivals = [(pair, others.count(pair)) for k, pair in enumerate(others) if pair not in others[:k]]
        value, weight = composite_rule(np.linspace(distribution.low, distribution.high, 101))
        weight = weight * distribution.density(value)
        usual = _payoff(value, own(value), rivals)
        losses[bidder] = float((weight * np.maximum(_best_payoff(value, rivals) - usual, 0.0)).sum())
    return losses


def checked_bids(source: str, values: Any, bids: Any) -> BidFunction:
    """Return a bid function from points.

    Args:
        source: The name of the argument, which begins the message.
        values: The values, rising, `[points]`.
        bids: The bid at each value, rising strictly, `[points]`.

    Raises:
        InputError: They are of different lengths, fewer than two, or do not rise.
    """
    expected = "two or more values and as many bids, both rising strictly"
    x, y = (real_numbers(source, given, expected) for given in (values, bids))
    if x.ndim != 1 or x.shape != y.shape or len(x) < 2 or not ((np.diff(x) > 0).all() and (np.diff(y) > 0).all()):
        raise InputError(f"{source}: expected {expected}, got shapes {list(x.shape)} and {list(y.shape)}, or numbers that fall")
    return BidFunction(x, y)


Rivals = Sequence[tuple[tuple[ValueDistribution, BidFunction], int]]
"""Rivals, those alike together: distribution and bids, and how many of them there are."""


def _payoff(value: Array, bid: Array, rivals: Rivals) -> Array:
    """Return the expected payoff of bids at values, elementwise."""
    chance = np.ones(np.broadcast_shapes(value.shape, bid.shape))
    for (distribution, function), count in rivals:
        wins = np.where(bid < function.bids[0], 0.0, distribution.cdf(function.value_at(bid)))
        chance = chance * np.asarray(arithmetic.power(wins, float(count)))
    return (value - bid) * chance


def _best_payoff(value: Array, rivals: Rivals) -> Array:
    """Return the highest expected payoff at each value, `[values]`: a search that narrows around the best of a grid of bids."""
    top = min(float(max(function.bids[-1] for (_, function), _ in rivals)), float(value.max()))
    low, high = np.zeros(len(value)), np.minimum(value, top)
    # The first grid is fine, since payoffs need not have one peak only; no later one is below what it found.
    share = np.linspace(0, 1, 8 * _ZOOM_POINTS + 1)
    best = np.zeros(len(value))
    for _ in range(6):
        bid = low[:, np.newaxis] + (high - low)[:, np.newaxis] * share
        payoff = _payoff(value[:, np.newaxis], bid, rivals)
        peak = payoff.argmax(axis=1)
        best = np.maximum(best, payoff.max(axis=1))
        width = (high - low) / (len(share) - 1)
        middle = low + width * peak
        low, high = np.maximum(middle - width, low), np.minimum(middle + width, high)
        share = np.linspace(0, 1, _ZOOM_POINTS)
    return best


def _asymmetric_bids(distributions: Sequence[ValueDistribution]) -> tuple[BidFunction, ...]:
    """Return the bids of bidders who are not alike, by following their equations down from trial highest bids."""
    bottom = distributions[0].low
    # Nobody bids above the second-highest of all values, since nobody else would.
    low, high = bottom, sorted(distribution.high for distribution in distributions)[-2]
    for _ in range(_ZOOMS):
        trials = np.linspace(low, high, _TRIALS + 2)[1:-1]
        ends_early = _follow(distributions, trials, bottom)[1]
        # A highest bid that is too high lets a bid overtake its value; one that is too low arrives with values left over.
        k = int(np.argmax(ends_early)) if ends_early.any() else len(trials)
        low, high = (trials[k - 1] if k else low), (trials[k] if k < len(trials) else high)
    path, _ = _follow(distributions, np.array([low]), bottom)
    bids, values = path
    functions = []
    for own in values:
        inside = np.flatnonzero(own > bids)
        # The last stretch to the lowest value, where the equations lose their digits, is a straight line. Above the highest bid
        # of a bidder its value stays the highest; the lowest of these bids is its own.
        x = np.append(own[inside], bottom)[::-1]
        y = np.append(bids[inside], bottom)[::-1]
        rises = np.concatenate([[True], (np.diff(np.maximum.accumulate(x)) > 0)]) & np.concatenate([[True], np.diff(y) > 0])
        functions.append(BidFunction(x[rises], y[rises]))
    return tuple(functions)


def _follow(
    distributions: Sequence[ValueDistribution], tops: Array, bottom: float
) -> tuple[tuple[Array, Array], NDArray[np.bool_]]:
    """Follow the equations from trial highest bids down to the lowest value, by Runge and Kutta's steps that shrink.

    Returns:
        The bids `[points]` and values `[bidders, points]` of the first trial, and whether a bid overtook a value, `[trials]`.
    """
    # Steps are short at the bottom, where bids and values meet.
    shares = np.square(np.linspace(1, 0, _STEPS + 1))[:-1]
    highest = np.array([[distribution.high] for distribution in distributions])
    values = np.repeat(highest, len(tops), axis=1)
    overtaken = np.zeros(len(tops), dtype=bool)
    path_bids, path_values = [tops[0]], [values[:, 0]]
    for now, then in pairwise(shares.tolist()):
        bid, step = bottom + (tops - bottom) * now, (tops - bottom) * (then - now)
        k1 = _slope(distributions, values, bid)
        k2 = _slope(distributions, values + step / 2 * k1, bid + step / 2)
        k3 = _slope(distributions, values + step / 2 * k2, bid + step / 2)
        k4 = _slope(distributions, values + step * k3, bid + step)
        moved = values + step / 6 * (k1 + 2 * k2 + 2 * k3 + k4)
        overtaken |= ~np.isfinite(moved).all(axis=0) | ((moved <= bid + step) & (moved < highest)).any(axis=0)
        values = np.where(overtaken, values, moved)
        path_bids.append(float(bid[0] + step[0]))
        path_values.append(values[:, 0])
    return (np.array(path_bids), np.array(path_values).T), overtaken


def _slope(distributions: Sequence[ValueDistribution], values: Array, bid: Array) -> Array:
    """Return the derivatives of the bidders' values by the bid, `[bidders, trials]`; 0 for who does not bid that high.

    A bid is best where `1 / (u_i - b)` is the sum of `r_j = f_j(u_j) u_j' / F_j(u_j)` over its rivals. Over all n who bid b
    these equations add up to `sum r = sum 1 / (u_j - b) / (n - 1)`: i has that less `1 / (u_i - b)`. If it is negative
    for the highest value of a bidder, that value bids less: with values up to 1, 1 and 0.1 the third's 0.1 does not bid 0.5.
    """
    n, highest = len(distributions), np.array([[distribution.high] for distribution in distributions])
    room = values - bid
    is_top = values >= highest
    worth = np.divide(1.0, room, out=np.zeros_like(room), where=room > 0)
    bids_now = (room > 0) | ~is_top
    rate = np.zeros_like(room)
    for _ in range(n - 1):
        count, given = bids_now.sum(axis=0), np.where(bids_now, worth, 0.0)
        others = np.stack([np.delete(given, i, axis=0).sum(axis=0) for i in range(n)])
        rate = np.where(bids_now, (others - (count - 2) * worth) / np.maximum(count - 1, 1), 0.0)
        falls = is_top & (rate < 0)
        if not falls.any():
            break
        # One after the other, the least value first, since the others' rates depend on who is left.
        first = np.where(falls, worth, -1.0).argmax(axis=0)
        bids_now &= ~((np.arange(n)[:, None] == first) & falls.any(axis=0))
    rate = np.where((bids_now.sum(axis=0) > 1) & (room > 0), rate, 0.0)
    ratio = np.stack([d.cdf(v) / np.maximum(d.density(v), 1e-300) for d, v in zip(distributions, values, strict=True)])
    return np.asarray(ratio * rate)
