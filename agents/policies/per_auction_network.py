"""A network from the single auction to the bid, without the linear bid formula: the ablation of docs/macg.md.

The bid is positive and otherwise free: it may fall where value rises. Every set of parameters makes its own bids for every
auction, so that days are replayed one set after the other.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from auctionsim import arithmetic
from auctionsim.agents.policies.base import DayPolicy, Policy
from auctionsim.auction.bid_formula import FEATURES
from auctionsim.auction.sources import TableSource
from auctionsim.market.market import Market
from auctionsim.names.display import short_repr
from auctionsim.streams import stream
from auctionsim.traffic.table import HOURS

Array = NDArray[np.float64]

INPUTS = ("log_pctr", "log_pcvr", "log_value", "log_keyword_bid", "hour_sine", "hour_cosine")
_LARGEST = 4.0
# The pctr that counts as usual: click-through rates are a percent or two.
_USUAL_CTR = 0.02
# In place of 0 in a logarithm.
_TINY = 1e-12
_BID = FEATURES.index("keyword_bid")


class PerAuctionNetwork:
    """Parameters are the weights of a network with one hidden layer of tanh units, `[(6 + 1) hidden + hidden + 1]`.

    Its output is the log of the bid over the advertiser's mean keyword bid, in [-4, 4].

    Args:
        hidden: Number of hidden units.
    """

    side_by_side = False

    def __init__(self, hidden: int) -> None:
        self._hidden = hidden

    def start(self, market: Market) -> Array:
        """Return parameters with a random first layer and zeros, with which everybody bids its mean keyword bid."""
        first = arithmetic.normal(stream(market.seed, "free"), (len(INPUTS), self._hidden)) / np.sqrt(len(INPUTS))
        return np.concatenate([first.ravel(), np.zeros(2 * self._hidden + 1)])

    def policy(self, market: Market, parameters: Array) -> Policy:
        """Return the policy of parameters `[1, learners, size]`.

        Raises:
            ValueError: There are several sets of parameters.
        """
        if len(parameters) != 1:
            raise ValueError(f"parameters: expected [1, learners, size], got {list(parameters.shape)}")
        return _PerAuctionPolicy(parameters[0], self._hidden, len(market.advertisers))


@dataclass(frozen=True, eq=False)
class _PerAuctionPolicy:
    """Bid in each auction what the learner's network returns for it."""

    parameters: Array
    """Parameters of each learner's network, `[learners, size]`."""
    hidden: int
    n_advertisers: int

    __repr__ = short_repr

    def begin(self, market: Market, day: int, n_policies: int) -> DayPolicy:  # noqa: ARG002  (one set of parameters)
        """Begin a day whose traffic holds the networks' bids in place of the learners' keyword bids."""
        phi = np.array(market.phi)
        cells = market.traffic.cell_slice(day)
        rows = np.arange(market.traffic.cell_start[cells.start], market.traffic.cell_start[cells.stop])
        own, hour = market.traffic.advertiser[rows], market.traffic.row_hour[rows]
        for k, learner in enumerate(market.learners):
            mine = rows[own == learner]
            phi[mine, _BID] = self._bids(market, k, mine, hour[own == learner])
        theta = market.fixed[:, :, None].copy()
        theta[market.learners] = 0.0
        theta[market.learners, _BID] = 1.0
        source = TableSource(market.traffic, market.rules, phi)
        return DayPolicy(lambda state: theta, source)  # noqa: ARG005

    def _bids(self, market: Market, k: int, rows: NDArray[np.int64], hour: NDArray[np.int64]) -> Array:
        """Return the bids of learner k in its rows of the table, currency per click `[rows]`."""
        level = market.mean_features[market.learners[k]]
        clock = 2 * np.pi * hour / HOURS
        # Amounts are divided by their means on training days.
        usual = np.maximum([_USUAL_CTR, *level[1:]], _TINY)
        amounts = np.stack([market.traffic.pctr[rows], *market.phi[rows, 1:].T])
        logs = arithmetic.log(np.maximum(amounts, _TINY) / usual[:, None])
        inputs = np.stack([*np.clip(logs, -_LARGEST, _LARGEST), arithmetic.sin(clock), arithmetic.cos(clock)], axis=1)
        ends = np.cumsum([len(INPUTS) * self.hidden, self.hidden, self.hidden])
        first, first_bias, last, last_bias = np.split(self.parameters[k], ends)
        hidden = arithmetic.tanh(arithmetic.matmul(inputs, first.reshape(len(INPUTS), self.hidden)) + first_bias)
        out = arithmetic.dot(hidden, last) / np.sqrt(self.hidden) + last_bias
        mean_bid = level[_BID] if level[_BID] > 0 else level[FEATURES.index("value")]
        bids: Array = mean_bid * arithmetic.exp(np.clip(out, -_LARGEST, _LARGEST))
        return bids
