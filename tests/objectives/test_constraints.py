"""The table of constraints: limits and violations on known numbers, and one definition for all that use them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import auctionsim
from auctionsim.agents.build import build_market
from auctionsim.agents.learners.es.scores import day_fitness, score
from auctionsim.agents.learners.rl.rollout import roll_out
from auctionsim.agents.policies.base import Constant
from auctionsim.analysis.reports.violations import violations as violation_table
from auctionsim.auction.outcome import CLICKS, COST, GMV
from auctionsim.bounds.oracle import lp_bound
from auctionsim.envs import parallel_env
from auctionsim.jobs.training.evaluate import write_evaluation
from auctionsim.market.goals import goals_of, training_goals
from auctionsim.market.market import Market
from auctionsim.objectives import constraints, fitness
from auctionsim.objectives import goals as obj
from auctionsim.objectives.base import NO_CONSTRAINT, Asked, Constraint, LinearRow
from auctionsim.objectives.fitness import day_score, violations
from auctionsim.objectives.goals import Goals
from auctionsim.objectives.multipliers import Multipliers
from auctionsim.runs import Run
from auctionsim.scenario import Scenario
from auctionsim.scenario.file import load_scenario, parse_scenario

from ..conftest import SMALL

Array = np.ndarray
WITH_SELF_BIDDERS = (
    SMALL.replace("count = 5", "count = 3") + '\n[[advertisers]]\ngroup = "self"\ncount = 2\ncontroller = "manual"\n'
)
CODE = ("auctionsim", "agents", "envs", "analysis")


def small_with(limits: str, *overrides: str) -> Scenario:
    return parse_scenario(SMALL.replace("profit_floor = 1.0", f"profit_floor = 1.0\n{limits}"), "x.toml", overrides=overrides)


def reward_of_day(market: Market, day: int, actions: Array) -> Array:
    """Each learner's rewards of a whole day under actions that stay the same, added up."""
    env = parallel_env(market)
    env.reset(seed=0, options={"day": day})
    total = np.zeros(len(actions))
    while env.agents:
        _, rewards, *_ = env.step(dict(zip(env.agents, actions, strict=True)))
        total += list(rewards.values())
    return total


def fitness_of_day(market: Market, day: int, actions: Array, *, local_credit: bool = True) -> Array:
    """Each learner's fitness as `macg-es` counts it, of a population of one."""
    logs = parallel_env(market).actions.log_multipliers(actions, (len(actions),))
    return day_fitness(score(market, day, logs[None], None, local_credit=local_credit), market.scenario, None)[:, 0]


@pytest.mark.parametrize("local_credit", [True, False])
@pytest.mark.parametrize("seed", range(3))
def test_the_rewards_of_a_day_on_taobao_mix_add_up_to_the_fitness_that_macg_es_climbs(seed: int, local_credit: bool):
    # There is a floor_margin there: at 0.02, rewards that aimed at the floor as stated were 0.06 to 0.10 away.
    scenario = load_scenario("taobao-mix", overrides=["traffic.auctions_per_day=2000", 'learner.policy="formula"'])
    assert scenario.learner.floor_margin > 0
    assert scenario.learner.constraint == "penalty"
    market, day = build_market(scenario), scenario.traffic.train_days[0]
    actions = np.random.default_rng(seed).uniform(-0.3, 0.2, (len(market.learners), 3)).astype(np.float32)
    climbed = fitness_of_day(market, day, actions, local_credit=local_credit)
    np.testing.assert_allclose(reward_of_day(market, day, actions), climbed, rtol=1e-12, atol=1e-12)


def test_policy_gradient_learners_are_paid_what_macg_es_climbs():
    market = build_market(small_with("", "learner.floor_margin=0.1"))
    played = roll_out(market, 0, 1, lambda *_: np.zeros((1, 5, 3), np.float32))
    climbed = fitness_of_day(market, 0, np.zeros((5, 3), np.float32))
    np.testing.assert_allclose(played.rewards.sum(axis=0)[0], climbed, rtol=1e-5)


