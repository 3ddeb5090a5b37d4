"""The table of soft constraints. A new one is a class and an entry of `CONSTRAINTS` here, and its key in the scenario.

Nothing else names them one by one but the learners that credit revenue auction by auction, which take the revenue floor apart.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from auctionsim.auction.outcome import CLICKS, CONVERSIONS, COST, GMV
from auctionsim.objectives.base import NO_CONSTRAINT, Asked, Constraint, LinearRow
from auctionsim.objectives.goals import Goals, of_all
from auctionsim.ratios import NOTHING, safe_ratios
from auctionsim.scenario import Scenario, resolved_level

Array = NDArray[np.float64]


class CpcCap(Constraint):
    """Cost per click at most the cap. A cap relative to a baseline without clicks is none: there is no price to go by."""

    key, scope, sense, charged, is_optional = "cpc_cap", "advertiser", "cap", "owner", False

    def limit(self, asked: Asked) -> Array:
        """Resolve to currency per click."""
        usual = safe_ratios(asked.baseline[:, COST], asked.baseline[:, CLICKS], 0.0)
        caps = _levels([group.cpc_cap for group in asked.groups], usual, self.absent)
        return np.where(caps > 0, caps, self.absent)

    def violation(self, totals: Array, limit: Array, goals: Goals) -> Array:  # noqa: ARG002
        """Return cost per click over the cap, less 1."""
        cpc = safe_ratios(totals[:, COST], totals[:, CLICKS], 0.0)
        return np.where(np.isfinite(limit), cpc / limit - 1.0, NO_CONSTRAINT)

    def row(self, limit: Array, is_self_bidding: NDArray[np.bool_]) -> LinearRow:  # noqa: ARG002
        """Cost - cap x clicks <= 0."""
        return LinearRow(np.zeros(len(limit)), clicks=-limit, cost=1.0)

    def unit(self, limit: Array, goals: Goals) -> Array:
        """Return what the baseline's clicks cost at the cap."""
        return limit * goals.scales[:, 0, 0]


class CpaCap(Constraint):
    """Cost per conversion (CPA) at most the cap, the target CPA of an advertiser.

    A cap relative to a baseline without conversions is none: there is no price of a conversion to go by.
    """

    key, scope, sense, charged = "cpa_cap", "advertiser", "cap", "owner"

    def limit(self, asked: Asked) -> Array:
        """Resolve to currency per conversion."""
        usual = safe_ratios(asked.baseline[:, COST], asked.baseline[:, CONVERSIONS], 0.0)
        caps = _levels([group.cpa_cap for group in asked.groups], usual, self.absent)
        return np.where(caps > 0, caps, self.absent)

    def violation(self, totals: Array, limit: Array, goals: Goals) -> Array:  # noqa: ARG002
        """Return 1 less cap x conversions / cost: 1 where money brought no conversion, which has no cost per conversion."""
        is_set, cost = np.isfinite(limit), totals[:, COST]
        allowed = np.where(is_set, limit, 0.0) * totals[:, CONVERSIONS]
        return np.where(is_set & (cost > 0), 1.0 - safe_ratios(allowed, cost, 0.0), NO_CONSTRAINT)

    def row(self, limit: Array, is_self_bidding: NDArray[np.bool_]) -> LinearRow:  # noqa: ARG002
        """Cost - cap x conversions <= 0."""
        return LinearRow(np.zeros(len(limit)), conversions=-limit, cost=1.0)

    def unit(self, limit: Array, goals: Goals) -> Array:
        """Return what the baseline's conversions cost at the cap."""
        return limit * goals.scales[:, 1, 0]


