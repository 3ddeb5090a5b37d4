"""Define first-price auctions of one object between bidders with private values, whose equilibria are known."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from auctionsim.equilibria.distributions import ValueDistribution, uniform_values
from auctionsim.equilibria.first_price_values import (
    BidFunction,
    FirstPriceEquilibrium,
    first_price_equilibrium,
    utility_losses,
)

Array = NDArray[np.float64]


@dataclass(frozen=True)
class FirstPriceAuction:
    """Bidders who know their own value and how the others' are distributed; the highest bid wins and is paid."""

    distributions: tuple[ValueDistribution, ...] = (uniform_values(), uniform_values())
    """Distribution of each bidder's value, two bidders or more."""

    def equilibrium(self) -> FirstPriceEquilibrium:
        """Return the Bayes-Nash equilibrium: the bids of each bidder by value.

        Raises:
            InputError: There is no solver for these bidders: they are not alike and have different lowest values.
        """
        return first_price_equilibrium(self.distributions)

    def utility_losses(self, bids: Sequence[BidFunction]) -> Array:
        """Return what each bidder gains in expectation by its best responses, >= 0, `[bidders]`.

        Args:
            bids: The bids of each bidder by value, rising strictly.
        """
        return utility_losses(self.distributions, bids)

    def exploitability(self, bids: Sequence[BidFunction]) -> float:
        """Return the largest of the bidders' utility losses, >= 0.

        Args:
            bids: The bids of each bidder by value, rising strictly.
        """
        return float(self.utility_losses(bids).max())
