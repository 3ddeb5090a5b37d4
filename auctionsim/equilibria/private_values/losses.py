"""Compute what bidders with private values lose: against best responses to the others' bids, and against an equilibrium.

With `G(b)` the probability that a bid wins, its expected payoff at a value v is `(v - b) G(b)` at first price, and
`(v - b) G(b) + integral from 0 to b of G` at second price. Bidders who bid the same share the object, and a bid a little above
theirs wins all of it. A best response is the highest payoff on a fine grid of bids, for
each value by itself; the expectation over values is a quadrature. Figures are relative as in the literature on learned
equilibria: `1 - payoff / payoff of the best response` (Bichler, Fichtl, Heidekrueger, Kohring and Sutterer, Nature Machine
Intelligence 2021).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from auctionsim import arithmetic
from auctionsim.equilibria.distributions import ValueDistribution
from auctionsim.equilibria.private_values.bid_profile import BidProfile
from auctionsim.equilibria.quadrature import composite_rule

Array = NDArray[np.float64]
Pricing = Literal["first", "second"]

GRID = 1024
"""Intervals of the grid of bids. For ten bidders with uniform values a best response on it earns less than the exact one by
less than 1e-4 of it, for two by 2e-6; `tests/equilibria/test_private_values.py` measures both."""
_LEAST_TOP = 1e-9
"""Top of the grid where nobody bids anything."""
_INTERVALS = 20
"""Intervals of the quadrature over values, five nodes each."""
_ABOVE = 1e-11
"""Margin on a bid, so that rounding takes no equal bid for a higher one."""


@dataclass(frozen=True, eq=False)
class Losses:
    """Expected payoffs of bidders, in currency, each `[bidders]`."""

    usual: Array
    """Payoff of the bids as they are."""
    best: Array
    """Payoff of the best response for every value, >= `usual`."""

    @property
    def absolute(self) -> Array:
        """Return what each bidder gains by its best response, >= 0, in currency."""
        return self.best - self.usual

    @property
    def relative(self) -> Array:
        """Return the gain as a share of the best response's payoff, >= 0; 0 where nothing can be earned."""
        return np.divide(self.absolute, self.best, out=np.zeros_like(self.best), where=self.best > 0)


def losses(profile: BidProfile, pricing: Pricing) -> Losses:
    """Return what each bidder earns and what its best response to the others would earn."""
    rivals = _Rivals.of(profile, pricing)
    usual, best = np.empty(len(profile.bids)), np.empty(len(profile.bids))
    for k, own in enumerate(profile.distributions):
        value, weight = _rule(own)
        payoff = rivals.payoff(k, value, _bid(profile, k, value))
        usual[k] = float((weight * payoff).sum())
        # No grid finds less than the bids as they are.
        best[k] = float((weight * np.maximum(rivals.best_payoff(k, value), payoff)).sum())
    return Losses(usual, best)


def losses_against(profile: BidProfile, equilibrium: BidProfile, pricing: Pricing) -> Array:
    """Return what each bidder loses by its bids where all others keep the equilibrium's, `[bidders]`.

    It is `1 - payoff / payoff in equilibrium`: 0 in equilibrium, and < 0 only by the equilibrium's own imprecision.
    """
    rivals, found = _Rivals.of(equilibrium, pricing), np.empty(len(profile.bids))
    for k, own in enumerate(profile.distributions):
        value, weight = _rule(own)
        usual, wanted = (float((weight * rivals.payoff(k, value, _bid(one, k, value))).sum()) for one in (profile, equilibrium))
        found[k] = 1 - usual / wanted
    return found


def distances(profile: BidProfile, equilibrium: BidProfile) -> Array:
    """Return the root mean squared difference of each bidder's bids from the equilibrium's, in currency, `[bidders]`."""
    found = np.empty(len(profile.bids))
    for k, own in enumerate(profile.distributions):
        value, weight = _rule(own)
        difference = _bid(profile, k, value) - _bid(equilibrium, k, value)
        found[k] = np.sqrt(max(float((weight * difference * difference).sum()), 0.0))
    return found


@dataclass(frozen=True, eq=False)
class _Rivals:
    """What each bidder meets: on a grid of bids, the probability that they win, and what a second price saves."""

    bids: Array
    """The grid, from 0 to the highest bid, `[bids]`."""
    wins: Array
    """Probability that a bid beats all other bidders, `[bidders, bids]`."""
    area: Array
    """Integral of that probability from 0 to the bid at second price, `[bidders, bids]`; 0 at first price."""
    profile: BidProfile
    """Everybody's bids, some of which may be the same."""

    @classmethod
    def of(cls, profile: BidProfile, pricing: Pricing) -> _Rivals:
        """Return the rivals of all bidders of a profile."""
        bids = np.linspace(0.0, max(float(profile.bids.max()), _LEAST_TOP), GRID + 1)
        chances = profile.chances(bids)
        wins = np.stack([np.prod(np.delete(chances, k, axis=0), axis=0) for k in range(len(chances))])
        steps = (wins[:, 1:] + wins[:, :-1]) * (float(bids[1]) / 2)
        area = np.concatenate([np.zeros((len(wins), 1)), np.cumsum(steps, axis=1)], axis=1)
        return cls(bids, wins, area if pricing == "second" else np.zeros_like(wins), profile)

    def payoff(self, bidder: int, value: Array, bid: Array) -> Array:
        """Return the expected payoffs of bids at values, elementwise."""
        # Above the grid everything is won, and at second price a higher bid changes nothing.
        over = np.maximum(bid - self.bids[-1], 0.0) if self.area.any() else 0.0
        wins, area = (arithmetic.interpolate(bid, self.bids, one[bidder]) for one in (self.wins, self.area))
        return np.asarray((value - bid + over) * self._shared(bidder, bid, np.asarray(wins)) + area)

    def _shared(self, bidder: int, bid: Array, wins: Array) -> Array:
        """Return the probabilities that bids win, those that tie with a rival's bid shared, elementwise.

        The share is 1 over the number of those who tie. Its mean is the integral over t in [0, 1] of the product of each
        rival's probability to bid less, plus t times that to bid the same.
        """
        ties = np.delete(self.profile.ties(bid), bidder, axis=0)
        tied = ties.any(axis=0)
        if not tied.any():
            return wins
        ties = ties[:, tied]
        less = np.maximum(np.delete(self.profile.chances(bid[tied] + _ABOVE), bidder, axis=0) - ties, 0.0)
        t, weight = composite_rule(np.linspace(0.0, 1.0, _INTERVALS + 1))
        shared = wins.copy()
        chances = np.prod(less[:, np.newaxis] + ties[:, np.newaxis] * t[:, np.newaxis], axis=0)
        shared[tied] = (weight[:, np.newaxis] * chances).sum(axis=0)
        return shared

    def best_payoff(self, bidder: int, value: Array) -> Array:
        """Return the highest payoff of the grid's bids at each value, `[values]`."""
        wins, area = self.wins[bidder], self.area[bidder]
        return np.asarray((value[:, np.newaxis] * wins + (area - self.bids * wins)).max(axis=1))


def _rule(distribution: ValueDistribution) -> tuple[Array, Array]:
    """Return values and their probabilities, `[5 x intervals]` each."""
    value, weight = composite_rule(np.linspace(distribution.low, distribution.high, _INTERVALS + 1))
    return value, weight * distribution.density(value)


def _bid(profile: BidProfile, bidder: int, value: Array) -> Array:
    return np.asarray(arithmetic.interpolate(value, profile.values[bidder], profile.bids[bidder]))
