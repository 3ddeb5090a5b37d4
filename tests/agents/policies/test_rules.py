"""Rules that bid hour by hour: the contract over all of them, their formulas, and a user's own by name."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from auctionsim.agents.build import build_market
from auctionsim.agents.policies.base import Constant
from auctionsim.agents.policies.pacing.ortb import Ortb
from auctionsim.agents.policies.registry import find_rule
from auctionsim.auction.bid_formula import FEATURES
from auctionsim.auction.outcome import COST, OUTCOMES
from auctionsim.envs import AuctionVectorEnv, SingleBidderEnv, parallel_env
from auctionsim.errors import InputError, RenamedWarning
from auctionsim.jobs.training.evaluate import outcome_rows
from auctionsim.market.goals import goals_of
from auctionsim.market.market import Market
from auctionsim.market.policy import DayState
from auctionsim.market.simulate import simulate_day
from auctionsim.objectives import goals as obj
from auctionsim.scenario import CONTROLLERS, Scenario
from auctionsim.scenario.file import parse_scenario

from ...conftest import SMALL
from ...own_learner import write_lab

HOURLY = [name for name in CONTROLLERS if name not in ("learner", "manual", "truthful")]
RIVALS = '\n[[advertisers]]\ngroup = "rival"\ncount = 3\ncontroller = "{}"\nbudget = "baseline*0.5"\n'
TIGHT = 'advertisers.0.budget="baseline*0.4"'
ONE, PCVR, VALUE, KEYWORD_BID = range(4)


def market_of(rule: str, *overrides: str) -> Market:
    over = [f'advertisers.0.controller="{rule}"', "traffic.auctions_per_day=2400", *overrides]
    return build_market(parse_scenario(SMALL, "x.toml", overrides=over))


def noon() -> DayState:
    """Return the state of one advertiser without a budget before hour 12, nothing spent."""
    return DayState(2, 12, 12, np.full((1, 1), np.inf), np.zeros((1, 5, 1)), np.zeros((1, 5, 1)))


def left_to_rules(market: Market, policies: int = 1) -> np.ndarray:
    """Return coefficients that leave everybody to its rule."""
    return np.repeat(market.fixed[:, :, None], policies, axis=2)


def day_of(market: Market, day: int = 2) -> np.ndarray:
    """Return a day's totals by hour, `[24, advertisers, 5]`."""
    outcome = simulate_day(market, day, Constant(left_to_rules(market))).outcome
    return np.stack([getattr(outcome, name)[:, :, 0] for name in OUTCOMES], axis=2)


@pytest.mark.parametrize("budget", [(), (TIGHT,)], ids=["unlimited", "tight"])
@pytest.mark.parametrize("name", HOURLY)
def test_every_rule_bids_within_its_budget_and_policies_do_not_meet(name: str, budget: tuple[str, ...]):
    market = market_of(name, *budget)
    assert not len(market.learners)
    assert np.isnan(market.fixed).all()
    two, one = market.day(2, 2), market.day(2)
    for _ in range(24):
        both, alone = two.step(left_to_rules(market, 2)), one.step(left_to_rules(market))
        assert (both[:, :, 0] == alone[:, :, 0]).all()
        assert (both[:, :, 0] == both[:, :, 1]).all()
        assert (one.coefficients >= 0).all()
        assert (one.coefficients.sum(axis=1) > 0).any()
    spent = market.budgets - one.budget_left[:, 0] if budget else np.zeros(5)
    assert (spent <= market.budgets).all()
    again = day_of(market)
    np.testing.assert_array_equal(again, day_of(market))
    assert again[:, :, 0].sum() > 0


@pytest.mark.parametrize("name", HOURLY)
def test_rules_live_through_hours_without_auctions_with_and_without_a_budget(name: str):
    # Seven auctions a day leave most hours empty. A warning of numpy fails the test.
    for budget in ((), (TIGHT,)):
        assert np.isfinite(day_of(market_of(name, "traffic.auctions_per_day=7", *budget))).all()


def test_linear_bids_the_mean_keyword_bid_on_average():
    market = market_of("linear")
    replay = market.day(2)
    replay.step(left_to_rules(market))
    mean = market.mean_features
    np.testing.assert_allclose(replay.coefficients[:, PCVR, 0] * mean[:, PCVR], mean[:, KEYWORD_BID])


