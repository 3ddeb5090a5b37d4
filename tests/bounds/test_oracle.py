"""The bound in hindsight: above everything the engine does, equal to it where the optimum is known, and refused elsewhere."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from auctionsim.agents.build import build_market
from auctionsim.auction.bid_formula import STATIC_BIDS
from auctionsim.auction.day import run_day
from auctionsim.auction.outcome import CLICKS, COST, GMV
from auctionsim.auction.rules import Rules
from auctionsim.auction.sources import TableSource
from auctionsim.bounds import linear_goals
from auctionsim.bounds.eligible_wins import eligible_wins
from auctionsim.bounds.oracle import Bound, lp_bound
from auctionsim.errors import InputError
from auctionsim.market.benchmarks import day_benchmarks
from auctionsim.market.goals import goals_of
from auctionsim.market.market import Market
from auctionsim.objectives import constraints
from auctionsim.objectives import goals as obj
from auctionsim.objectives.base import Asked, Constraint, LinearRow
from auctionsim.ratios import safe_ratios
from auctionsim.scenario import AdvertiserGroup, Scenario
from auctionsim.scenario.file import parse_scenario
from auctionsim.traffic.table import HOURS, Traffic

from ..conftest import SMALL, make_market

N = 4
P = 2
CLOSE = 1e-7
OBJECTIVES = st.sampled_from([{"profit": 1.0}, {"gmv": 1.0}, {"clicks": 1.0}, {"conversions": 0.5, "profit": 1.0}])


def market_of(traffic: Traffic, controllers: list[str], budgets: list[float], rules: Rules, goals: list[dict]) -> Market:
    """A market over a table written by hand."""
    groups = tuple(
        AdvertiserGroup(group=f"g{i}", controller=controller, objectives=objectives)
        for i, (controller, objectives) in enumerate(zip(controllers, goals, strict=True))
    )
    scenario = Scenario(name="by hand", advertisers=groups)
    fixed = np.array([STATIC_BIDS.get(controller, (0.0,) * 4) for controller in controllers])
    learners = np.array([i for i, controller in enumerate(controllers) if controller == "learner"], dtype=np.int64)
    limits, source = np.array(budgets), TableSource(traffic, rules)
    market = Market(scenario, 0, traffic, source, rules, groups, fixed, learners, limits, {}, np.zeros((len(groups), 4)))
    return replace(market, baseline={0: market.outcome(0, market.static("manual"))})


@st.composite
def markets(draw: st.DrawFn) -> Market:
    sizes = draw(st.lists(st.integers(1, N), min_size=1, max_size=6))
    n_rows = sum(sizes)
    hours = sorted(draw(st.lists(st.integers(0, 3), min_size=len(sizes), max_size=len(sizes))))
    weights = draw(st.lists(st.sampled_from([1, 2, 9]), min_size=len(sizes), max_size=len(sizes)))
    who = [draw(st.integers(0, N - 1)) for _ in range(n_rows)]
    rate, money = st.floats(0.05, 1.0), st.sampled_from([0.0, 0.2, 0.5, 1.0, 1.0, 1.7])
    traffic = make_market(
        sizes,
        hours,
        weights,
        who,
        draw(st.lists(rate, min_size=n_rows, max_size=n_rows)),
        draw(st.lists(money, min_size=n_rows, max_size=n_rows)),
        N,
        market_ecpm=draw(st.lists(st.sampled_from([0.0, 0.0, 0.3]), min_size=len(sizes), max_size=len(sizes))),
    )
    traffic = replace(
        traffic,
        cvr=np.array(draw(st.lists(st.one_of(st.just(0.0), rate), min_size=n_rows, max_size=n_rows))),
        ctr=np.array(draw(st.lists(rate, min_size=n_rows, max_size=n_rows))),
        item_price=np.array(draw(st.lists(st.sampled_from([0.0, 1.0, 4.0]), min_size=n_rows, max_size=n_rows))),
    )
    controllers = draw(st.lists(st.sampled_from(["learner", "learner", "manual", "truthful"]), min_size=N, max_size=N))
    budget = st.sampled_from([np.inf, np.inf, 0.0, 0.4, 1.0, 3.0])
    rules = Rules(
        reserve=draw(st.sampled_from([0.0, 0.3])),
        squash=draw(st.sampled_from([1.0, 0.5])),
        pricing=draw(st.sampled_from(["gsp", "vcg"])),
        bid_floor=draw(st.sampled_from([0.0, 0.0, 0.25])),
        bid_cap=draw(st.sampled_from([np.inf, np.inf, 0.8])),
    )
    goals = draw(st.lists(OBJECTIVES, min_size=N, max_size=N))
    return market_of(traffic, controllers, draw(st.lists(budget, min_size=N, max_size=N)), rules, goals)


def any_policy(market: Market, seed: int) -> np.ndarray:
    """A day's totals `[advertisers, 5, P]` under random coefficients by the hour, some of them 0."""
    rng = np.random.default_rng(seed)
    theta = np.tile(market.fixed[None, :, :, None], (HOURS, 1, 1, P))
    draws = rng.gamma(0.7, 1.0, (HOURS, len(market.learners), 4, P)) * rng.integers(0, 2, (HOURS, len(market.learners), 4, P))
    theta[:, market.learners] = draws
    return obj.day_totals(run_day(market.day(0, P), lambda hour: theta[hour]))


