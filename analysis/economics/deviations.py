"""Measure what an advertiser gains by deviating: best responses to frozen rivals, and whether rivals punish a deviation."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

from auctionsim import arithmetic
from auctionsim.arguments import instance_of, number_between
from auctionsim.auction.bid_formula import STATIC_BIDS
from auctionsim.auction.outcome import Outcome
from auctionsim.errors import shown
from auctionsim.market.market import Market
from auctionsim.market.policy import Policy
from auctionsim.market.simulate import Recorded, Trajectory, simulate_day
from auctionsim.names.display import short_repr
from auctionsim.numbers import whole_number
from auctionsim.ratios import safe_ratio, safe_ratios
from auctionsim.traffic.table import HOURS

Array = NDArray[np.float64]
Utility = Callable[[Outcome], Array]
"""The utility that advertisers maximize, as a function of a day's outcome: `[advertisers, P]`."""

MULTIPLIERS = arithmetic.powers_of_two(-5, 5, 4)
"""The multipliers of the first search for a best response, 1/32 to 32; a second search refines around the best of them."""


def day_profit(outcome: Outcome) -> Array:
    """Return each advertiser's profit of a day, in currency: `[advertisers, P]`."""
    return outcome.profit.sum(axis=0)


@dataclass(frozen=True, eq=False)
class BestResponses:
    """The best response found for each controlled advertiser, the others' bids being frozen."""

    now: Array
    """Utility on the simulated day, `[learners]`."""
    best: Array
    """Largest utility found, >= `now`, `[learners]`."""
    multiplier: Array
    """Best multiplier of the advertiser's own bids; 1 if none improves on them, `[learners]`."""

    __repr__ = short_repr

    @property
    def gain(self) -> Array:
        """Return the utility that each learner could gain by deviating alone, >= 0, `[learners]`."""
        return self.best - self.now

    @property
    def exploitability(self) -> float:
        """Return the sum of gains divided by the sum of absolute utilities; 0 in an equilibrium of the bids searched."""
        return safe_ratio(float(self.gain.sum()), float(np.abs(self.now).sum()))


def best_responses(market: Market, day: int, policy: Policy, utility: Utility = day_profit) -> BestResponses:
    """Search each controlled advertiser's best response against frozen rivals.

    Two families are searched, each over `MULTIPLIERS` and then on a finer grid: multiples of the advertiser's own bids, and
    multiples of truthful bids (truthful bidding is a best response in a second-price auction without budgets). All candidates
    of a search are replayed side by side. The gains are lower bounds: other bids may gain more.

    Args:
        market: The market.
        day: The day to simulate.
        policy: The policy of all advertisers.
        utility: The utility that advertisers maximize.

    Raises:
        ValueError: An argument is of another kind, or the day is none of the market's.
    """
    trajectory = simulate_day(market, day, policy)
    now = utility(trajectory.outcome)[:, 0]
    truthful = np.array(STATIC_BIDS["truthful"])
    best, multiplier = [], []
    for i in market.learners:
        own_multiplier, own_best = _best_on_grid(partial(_deviation_utility, market, day, trajectory, utility, i, None))
        _, truthful_best = _best_on_grid(partial(_deviation_utility, market, day, trajectory, utility, i, truthful))
        best.append(max(now[i], own_best, truthful_best))
        multiplier.append(own_multiplier if own_best > now[i] else 1.0)
    return BestResponses(now[market.learners], np.array(best), np.array(multiplier))


def best_multiplier(market: Market, day: int, policy: Policy, i: int, utility: Utility = day_profit) -> float:
    """Return the multiple of its own bids of a day with the highest utility for advertiser i, its rivals being frozen."""
    trajectory = simulate_day(market, day, policy)
    return _best_on_grid(partial(_deviation_utility, market, day, trajectory, utility, i, None))[0]


@dataclass(frozen=True, eq=False)
class Punishment:
    """The response of rivals to a deviation of one hour, compared with the same day without the deviation."""

    hour: int
    """The hour of the deviation, 0 to 22."""
    rival_bids: Array
    """Relative change of the rivals' mean bid in each hour, `[24]`; 0 up to the hour of the deviation."""
    profit: Array
    """Change of the deviator's profit in each hour, in currency, `[24]`."""
    unanswered: Array
    """The same if the rivals had bid as without the deviation, `[24]`: what the deviator's own later bids make of it."""

    __repr__ = short_repr

    @property
    def immediate(self) -> float:
        """Return the deviator's gain in the hour of the deviation, in currency."""
        return float(self.profit[self.hour])

    @property
    def gain(self) -> float:
        """Return the deviator's gain over the whole day, in currency."""
        return float(self.profit.sum())

    @property
    def is_punished(self) -> bool:
        """Return True if the deviation gains in its hour, and loses over the day since rivals bid more in a later hour.

        A deviator whose own rule answers what it has won may lose by that. It does so whether or not rivals answer, whose
        answers must account for half of the loss.
        """
        is_answered = bool((self.rival_bids[self.hour + 1 :] > 0).any())
        return self.immediate > 0 and is_answered and self.gain < 2 * min(0.0, float(self.unanswered.sum()))


