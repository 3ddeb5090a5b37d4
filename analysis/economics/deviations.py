"""What an advertiser gains by deviating: best responses against frozen rivals, and whether a deviation is punished."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

from auctionsim.auction.bid_formula import STATIC_BIDS
from auctionsim.auction.outcome import Outcome
from auctionsim.market.market import Market
from auctionsim.market.policy import Policy
from auctionsim.market.simulate import Recorded, Trajectory, simulate_day
from auctionsim.traffic.table import HOURS

Array = NDArray[np.float64]
Utility = Callable[[Outcome], Array]
"""What advertisers care about, of a day: `[advertisers, P]`."""

MULTIPLIERS = 2.0 ** np.linspace(-5, 5, 41)
"""The multipliers a best response is searched over; a second search refines around the best of them."""


def day_profit(outcome: Outcome) -> Array:
    """Profit of a day, `[advertisers, P]`."""
    return outcome.profit.sum(axis=0)


@dataclass(frozen=True, eq=False)
class BestResponses:
    """Of every controlled advertiser against the others' bids of a day as they were."""

    now: Array
    """Utility as the day went, `[learners]`."""
    best: Array
    """Largest utility found, at least `now`, `[learners]`."""
    multiplier: Array
    """The multiplier on the advertiser's own bids that comes nearest to it, `[learners]`."""

    @property
    def gain(self) -> Array:
        """What each could gain alone, `[learners]`."""
        return self.best - self.now

    @property
    def exploitability(self) -> float:
        """Sum of gains over sum of utilities in absolute value; 0 in an equilibrium of the bids searched over."""
        size = float(np.abs(self.now).sum())
        return float(self.gain.sum()) / size if size > 0 else float("nan")


def best_responses(market: Market, day: int, policy: Policy, utility: Utility = day_profit) -> BestResponses:
    """Search each controlled advertiser's best response, all candidates of a search in one replay.

    Searched are multiples of the own bids and multiples of truthful bids (in a second-price auction without budgets truthful
    bidding is one), each over `MULTIPLIERS` and then more finely. A gain found is a gain there is; larger ones may exist.

    Args:
        market: The market.
        day: Of its traffic.
        policy: Everybody's bids.
        utility: What advertisers care about.
    """
    played = simulate_day(market, day, policy)
    now = utility(played.outcome)[:, 0]
    truthful = np.array(STATIC_BIDS["truthful"])
    best, multiplier = [], []
    for i in market.learners:
        own_multiplier, own_best = _refined(partial(_utility_of, market, day, played, utility, i, None))
        _, truthful_best = _refined(partial(_utility_of, market, day, played, utility, i, truthful))
        best.append(max(now[i], own_best, truthful_best))
        multiplier.append(own_multiplier if own_best > now[i] else 1.0)
    return BestResponses(now[market.learners], np.array(best), np.array(multiplier))


def best_multiplier(market: Market, day: int, policy: Policy, i: int, utility: Utility = day_profit) -> float:
    """The multiple of its own bids of a day that serves advertiser i best, rivals frozen."""
    played = simulate_day(market, day, policy)
    return _refined(partial(_utility_of, market, day, played, utility, i, None))[0]


@dataclass(frozen=True, eq=False)
class Punishment:
    """How rivals answer a deviation of one hour; all against the same day without it."""

    hour: int
    rival_bids: Array
    """Relative change of the rivals' mean bid, `[24]`; 0 up to the hour of the deviation."""
    profit: Array
    """Change of the deviator's profit, currency, `[24]`."""

    @property
    def immediate(self) -> float:
        """What the deviation brings in its own hour, currency."""
        return float(self.profit[self.hour])

    @property
    def gain(self) -> float:
        """What it brings over the whole day."""
        return float(self.profit.sum())

    @property
    def is_punished(self) -> bool:
        """Whether the deviation pays at first, rivals bid more afterwards, and it does not pay in the end."""
        return self.immediate > 0 and bool((self.rival_bids[self.hour + 1 :] > 0).any()) and self.gain < 0


def punishment(market: Market, day: int, policy: Policy, deviator: int, hour: int, multiplier: float) -> Punishment:
    """Force one advertiser to other bids for one hour, and let everybody go on by the policy.

    A policy of fixed coefficients cannot punish; of a rule both days are asked, each with its own day so far.

    Args:
        market: The market.
        day: Of its traffic.
        policy: Everybody's bids.
        deviator: Index of the advertiser.
        hour: Of the deviation, 0 to 22.
        multiplier: On the deviator's bids in that hour, for example its best response's.
    """
    if not 0 <= hour < HOURS - 1:
        raise ValueError(f"hour: expected 0 to {HOURS - 2}, so that hours follow, got {hour}")

    def force(now: int, theta: Array) -> None:
        if now == hour:
            theta[deviator, :, 1] *= multiplier

    played = simulate_day(market, day, policy, n_policies=2, intervene=force)
    features, auctions = market.hourly_features(day, played.source), market.hourly_auctions(day)
    bids = np.einsum("haf,hafp,ha->hap", features, played.coefficients, auctions)
    rivals = np.delete(bids, deviator, axis=1).sum(axis=1)
    change = np.divide(rivals[:, 1], rivals[:, 0], out=np.ones(HOURS), where=rivals[:, 0] > 0) - 1
    profit = played.outcome.profit[:, deviator]
    return Punishment(hour, change, profit[:, 1] - profit[:, 0])


def _utility_of(
    market: Market, day: int, played: Trajectory, utility: Utility, i: int, bids: Array | None, multipliers: Array
) -> Array:
    """Utility of advertiser i at multiples of its own bids of a day, or of other ones `[4]`, rivals frozen: `[multipliers]`."""
    recorded = played.coefficients[:, i, :, 0]

    def force(hour: int, theta: Array) -> None:
        own = recorded[hour] if bids is None else bids
        theta[i] = own[:, None] * multipliers

    replayed = simulate_day(market, day, Recorded(played), n_policies=len(multipliers), intervene=force)
    return utility(replayed.outcome)[i]


def _refined(search: Callable[[Array], Array]) -> tuple[float, float]:
    """The multiplier of the largest value and that value, from `MULTIPLIERS` and then between the best one's neighbours."""
    values = search(MULTIPLIERS)
    k = int(values.argmax())
    low, high = MULTIPLIERS[max(k - 1, 0)], MULTIPLIERS[min(k + 1, len(MULTIPLIERS) - 1)]
    finer = np.geomspace(low, high, 33)
    more = search(finer)
    j = int(more.argmax())
    return (float(finer[j]), float(more[j])) if more[j] > values[k] else (float(MULTIPLIERS[k]), float(values[k]))