def test_training_aims_above_the_revenue_floor_by_the_margin_and_judges_do_not():
    market = build_market(small_with("", "learner.floor_margin=0.05", "platform.revenue_floor=0.9"))
    revenue = market.baseline[0].cost.sum()
    np.testing.assert_allclose(training_goals(market, 0).limits["revenue_floor"], 0.9 * 1.05 * revenue)
    np.testing.assert_allclose(goals_of(market, 0).limits["revenue_floor"], 0.9 * revenue)
    plain = build_market(small_with("", "platform.revenue_floor=0.9"))
    assert lp_bound(market, 2).value == lp_bound(plain, 2).value


def test_training_aims_above_profit_floors_by_their_margin_and_judges_do_not():
    market = build_market(small_with("", "learner.profit_floor_margin=0.05"))
    profit = market.baseline[0].gmv.sum(axis=(0, 2)) - market.baseline[0].cost.sum(axis=(0, 2))
    np.testing.assert_allclose(training_goals(market, 0).limits["profit_floor"][:, 0], 1.05 * profit)
    np.testing.assert_allclose(goals_of(market, 0).limits["profit_floor"][:, 0], profit)
    plain = build_market(small_with(""))
    assert lp_bound(market, 2).value == lp_bound(plain, 2).value


def run_of_baseline(folder: Path, text: str, *overrides: str) -> Run:
    """A run whose learned policy bids as the baseline does."""
    scenario = parse_scenario(text, "x.toml", overrides=overrides)
    run = Run.create(folder, scenario, text, seeds=(0,), command="x", overrides=overrides)
    market = build_market(scenario)
    write_evaluation(run, {0: market}, {0: Constant(market.static("manual"))})
    return run


def test_reports_judge_by_the_revenue_floor_as_stated(tmp_path: Path):
    run = run_of_baseline(tmp_path / "run", SMALL, "learner.floor_margin=0.5")
    assert run.scenario().learner.floor_margin == 0.5
    table = violation_table(run)
    assert table.filter(constraint="revenue_floor")["violated"].to_list() == [0.0, 0.0]


def test_reports_count_floors_on_spend_and_on_self_bidders(tmp_path: Path):
    limits = ('advertisers.0.spend_floor="baseline*1.25"', "platform.self_bidder_floor=1.5")
    table = violation_table(run_of_baseline(tmp_path / "run", WITH_SELF_BIDDERS, *limits)).filter(arm="learned")
    found = {row["constraint"]: row for row in table.iter_rows(named=True)}
    assert {key: found[key]["cases"] for key in ("spend_floor", "self_bidder_floor")} == {
        "spend_floor": 6, "self_bidder_floor": 2,
    }  # fmt: skip
    assert found["spend_floor"]["excess"] == pytest.approx(0.2)
    assert found["self_bidder_floor"]["excess"] == pytest.approx(0.5)


def test_without_a_margin_both_floors_are_equal_to_the_bit(small: Scenario):
    market = build_market(small)
    for key, limit in goals_of(market, 0).limits.items():
        np.testing.assert_array_equal(limit, training_goals(market, 0).limits[key])


def test_fitness_of_the_baseline_is_its_weights(small: Scenario):
    market = build_market(small)
    found = day_score(obj.day_totals(market.baseline[0]), goals_of(market, 0), small.learner)
    np.testing.assert_allclose(found, small.learner.own_weight / 5 + small.learner.global_weight)


def test_soft_constraints_measure_how_far_they_are_missed():
    market = build_market(small_with('cpc_cap = "baseline*0.8"\nroi_floor = 1.0\nspend_floor = "baseline*1.25"'))
    goals, totals = goals_of(market, 0), obj.day_totals(market.baseline[0])
    at_baseline = violations(totals, goals)
    np.testing.assert_allclose(at_baseline["cpc_cap"], 0.25)
    np.testing.assert_allclose(at_baseline["profit_floor"], 0.0, atol=1e-12)
    np.testing.assert_allclose(at_baseline["spend_floor"], 0.2)
    assert at_baseline["self_bidder_floor"].tolist() == [NO_CONSTRAINT]
    halved = totals.copy()
    halved[:, GMV] = totals[:, COST]
    worse = violations(halved, goals)
    np.testing.assert_allclose(worse["roi_floor"], 0.5)
    np.testing.assert_allclose(worse["profit_floor"], 1.0)


