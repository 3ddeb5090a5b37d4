"""Bids that depend on who else is in the auction, after docs/macg-theory.md: the parameterization `auction`.

The program of the theory gives an auction to the largest score `num - den x payment`, not to the largest bid. Here each
learner has the logs of what its scores are made of, and the bids of an auction follow from the scores of all its candidates
(`auction/kernel/cooperative_bids.py`). Training starts at the multipliers of the mean training day (`bounds/mean_day.py`).
Within a day, `feedback.py` adapts them to what the day has brought.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from auctionsim import arithmetic
from auctionsim.agents.policies.auction_level.feedback import GAINS, Feedback, Hour
from auctionsim.agents.policies.base import DayPolicy, DayState, Policy
from auctionsim.auction.bid_formula import FEATURES, STATIC_BIDS
from auctionsim.errors import InputError
from auctionsim.market.market import Market
from auctionsim.names.display import short_repr

Array = NDArray[np.float64]

PARAMETERS = ("click", "conversion", "gmv", "payment", "cap", "revenue", "others", "price")
"""Names of a learner's parameters, which are logs: the worth of a click, of a conversion and of a unit of GMV; the cost of a
unit of payment; the worth of a unit that a click allows to pay under a cap; the worth of a unit of revenue, and of a unit of a
self-bidder's profit; and the price per click on a usual day. Of the worth of revenue and of self-bidders' profit the geometric
mean over learners counts."""
CLICK, CONVERSION, GMV, PAYMENT, CAP, REVENUE, OTHERS, PRICE = range(8)
_LEAST_SHARE = 0.02
"""Least cost of payment and worth of a cap, as a share of the worth of revenue: a multiplier of 0 has no log."""
_TINY = 1e-9
_DIGITS = 6


class AuctionLevelBids:
    """Parameters are the logs of what the scores of a learner are made of, `[8]`, see `PARAMETERS`."""

    side_by_side = False

    def start(self, market: Market) -> Array:
        """Return the parameters of the mean training day's multipliers, `[learners, 8]`.

        Raises:
            InputError: The market has several slots or first-price payments.
        """
        _check(market)
        from auctionsim.bounds.mean_day import mean_day

        found = mean_day(market)
        learners, duals, rewards = market.learners, found.bound.duals, found.goals.rewards
        revenue, is_self_bidding = float(duals.of["revenue_floor"][0]), ~market.is_controlled
        profit_of_others = float(rewards[is_self_bidding, 3].mean()) if is_self_bidding.any() else 0.0
        least = _LEAST_SHARE * max(revenue, float(rewards[learners, 3].mean()))
        worth = np.empty((len(learners), len(PARAMETERS)))
        worth[:, CLICK] = rewards[learners, 0]
        worth[:, CONVERSION], worth[:, GMV] = found.form.numerator[learners, 1], found.form.numerator[learners, 2]
        worth[:, PAYMENT] = np.maximum(found.form.denominator[learners], least)
        worth[:, CAP] = np.maximum(duals.of["cpc_cap"][learners], least)
        worth[:, REVENUE] = revenue
        worth[:, OTHERS] = profit_of_others + float(duals.of["self_bidder_floor"][0])
        clicks, gmv, profit = (found.bound.objectives[learners, k] for k in (0, 2, 3))
        price = np.divide(gmv - profit, clicks, out=np.zeros_like(clicks), where=clicks > 0)
        worth[:, PRICE] = np.where(clicks > 0, price, market.baseline_prices[learners])
        # Rounded, so that a solver whose last digits differ from one machine to another starts the same search.
        logs: Array = np.round(arithmetic.log(np.maximum(worth, _TINY)), _DIGITS)
        return logs

    def policy(self, market: Market, parameters: Array) -> Policy:
        """Return the policy of parameters `[1, learners, 8]`.

        Raises:
            InputError: The market has several slots or first-price payments.
            ValueError: There are several sets of parameters.
        """
        if len(parameters) != 1:
            raise ValueError(f"parameters: expected [1, learners, size], got {list(parameters.shape)}")
        _check(market)
        common = arithmetic.exp(parameters[0].mean(axis=0))
        return _AuctionLevelPolicy(arithmetic.exp(parameters[0]), float(common[REVENUE]), float(common[OTHERS]))


@dataclass(frozen=True, eq=False)
class _AuctionLevelPolicy:
    """Bid in each auction by the scores of its candidates."""

    worth: Array
    """The parameters of each learner as amounts, see `PARAMETERS`, `[learners, 8]`, > 0."""
    revenue: float
    """Worth of a unit of revenue, > 0."""
    others: float
    """Worth of a unit of a self-bidder's profit, > 0."""
    aims_at_floor: ClassVar[bool] = True
    """It reads the floor that training aims at when a day begins, so that a higher one raises revenue, and not higher bids."""

    __repr__ = short_repr

    def begin(self, market: Market, day: int, n_policies: int) -> DayPolicy:  # noqa: ARG002  (one set of parameters)
        """Begin a day whose traffic holds the bids of each hour in place of the learners' keyword bids.

        Where several copies of the day run side by side, all have the bids that fit the first.
        """
        # The compiled pass is imported by the first day and not by this module: numba takes long to import.
        from auctionsim.agents.policies.auction_level.source import AuctionBidSource
        from auctionsim.auction.kernel.cooperative_bids import Choice

        learners, rules, is_learner = market.learners, market.rules, market.is_controlled
        feedback, source = self._feedback(market, day), AuctionBidSource(market, day)
        # A rule that bids hour by hour is expected to bid about as the keyword bid.
        known = np.where(np.isnan(market.fixed), STATIC_BIDS["manual"], market.fixed)
        theta = market.fixed[:, :, None].copy()
        theta[learners] = 0.0
        theta[learners, FEATURES.index("keyword_bid")] = 1.0

        def act(state: DayState) -> Array:
            hour, is_left = feedback.of(state), state.budget_left[:, 0] > 0
            others, revenue = self.others * hour.others_factor, self.revenue * hour.revenue_factor
            choice = Choice(
                is_learner & is_left, ~is_learner & is_left, known, self._worth(market, hour), others, revenue, hour.pressure,
                rules.reserve, rules.bid_cap,
            )  # fmt: skip
            source.bid(state.hour, choice)
            return theta

        return DayPolicy(act, source)

    def _feedback(self, market: Market, day: int) -> Feedback:
        price, more = market.baseline_prices.copy(), np.zeros(len(market.advertisers))
        price[market.learners] = self.worth[:, PRICE]
        # Where revenue is short, all are asked for more whom a payment costs less than it is worth.
        is_asked = self.worth[:, PAYMENT] < self.revenue
        more[market.learners] = np.where(is_asked, market.baseline_prices[market.learners], 0.0)
        return Feedback(market, day, price, more, self.revenue / self.others)

    def _worth(self, market: Market, hour: Hour) -> Array:
        """Return what scores and prices are made of in an hour, `[advertisers, WORTH_COLUMNS]`."""
        from auctionsim.auction.kernel import cooperative_bids as bids

        learners = market.learners
        worth = np.zeros((len(market.advertisers), bids.WORTH_COLUMNS))
        over = GAINS.limit * self.revenue * hour.excess[learners]
        keeps_cap = self.worth[:, CAP] * hour.cap_factor[learners] + over + self.revenue * hour.shortfall[learners]
        worth[learners, bids.CLICK] = self.worth[:, CLICK] + keeps_cap * hour.cap[learners]
        worth[learners, bids.CONVERSION] = self.worth[:, CONVERSION]
        worth[learners, bids.GMV] = self.worth[:, GMV]
        worth[learners, bids.PAYMENT] = self.worth[:, PAYMENT] * hour.payment_factor[learners] + over
        worth[learners, bids.PRICE] = hour.price[learners]
        return worth


def _check(market: Market) -> None:
    """Refuse markets in which the runner-up's bid is not the price of the one slot."""
    rules, source = market.rules, f"{market.scenario.source}: learner.policy: expected "
    if len(rules.slot_effect) != 1:
        raise InputError(f"{source}one slot (mechanism.slot_effect = [1.0]) with 'auction', got {len(rules.slot_effect)}")
    if rules.pricing == "first":
        raise InputError(f"{source}mechanism.pricing 'gsp' or 'vcg' with 'auction', got 'first'")
