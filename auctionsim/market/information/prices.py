"""Show the prices of an hour to its bidders: mean winning prices and least winning costs, blurred as the scenario says."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Protocol

import numpy as np
from numpy.typing import NDArray

from auctionsim.auction.rules import Rules
from auctionsim.auction.sources import TrafficSource
from auctionsim.names.display import short_repr
from auctionsim.scenario import InformationSection

if TYPE_CHECKING:
    # It is compiled, and imported by whoever asks for prices: environments need no numba to be made.
    from auctionsim.market.information.landscape import Landscape

Array = NDArray[np.float64]
WINNING_PRICE, LEAST_WINNING_COST = "winning_price", "least_winning_cost"
PRICES = (WINNING_PRICE, LEAST_WINNING_COST)
"""Names of the channels that show prices, those of the regimes that show them."""


class PricedMarket(Protocol):
    """What prices need to know of a market."""

    @property
    def rules(self) -> Rules:
        """Return the rules of the auction."""

    @property
    def traffic_source(self) -> TrafficSource:
        """Return the traffic."""

    @property
    def seed(self) -> int:
        """Return the seed of the noise."""

    @property
    def information(self) -> InformationSection | None:
        """Return what bidders know; None for no limits, and for nothing that was never shown."""


@dataclass(frozen=True, eq=False)
class HourPrices:
    """Prices of an hour as its bidders are shown them, computed where somebody asks: n advertisers, P policies."""

    market: PricedMarket
    day: int
    hour: int
    theta: Array
    """Coefficients of everybody in the hour, `[advertisers, 4, P]`."""
    is_in_play: NDArray[np.bool_]
    """Whether each advertiser had money when the hour began, `[advertisers, P]`."""
    source: TrafficSource | None = None
    """Traffic with bid features of a policy's own; the market's where None."""
    who: NDArray[np.int64] | None = None
    """Indices of the n advertisers, `[n]`; all where None."""
    own: NDArray[np.bool_] | None = None
    """Mask of the advertisers that are shown theirs, `[advertisers]`; all where None."""

    __repr__ = short_repr

    def of(self, advertisers: NDArray[np.int64]) -> HourPrices:
        """Return the prices that some of the n are shown."""
        return replace(self, who=advertisers if self.who is None else self.who[advertisers])

    @property
    def winning_price(self) -> Array:
        """Mean price per click of the auctions won, currency `[n, P]`; NaN where none was won, and where it is hidden."""
        return self._shown(WINNING_PRICE)

    @property
    def least_winning_cost(self) -> Array:
        """Mean least bid that would have won, currency `[n, P]`; NaN without auctions, and where it is hidden."""
        return self._shown(LEAST_WINNING_COST)

    def true(self, channel: str) -> Array:
        """Return a channel as it is, without noise and rounding, whoever may see it, `[n, P]`."""
        return self._of_who(self._mean(channel, lambda figure: figure))

    @cached_property
    def landscape(self) -> Landscape:
        """Return the hour's landscape; bidders see no more of it than the regime says."""
        from auctionsim.market.information.landscape import hour_landscape

        source = self.source or self.market.traffic_source
        return hour_landscape(source, self.market.rules, self.day, self.hour, self.theta, self.is_in_play)

    def _shown(self, channel: str) -> Array:
        return self._of_who(self._of_own(channel))

    def _of_own(self, channel: str) -> Array:
        """Return what is shown of a channel to everybody, NaN to those who see none of it, `[advertisers, P]`."""
        information = self.market.information
        if information is None or not information.shows("winning-price" if channel == WINNING_PRICE else "least-winning-cost"):
            return np.full_like(self.theta[:, 0], np.nan)
        from auctionsim.market.information.blur import OF_HOUR, blurred, key_of

        key, found, n = key_of(self.market.seed, self.day, self.hour, channel), self.landscape, len(self.theta)
        if information.aggregate == "hour":
            mean = self._mean(channel, lambda figure: figure)
            figures = blurred(mean, information, key, np.full(n, OF_HOUR), np.arange(n))
        else:
            figures = self._mean(channel, lambda figure: blurred(figure, information, key, found.bucket, found.advertiser))
        return figures if self.own is None else np.where(self.own[:, None], figures, np.nan)

    def _mean(self, channel: str, seen: Callable[[Array], Array]) -> Array:
        from auctionsim.market.information.landscape import least_winning_costs, prices_at

        found, rules = self.landscape, self.market.rules
        if channel == WINNING_PRICE:
            counts = found.slot < found.rivals.shape[1]
            figure = prices_at(found.slot, found.score / found.quality[:, None], found.rivals, found.quality, rules)
        else:
            counts, figure = found.is_in_play, least_winning_costs(found, rules)
        weight = np.where(counts, found.weight[:, None], 0.0)
        total, auctions = np.zeros((len(self.theta) + 1, weight.shape[1])), np.zeros((len(self.theta) + 1, weight.shape[1]))
        np.add.at(total, found.advertiser, weight * seen(figure))
        np.add.at(auctions, found.advertiser, weight)
        return np.divide(total, auctions, out=np.full_like(total, np.nan), where=auctions > 0)[:-1]

    def _of_who(self, figures: Array) -> Array:
        return figures if self.who is None else figures[self.who]
