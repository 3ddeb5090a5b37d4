"""What a regime hides influences no bid: rivals bid three times as much where nobody of ours is a candidate, and ours stay."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

import auctionsim
from auctionsim.agents.build import build_market
from auctionsim.agents.learners.base import trained
from auctionsim.agents.learners.registry import make_learner
from auctionsim.agents.policies.base import Constant
from auctionsim.errors import InputError
from auctionsim.market.market import Market
from auctionsim.market.simulate import simulate_day
from auctionsim.scenario import AUTOBIDDERS, CONTROLLERS, Scenario
from auctionsim.scenario.file import parse_scenario
from auctionsim.traffic.table import Traffic

TEXT = """
name = "hidden"
[traffic]
auctions_per_day = 400
queries = 20
candidates = 3
days = 3
train_days = [0, 1]
test_days = [2]
[mechanism]
reserve = 0.01
[information]
regime = "own-wins"
[[advertisers]]
group = "ours"
count = 2
[[advertisers]]
group = "rival"
count = 6
controller = "manual"
[learner]
global_weight = 0.0
population = 4
hidden = 4
"""
BANDIT = 'learner.algorithm="auctionsim.agents.learners.bandits.multiplier_bandit:MultiplierBandit"'
LEARNERS = {
    "macg-es": ("train.iterations=2",),
    "macg-es, contextual": ("train.iterations=3", 'learner.policy="contextual"'),
    "macg-es, free": ("train.iterations=1", 'learner.policy="free"'),
    "ippo": ("train.iterations=1", 'learner.algorithm="ippo"'),
    "bandit, own wins": ("train.iterations=2", BANDIT),
    "bandit, winning prices": (
        "train.iterations=2", BANDIT, 'learner.constants.feedback="winning-price"', 'information.regime="winning-price"'
    ),
    "bandit, least winning costs": (
        "train.iterations=2", BANDIT, 'learner.constants.feedback="least-winning-cost"',
        'information.regime="least-winning-cost"', "information.noise=0.3", "information.rounding=0.01",
    ),
}  # fmt: skip
SLOW = {
    "rmdp-dqn": ("train.iterations=1", 'learner.algorithm="rmdp-dqn"', "learner.dqn.num_envs=4"),
    "amdp-dqn": ("train.iterations=1", 'learner.algorithm="amdp-dqn"', "learner.dqn.num_envs=2"),
    "m-rmdp-dqn": (
        "train.iterations=1", 'learner.algorithm="m-rmdp-dqn"', "learner.cooperation=0.0", "learner.dqn.num_envs=4"
    ),
}  # fmt: skip
NEED_FULL = ("timetable", "uscb-oracle")


def markets(*overrides: str) -> tuple[Scenario, Market, Market]:
    """Return a market, and the same with rivals who bid three times as much among themselves."""
    scenario = parse_scenario(TEXT, "x.toml", overrides=overrides)
    market = build_market(scenario)
    traffic = market.traffic
    assert isinstance(traffic, Traffic)
    cell = np.repeat(np.arange(len(traffic.weight)), np.diff(traffic.cell_start))
    ours = np.bincount(cell, traffic.advertiser < 2)[cell] > 0
    assert 0.1 < (~ours).mean() < 0.9
    # The day's largest bid stays, on which the units hang in which charges are counted (auction/units.py).
    largest = np.array([traffic.keyword_bid[traffic.row_day == day].max() for day in traffic.days])[traffic.row_day]
    changed = replace(traffic, keyword_bid=np.where(ours, traffic.keyword_bid, np.minimum(3 * traffic.keyword_bid, largest)))
    hidden = build_market(auctionsim.with_traffic(scenario, changed))
    revenue = [one.baseline[0].revenue.sum() for one in (market, hidden)]
    assert revenue[1] > 1.1 * revenue[0]
    return scenario, market, hidden


def bids_of_ours(scenario: Scenario, market: Market) -> np.ndarray:
    """Return what ours bid on the test day, after training where they learn."""
    policy = Constant(market.fixed[:, :, None])
    if len(market.learners):
        learner = make_learner(scenario)
        policy = learner.policy(market, trained(learner, market, scenario.train.iterations))
    run = simulate_day(market, 2, policy)
    shares = np.stack([np.ones((8, 1)) if one is None else one for one in run.shares])
    phi = run.phi
    assert phi is not None
    rows = market.traffic.advertiser < 2
    return np.concatenate([np.stack(run.bids)[:, :2].ravel(), shares[:, :2].ravel(), phi[rows].ravel()])


@pytest.mark.parametrize("overrides", LEARNERS.values(), ids=LEARNERS)
def test_learners_do_not_see_what_is_hidden(overrides: tuple[str, ...]):
    scenario, market, hidden = markets(*overrides)
    np.testing.assert_array_equal(bids_of_ours(scenario, market), bids_of_ours(hidden.scenario, hidden))


def test_a_profit_floor_is_refused_since_everybody_is_charged_for_anybodys():
    # Of rivals who bid against each other elsewhere, learners would be charged for what they lose there.
    words = "information.regime: expected 'full' with advertisers\\[1\\].profit_floor = 1.2, for which everybody's rewards"
    with pytest.raises(InputError, match=f"^x.toml: {words}"):
        markets("advertisers.1.profit_floor=1.2")
    keys = ("advertisers.1.profit_floor=1.2", 'information.regime="full"', "learner.population=16", "train.iterations=2")
    scenario, market, hidden = markets(*keys)
    assert not np.array_equal(bids_of_ours(scenario, market), bids_of_ours(hidden.scenario, hidden))


@pytest.mark.long
@pytest.mark.parametrize("overrides", SLOW.values(), ids=SLOW)
def test_learners_by_q_networks_do_not_see_what_is_hidden(overrides: tuple[str, ...]):
    scenario, market, hidden = markets(*overrides)
    np.testing.assert_array_equal(bids_of_ours(scenario, market), bids_of_ours(hidden.scenario, hidden))


@pytest.mark.parametrize("controller", [one for one in (*CONTROLLERS[1:], *AUTOBIDDERS) if one not in NEED_FULL])
@pytest.mark.parametrize("delay", [0, 3])
def test_controllers_do_not_see_what_is_hidden(controller: str, delay: int):
    needed = {"target-cpa": ["advertisers.0.cpa_cap=20.0"], "target-roas": ["advertisers.0.roas_floor=1.5"]}.get(controller, [])
    rules = [f'advertisers.0.controller="{controller}"', 'advertisers.0.budget="baseline*0.5"', f"information.delay={delay}"]
    scenario, market, hidden = markets(*rules, *needed)
    np.testing.assert_array_equal(bids_of_ours(scenario, market), bids_of_ours(hidden.scenario, hidden))


def test_under_full_information_bids_do_follow_rivals():
    timetable = ('advertisers.0.controller="timetable"', "traffic.hour_noise=0.5")
    for overrides in (LEARNERS["macg-es, contextual"], timetable):
        scenario, market, hidden = markets(*overrides, 'information.regime="full"')
        assert not np.array_equal(bids_of_ours(scenario, market), bids_of_ours(hidden.scenario, hidden))


@pytest.mark.parametrize("regime", ["own-wins", "winning-price", "least-winning-cost", "full"])
def test_observations_and_infos_of_environments(regime: str):
    _, market, hidden = markets(f'information.regime="{regime}"')
    seen = []
    for one in (market, hidden):
        env = auctionsim.envs.parallel_env(one, split="test")
        observations, infos = env.reset(seed=0)
        for _ in range(20):
            observations, _, _, _, infos = env.step({agent: np.zeros(3, dtype=np.float32) for agent in env.agents})
        assert env.state().shape == (30,)
        seen.append((np.stack(list(observations.values())), env.state(), np.stack([i["prices"] for i in infos.values()])))
    (own, common, prices), (other, other_common, other_prices) = seen
    is_full = regime == "full"
    assert np.array_equal(own, other) is not is_full
    np.testing.assert_array_equal(own[:, :14], other[:, :14])
    assert (own[:, 14] > 0).all() if is_full else (own[:, 14] == 0).all()
    # Nobody sees what others have left; only `full` shows how others fare.
    assert (common.reshape(2, 15)[:, 1:3] == 0).all()
    assert (common.reshape(2, 15)[:, 3:] == 0).all() is np.bool_(not is_full)
    assert np.array_equal(common, other_common) is not is_full
    np.testing.assert_array_equal(prices, other_prices)
    assert (prices > 0).any(axis=0).tolist() == [regime != "own-wins", regime in ("least-winning-cost", "full")]