@pytest.mark.parametrize("name", ["pid", "dual-pacing", "throttle"])
def test_pacing_makes_the_budget_last(name: str):
    def hours_to_spend(rule: str) -> float:
        market = market_of(rule, TIGHT)
        spent = day_of(market)[:, :, COST].cumsum(axis=0)
        return float((spent < 0.97 * market.budgets).sum(axis=0).mean())

    def used(rule: str) -> float:
        market = market_of(rule, TIGHT)
        return float((day_of(market)[:, :, COST].sum(axis=0) / market.budgets).mean())

    unpaced = "truthful" if name == "dual-pacing" else "manual"
    assert hours_to_spend(name) > hours_to_spend(unpaced) + 2
    assert used(name) > 0.8


def test_pid_and_dual_pacing_without_a_budget_do_not_move():
    for name, feature in (("pid", KEYWORD_BID), ("dual-pacing", VALUE)):
        market = market_of(name)
        replay = market.day(2)
        for _ in range(24):
            replay.step(left_to_rules(market))
            expected = np.zeros((5, 4, 1))
            expected[:, feature] = 1.0
            assert (replay.coefficients == expected).all()


def test_ortb_without_a_budget_bids_what_earns_most_against_its_curve():
    market = market_of("ortb")
    rule = Ortb(market, np.array([0]))
    theta = rule.begin(market, 2, 1).act(noon())[0, :, 0]
    days = market.scenario.traffic.train_days
    value = np.mean([market.hourly_features(day)[12, 0, VALUE] for day in days])
    bid = theta[ONE] + theta[VALUE] * value
    # The win curve w = b / (c + b), with c from the win rate at the mean keyword bid.
    shown = sum(market.baseline[day].impressions[:, 0].sum() for day in days)
    won = shown / sum(market.hourly_auctions(day)[:, 0].sum() for day in days)
    c = market.mean_features[0, KEYWORD_BID] * (1 - won) / won
    others = np.linspace(0.0, value, 2001)
    assert bid == pytest.approx(others[np.argmax((value - others) * others / (c + others))], rel=2e-3)


def test_ortb_bids_less_the_tighter_the_budget():
    def mean_bid(*overrides: str) -> np.ndarray:
        market = market_of("ortb", *overrides)
        replay = market.day(2)
        replay.step(left_to_rules(market))
        return np.einsum("af,afp->a", market.mean_features, replay.coefficients)

    tight, loose = mean_bid('advertisers.0.budget="baseline*0.1"'), mean_bid('advertisers.0.budget="baseline*9"')
    assert (tight < loose).all()
    np.testing.assert_allclose(loose, mean_bid(), rtol=1e-9)


def test_the_oracle_bids_the_best_multiple_in_hindsight():
    scenario = parse_scenario(SMALL, "x.toml", overrides=[TIGHT])
    market = build_market(scenario)
    oracle = find_rule("uscb-oracle")(market, np.array([0]))
    multiple = oracle.begin(market, 3, 1).act(noon())[0, VALUE, 0]

    def objective(multiple: float) -> float:
        theta = market.static("manual")
        theta[0, :, 0] = [0, 0, multiple, 0]
        totals = obj.day_totals(market.outcome(3, theta))
        return float(obj.own_objective(totals, goals_of(market, 3))[0, 0])

    assert all(objective(multiple) >= objective(other) - 1e-12 for other in np.exp(np.linspace(-3, 3, 49)))


def test_learners_meet_rivals_under_rules_and_parallel_copies_equal_single_environments():
    scenario = parse_scenario(SMALL + RIVALS.format("pid"), "x.toml")
    vector, single = AuctionVectorEnv(scenario, 40, threads=2, autoreset_mode="Disabled"), parallel_env(scenario)
    vector.reset(seed=0)
    single.reset(seed=3)
    assert single.possible_agents == [f"seller_{i}" for i in range(5)]
    vector.action_space.seed(0)
    while single.agents:
        actions = vector.action_space.sample()
        _, rewards, *_ = vector.step(actions)
        _, expected, *_ = single.step(dict(zip(single.agents, actions[3], strict=True)))
        assert rewards[3].tolist() == list(expected.values())
    assert single.batched_days.cumulative[5:, 0].sum() > 0