def test_a_spend_floor_in_currency_is_charged_to_its_owner_alone():
    market = build_market(small_with("spend_floor = 3.0"))
    goals, totals = goals_of(market, 0), obj.day_totals(market.baseline[0])
    totals[:, COST] = np.array([1.5, 3.0, 4.5, 6.0, 0.0])[:, None]
    np.testing.assert_allclose(violations(totals, goals)["spend_floor"][:, 0], [0.5, 0.0, -0.5, -1.0, 1.0])
    found = {"spend_floor": violations(totals, goals)["spend_floor"]}
    price = fitness.penalty_price(market.scenario.learner)
    np.testing.assert_allclose(fitness.own_charge(found, price)[:, 0], [20**0.5 - 1, 0, 0, 0, 19])


def test_a_spend_floor_of_0_is_none():
    scenario = small_with("spend_floor = 0.0")
    assert [one.key for one in constraints.constraints_of(scenario)] == [
        "cpc_cap", "roi_floor", "profit_floor", "self_bidder_floor", "revenue_floor",
    ]  # fmt: skip


def test_the_floor_of_self_bidders_is_on_their_profit_together():
    scenario = parse_scenario(WITH_SELF_BIDDERS, "x.toml", overrides=["platform.self_bidder_floor=0.9"])
    market = build_market(scenario)
    goals, totals = goals_of(market, 0), obj.day_totals(market.baseline[0])
    np.testing.assert_allclose(violations(totals, goals)["self_bidder_floor"], -0.1)
    poorer = totals.copy()
    profit = (totals[3:, GMV] - totals[3:, COST]).sum()
    poorer[3, GMV] -= 0.3 * profit
    np.testing.assert_allclose(violations(poorer, goals)["self_bidder_floor"], 0.2)
    # Everybody is charged for it, alike.
    before, after = (fitness.day_charge(day, goals, scenario.learner) for day in (totals, poorer))
    np.testing.assert_allclose((after - before)[:3], 20**0.2 - 1)


def test_a_cap_relative_to_a_baseline_without_clicks_is_none():
    market = build_market(small_with('cpc_cap = "baseline*1.0"'))
    baseline = obj.day_totals(market.baseline[0])[:, :, 0]
    baseline[0] = 0.0
    asked = Asked(market.groups, market.scenario.platform, 1.0, baseline, ~market.is_controlled)
    limit = constraints.CpcCap().limit(asked)
    assert limit[0] == np.inf
    nothing = np.zeros((5, 5, 1))
    assert constraints.CpcCap().violation(nothing, limit[:, None], goals_of(market, 0))[0, 0] == NO_CONSTRAINT


@pytest.mark.parametrize("one", constraints.CONSTRAINTS, ids=lambda one: one.key)
def test_every_violation_has_the_sign_of_its_row(one: Constraint):
    limits = {
        "cpc_cap": np.full(5, 0.3), "cpa_cap": np.full(5, 1.0), "roi_floor": np.full(5, 0.4), "profit_floor": np.full(5, 0.2),
        "spend_floor": np.full(5, 2.0), "self_bidder_floor": np.full(1, 1.0), "revenue_floor": np.full(1, 9.0),
    }  # fmt: skip
    limit = limits.get(one.key, np.full(5 if one.is_each else 1, 1.0))
    market = build_market(parse_scenario(WITH_SELF_BIDDERS, "x.toml"))
    goals = goals_of(market, 0)
    row = one.row(limit, goals.is_self_bidding)
    rng, signs = np.random.default_rng(0), set()
    for _ in range(50):
        totals = rng.gamma(2.0, 1.0, (5, 5, 1)) * np.array([1, 4, 1, 4, 1])[:, None]
        quantities = totals[:, [CLICKS, CLICKS + 1, GMV, COST], 0].T
        left = (row.coefficients(5) * quantities).sum(axis=0)
        over = (left if one.is_each else left.sum(keepdims=True)) - row.right
        found = one.violation(totals, limit[:, None] if one.is_each else limit, goals).reshape(-1)
        np.testing.assert_array_equal(np.sign(found), np.sign(over))
        signs |= set(np.sign(over))
    assert signs == {-1.0, 1.0}


