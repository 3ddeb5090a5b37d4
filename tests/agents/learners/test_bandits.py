"""The bandit over multipliers: it finds the best multiplier of its grid, and draws and learns as its text says."""

from __future__ import annotations

import numpy as np
import pytest

from auctionsim.agents.build import build_market
from auctionsim.agents.learners.bandits.multiplier_bandit import BanditSection, MultiplierBandit, Played, grid_of
from auctionsim.agents.learners.base import iterate
from auctionsim.agents.learners.registry import make_learner
from auctionsim.errors import InputError
from auctionsim.market.market import Market
from auctionsim.scenario import Scenario
from auctionsim.scenario.file import parse_scenario
from auctionsim.traffic.table import HOURS

from ...conftest import SMALL

BANDIT = 'learner.algorithm="auctionsim.agents.learners.bandits.multiplier_bandit:MultiplierBandit"'


def small(*overrides: str) -> tuple[Scenario, Market]:
    scenario = parse_scenario(SMALL, "small.toml", overrides=[BANDIT, "learner.population=4", *overrides])
    return scenario, build_market(scenario)


def played(chosen: list[int], reward: list[float]) -> Played:
    """Return trials of one advertiser, one after the other."""
    shape = (len(chosen), 1, 1)
    return Played(np.array(chosen).reshape(shape), np.array(reward).reshape(shape), (1.0, 1.0))


def test_q_moves_by_the_rate_towards_reward_and_next_value():
    scenario, market = small("learner.constants.rate=0.5", "learner.constants.gamma=0.5", "learner.constants.multipliers=2")
    learner = make_learner(scenario)
    state = {"values": np.zeros((1, 2)), "trials": np.zeros(1, dtype=np.int64), "iteration": np.zeros(1, dtype=np.int64)}
    after, _ = learner.tell(market, state, [played([0, 0, 1], [1.0, 1.0, 0.0])])
    # 0.5 (1 + 0), then 0.5 + 0.5 (1 + 0.25 - 0.5), then 0.5 (0 + 0.5 x 0.875).
    np.testing.assert_allclose(after["values"], [[0.875, 0.21875]])
    assert after["trials"][0] == 3


def test_exp3_weighs_a_reward_by_the_chance_of_its_multiplier():
    scenario, market = small('learner.constants.rule="exp3"', "learner.constants.multipliers=4", "learner.constants.rate=0.2")
    learner = make_learner(scenario)
    assert isinstance(learner, MultiplierBandit)
    state = {"values": np.array([[5.0, 0, 0, 0]]), "trials": np.array([96]), "iteration": np.array([4])}
    rate = np.sqrt(np.log(4) / (4 * 100))
    weight = np.exp(rate * np.array([5.0, 0, 0, 0]))
    chance = 0.8 * weight / weight.sum() + 0.05
    after, _ = learner.tell(market, state, [played([0, 1, 1], [1.0, 0.5, 0.5])])
    np.testing.assert_allclose(after["values"][0], [5 + 1 / chance[0], 1 / chance[1], 0, 0], rtol=1e-12)


@pytest.mark.parametrize(("rule", "greedy"), [("q-learning", 1.0), ("exp3", None)])
def test_multipliers_are_drawn_with_their_chances(rule: str, greedy: float | None):
    scenario, market = small(f'learner.constants.rule="{rule}"', "learner.population=200", "learner.constants.multipliers=5")
    learner = make_learner(scenario)
    drawn = np.concatenate([chosen for _, chosen in learner.ask(market, learner.start(market)).tasks])
    counts = np.bincount(drawn.ravel(), minlength=5) / drawn.size
    # Before anything is known all are as likely: some 20 deviations are 0.01.
    np.testing.assert_allclose(counts, 0.2, atol=0.01)
    assert drawn.shape == (HOURS * len(scenario.traffic.train_days), len(market.learners), 200)
    if greedy is not None:
        late = {**learner.start(market), "iteration": np.array([scenario.train.iterations])}
        late["values"] = late["values"] + np.eye(5)[3]
        chosen = learner.ask(market, late).tasks[0][1]
        assert 0.97 < (chosen == 3).mean() < 0.999


@pytest.mark.parametrize("rule", ["q-learning", "exp3"])
def test_one_advertiser_among_truthful_rivals_bids_its_value(rule: str):
    # One slot at second price: the value of a click is dominant; the grid reaches twice as high.
    text = SMALL.replace("count = 5", "count = 1") + '\n[[advertisers]]\ngroup = "rival"\ncount = 4\ncontroller = "truthful"\n'
    overrides = [BANDIT, "learner.population=16", f'learner.constants.rule="{rule}"', "learner.constants.multipliers=8"]
    overrides += ["learner.constants.largest=2.0", "train.iterations=12"]
    scenario = parse_scenario(text, "small.toml", overrides=overrides)
    market, learner = build_market(scenario), make_learner(scenario)
    state = learner.start(market)
    for _ in range(12):
        state, log = iterate(learner, market, state)
    assert np.isfinite(list(log.values())).all()
    best = grid_of(BanditSection(multipliers=8, largest=2.0))[state["values"].argmax(axis=1)]
    assert 0.75 <= float(best[0]) <= 1.25


def test_asking_again_draws_the_same_and_another_iteration_others():
    scenario, market = small()
    learner = make_learner(scenario)
    state = learner.start(market)
    one, two = (learner.ask(market, state).tasks[0][1] for _ in range(2))
    np.testing.assert_array_equal(one, two)
    later = learner.ask(market, {**state, "iteration": state["iteration"] + 1}).tasks[0][1]
    assert (later != one).any()


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("learner.constants.rate=0.0", "rate"),
        ('learner.constants.rule="ucb"', "rule"),
        ("learner.constants.arms=3", "arms"),
    ],
)
def test_wrong_constants_are_refused(override: str, message: str):
    scenario, _ = small(override)
    with pytest.raises(InputError, match=f"learner.constants.{message}"):
        make_learner(scenario)
