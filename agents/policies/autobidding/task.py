"""Resolve what value maximizers ask for to arrays: what a click is worth to them, their targets, and their commitments."""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from auctionsim.auction.bid_formula import FEATURES
from auctionsim.auction.outcome import CONVERSIONS, COST, GMV
from auctionsim.market.goals import goals_of
from auctionsim.market.market import Market
from auctionsim.objectives.constraints import CPA_CAP, ROI_FLOOR, SPEND_FLOOR
from auctionsim.scenario import Objective
from auctionsim.traffic.table import HOURS

Array = NDArray[np.float64]

TARGETS = (CPA_CAP.key, ROI_FLOOR.key)
"""Keys of the constraints that are targets, K, in the order of every axis of targets."""
_FEATURE_OF: dict[Objective, str] = {"clicks": "one", "conversions": "pcvr", "gmv": "value"}
_UNIT_FEATURES = (FEATURES.index("pcvr"), FEATURES.index("value"))
_UNIT_AMOUNTS = (CONVERSIONS, GMV)
_TINY = 1e-12
_LARGEST = 1e12
"""Largest price of an action: a target that allows more allows whatever there is."""


@dataclass(frozen=True, eq=False)
class Task:
    """What n value maximizers ask for, in currency.

    An action of theirs is worth what its target allows to pay for it, where the target is on what they maximize: with a target
    of 20 a conversion, a conversion is worth 20. Without one, the value is scaled so that its mean is the mean keyword bid.
    """

    value: Array
    """Coefficients of a click's value over `bid_formula.FEATURES`, currency, `[n, 4]`."""
    allowed: Array
    """Currency that each target allows to pay for a conversion, and for a unit of GMV; 0 where there is no target, `[K, n]`."""
    has_budget: NDArray[np.bool_]
    """Whether money is limited, `[n]`."""
    least_spend: Array
    """Least spend of a day, currency, 0 for none, `[n]`; that of the whole account where it has one."""
    has_common_least: NDArray[np.bool_]
    """Whether the least spend is the account's, `[n]`."""
    pool: NDArray[np.int64]
    """Number of the budget that each pays from, `[n]`: equal for campaigns of one account."""
    hourly_spend: Array
    """Usual spend of an hour under the baseline, or a 24th of the budget where that is less, currency > 0, `[n]`."""

    @classmethod
    def of(cls, market: Market, advertisers: NDArray[np.int64]) -> Task:
        """Resolve the goals of some advertisers by the training days.

        Args:
            market: The market; levels relative to its baseline are means over training days.
            advertisers: Indices of the advertisers, `[n]`.
        """
        days = market.scenario.traffic.train_days
        limits = [goals_of(market, day).limits for day in days]

        def mean(key: str, absent: float) -> Array:
            found = [one[key][advertisers, 0] if key in one else np.full(len(advertisers), absent) for one in limits]
            return np.mean(found, axis=0)

        cap, roas = mean(CPA_CAP.key, np.inf), 1.0 + mean(ROI_FLOOR.key, -np.inf)
        is_set = np.stack([np.isfinite(cap), roas > 0])
        allowed = np.where(is_set, np.minimum(np.stack([cap, 1.0 / np.maximum(roas, _TINY)]), _LARGEST), 0.0)
        pool, common = _shared_budgets(market, advertisers)
        return cls(
            _values(market, advertisers, allowed),
            allowed,
            np.isfinite(market.budgets[advertisers]),
            np.where(common > 0, common, np.maximum(mean(SPEND_FLOOR.key, 0.0), 0.0)),
            common > 0,
            pool,
            _usual_spend(market, advertisers),
        )

    @property
    def has_target(self) -> NDArray[np.bool_]:
        """Whether each target is set, `[K, n]`."""
        return self.allowed > 0

    @property
    def target_value(self) -> Array:
        """Coefficients of what each target allows to pay for a click, `[K, n, 4]`."""
        found = np.zeros((len(TARGETS), *self.value.shape))
        for k, feature in enumerate(_UNIT_FEATURES):
            found[k, :, feature] = self.allowed[k]
        return found

    def earned(self, totals: Array) -> Array:
        """Return what each target allowed to pay for what was won, currency, `[K, n, P]`.

        Args:
            totals: Impressions, clicks, conversions, GMV and cost, `[n, 5, P]`.
        """
        return np.stack([self.allowed[k][:, None] * totals[:, amount] for k, amount in enumerate(_UNIT_AMOUNTS)])

    def pooled(self, amounts: Array) -> Array:
        """Return the sum over all who pay from the same budget, for each of the n, `[n, P]`, of amounts `[n, P]`."""
        total = np.zeros_like(amounts)
        np.add.at(total, self.pool, amounts)
        return total[self.pool]

    def part(self, members: NDArray[np.int64]) -> Task:
        """Return the task of some of the n, by their indices."""
        cut = {one.name: getattr(self, one.name) for one in fields(self)}
        return Task(**{name: array[:, members] if name == "allowed" else array[members] for name, array in cut.items()})


def _values(market: Market, advertisers: NDArray[np.int64], allowed: Array) -> Array:
    """Return the coefficients of a click's value, `[n, 4]`."""
    value = np.zeros((len(advertisers), len(FEATURES)))
    for row, i in enumerate(advertisers.tolist()):
        name = market.groups[i].value
        feature = FEATURES.index(_FEATURE_OF[name])
        mean = market.mean_features[i]
        bid = mean[FEATURES.index("keyword_bid")] or mean[FEATURES.index("value")]
        own = allowed[_UNIT_FEATURES.index(feature), row] if feature in _UNIT_FEATURES else 0.0
        value[row, feature] = own if own > 0 else (bid / mean[feature] if mean[feature] > 0 else 0.0)
    return value


def _usual_spend(market: Market, advertisers: NDArray[np.int64]) -> Array:
    """Return the usual spend of an hour, `[n]`.

    Where one spends nothing it is that of a typical other advertiser, or, where others' spend may not be known, the price of
    one click an hour at the own mean keyword bid.
    """
    days, known = market.scenario.traffic.train_days, market.information
    daily = np.mean([market.baseline[day].cost.sum(axis=0)[:, 0] for day in days], axis=0)
    if known is None or known.shows("full"):
        typical = daily[daily > 0].mean() if (daily > 0).any() else 1.0
    else:
        bid = market.mean_features[:, FEATURES.index("keyword_bid")]
        typical = HOURS * np.where(bid > 0, bid, 1.0)
    daily = np.minimum(np.where(daily > 0, daily, typical), market.budgets)[advertisers]
    hourly: Array = np.maximum(daily / HOURS, _TINY)
    return hourly


def _shared_budgets(market: Market, advertisers: NDArray[np.int64]) -> tuple[NDArray[np.int64], Array]:
    """Return the number of each one's budget, `[n]`, and the least spend of its account, currency, 0 for none, `[n]`."""
    pool, common = np.arange(len(advertisers)), np.zeros(len(advertisers))
    for account in market.accounts:
        own = np.flatnonzero(np.isin(advertisers, account.members))
        pool[own] = own[:1]
        common[own] = account.min_spend
    return pool, common


def spent(totals: Array) -> Array:
    """Return the cost of totals `[n, 5, P]`, currency, `[n, P]`."""
    cost: Array = totals[:, COST]
    return cost
