"""Derive bids from multipliers: the score rule of the cooperative program, and the bid formula that follows from it.

With c the expected payment of a win, advertiser i's win of auction j is worth, at the multipliers of a solved program,

    s_ij = num_ij - den_i c_ij
    num_ij = (w_click,i + beta_i cap_i) ctr_ij + w_conv,i ctr_ij cvr_ij + (w_gmv,i + w_profit,i + mu_i + phi_i) gmv_ij
    den_i  = w_profit,i + alpha_i + beta_i + (1 + roi_i) mu_i + phi_i - sigma_i - rho

with rewards w, and multipliers alpha of the budget, beta of the CPC cap, mu of the ROI floor, phi of the profit floor, sigma of
the spend floor, rho of the revenue floor: a row takes its multiplier times its coefficients off. The optimum gives j to the
largest positive score; i bids num_ij / den_i per impression, that is theta_0 + theta_1 cvr + theta_2 cvr item_price per click.
Our reconstruction; derived step by step in docs/macg-theory.md.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from auctionsim.bounds.eligible_wins import Contests
from auctionsim.bounds.linear_goals import LinearGoals
from auctionsim.bounds.oracle import Duals

Array = NDArray[np.float64]
NOBODY = -1


@dataclass(frozen=True, eq=False)
class DualForm:
    """What wins are worth at given multipliers."""

    numerator: Array
    """Worth of a click, a conversion and a unit of GMV of each advertiser, `[advertisers, 3]`."""
    denominator: Array
    """What a unit of payment takes from it, `[advertisers]`; may be 0 or below, where no payment is too high."""

    @classmethod
    def of(cls, goals: LinearGoals, duals: Duals) -> DualForm:
        """Return the form of a program at its multipliers.

        The multiplier of the self-bidders' floor counts for them as that of a profit floor.
        """
        profit = goals.rewards[:, 3]
        numerator = np.stack([goals.rewards[:, 0], goals.rewards[:, 1], goals.rewards[:, 2] + profit], axis=1)
        denominator = profit + duals.budget
        for row in goals.rows():
            multiplier = duals.of[row.constraint.key]
            numerator -= (row.coefficients[:3] * multiplier).T
            denominator = denominator + row.coefficients[3] * multiplier
        return cls(numerator, denominator)

    def worth(self, offered: Contests) -> Array:
        """What each column is worth to its advertiser before payment, num, `[columns]`."""
        quantities = np.stack([offered.clicks, offered.conversions, offered.gmv], axis=1)
        return (self.numerator[offered.advertiser] * quantities).sum(axis=1)

    def score(self, offered: Contests) -> Array:
        """The score s of each column at its least payment, `[columns]`."""
        return self.worth(offered) - self.denominator[offered.advertiser] * offered.least

    def bid(self, offered: Contests) -> Array:
        """The bid per impression of each column, num / den; infinite where den is not above 0."""
        den = self.denominator[offered.advertiser]
        return np.divide(self.worth(offered), den, out=np.full(len(den), np.inf), where=den > 0)

    def coefficients(self) -> Array:
        """The bid per click over 1, cvr and cvr x item_price, `[advertisers, 3]`; infinite where den is not above 0."""
        den = self.denominator[:, None]
        return np.divide(self.numerator, den, out=np.full(self.numerator.shape, np.inf), where=den > 0)


def winners_by_score(offered: Contests, form: DualForm) -> NDArray[np.int64]:
    """The score rule: the column of the largest score above 0 in each cell, or `NOBODY`."""
    return _best(offered, form.score(offered), 0.0)


def winners_by_bid(offered: Contests, form: DualForm) -> NDArray[np.int64]:
    """The naive rule: the column of the highest bid in each cell if that covers its payment, or `NOBODY`."""
    bid = form.bid(offered)
    best = _best(offered, bid, -np.inf)
    return np.where(bid[best] >= offered.least[best], best, NOBODY)


def winners_of(offered: Contests, wins: Array, tolerance: float = 1e-6) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Who wins each cell in a solution, or `NOBODY`; and which cells go to one alone, or nobody, whole.

    Args:
        offered: The contests.
        wins: Auctions won by each column.
        tolerance: On shares of a cell.
    """
    share = wins / offered.weight[offered.cell]
    best = _best(offered, share, 0.5)
    is_whole = np.bincount(offered.cell, (share > tolerance) & (share < 1 - tolerance), minlength=len(offered.weight)) == 0
    return best, is_whole


def _best(offered: Contests, value: Array, above: float) -> NDArray[np.int64]:
    """The first column of the largest value in each cell, or `NOBODY` where it is not above a number."""
    order = np.lexsort((-value, offered.cell))
    first = order[offered.cell_start[:-1]]
    return np.where(value[first] > above, first, NOBODY)