def kept_goals(market: Market, totals: np.ndarray, which: int) -> tuple[obj.Goals, float | None]:
    """Goals whose limits are exactly what a policy reached; the bits of `which` say which kinds there are."""
    goals = goals_of(market, 0)
    cost, clicks, gmv = (totals[:, k, 0] for k in (COST, CLICKS, GMV))
    has_cost = cost > 0
    fixed = ~market.is_controlled
    reference = (market.baseline[0].profit.sum(axis=(0, 2)) * fixed).sum()
    held = ((gmv - cost) * fixed).sum() / reference - 1e-9 if which & 16 and reference > 0 else None
    # A floor below 0 is none: those who lose money hold nothing.
    held = held if held is not None and held >= 0 else None
    caps = np.where(has_cost, cost / np.where(clicks > 0, clicks, 1) * (1 + 1e-12), 1.0)
    roi_floors = np.where(has_cost, (gmv - cost) / np.where(has_cost, cost, 1) - 1e-9, -0.5)
    return goals.with_limits(
        revenue_floor=np.array([float(cost.sum()) * (1 - 1e-12) if which & 1 else 0.0]),
        profit_floor=(gmv - cost - 1e-9 if which & 2 else np.full(N, -np.inf))[:, None],
        cpc_cap=(caps if which & 4 else np.full(N, np.inf))[:, None],
        roi_floor=(roi_floors if which & 8 else np.full(N, -np.inf))[:, None],
        spend_floor=(cost * (1 - 1e-12) if which & 32 else np.full(N, -np.inf))[:, None],
    ), held


@settings(max_examples=100)
@given(markets(), st.integers(0, 10_000), st.integers(0, 63), st.sampled_from([(1.0, 0.0), (0.0, 1.0), (0.5, 1.0)]))
def test_no_policy_that_keeps_the_constraints_is_above_the_bound(market: Market, seed: int, which: int, weights: tuple):
    every = any_policy(market, seed)
    own, shared = weights
    for p in range(P):
        totals = every[:, :, p : p + 1]
        goals, held = kept_goals(market, totals, which)
        bound = lp_bound(market, 0, goals=goals, own_weight=own, global_weight=shared, self_bidder_floor=held)
        score = own / N * obj.own_objective(totals, goals)[market.is_controlled].sum() + shared * obj.global_profit(
            totals, goals
        )
        assert bound.status == "optimal"
        assert bound.value >= float(score.item()) - CLOSE * max(1, abs(score.item()))


@settings(max_examples=40)
@given(markets())
def test_where_nobody_learns_the_bound_is_what_happens(market: Market):
    # Without budgets the fixed rules leave nothing open: the only point of the program is the outcome itself.
    fixed = np.array([STATIC_BIDS["manual"]] * N)
    closed = replace(market.without_budgets(), fixed=fixed, learners=np.zeros(0, dtype=np.int64))
    outcome = closed.outcome(0, fixed[:, :, None])
    closed = replace(closed, baseline={0: outcome})
    bound = lp_bound(closed, 0, own_weight=0.0, global_weight=1.0)
    assert bound.total_profit == pytest.approx(outcome.profit.sum(), rel=1e-9, abs=1e-9)
    assert bound.revenue == pytest.approx(outcome.cost.sum(), rel=1e-9, abs=1e-9)