def test_the_multipliers_lie_in_the_table_s_order_as_checkpoints_without_optional_constraints_hold_them():
    scenario = small_with("")
    vector = np.arange(17.0)
    found = Multipliers.of(vector, scenario)
    assert found.by_key["cpc_cap"].tolist() == [0, 1, 2, 3, 4]
    assert found.by_key["roi_floor"].tolist() == [5, 6, 7, 8, 9]
    assert found.by_key["profit_floor"].tolist() == [10, 11, 12, 13, 14]
    assert found.by_key["self_bidder_floor"].tolist() == [15]
    assert found.by_key["revenue_floor"].tolist() == [16]
    np.testing.assert_array_equal(found.vector, vector)


def test_a_spend_floor_takes_its_own_place_among_the_multipliers():
    scenario = small_with("spend_floor = 1.0")
    found = Multipliers.of(np.arange(22.0), scenario)
    assert list(found.by_key) == [
        "cpc_cap", "roi_floor", "profit_floor", "spend_floor", "self_bidder_floor", "revenue_floor",
    ]  # fmt: skip
    assert found.by_key["spend_floor"].tolist() == [15, 16, 17, 18, 19]
    assert found.by_key["revenue_floor"].tolist() == [21]
    with pytest.raises(ValueError, match="multipliers: expected 22 numbers, got 17"):
        Multipliers.of(np.zeros(17), scenario)


def test_the_spend_floor_is_written_in_one_code_file_and_one_section_of_the_scenario():
    root = Path(auctionsim.__file__).parents[1]
    files = {path.resolve() for folder in CODE for path in (root / folder).rglob("*.py")}
    naming = {str(path.relative_to(root.resolve())) for path in files if "spend_floor" in path.read_text()}
    assert naming == {"auctionsim/objectives/constraints.py", "auctionsim/scenario/advertisers.py"}


class ClickFloor(Constraint):
    """A constraint that the package has never heard of: more clicks than under the baseline, for everybody."""

    key, scope, sense, charged = "click_floor", "advertiser", "floor", "owner"

    def is_asked(self, scenario: Scenario) -> bool:
        return True

    def limit(self, asked: Asked) -> Array:
        return 1.05 * asked.baseline[:, CLICKS]

    def violation(self, totals: Array, limit: Array, goals: Goals) -> Array:
        return 1.0 - totals[:, CLICKS] / limit

    def row(self, limit: Array, is_self_bidding: Array) -> LinearRow:
        return LinearRow(-limit, clicks=-1.0)


def test_training_rewards_multipliers_bounds_and_reports_take_a_constraint_from_the_table(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
):
    scenario = small_with("", "platform.revenue_floor=0.0", "advertisers.0.profit_floor=0.0")
    market, actions = build_market(scenario), np.zeros((5, 3), np.float32)

    def everything() -> tuple[Array, Array, int, float]:
        return (
            fitness_of_day(market, 0, actions), reward_of_day(market, 0, actions),
            len(Multipliers.start(scenario).vector), lp_bound(market, 2).value,
        )  # fmt: skip

    fit, reward, length, bound = everything()
    monkeypatch.setattr(constraints, "CONSTRAINTS", (ClickFloor(), *constraints.CONSTRAINTS))
    fit_with, reward_with, length_with, bound_with = everything()
    logs = parallel_env(market).actions.log_multipliers(actions, (5,))[None]
    missed = score(market, 0, logs, None, local_credit=False).violation[:5]
    charge = 20 ** np.maximum(missed, 0) - 1
    assert charge.max() > 0.1
    np.testing.assert_allclose(fit - fit_with, charge, rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(reward - reward_with, charge, rtol=1e-9, atol=1e-12)
    assert length_with == length + 5
    assert 0 < bound_with < bound

    row = (
        violation_table(run_of_baseline(tmp_path / "run", SMALL)).filter(arm="learned", constraint="click_floor").to_dicts()[0]
    )
    assert (row["cases"], row["violated"]) == (10, 1.0)
    assert row["excess"] == pytest.approx(1 - 1 / 1.05)
