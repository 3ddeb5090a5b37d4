"""Hold everybody's bids by value, and compute how likely a bid wins against them.

`first_price_values` tabulates bids that rise strictly. Here bids may be anything that a learner bids: they may fall, or be the
same for many values.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from auctionsim.equilibria.distributions import ValueDistribution
from auctionsim.errors import InputError

Array = NDArray[np.float64]

_NARROW = 1e-12
"""Width of a segment of bids below which it counts as one bid."""


@dataclass(frozen=True, eq=False)
class BidProfile:
    """Bids of every bidder at the nodes of its value, straight lines between them.

    Raises:
        InputError: The arrays have other shapes than `[bidders, nodes]`, or the nodes do not cover a bidder's values.
    """

    distributions: tuple[ValueDistribution, ...]
    """Distribution of each bidder's value, two bidders or more."""
    values: Array
    """Nodes, rising, from the lowest to the highest value of each bidder, `[bidders, nodes]`."""
    bids: Array
    """Bid at each node, >= 0, `[bidders, nodes]`."""

    def __post_init__(self) -> None:
        n = len(self.distributions)
        if n < 2 or self.values.ndim != 2 or self.values.shape != self.bids.shape or len(self.values) != n:
            raise InputError(
                f"bids: expected [bidders, nodes] for {n} >= 2 bidders and as many values, got {list(self.bids.shape)} "
                f"and {list(self.values.shape)}"
            )
        for k, (nodes, own) in enumerate(zip(self.values, self.distributions, strict=True)):
            if not ((np.diff(nodes) > 0).all() and nodes[0] <= own.low and nodes[-1] >= own.high):
                raise InputError(
                    f"values[{k}]: expected nodes that rise from {own.low:g} to {own.high:g}, got {nodes[0]:g} to {nodes[-1]:g}"
                )

    def with_bids(self, bidder: int, bids: Array) -> BidProfile:
        """Return the profile in which one bidder bids otherwise at its nodes, `[nodes]`."""
        changed = self.bids.copy()
        changed[bidder] = bids
        return BidProfile(self.distributions, self.values, changed)

    def chances(self, at: Array) -> Array:
        """Return the probability that each bidder bids no more than some amounts, `[bidders, amounts]`.

        Exact for uniform values; else a value counts as uniform between two nodes.

        Args:
            at: Amounts in currency, `[amounts]`.
        """
        return np.stack([_chance(*it, at) for it in zip(self.distributions, self.values, self.bids, strict=True)])

    def ties(self, at: Array) -> Array:
        """Return the probability that each bidder bids exactly some amounts, `[bidders, amounts]`.

        It is above 0 only where a bidder bids the same for many values.

        Args:
            at: Amounts in currency, `[amounts]`.
        """
        return np.stack([_tie(*it, at) for it in zip(self.distributions, self.values, self.bids, strict=True)])


def profile_at_nodes(
    distributions: Sequence[ValueDistribution], bids: Sequence[Callable[[Array], Array]], n_nodes: int
) -> BidProfile:
    """Return the profile of bid functions.

    Args:
        distributions: Distribution of each bidder's value.
        bids: Function from values to bids of each bidder, elementwise.
        n_nodes: Nodes per bidder, evenly from the lowest to the highest value, >= 2.
    """
    values = np.stack([np.linspace(own.low, own.high, n_nodes) for own in distributions])
    found = [function(nodes) for function, nodes in zip(bids, values, strict=True)]
    return BidProfile(tuple(distributions), values, np.stack(found))


def _chance(distribution: ValueDistribution, values: Array, bids: Array, at: Array) -> Array:
    """Return the probability of a bid no larger than some amounts, `[amounts]`."""
    mass = np.diff(distribution.cdf(values))
    low, high = np.minimum(bids[:-1], bids[1:]), np.maximum(bids[:-1], bids[1:])
    width = np.maximum(high - low, _NARROW)
    share = np.clip((at[:, np.newaxis] - low) / width, 0.0, 1.0)
    # A segment of one bid counts from that bid on.
    share = np.where((high - low < _NARROW) & (at[:, np.newaxis] >= low), 1.0, share)
    return np.asarray((share * mass).sum(axis=1))


def _tie(distribution: ValueDistribution, values: Array, bids: Array, at: Array) -> Array:
    """Return the probability of a bid of exactly some amounts, `[amounts]`."""
    is_flat = np.abs(np.diff(bids)) < _NARROW
    mass, bid = np.diff(distribution.cdf(values))[is_flat], bids[:-1][is_flat]
    return np.asarray(((np.abs(at[:, np.newaxis] - bid) < _NARROW) * mass).sum(axis=1))
