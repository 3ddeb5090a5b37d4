"""Find equilibria of value-maximizing autobidders with a target, and the price of anarchy in them.

Each bidder wants value, and may spend no more than the value it gets: values are in units of its target, so that a target cost
per action and a target return on spend are the same. It bids one multiplier >= 1 times its values, which is optimal in truthful
auctions (Aggarwal, Badanidiyuru and Mehta, WINE 2019). Queries are sold at second price, with three options: boosts, which add
`boost x value` to every bidder's score (Deng, Mao, Mirrokni and Zuo, WWW 2021); reserve prices; and ties to the first bidder.
The price of anarchy is the best welfare over that of an equilibrium: <= 2 without options, and <= (boost + 2) / (boost + 1)
with boosts.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from auctionsim import arithmetic
from auctionsim.arguments import finite_vector, number_between
from auctionsim.equilibria.best_responses import Path, follow_best_responses
from auctionsim.equilibria.inputs import checked_values
from auctionsim.errors import InputError, shown

Array = NDArray[np.float64]

_KEPT = 1e-9
"""Breach of a target that counts as none, relative to the market's value."""
_UNBOUNDED = 2.0
"""Factor by which a multiplier rises beyond the last query that it wins, where nothing more is to be won."""


@dataclass(frozen=True, eq=False)
class Autobidders:
    """Autobidders that meet in second-price auctions, one query each."""

    values: Array
    """Value of each query to each bidder in units of its target, >= 0, `[bidders, queries]`."""
    boost: float = 0.0
    """Weight of a bidder's value that is added to its score, >= 0; prices fall by the winner's own boost."""
    reserves: Array | float = 0.0
    """Lowest price of each query, >= 0, `[queries]`."""

    def __post_init__(self) -> None:
        """Check the values, the boost and the reserves.

        Raises:
            InputError: One of them is of another shape or out of range.
        """
        values = checked_values("values", self.values)
        number_between("boost", self.boost, 0)
        if np.ndim(self.reserves) == 0:
            number_between("reserves", self.reserves, 0)
        else:
            reserves = finite_vector("reserves", self.reserves, "one >= 0 per query")
            if reserves.shape != values.shape[1:] or (reserves < 0).any():
                raise InputError(f"reserves: expected {values.shape[1]} numbers >= 0, got {shown(self.reserves)}")
            object.__setattr__(self, "reserves", reserves)
        object.__setattr__(self, "values", values)

    def prices_of(self, multipliers: Array, bidder: int) -> Array:
        """Return the price at which a bidder would win each query, `[queries]`, while the others keep their multipliers."""
        return self._offer(multipliers, bidder)[0]

    def winners(self, multipliers: Array) -> NDArray[np.int64]:
        """Return who wins each query, -1 for nobody, `[queries]`; ties go to the first bidder."""
        bids = multipliers[:, np.newaxis] * self.values
        scores = np.where((bids >= self.reserves) & (self.values > 0), bids + self.boost * self.values, -1.0)
        return np.where(scores.max(axis=0) >= 0, scores.argmax(axis=0), -1)

    def slack(self, multipliers: Array) -> Array:
        """Return what each bidder gets less what it spends, `[bidders]`; below 0 its target is broken."""
        winner = self.winners(multipliers)
        margins = [self.values[bidder] - self.prices_of(multipliers, bidder) for bidder in range(len(self.values))]
        return np.array([float(margin[winner == bidder].sum()) for bidder, margin in enumerate(margins)])

    def welfare(self, multipliers: Array) -> float:
        """Return the value that all bidders get."""
        winner = self.winners(multipliers)
        sold = np.flatnonzero(winner >= 0)
        return float(self.values[winner[sold], sold].sum())

    @cached_property
    def optimum(self) -> float:
        """Return the largest value that any allocation gives."""
        return float(self.values.max(axis=0).sum())

    def thresholds(self, multipliers: Array, bidder: int) -> tuple[Array, Array]:
        """Return the multipliers at which a bidder begins to win further queries, rising, and what it has won then.

        Returns:
            The multipliers, `[n]`, and for 0 to n queries the value and the slack, `[2, n + 1]`.
        """
        return self._thresholds(self.prices_of(multipliers, bidder), bidder)

    def _offer(self, multipliers: Array, bidder: int) -> tuple[Array, NDArray[np.bool_]]:
        """Return the price of each query to a bidder, and whether it wins it, `[queries]` both, by one pass over all bids."""
        bids = multipliers[:, np.newaxis] * self.values
        own = bids[bidder].copy()
        scores = bids + self.boost * self.values if self.boost else bids
        own_score = scores[bidder].copy()
        if np.any(self.reserves):
            # Who does not meet the reserve is no rival.
            scores = np.where(bids >= self.reserves, scores, 0.0)
        scores[bidder] = -1.0
        top = scores.max(axis=0)
        highest = np.maximum(top, 0.0)
        price = np.maximum(np.maximum(highest - self.boost * self.values[bidder], 0.0), self.reserves)
        ahead = own_score > highest
        # Ties are rare, and only they need to know who the rival is.
        for query in np.flatnonzero((own_score == highest) & ~ahead).tolist():
            ahead[query] = bidder < int(scores[:, query].argmax())
        return price, ahead & (own >= self.reserves) & (self.values[bidder] > 0)

    def _thresholds(self, price: Array, bidder: int) -> tuple[Array, Array]:
        """Return the same as `thresholds` for known prices."""
        value = self.values[bidder]
        wanted = np.flatnonzero(value > 0)
        needed = price[wanted] / value[wanted]
        order = np.argsort(needed, kind="stable")
        gained = np.stack([value[wanted], value[wanted] - price[wanted]])[:, order]
        return needed[order], np.hstack([np.zeros((2, 1)), np.cumsum(gained, axis=1)])

    def best_value(self, multipliers: Array, bidder: int) -> float:
        """Return the most value that a bidder can get within its target while the others keep their multipliers.

        A multiplier buys queries in the order of their price per value, so the value rises, and the slack falls from the
        first query on that is dearer than its value. A query whose price is met exactly counts as won: any more wins it.
        """
        needed, totals = self.thresholds(multipliers, bidder)
        n = self._n_affordable(needed, totals)
        return float(totals[0, n])

    def reply(self, multipliers: Array, bidder: int) -> float:
        """Return a multiplier >= 1 that wins a bidder's best value; its own if that does.

        Another one lies halfway between the last query it wins and the next.
        """
        price, own = self._offer(multipliers, bidder)
        value = float(self.values[bidder][own].sum())
        slack = value - float(price[own].sum())
        close = _KEPT * max(self.optimum, 1e-300)
        needed, totals = self._thresholds(price, bidder)
        n = self._n_affordable(needed, totals)
        if slack >= -close and value >= float(totals[0, n]) - close:
            return float(multipliers[bidder])
        last = max(1.0, needed[n - 1]) if n else 1.0
        following = needed[n] if n < len(needed) else _UNBOUNDED * last
        return float((last + max(following, 1.0)) / 2)

    def exploitability(self, multipliers: Array) -> float:
        """Return the most that a bidder gains by another multiplier, >= 0, in value; infinity if a target is broken.

        Raises:
            InputError: Multipliers are of another shape, not finite or negative.
        """
        multipliers = self.checked_multipliers("multipliers", multipliers)
        close = _KEPT * max(self.optimum, 1e-300)
        if (self.slack(multipliers) < -close).any():
            return float(np.inf)
        winner = self.winners(multipliers)
        gains = [
            self.best_value(multipliers, bidder) - float(self.values[bidder][winner == bidder].sum())
            for bidder in range(len(self.values))
        ]
        return max(0.0, *gains)

    def price_of_anarchy(self, multipliers: Array) -> float:
        """Return the best welfare over that at some multipliers, >= 1; infinity if nothing of value is sold.

        Raises:
            InputError: Multipliers are of another shape or not finite, or no query has a value, so that it is not defined.
        """
        multipliers = self.checked_multipliers("multipliers", multipliers)
        if self.optimum == 0:
            raise InputError("values: expected one > 0, since the price of anarchy is not defined without any, got only zeros")
        welfare = self.welfare(multipliers)
        return self.optimum / welfare if welfare > 0 else float(np.inf)

    def checked_multipliers(self, source: str, multipliers: Any) -> Array:
        """Return multipliers as an array, `[bidders]`.

        Args:
            source: The name of the argument, which begins the message.
            multipliers: The multipliers as given: finite numbers >= 0, one per bidder.

        Raises:
            InputError: They are of another shape, not finite or negative.
        """
        array = finite_vector(source, multipliers, "one multiplier >= 0 per bidder")
        if len(array) != len(self.values) or (array < 0).any():
            raise InputError(f"{source}: expected {len(self.values)} multipliers >= 0, got {shown(multipliers)}")
        return array

    def _n_affordable(self, needed: Array, totals: Array) -> int:
        """Return the number of queries of the longest prefix that keeps the target, all queries of one price together."""
        close = _KEPT * max(self.optimum, 1e-300)
        complete = np.append(np.append(True, needed[1:] > needed[:-1] * (1 + 1e-12)), True) if len(needed) else np.array([True])
        return int(np.flatnonzero(complete & (totals[1] >= -close))[-1])


