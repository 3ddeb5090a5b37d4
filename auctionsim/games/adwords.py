"""Allocate queries to advertisers with budgets as they arrive: the AdWords problem, and three rules for it.

An advertiser pays its bid for each query it gets, up to its budget; queries come one at a time and the future is not known.
Greedy gives a query to the highest bid, balance to the largest share of budget left, `unspent` to the largest budget left, and
the rule of Mehta, Saberi, Vazirani and Vazirani (MSVV; JACM 2007) to the largest `bid x (1 - exp(spent share - 1))`. With bids
small against budgets MSVV earns at least 1 - 1/e = 0.632 of what was best in hindsight, and greedy one half. The rules have no
rival, so nothing is an equilibrium.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray

from auctionsim import arithmetic
from auctionsim.equilibria.liquid_welfare import best_liquid_welfare

Array = NDArray[np.float64]
Rule = Literal["greedy", "balance", "msvv", "unspent"]
RULES: tuple[Rule, ...] = ("greedy", "balance", "msvv")
"""The rules of the literature; `unspent` is balance as exercises state it, by the amount that is left and not its share."""


def allocate(bids: Array, budgets: Array, rule: Rule) -> float:
    """Return the revenue of a rule, in currency.

    Args:
        bids: The bid of each advertiser for each query in order of arrival, >= 0, `[queries, advertisers]`.
        budgets: The budgets, > 0, `[advertisers]`.
        rule: `greedy`, `balance`, `msvv` or `unspent`. Ties go to the first advertiser.
    """
    spent = np.zeros(len(budgets))
    for bid in bids:
        # A bid is worth no more than what is left to pay it with.
        worth = np.minimum(bid, budgets - spent)
        share = spent / budgets
        if rule == "greedy":
            score = worth
        elif rule == "balance":
            score = np.where(worth > 0, 1 - share, 0.0)
        elif rule == "unspent":
            score = np.where(worth > 0, budgets - spent, 0.0)
        else:
            score = worth * -np.asarray(arithmetic.expm1(share - 1))
        winner = int(score.argmax())
        if score[winner] > 0:
            spent[winner] += worth[winner]
    return float(spent.sum())


def best_revenue(bids: Array, budgets: Array) -> float:
    """Return an upper bound on revenue in hindsight: that of the best allocation in which queries may be divided.

    Args:
        bids: The bid of each advertiser for each query, `[queries, advertisers]`.
        budgets: The budgets, > 0, `[advertisers]`.
    """
    return best_liquid_welfare(bids, budgets)


def upper_triangle(n: int, queries: int) -> tuple[Array, Array]:
    """Return the bids and budgets of the instance on which no rule earns more than 1 - 1/e as n grows, and balance just that.

    Queries come in n equal groups; of the k-th, n - k advertisers bid, and the last one could be sold to whom each group drops.

    Args:
        n: The number of advertisers.
        queries: The queries of each group; each advertiser can pay as many, at bids of 1.
    """
    takes_part = np.triu(np.ones((n, n)))
    return np.repeat(takes_part, queries, axis=0), np.full(n, float(queries))
