"""Bids that depend on who else is in the auction, after docs/macg-theory.md: the parameterization `auction`.

The program of the theory gives an auction to the largest score `num - den x payment`, not to the largest bid. Here each learner
has the logs of what its scores are made of, and the bids of each auction follow from the scores of all its candidates
(`auction/kernel/cooperative_bids.py`). Training starts at the multipliers of the mean training day (`bounds/mean_day.py`); within
a day `feedback.py` adapts them to what the day has brought.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from auctionsim import arithmetic
from auctionsim.agents.policies.auction_level.feedback import GAINS, Feedback
from auctionsim.agents.policies.base import DayPolicy, DayState, Policy
from auctionsim.auction.bid_formula import FEATURES, STATIC_BIDS
from auctionsim.auction.outcome import CLICKS, COST
from auctionsim.errors import InputError
from auctionsim.market.market import Market
from auctionsim.names.display import short_repr

Array = NDArray[np.float64]

PARAMETERS = ("click", "conversion", "gmv", "payment", "cap", "revenue", "others", "price")
"""What each learner's parameters are the logs of: worth of a click, of a conversion, of a unit of GMV; cost of a unit of payment;
worth of keeping a cap on the price per click, per unit of currency that a click allows to pay; worth of a unit of revenue, and of
a unit of a self-bidder's profit; and the price per click on a usual day."""
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
        learners, duals = market.learners, found.bound.duals
        rewards, form = found.goals.rewards, found.form
        usual = market.baseline_prices
        revenue = float(duals.of["revenue_floor"][0])
        own_profit = float(rewards[~market.is_controlled, 3].mean()) if (~market.is_controlled).any() else 0.0
        unit = max(revenue, float(rewards[learners, 3].mean()))
        worth = np.empty((len(learners), len(PARAMETERS)))
        worth[:, CLICK] = rewards[learners, 0]
        worth[:, CONVERSION], worth[:, GMV] = form.numerator[learners, 1], form.numerator[learners, 2]
        worth[:, PAYMENT] = np.maximum(form.denominator[learners], _LEAST_SHARE * unit)
        worth[:, CAP] = np.maximum(duals.of["cpc_cap"][learners], _LEAST_SHARE * unit)
        worth[:, REVENUE] = revenue
        worth[:, OTHERS] = own_profit + float(duals.of.get("self_bidder_floor", np.zeros(1))[0])
        clicks, cost = (found.bound.objectives[learners, k] for k in (0, 2))
        cost = cost - found.bound.objectives[learners, 3]
        worth[:, PRICE] = np.where(clicks > 0, cost / np.maximum(clicks, 1e-12), usual[learners])
        # Rounded, so that a solver whose last digits differ from one machine to another starts the same search.
        logs: Array = np.round(arithmetic.log(np.maximum(worth, _TINY)), _DIGITS)
        return logs

    def policy(self, market: Market, parameters: Array) -> Policy:
        """Return the policy of parameters `[1, learners, 8]`.

        Raises:
            ValueError: There are several sets of parameters.
        """
        if len(parameters) != 1:
            raise ValueError(f"parameters: expected [1, learners, size], got {list(parameters.shape)}")
        _check(market)
        return _AuctionLevelPolicy(arithmetic.exp(parameters[0]))


@dataclass(frozen=True, eq=False)
class _AuctionLevelPolicy:
    """Bid in each auction by the scores of its candidates."""

    worth: Array
    """What each learner's scores are made of, `[learners, 8]`, > 0."""
    aims_at_floor: ClassVar[bool] = True
    """It reads the floor that training aims at when a day begins, so that a higher one raises revenue, and not higher bids."""

    __repr__ = short_repr

    def begin(self, market: Market, day: int, n_policies: int) -> DayPolicy:  # noqa: ARG002  (one set of parameters)
        """Begin a day whose traffic holds the bids of each hour in place of the learners' keyword bids.

        Where several copies of the day run side by side, all have the bids that fit the first.
        """
        from auctionsim.agents.policies.auction_level.source import AuctionBidSource
        from auctionsim.auction.kernel.cooperative_bids import WORTH_COLUMNS, Choice

        n, learners, rules = len(market.advertisers), market.learners, market.rules
        price, usual = market.baseline_prices.copy(), self.worth.mean(axis=0)
        price[learners] = self.worth[:, PRICE]
        revenue, others = float(usual[REVENUE]), float(usual[OTHERS])
        # Where revenue is short everybody is asked for more whom a payment costs less than it is worth to all.
        more = np.zeros(n)
        more[learners] = np.where(self.worth[:, PAYMENT] < revenue, market.baseline_prices[learners], 0.0)
        feedback = Feedback(market, day, price, more, revenue / others)
        source, is_learner = AuctionBidSource(market, day), market.is_controlled
        known = np.where(np.isnan(market.fixed), STATIC_BIDS["manual"], market.fixed)
        theta = market.fixed[:, :, None].copy()
        theta[learners] = 0.0
        theta[learners, FEATURES.index("keyword_bid")] = 1.0

        def act(state: DayState) -> Array:
            hour = feedback.of(state)
            worth = np.zeros((n, WORTH_COLUMNS))
            worth[learners, :3] = self.worth[:, :3]
            keeps_cap = self.worth[:, CAP] * hour.cap_factor[learners] + GAINS.limit * revenue * hour.excess[learners]
            worth[learners, 0] += keeps_cap * hour.cap[learners]
            worth[learners, 3] = self.worth[:, PAYMENT] * hour.payment_factor[learners]
            worth[learners, 3] += GAINS.limit * revenue * hour.excess[learners]
            worth[:, 4] = hour.price
            is_left = state.budget_left[:, 0] > 0
            choice = Choice(
                is_learner & is_left, ~is_learner & is_left, known, worth, others * hour.others_factor, revenue * hour.revenue_factor, hour.pressure, rules.reserve,
                rules.bid_cap,
            )  # fmt: skip
            source.bid(state.hour, choice)
            return theta

        return DayPolicy(act, source)


def _check(market: Market) -> None:
    """Refuse markets in which the runner-up's bid is not the price of the one slot."""
    rules, place = market.rules, f"{market.scenario.source}: learner.policy: expected "
    if len(rules.slot_effect) != 1:
        raise InputError(f"{place}one slot (mechanism.slot_effect = [1.0]) with 'auction', got {len(rules.slot_effect)}")
    if rules.pricing == "first":
        raise InputError(f"{place}mechanism.pricing 'gsp' or 'vcg' with 'auction', got 'first'")
