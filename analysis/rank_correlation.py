"""Compare two orders of the same few things: rank correlations, with the exact p-value of a permutation test.

Spearman's rho is the correlation of ranks, Kendall's tau-b the excess of pairs in the same order over pairs in the opposite
one, both with ties. The p-value is the share of all n! orders whose correlation is at least as far from 0. With 2 things it is
1, with 3 at least 0.33, with 4 0.083, with 5 0.017: fewer than 5 support no claim at the 5 % level.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import permutations

import numpy as np
from numpy.typing import NDArray

from auctionsim.analysis.statistics import LEVEL, ranks
from auctionsim.ratios import NotDefined
from auctionsim.streams import stream

Array = NDArray[np.float64]

FEWEST_FOR_A_CLAIM = 5
"""The fewest things whose order can have p < 0.05."""
_EXACT_UP_TO = 8
_DRAWN = 20_000


@dataclass(frozen=True)
class RankCorrelation:
    """How alike two orders of the same things are."""

    names: tuple[str, ...]
    """The things that both orders have, in alphabetical order."""
    spearman: float
    """Spearman's rho, -1 to 1."""
    kendall: float
    """Kendall's tau-b, -1 to 1."""
    p_value: float
    """Two-sided p-value of Spearman's rho, over all permutations up to 8 things, beyond that over 20,000 random ones."""

    @property
    def claim(self) -> str:
        """Return what may be claimed: `same order`, `opposite order`, or `no claim` with the reason."""
        if len(self.names) < FEWEST_FOR_A_CLAIM:
            return f"no claim: n = {len(self.names)}, and p < {1 - LEVEL:.2g} needs {FEWEST_FOR_A_CLAIM}"
        if self.p_value >= 1 - LEVEL:
            return f"no claim: p = {self.p_value:.2g}"
        return "same order" if self.spearman > 0 else "opposite order"

    def __str__(self) -> str:
        return f"rho {self.spearman:.2f}, tau {self.kendall:.2f}, p = {self.p_value:.2g} (n = {len(self.names)})"


def rank_correlation(first: Mapping[str, float], second: Mapping[str, float]) -> RankCorrelation | NotDefined:
    """Correlate the ranks of the things that both have scores for; higher is better in both.

    Returns:
        The correlation, or why there is none: fewer than 2 things in common, or one of the orders ties all of them.

    Raises:
        ValueError: A score is NaN.
    """
    names = tuple(sorted(first.keys() & second.keys()))
    if len(names) < 2:
        return NotDefined(f"{len(names)} in common, an order needs 2")
    one, two = (_ranks(scores, names) for scores in (first, second))
    if np.ptp(one) == 0 or np.ptp(two) == 0:
        return NotDefined("all of one order are tied")
    return RankCorrelation(names, _spearman(one, two), _kendall(one, two), _p_value(one, two))


def _ranks(scores: Mapping[str, float], names: tuple[str, ...]) -> Array:
    found = ranks({name: scores[name] for name in names})
    return np.array([found[name] for name in names])


def _spearman(one: Array, two: Array) -> float:
    own, other = one - one.mean(), two - two.mean()
    # Sums in order, so that the last bit is the same on every processor.
    return math.fsum(own * other) / math.sqrt(math.fsum(own * own) * math.fsum(other * other))


def _kendall(one: Array, two: Array) -> float:
    own, other = (np.sign(ranks[:, None] - ranks[None, :])[np.triu_indices(len(ranks), 1)] for ranks in (one, two))
    return float((own * other).sum()) / math.sqrt(float((own * own).sum()) * float((other * other).sum()))


def _p_value(one: Array, two: Array) -> float:
    """Return the share of permutations of the second order whose correlation is at least as far from 0 as the given one."""
    limit = abs(_spearman(one, two)) - 1e-12
    if len(two) <= _EXACT_UP_TO:
        orders = [np.array(order) for order in permutations(two.tolist())]
    else:
        rng = stream(0, "rank-permutations")
        # The order as it was observed is one of them.
        orders = [two, *(rng.permutation(two) for _ in range(_DRAWN))]
    return sum(abs(_spearman(one, order)) >= limit for order in orders) / len(orders)
