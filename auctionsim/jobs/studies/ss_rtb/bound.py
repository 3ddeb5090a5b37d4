"""Bound in hindsight what any bids could gain at the cost of keyword bids, auction by auction; purchases in expectation."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from auctionsim import arithmetic
from auctionsim.agents.policies.keyword_bids import keyword_bids, keyword_cost
from auctionsim.bounds.eligible_wins import EligibleWins, eligible_wins
from auctionsim.market.market import Market

Array = NDArray[np.float64]


def bounds(market: Market, *, pooled: bool = False) -> Iterator[tuple[str, str, float]]:
    """Yield the bounds on the gains of `gains.gains` in expectation, by the same names: rows (split, metric, value).

    Args:
        market: A market without budgets.
        pooled: Whether the cost of all ads together is that of keyword bids; else that of each ad.
    """
    expected, section = market.in_expectation().without_budgets(), market.scenario.traffic
    for split, day in (("train", section.train_days[0]), ("test", section.test_days[0])):
        base = expected.outcome(day, keyword_bids(expected).theta).gmv[:, market.learners, 0].sum(axis=0)
        eligible = eligible_wins(expected, day)
        if pooled or market.learners_meet:
            yield split, "gain_all", largest_gmv(eligible, market.learners) / float(base.sum()) - 1
            continue
        wanted = keyword_cost(expected, day)
        most = np.array([gmv_at_cost(eligible, int(i), float(c)) for i, c in zip(market.learners, wanted, strict=True)])
        yield split, "gain", float((most / base).mean() - 1)
        yield split, "gain_all", float(most.sum() / base.sum() - 1)
        for who, one, own in zip(market.learners, most, base, strict=True):
            yield split, f"gain {market.advertisers[who]}", float(one / own - 1)


def gmv_at_cost(eligible: EligibleWins, advertiser: int, cost: float) -> float:
    """Return the largest GMV that an advertiser can buy for a cost where it meets no other learner, currency.

    Auctions are bought by GMV per unit of payment, the best first and the last one in part: the optimum of the fractional
    knapsack (Dantzig 1957). For example, of auctions that bring 3, 2 and 1 for a payment of 1 each, a cost of 1.5 buys 4.
    """
    own = eligible.advertiser == advertiser
    weight = eligible.weight[eligible.cell[own]]
    gmv, paid = eligible.gmv[own] * weight, eligible.payment_min[own] * weight
    order = np.argsort(-gmv / np.maximum(paid, 1e-300), kind="stable")
    spent = np.concatenate([[0.0], np.cumsum(paid[order])])
    return float(arithmetic.interpolate(cost, spent, np.concatenate([[0.0], np.cumsum(gmv[order])])))


def largest_gmv(eligible: EligibleWins, learners: NDArray[np.int64]) -> float:
    """Return the learners' GMV if each auction went to the one of them with most GMV in it, whatever it costs, currency."""
    gmv = np.where(np.isin(eligible.advertiser, learners), eligible.gmv, 0.0)
    return float((np.maximum.reduceat(gmv, eligible.cell_start[:-1]) * eligible.weight).sum())