def autobidding_equilibria(market: Autobidders, starts: Sequence[Any], rounds: int = 200) -> list[Path]:
    """Let bidders reply in turn from several starts, and return where each path ended.

    Args:
        market: The bidders and the auction.
        starts: The multipliers to begin with, >= 1, `[bidders]` each.
        rounds: The rounds at most of each path.

    Raises:
        InputError: A start is of another shape or not finite.
    """
    checked = [market.checked_multipliers(f"starts[{k}]", start) for k, start in enumerate(starts)]
    return [follow_best_responses(market.reply, start, rounds) for start in checked]


def first_price_exploitability(values: Array, bids: Array) -> float:
    """Return the most that an autobidder gains by other bids, query by query, in first-price auctions; >= 0, in value.

    With a bid of its own for each query it can buy any set of queries at the others' highest bids. All sets are looked at, so
    that there may be no more than about 16 queries. Infinity if a bidder spends more than it gets; ties go to the first bidder.

    Args:
        values: The value of each query to each bidder in units of its target, `[bidders, queries]`.
        bids: The bids, >= 0, `[bidders, queries]`.
    """
    n, m = values.shape
    winner, close = bids.argmax(axis=0), _KEPT * float(values.max(axis=0).sum())
    sets = (np.arange(1 << m)[:, np.newaxis] >> np.arange(m)) & 1
    most = 0.0
    for bidder in range(n):
        own = winner == bidder
        got = float(values[bidder][own].sum())
        if float(bids[bidder][own].sum()) > got + close:
            return float(np.inf)
        price = np.delete(bids, bidder, axis=0).max(axis=0)
        value = np.asarray(arithmetic.dot(sets, values[bidder]))
        # To outbid a rival costs more than its bid, if by ever so little: a set that only just pays for itself does not.
        keeps = np.asarray(arithmetic.dot(sets, price)) < value - close
        most = max(most, float(value[keeps].max() - got) if keeps.any() else 0.0)
    return most