def one_learner(controller: str, *overrides: str) -> Market:
    text = (
        SMALL.replace("count = 5", "count = 1")
        + f'\n[[advertisers]]\ngroup = "rival"\ncount = 4\ncontroller = "{controller}"\n'
    )
    free = ["platform.revenue_floor=0.0", "advertisers.0.profit_floor=0.0"]
    return build_market(parse_scenario(text, "x.toml", overrides=[*free, *overrides]))


def test_one_learner_s_bound_is_what_bidding_the_value_earns():
    # One slot, second price: bidding the value of a click is dominant, and no rival's bid depends on it.
    market = one_learner("manual")
    theta = market.static("manual")
    theta[0, :, 0] = STATIC_BIDS["truthful"]
    totals = obj.day_totals(market.outcome(2, theta))
    best = lp_bound(market, 2, own_weight=5.0, global_weight=0.0)
    assert best.objectives[0, 3] == pytest.approx(float(totals[0, GMV, 0] - totals[0, COST, 0]), rel=1e-9)


def test_where_budgets_do_not_bind_the_bound_on_total_profit_is_the_efficient_one_less_the_revenue(small: Scenario):
    market = build_market(small)
    for day in small.traffic.test_days:
        efficient = day_benchmarks(market, day)[0]
        bound = lp_bound(market, day, own_weight=0.0, global_weight=1.0)
        assert bound.total_profit == pytest.approx(efficient.profit, rel=1e-9)
        assert bound.revenue == pytest.approx(efficient.revenue, rel=1e-9)
        assert bound.value * goals_of(market, day).profit_scale == pytest.approx(efficient.profit, rel=1e-9)


def solved(*overrides: str) -> Bound:
    return lp_bound(build_market(parse_scenario(SMALL, "small.toml", overrides=overrides)), 2)


def tightened(kind: str, by: float) -> tuple[Bound, float]:
    """The bound under one constraint that binds, and how much slacker it is than at `by` = 0 (0 where that is no number)."""
    if kind in ("profit", "revenue"):
        market = build_market(parse_scenario(SMALL, "small.toml", overrides=["advertisers.0.profit_floor=0.0"]))
        goals, gmv = goals_of(market, 2), obj.day_totals(market.baseline[2])[0, GMV, 0]
        if kind == "profit":
            goals = goals.with_limits(profit_floor=np.array([2.5 * gmv - by, *[-np.inf] * 4])[:, None])
        else:
            goals = goals.with_limits(revenue_floor=goals.limits["revenue_floor"] - by)
        return lp_bound(market, 2, goals=goals, own_weight=0.0, global_weight=1.0), by
    # A single learner, whose prices its rivals set, under half of what it would do without the constraint.
    market = one_learner("manual")
    goals = goals_of(market, 2)
    free = lp_bound(market, 2, goals=goals, own_weight=5.0, global_weight=0.0)
    clicks, _, gmv, profit = free.objectives[0]
    cost = gmv - profit
    if kind == "budget":
        market = replace(market, budgets=np.array([0.5 * cost + by, *[np.inf] * 4]))
    elif kind == "cpc":
        goals = goals.with_limits(cpc_cap=np.full((5, 1), 0.8 * cost / clicks * (1 + by)))
    elif kind == "spend":
        goals = goals.with_limits(spend_floor=np.full((5, 1), 1.2 * cost - by))
    else:
        goals = goals.with_limits(roi_floor=np.full((5, 1), 1.5 * profit / cost * (1 - by)))
    return lp_bound(market, 2, goals=goals, own_weight=5.0, global_weight=0.0), by if kind in ("budget", "spend") else 0.0


KEYS = {"cpc": "cpc_cap", "roi": "roi_floor", "profit": "profit_floor", "spend": "spend_floor", "revenue": "revenue_floor"}


