"""The score rule from the multipliers is the program's own choice; the highest scalar bid is not (docs/macg-theory.md)."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from auctionsim.bounds.dual_bids import NOBODY, DualForm, winners_by_bid, winners_by_score, winners_of
from auctionsim.bounds.eligible_wins import EligibleWins
from auctionsim.bounds.linear_goals import LinearGoals
from auctionsim.bounds.oracle import Bound, best_allocation

N, AUCTIONS = 4, 400
NONE = np.full(N, np.inf)


def four_advertisers(seed: int) -> tuple[EligibleWins, LinearGoals]:
    """Four cooperating advertisers of mixed objectives in 400 auctions whose prices are given from outside."""
    rng = np.random.default_rng([seed, 13])
    who = np.tile(np.arange(N), AUCTIONS)
    ctr = rng.lognormal(-3.0, 0.4, N * AUCTIONS)
    cvr = rng.lognormal(-2.5, 0.7, N * AUCTIONS)
    gmv = ctr * cvr * np.array([40.0, 60.0, 80.0, 50.0])[who] * rng.lognormal(0.0, 0.2, N * AUCTIONS)
    price = np.repeat(rng.lognormal(-0.3, 0.5, AUCTIONS), N)
    eligible = EligibleWins(
        np.arange(0, N * AUCTIONS + 1, N),
        np.ones(AUCTIONS),
        np.zeros(AUCTIONS, dtype=bool),
        who,
        ctr,
        ctr * cvr,
        gmv,
        price,
        price,
    )
    # A click seller, a conversion seller and two GMV sellers; everybody's profit counts too.
    rewards = np.array([[12.0, 0, 0, 1], [0, 120.0, 0, 1], [0, 0, 2.0, 1], [0, 0, 1.0, 1]])
    return eligible, LinearGoals(rewards, NONE, np.zeros(N, dtype=bool), {})


def spend(bound: Bound) -> np.ndarray:
    return bound.objectives[:, 2] - bound.objectives[:, 3]


def setting(name: str, eligible: EligibleWins, free: LinearGoals) -> LinearGoals:
    """The settings of the check, relative to what the advertisers do without constraints."""
    unbound = best_allocation(eligible, free)
    cpc = spend(unbound) / unbound.objectives[:, 0]
    if name == "all budgets":
        return replace(free, budget=0.5 * spend(unbound))
    if name == "one budget":
        return replace(free, budget=np.array([0.3 * spend(unbound)[0], *NONE[1:]]))
    if name == "cpc caps":
        return replace(free, limits={"cpc_cap": 0.85 * cpc})
    if name == "spend floor":
        return replace(free, limits={"spend_floor": np.array([1.2 * spend(unbound)[0], *-NONE[1:]])})
    floor = np.array([{"floor 1.02": 1.02, "floor 1.06": 1.06}[name] * unbound.revenue])
    return replace(free, limits={"cpc_cap": 1.01 * cpc, "revenue_floor": floor})


SETTINGS = pytest.mark.parametrize("name", ["all budgets", "one budget", "cpc caps", "spend floor", "floor 1.02", "floor 1.06"])


def agreement(name: str, seed: int) -> tuple[int, int, int, Bound]:
    """Whole auctions, and in how many of them the score rule and the naive rule agree with the program."""
    eligible, free = four_advertisers(seed)
    terms = setting(name, eligible, free)
    bound = best_allocation(eligible, terms)
    assert bound.status == "optimal"
    form = DualForm.of(terms, bound.duals)
    chosen, is_whole = winners_of(eligible, bound.wins)
    by_score, by_bid = winners_by_score(eligible, form), winners_by_bid(eligible, form)
    return int(is_whole.sum()), int((by_score == chosen)[is_whole].sum()), int((by_bid == chosen)[is_whole].sum()), bound


@SETTINGS
@pytest.mark.parametrize("seed", range(3))
def test_the_score_rule_agrees_with_the_program_in_99_of_100_auctions_and_the_naive_rule_in_fewer(name: str, seed: int):
    whole, by_score, by_bid, _ = agreement(name, seed)
    assert whole >= AUCTIONS - 2 * N - 1
    assert by_score >= 0.99 * whole
    assert by_bid < by_score


def test_the_revenue_multiplier_is_above_0_only_where_the_floor_binds():
    rho = {name: agreement(name, 0)[3].duals.of["revenue_floor"] for name in ("floor 1.02", "floor 1.06")}
    eligible, free = four_advertisers(0)
    terms = setting("floor 1.02", eligible, free)
    slack = replace(terms, limits={**terms.limits, "revenue_floor": 0.5 * terms.limits["revenue_floor"]})
    assert best_allocation(eligible, slack).duals.of["revenue_floor"] == 0
    assert 0 < rho["floor 1.02"] < rho["floor 1.06"]


def test_the_revenue_floor_lowers_the_denominator_and_so_raises_every_bid():
    eligible, free = four_advertisers(0)
    terms = setting("floor 1.02", eligible, free)
    duals = best_allocation(eligible, terms).duals
    with_floor, without = (
        DualForm.of(terms, duals),
        DualForm.of(terms, replace(duals, of={**duals.of, "revenue_floor": np.zeros(1)})),
    )
    assert (with_floor.denominator < without.denominator).all()
    assert (with_floor.bid(eligible) > without.bid(eligible)).all()


def test_a_bid_is_the_linear_form_of_its_coefficients():
    eligible, free = four_advertisers(0)
    terms = setting("all budgets", eligible, free)
    form = DualForm.of(terms, best_allocation(eligible, terms).duals)
    theta = form.coefficients()[eligible.advertiser]
    cvr = eligible.conversions / eligible.clicks
    per_click = theta[:, 0] + theta[:, 1] * cvr + theta[:, 2] * eligible.gmv / eligible.clicks
    np.testing.assert_allclose(per_click * eligible.clicks, form.bid(eligible))
    assert (theta >= 0).all()


def test_without_constraints_score_and_bid_choose_alike_where_denominators_are_equal():
    eligible, free = four_advertisers(0)
    form = DualForm.of(free, best_allocation(eligible, free).duals)
    assert (form.denominator == 1).all()
    np.testing.assert_array_equal(winners_by_score(eligible, form), winners_by_bid(eligible, form))
    assert (winners_by_score(eligible, form) == NOBODY).any()