class RoiFloor(Constraint):
    """Return on investment, (gmv - cost) / cost, at least the floor; a floor on gmv / cost, `roas_floor`, is 1 more."""

    key, scope, sense, charged, is_optional = "roi_floor", "advertiser", "floor", "owner", False

    def limit(self, asked: Asked) -> Array:
        """Resolve to a ratio."""
        cost, gmv = asked.baseline[:, COST], asked.baseline[:, GMV]
        roi = _levels([group.roi_floor for group in asked.groups], safe_ratios(gmv - cost, cost, 0.0), self.absent)
        roas = _levels([group.roas_floor for group in asked.groups], safe_ratios(gmv, cost, 0.0), self.absent)
        return np.maximum(roi, roas - 1.0)

    def violation(self, totals: Array, limit: Array, goals: Goals) -> Array:  # noqa: ARG002
        """Return 1 less gmv / cost over 1 + floor."""
        needed = np.maximum(1.0 + limit, 0.0) * totals[:, COST]
        return np.where(needed > 0, 1.0 - totals[:, GMV] / np.where(needed > 0, needed, 1.0), NO_CONSTRAINT)

    def row(self, limit: Array, is_self_bidding: NDArray[np.bool_]) -> LinearRow:  # noqa: ARG002
        """(1 + floor) x cost - gmv <= 0."""
        return LinearRow(np.zeros(len(limit)), gmv=-1.0, cost=np.maximum(1 + limit, 0.0))

    def unit(self, limit: Array, goals: Goals) -> Array:  # noqa: ARG002
        """Return the baseline's GMV."""
        return goals.scales[:, 2, 0]

    def is_set(self, limit: Array) -> NDArray[np.bool_]:
        """Return where the floor is above -1, which every outcome keeps."""
        return 1 + limit > 0


class ProfitFloor(Constraint):
    """Profit at least a share of the baseline's.

    Everybody is charged for the mean shortfall. Charged in full to its own advertiser alone, a shortfall is answered by a
    higher bid, which takes profit from the rivals, who answer likewise: training ends in the competitive outcome. Local credit
    counts of that mean what a learner can move (`fitness.movable_charge`).
    """

    key, scope, sense, charged, is_optional = "profit_floor", "advertiser", "floor", "all", False

    def limit(self, asked: Asked) -> Array:
        """Resolve to currency; in training higher by the margin."""
        shares = np.array([group.profit_floor * (1 + asked.profit_margin) for group in asked.groups])
        return np.where(shares > 0, shares * (asked.baseline[:, GMV] - asked.baseline[:, COST]), self.absent)

    def violation(self, totals: Array, limit: Array, goals: Goals) -> Array:
        """Return how far profit is under the floor, relative to the baseline's profit."""
        profit, is_set = totals[:, GMV] - totals[:, COST], np.isfinite(limit)
        return np.where(is_set, (np.where(is_set, limit, 0.0) - profit) / np.abs(goals.scales[:, 3]), NO_CONSTRAINT)

    def row(self, limit: Array, is_self_bidding: NDArray[np.bool_]) -> LinearRow:  # noqa: ARG002
        """Cost - gmv <= -floor."""
        return LinearRow(-limit, gmv=-1.0, cost=1.0)

    def unit(self, limit: Array, goals: Goals) -> Array:  # noqa: ARG002
        """Return the baseline's profit."""
        return np.abs(goals.scales[:, 3, 0])


class SpendFloor(Constraint):
    """Spend at least the floor: what a platform or an agency committed itself to."""

    key, scope, sense, charged = "spend_floor", "advertiser", "floor", "owner"

    def limit(self, asked: Asked) -> Array:
        """Resolve to currency."""
        return _levels([group.spend_floor for group in asked.groups], asked.baseline[:, COST], self.absent)

    def violation(self, totals: Array, limit: Array, goals: Goals) -> Array:  # noqa: ARG002
        """Return how far spend is under the floor, relative to it."""
        return _shortfall(totals[:, COST], limit)

    def row(self, limit: Array, is_self_bidding: NDArray[np.bool_]) -> LinearRow:  # noqa: ARG002
        """-cost <= -floor."""
        return LinearRow(-limit, cost=-1.0)

    def is_set(self, limit: Array) -> NDArray[np.bool_]:
        """Return where the floor is above 0."""
        return limit > 0