@pytest.mark.parametrize("kind", ["budget", *KEYS])
def test_a_constraint_that_binds_has_a_multiplier_that_says_what_slack_is_worth(kind: str):
    (tighter, less), (here, _), (slacker, more) = (tightened(kind, by) for by in (-0.02, 0.0, 0.02))
    assert tighter.value < here.value < slacker.value
    multiplier = np.sum(here.duals.budget if kind == "budget" else here.duals.of[KEYS[kind]])
    assert multiplier > 0
    if more > 0:
        # A concave optimum: the multiplier lies between what slack brings and what its lack costs.
        assert (slacker.value - here.value) / more <= multiplier * (1 + 1e-6)
        assert multiplier * (1 - 1e-6) <= (tighter.value - here.value) / less


def test_the_floor_on_self_bidders_profit_is_kept_and_costs():
    market = one_learner("manual", "platform.revenue_floor=0.0")
    reference = market.baseline[2].profit.sum(axis=(0, 2))[1:].sum()
    free = lp_bound(market, 2, own_weight=5.0, global_weight=0.0)
    kept = lp_bound(market, 2, own_weight=5.0, global_weight=0.0, self_bidder_floor=1.0)
    assert free.objectives[1:, 3].sum() < reference
    assert kept.objectives[1:, 3].sum() == pytest.approx(reference, rel=1e-6)
    assert kept.value < free.value
    assert kept.duals.of["self_bidder_floor"] > 0


def test_a_spend_floor_above_what_the_optimum_pays_costs_exactly_the_difference():
    # Learners without a reserve pay nothing at the optimum. Any payment can be had between them, so whoever owes spend pays
    # it for the auctions that it wins anyway, and total profit is the efficient welfare less that.
    free = ["platform.revenue_floor=0.0", "advertisers.0.profit_floor=0.0", "mechanism.reserve=0.0"]
    market = build_market(parse_scenario(SMALL, "small.toml", overrides=free))
    goals = goals_of(market, 2)
    optimum = lp_bound(market, 2, own_weight=0.0, global_weight=1.0)
    owed = 3 * obj.day_totals(market.baseline[2])[0, COST, 0]
    assert optimum.revenue == pytest.approx(0.0, abs=1e-9)
    kept = goals.with_limits(spend_floor=np.array([owed, *[-np.inf] * 4])[:, None])
    bound = lp_bound(market, 2, goals=kept, own_weight=0.0, global_weight=1.0)
    assert bound.objectives[0, 2] - bound.objectives[0, 3] == pytest.approx(owed, rel=1e-9)
    assert bound.total_profit == pytest.approx(optimum.total_profit - owed, rel=1e-9)
    assert bound.duals.of["spend_floor"][0] == pytest.approx(1 / goals.profit_scale[0], rel=1e-6)


class CpcFloor(Constraint):
    """Cost per click at least the limit: a row in which cost stands against clicks."""

    key, scope, sense, charged = "cpc_floor", "advertiser", "floor", "owner"

    def limit(self, asked: Asked) -> np.ndarray:
        return 2.0 * safe_ratios(asked.baseline[:, COST], asked.baseline[:, CLICKS], 0.0)

    def violation(self, totals: np.ndarray, limit: np.ndarray, goals: obj.Goals) -> np.ndarray:
        raise NotImplementedError

    def row(self, limit: np.ndarray, is_self_bidding: np.ndarray) -> LinearRow:
        return LinearRow(np.zeros(len(limit)), clicks=limit, cost=-1.0)

    def is_asked(self, scenario: Scenario) -> bool:
        return True


