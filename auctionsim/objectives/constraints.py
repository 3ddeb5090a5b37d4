"""Soft constraints of advertisers and platform: how far each is violated on a day, and what a violation costs.

Every violation is relative and signed: above 0 it is violated, below 0 there is slack, and -1 stands where there is no such
constraint. Arrays have the policy axis last.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from auctionsim.auction.kernel.engine import CLICKS, COST, GMV
from auctionsim.objectives.goals import Goals, of_all, ratio, running_score
from auctionsim.scenario import LearnerSection

Array = NDArray[np.float64]
NO_CONSTRAINT = -1.0


@dataclass(frozen=True, eq=False)
class Violations:
    """Of a day; the platform's revenue floor is apart, since learners may count revenue auction by auction."""

    cpc: Array
    """Price per click over its cap, less 1: `[advertisers, P]`."""
    roi: Array
    """1 less gmv / cost over 1 + the ROI floor: `[advertisers, P]`."""
    profit: Array
    """Profit under its floor, relative to the reference's profit: `[advertisers, P]`."""
    self_bidders: Array
    """The same for the profit of all self-bidding advertisers together: `[P]`."""


def violations(totals: Array, goals: Goals) -> Violations:
    """All violations of advertisers' constraints, from a day's totals `[advertisers, 5, P]`."""
    profit = totals[:, GMV] - totals[:, COST]
    cpc = ratio(totals[:, COST], totals[:, CLICKS])
    asked = np.maximum(1.0 + goals.roi_floor, 0.0) * totals[:, COST]
    has_floor = np.isfinite(goals.profit_floor)
    bystanders = of_all(np.where(goals.is_self_bidding[:, None], profit, 0.0))
    has_bystander_floor = np.isfinite(goals.self_bidder_floor)
    scale = np.maximum(np.abs(goals.self_bidder_profit), 1e-12)
    return Violations(
        cpc=np.where(np.isfinite(goals.cpc_cap), cpc / goals.cpc_cap - 1.0, NO_CONSTRAINT),
        roi=np.where(asked > 0, 1.0 - totals[:, GMV] / np.where(asked > 0, asked, 1.0), NO_CONSTRAINT),
        profit=np.where(
            has_floor, (np.where(has_floor, goals.profit_floor, 0.0) - profit) / np.abs(goals.scales[:, 3]), NO_CONSTRAINT
        ),
        self_bidders=np.where(
            has_bystander_floor,
            (np.where(has_bystander_floor, goals.self_bidder_floor, 0.0) - bystanders) / scale,
            NO_CONSTRAINT,
        ),
    )


def revenue_violation(totals: Array, goals: Goals) -> Array:
    """How far revenue stays under the platform's floor, relative to it: `[P]`."""
    floor = goals.revenue_floor
    return np.where(floor > 0, 1.0 - of_all(totals[:, COST]) / np.where(floor > 0, floor, 1.0), NO_CONSTRAINT)


def penalty(violation: Array, base: float) -> Array:
    """`base^violation - 1` for a violation above 0, else 0 (the shape of USCB, KDD 2021, section 4)."""
    with np.errstate(over="ignore"):
        # Beyond the largest number it is infinite, which ranks last as it should.
        return np.power(base, np.maximum(violation, 0.0)) - 1.0


def own_penalty(found: Violations, settings: LearnerSection) -> Array:
    """Penalties of each advertiser's own constraints, `[advertisers, P]`."""
    return penalty(found.cpc, settings.penalty) + penalty(found.roi, settings.penalty)


def common_penalty(found: Violations, settings: LearnerSection) -> Array:
    """Penalties of the floors on advertisers' profits, mean over advertisers, and on the self-bidders' profit: `[P]`.

    Everybody is charged for everybody's shortfall. Charged to its own advertiser alone, a shortfall is answered by a higher
    bid, which takes profit from the rivals, who answer likewise: training ends in the competitive outcome.
    """
    floors = of_all(penalty(found.profit, settings.penalty)) / len(found.profit)
    return floors + penalty(found.self_bidders, settings.penalty)


def day_penalty(totals: Array, goals: Goals, settings: LearnerSection) -> Array:
    """All penalties of a whole day, `[advertisers, P]`: each advertiser's own and, alike for all, the common ones."""
    found = violations(totals, goals)
    common = common_penalty(found, settings) + penalty(revenue_violation(totals, goals), settings.penalty)
    return own_penalty(found, settings) + common


def day_score(totals: Array, goals: Goals, settings: LearnerSection) -> Array:
    """Fitness of every advertiser for a whole day, `[advertisers, P]` (docs/macg.md, our reconstruction)."""
    return running_score(totals, goals, settings) - day_penalty(totals, goals, settings)