class SelfBidderFloor(Constraint):
    """Profit of all self-bidding advertisers together at least a share of the baseline's."""

    key, scope, sense, charged, is_optional = "self_bidder_floor", "self_bidders", "floor", "all", False

    def limit(self, asked: Asked) -> Array:
        """Resolve to currency."""
        share = asked.platform.self_bidder_floor
        profit = asked.baseline[asked.is_self_bidding, GMV] - asked.baseline[asked.is_self_bidding, COST]
        is_set = share > 0 and asked.is_self_bidding.any()
        return share * profit.sum(keepdims=True) if is_set else np.full(1, self.absent)

    def violation(self, totals: Array, limit: Array, goals: Goals) -> Array:
        """Return how far their profit is under the floor, relative to their profit under the baseline."""
        profit = of_all(np.where(goals.is_self_bidding[:, None], totals[:, GMV] - totals[:, COST], 0.0))
        is_set, scale = np.isfinite(limit), np.maximum(np.abs(goals.self_bidder_profit), NOTHING)
        return np.where(is_set, (np.where(is_set, limit, 0.0) - profit) / scale, NO_CONSTRAINT)

    def row(self, limit: Array, is_self_bidding: NDArray[np.bool_]) -> LinearRow:
        """Sum over self-bidders of cost - gmv <= -floor."""
        member = is_self_bidding.astype(np.float64)
        return LinearRow(-limit, gmv=-member, cost=member)

    def unit(self, limit: Array, goals: Goals) -> Array:  # noqa: ARG002
        """Return their profit under the baseline."""
        return np.maximum(np.abs(goals.self_bidder_profit), NOTHING)


class RevenueFloor(Constraint):
    """Platform revenue at least a share of the baseline's."""

    key, scope, sense, charged, is_optional = "revenue_floor", "market", "floor", "all", False

    def limit(self, asked: Asked) -> Array:
        """Resolve to currency; 0 for none."""
        return asked.revenue_share * asked.baseline[:, COST].sum(keepdims=True)

    def violation(self, totals: Array, limit: Array, goals: Goals) -> Array:  # noqa: ARG002
        """Return how far revenue is under the floor, relative to it."""
        return _shortfall(of_all(totals[:, COST]), limit)

    def shortfall(self, revenue: Array, floor: Array | float) -> Array:
        """Return the same of revenue and a floor in any one unit, for learners that count revenue auction by auction."""
        return _shortfall(revenue, np.asarray(floor, dtype=np.float64))

    def row(self, limit: Array, is_self_bidding: NDArray[np.bool_]) -> LinearRow:  # noqa: ARG002
        """-sum of cost <= -floor."""
        return LinearRow(-limit, cost=-1.0)

    def is_set(self, limit: Array) -> NDArray[np.bool_]:
        """Return whether the floor is above 0."""
        return limit > 0


REVENUE_FLOOR = RevenueFloor()
CPA_CAP, ROI_FLOOR, SPEND_FLOOR = CpaCap(), RoiFloor(), SpendFloor()

CONSTRAINTS: tuple[Constraint, ...] = (
    CpcCap(), ROI_FLOOR, ProfitFloor(), SPEND_FLOOR, CPA_CAP, SelfBidderFloor(), REVENUE_FLOOR,
)  # fmt: skip
"""All of them, in the order of a learner's multipliers."""


def constraints_of(scenario: Scenario) -> tuple[Constraint, ...]:
    """Return the constraints that a scenario's goals have a limit for: those it asks for, and those that are not optional."""
    return tuple(one for one in CONSTRAINTS if one.is_asked(scenario) or not one.is_optional)


def constraints_in(keys: Iterable[str]) -> tuple[Constraint, ...]:
    """Return the constraints of some keys, in the table's order."""
    wanted = set(keys)
    return tuple(one for one in CONSTRAINTS if one.key in wanted)


def trained_revenue_floor(scenario: Scenario) -> float:
    """Return the revenue floor that training and rewards aim at, a share of the baseline's revenue; 0 for none.

    It is `platform.revenue_floor x (1 + learner.floor_margin)`: with 1.0 and 0.02, learners are charged for revenue below 1.02
    of the baseline's. Bounds and reports judge by the floor as stated, 1.0. Where the margin is validated, learners are given
    scenarios that state the margin in numbers, and all others aim at the floor as stated.
    """
    margin = scenario.learner.floor_margin
    return scenario.platform.revenue_floor * (1 + (0.0 if isinstance(margin, str) else margin))


def _levels(levels: Iterable[float | str | None], usual: Array, absent: float) -> Array:
    """Limits as numbers: `baseline*SHARE` of the baseline's figures, `[advertisers]`."""
    resolved = [resolved_level(level, figure) for level, figure in zip(levels, usual.tolist(), strict=True)]
    return np.array([absent if level is None else level for level in resolved])


def _shortfall(amount: Array, floor: Array) -> Array:
    """How far an amount is under a floor, relative to it; no constraint where the floor is not above 0."""
    return np.where(floor > 0, 1.0 - amount / np.where(floor > 0, floor, 1.0), NO_CONSTRAINT)