def punishment(market: Market, day: int, policy: Policy, deviator: int, hour: int, multiplier: float) -> Punishment:
    """Force one advertiser to deviate for one hour, and measure how the policy responds.

    The day is simulated twice side by side, with and without the deviation; the policy observes each by itself. Then once
    more with the deviator's bids of one and the rivals' of the other. A policy of fixed coefficients cannot punish.

    Args:
        market: The market.
        day: The day to simulate.
        policy: The policy of all advertisers.
        deviator: The index of the advertiser that deviates.
        hour: The hour of the deviation, 0 to 22.
        multiplier: The factor on the deviator's bids in that hour, for example its best response's.

    Raises:
        ValueError: The hour is outside 0 to 22, the multiplier < 0, or there is no such advertiser or day.
    """
    if whole_number("hour", hour, 0) >= HOURS - 1:
        raise ValueError(f"hour: expected 0 to {HOURS - 2}, so that hours follow, got {shown(hour)}")
    instance_of("market", market, Market, "a Market (auctionsim.build_market)")
    deviator = whole_number("deviator", deviator, 0, below=len(market.advertisers))
    multiplier = number_between("multiplier", multiplier, 0)

    def deviate(now: int, theta: Array) -> None:
        if now == hour:
            theta[deviator, :, 1] *= multiplier

    def answer_nothing(_: int, theta: Array) -> None:
        others = np.arange(len(theta)) != deviator
        theta[others, :, 1] = theta[others, :, 0]

    trajectory = simulate_day(market, day, policy, n_policies=2, intervene=deviate)
    frozen = simulate_day(market, day, Recorded(trajectory), n_policies=2, intervene=answer_nothing)
    features, auctions = market.hourly_features(day, trajectory.source), market.hourly_auctions(day)
    bids = (features[..., None] * trajectory.coefficients).sum(axis=2) * auctions[:, :, None]
    rivals = np.delete(bids, deviator, axis=1).sum(axis=1)
    change = safe_ratios(rivals[:, 1], rivals[:, 0], otherwise=1.0) - 1
    profit, unanswered = (run.outcome.profit[:, deviator] for run in (trajectory, frozen))
    return Punishment(hour, change, profit[:, 1] - profit[:, 0], unanswered[:, 1] - unanswered[:, 0])


def _deviation_utility(
    market: Market, day: int, trajectory: Trajectory, utility: Utility, i: int, bids: Array | None, multipliers: Array
) -> Array:
    """Return advertiser i's utility at multiples of its bids, its rivals being frozen: `[multipliers]`.

    Args:
        market: The market.
        day: The day that was simulated.
        trajectory: The day as simulated, whose bids the rivals repeat.
        utility: The utility that advertisers maximize.
        i: The index of the advertiser.
        bids: Coefficients to multiply, `[4]`; the advertiser's own of each hour if None.
        multipliers: The factors on these coefficients, `[multipliers]`.
    """
    recorded = trajectory.coefficients[:, i, :, 0]

    def deviate(hour: int, theta: Array) -> None:
        own = recorded[hour] if bids is None else bids
        theta[i] = own[:, None] * multipliers

    replayed = simulate_day(market, day, Recorded(trajectory), n_policies=len(multipliers), intervene=deviate)
    return utility(replayed.outcome)[i]


def _best_on_grid(utility_at: Callable[[Array], Array]) -> tuple[float, float]:
    """Return the best multiplier and its utility: from `MULTIPLIERS`, then from 33 multipliers between its two neighbors."""
    values = utility_at(MULTIPLIERS)
    k = int(values.argmax())
    low, high = MULTIPLIERS[max(k - 1, 0)], MULTIPLIERS[min(k + 1, len(MULTIPLIERS) - 1)]
    finer = arithmetic.geometric_grid(low, high, 33)
    finer_values = utility_at(finer)
    j = int(finer_values.argmax())
    if finer_values[j] > values[k]:
        return float(finer[j]), float(finer_values[j])
    return float(MULTIPLIERS[k]), float(values[k])