def test_rivals_of_a_single_bidder_may_follow_rules(small: Scenario):
    env = SingleBidderEnv(small, bidder="seller_2", rivals="dual-pacing")
    env.reset(seed=0)
    env.step(np.zeros(3))
    assert env.market.learners.tolist() == [2]
    assert np.isnan(env.market.fixed[[0, 1, 3, 4]]).all()
    assert (env.batched_days.cumulative[[0, 1, 3, 4], 0] > 0).any()


def test_the_baseline_asks_no_rule():
    manual, pid = market_of("manual", TIGHT), market_of("pid", TIGHT)
    for day in (0, 1, 2, 3):
        assert (manual.baseline[day].cost == pid.baseline[day].cost).all()


def test_evaluation_writes_the_bids_of_every_hour():
    market = market_of("pid", TIGHT)
    rows = outcome_rows(market, "learned", 0, simulate_day(market, 2, Constant(left_to_rules(market))))
    bids = rows["bid"].to_numpy().reshape(24, 5)
    assert np.isfinite(bids).all()
    hourly = market.hourly_features(2)[:, :, KEYWORD_BID]
    assert (np.diff(bids / hourly, axis=0) != 0).any()


def test_a_user_s_own_rule_is_found_by_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    (tmp_path / "mine.py").write_text(
        "import numpy as np\n"
        "from auctionsim.agents.policies.base import DayPolicy\n"
        "class Steady:\n"
        "    def __init__(self, market, advertisers):\n"
        "        self.n = len(advertisers)\n"
        "    def begin(self, market, day, n_policies):\n"
        "        theta = np.zeros((self.n, 4, n_policies))\n"
        "        theta[:, 0] = 0.25\n"
        "        return DayPolicy(lambda state: theta)\n"
        "class Wrong(Steady):\n"
        "    def begin(self, market, day, n_policies):\n"
        "        return DayPolicy(lambda state: -np.ones((self.n, 4, n_policies)))\n"
        "class Idle:\n"
        "    def __init__(self, market, advertisers): pass\n"
        "class Old:\n"
        "    def __init__(self, market, who):\n"
        "        self.n = len(who)\n"
        "    def start(self, day, policies):\n"
        "        return lambda hour, budget_left, last: np.full((self.n, 4, policies), [[0.25], [0], [0], [0]])\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    market = market_of("mine:Steady")
    replay = market.day(0)
    replay.step(left_to_rules(market))
    assert replay.coefficients[:, :, 0].tolist() == [[0.25, 0, 0, 0]] * 5
    wrong = market_of("mine:Wrong")
    with pytest.raises(InputError, match="policy Wrong: expected finite coefficients >= 0, got -1.0 for seller_0"):
        wrong.day(0).step(left_to_rules(wrong))
    with pytest.warns(RenamedWarning, match=r"start\(day, policies\) is begin"):
        old = market_of("mine:Old")
    assert (old.day(0).step(left_to_rules(old)) == market.day(0).step(left_to_rules(market))).all()
    with pytest.raises(InputError, match=r"x.toml: advertisers\[0\].controller: expected a class with begin"):
        market_of("mine:Idle")
    with pytest.raises(InputError, match="controller: module mine has no class 'Absent'"):
        market_of("mine:Absent")
    with pytest.raises(InputError, match="controller: expected a module that can be imported, got no 'no_such_module' in "):
        market_of("no_such_module:Absent")


def test_every_name_has_a_rule():
    assert all(hasattr(find_rule(name), "begin") for name in HOURLY)
    assert len(FEATURES) == 4


def test_a_rule_beside_the_scenario_is_found_without_a_path(tmp_path: Path):
    write_lab(tmp_path)
    text = SMALL.replace("count = 5", 'count = 5\ncontroller = "lab_rule:Steady"')
    market = build_market(parse_scenario(text, "s.toml", folder=tmp_path))
    theta = np.zeros((5, 4, 1))
    theta[:, 3] = 0.7
    expected = simulate_day(market, 2, Constant(theta)).outcome.cost
    np.testing.assert_array_equal(simulate_day(market, 2, Constant(market.fixed[:, :, None])).outcome.cost, expected)