@pytest.mark.parametrize(
    "limits", [(), ('advertisers.0.spend_floor="baseline*2.0"',), ('advertisers.0.budget="baseline*0.9"',)]
)
def test_to_allow_larger_payments_than_any_constraint_needs_leaves_the_bound(
    limits: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(constraints, "CONSTRAINTS", (*constraints.CONSTRAINTS, CpcFloor()))
    free = () if limits else ("platform.revenue_floor=1.5",)
    market = build_market(parse_scenario(SMALL, "small.toml", overrides=["advertisers.0.profit_floor=0.0", *free, *limits]))
    bound = lp_bound(market, 2)
    needed = linear_goals._largest_useful_payment
    monkeypatch.setattr(linear_goals, "_largest_useful_payment", lambda *given: 10 * needed(*given))
    assert bound.status == "optimal"
    assert lp_bound(market, 2).reached == pytest.approx(bound.reached, rel=1e-7)


def test_a_spend_floor_above_the_budget_is_infeasible():
    limits = ('advertisers.0.budget="baseline*0.5"', 'advertisers.0.spend_floor="baseline*1.5"', "platform.revenue_floor=0.0")
    assert solved(*limits, "advertisers.0.profit_floor=0.0").status == "infeasible"


def test_the_bound_keeps_the_scenario_s_own_floor_on_self_bidders():
    free = one_learner("manual", "platform.revenue_floor=0.0")
    floored = one_learner("manual", "platform.revenue_floor=0.0", "platform.self_bidder_floor=1.0")
    weights = {"own_weight": 5.0, "global_weight": 0.0}
    assert lp_bound(floored, 2, **weights).value == lp_bound(free, 2, **weights, self_bidder_floor=1.0).value


def test_what_no_bids_can_keep_is_said_to_be_infeasible():
    # Nobody earns three times as much, whoever wins.
    bound = solved("advertisers.0.profit_floor=3.0")
    assert bound.status == "infeasible"
    assert bound.value == -np.inf


def test_budgets_lower_the_bound_to_what_enumeration_finds():
    # Two learners, two cells of 30 auctions, an outside bidder who sets prices; a's budget is enough for 20 of its 60 auctions.
    traffic = make_market([2, 2], [0, 1], [30, 30], [0, 1, 0, 1], [0.5, 0.4, 0.5, 0.2], [1.0] * 4, 2, market_ecpm=[0.1, 0.1])
    traffic = replace(traffic, cvr=np.array([0.4, 0.2, 0.3, 0.1]), item_price=np.full(4, 10.0))
    market = market_of(traffic, ["learner", "learner"], [2.0, np.inf], Rules(), [{"profit": 1.0}] * 2)
    value, price = traffic.ctr * traffic.cvr * traffic.item_price, 0.1
    profit = [
        a * (value[0] - price) + b * (value[2] - price) + (30 - a) * (value[1] - price) + (30 - b) * (value[3] - price)
        for a in range(31)
        for b in range(31)
        if (a + b) * price <= 2.0 + 1e-9
    ]
    bound = lp_bound(market, 0, own_weight=0.0, global_weight=1.0)
    # The last charge may be capped: one auction more at most, and that one for nothing.
    assert max(profit) - 1e-9 <= bound.total_profit <= max(profit) + (value[2] - value[3] + price) + 1e-6


def test_alike_cells_are_merged_and_the_bound_stays():
    one = make_market([2, 1], [0, 0], [4, 1], [0, 1, 0], [0.5, 0.4, 0.3], [1.0, 0.5, 0.2], 2)
    twice = make_market(
        [2, 2, 1], [0, 0, 1], [1, 3, 1], [0, 1, 0, 1, 0], [0.5, 0.4, 0.5, 0.4, 0.3], [1.0, 0.5, 1.0, 0.5, 0.2], 2
    )
    bounds = []
    for traffic in (one, twice):
        market = market_of(traffic, ["learner", "manual"], [np.inf] * 2, Rules(reserve=0.01), [{"profit": 1.0}] * 2)
        assert eligible_wins(market, 0).weight.tolist() == [4, 1]
        bounds.append(lp_bound(market, 0, own_weight=1.0, global_weight=1.0).value)
    assert bounds[0] == pytest.approx(bounds[1], rel=1e-12)


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("mechanism.slot_effect=[1.0, 0.5]", "expected one slot"),
        ('mechanism.pricing="first"', "expected mechanism.pricing 'gsp' or 'vcg', got 'first'"),
        ('mechanism.outcomes="sampled"', "expected mechanism.outcomes 'expected', got 'sampled'"),
    ],
)
def test_markets_for_which_the_bound_does_not_hold_are_refused(override: str, message: str):
    with pytest.raises(InputError, match=message):
        solved(override)
