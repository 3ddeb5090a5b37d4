"""What a bandit's trials teach: rewards of multipliers that were not tried are those that trying them would have brought."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

import auctionsim
from auctionsim.agents.build import build_market
from auctionsim.agents.learners.bandits.counterfactuals import known_rewards
from auctionsim.agents.learners.bandits.multiplier_bandit import BanditSection, _Tried, grid_of
from auctionsim.agents.learners.base import trained
from auctionsim.agents.learners.registry import make_learner
from auctionsim.errors import InputError
from auctionsim.market.market import Market
from auctionsim.market.simulate import simulate_day
from auctionsim.scenario import Scenario
from auctionsim.scenario.file import parse_scenario
from auctionsim.traffic.table import HOURS

TEXT = """
name = "feedback"
[traffic]
days = 2
auctions_per_day = 400
queries = 10
candidates = 4
train_days = [0]
test_days = [1]
[mechanism]
reserve = 0.01
[information]
regime = "full"
[[advertisers]]
group = "ours"
count = 2
[[advertisers]]
group = "rival"
count = 3
controller = "manual"
[learner]
algorithm = "auctionsim.agents.learners.bandits.multiplier_bandit:MultiplierBandit"
global_weight = 0.0
population = 2
[train]
iterations = 3
"""
FEEDBACK = "learner.constants.feedback"


def made(*overrides: str, text: str = TEXT) -> tuple[Scenario, Market]:
    scenario = parse_scenario(text, "x.toml", overrides=overrides)
    return scenario, build_market(scenario)


@pytest.mark.parametrize("pricing", ["first", "gsp", "vcg"])
@pytest.mark.parametrize("slots", ["[1.0]", "[1.0, 0.5, 0.3]"])
def test_counterfactual_rewards_equal_replays(pricing: str, slots: str):
    _, market = made(f'mechanism.pricing="{pricing}"', f"mechanism.slot_effect={slots}")
    grid, chosen = np.array([0.3, 0.6, 1.0]), np.random.default_rng(0).integers(3, size=(HOURS, 2, 2))
    run = simulate_day(market, 0, _Tried(grid[chosen]), n_policies=2)
    nothing, ones = np.full((HOURS, 2, 2), np.nan), np.ones((HOURS, 2))
    found = known_rewards(run, market, grid, chosen, nothing, ones, "least-winning-cost")
    for k in range(2):
        for arm in range(3):
            tried = grid[chosen].copy()
            tried[:, k] = grid[arm]
            profit = simulate_day(market, 0, _Tried(tried), n_policies=2).outcome.profit[:, market.learners[k]]
            untried = chosen[:, k] != arm
            np.testing.assert_allclose(found[:, k, arm][untried], profit[untried], atol=1e-12)
            assert np.isnan(found[:, k, arm][~untried]).all()
            # Who bids the value in a first-price auction earns nothing.
            assert np.abs(profit).max() > 0.01 or (pricing, arm) == ("first", 2)


def test_prices_of_wins_teach_lower_multipliers_alone():
    _, market = made()
    grid, chosen = np.array([0.3, 0.6, 1.0]), np.random.default_rng(1).integers(3, size=(HOURS, 2, 2))
    run = simulate_day(market, 0, _Tried(grid[chosen]), n_policies=2)
    own = run.outcome.profit[:, market.learners]
    arguments = (run, market, grid, chosen, own, np.ones((HOURS, 2)))
    some, every = (known_rewards(*arguments, feedback) for feedback in ("winning-price", "least-winning-cost"))
    is_known = np.arange(3)[None, None, :, None] <= chosen[:, :, None]
    np.testing.assert_array_equal(np.isfinite(some), is_known)
    np.testing.assert_array_equal(some[is_known], every[is_known])
    # What was earned counts, not what would have been: both are the same without noise.
    np.testing.assert_allclose(np.take_along_axis(every, chosen[:, :, None], axis=2)[:, :, 0], own)


def best_response(market: Market, grid: np.ndarray) -> np.ndarray:
    """Return the profit of each multiplier on the training day among rivals who never change, `[multipliers]`."""
    run = simulate_day(market, 0, _Tried(np.broadcast_to(grid, (HOURS, 1, len(grid)))), n_policies=len(grid))
    profit: np.ndarray = run.outcome.profit[:, market.learners[0]].sum(axis=0)
    return profit


def shading(seed: int, feedback: str, rivals: float) -> tuple[float, float]:
    """Return one bidder's lost profit, and its price as a share of value, in a first-price auction after a day of two copies.

    Args:
        seed: Seed of traffic and trials.
        feedback: What a trial teaches.
        rivals: Factor on rivals' bids.
    """
    text = TEXT.replace("count = 2", "count = 1").replace("count = 3", "count = 4")
    keys = ['mechanism.pricing="first"', f'{FEEDBACK}="{feedback}"', "train.iterations=1", f"seed={seed}"]
    scenario, market = made(*keys, "mechanism.reserve=0.0", 'learner.constants.rule="exp3"', text=text)
    weak = replace(market.traffic, keyword_bid=rivals * market.traffic.keyword_bid)
    market, learner = build_market(auctionsim.with_traffic(scenario, weak), seed), make_learner(scenario)
    policy = learner.policy(market, trained(learner, market, 1))
    run, own = simulate_day(market, 0, policy).outcome, market.learners[0]
    lost = 1 - run.profit[:, own].sum() / best_response(market, grid_of(BanditSection())).max()
    return float(lost), float(run.cost[:, own].sum() / run.gmv[:, own].sum())


def test_who_sees_least_winning_costs_shades_to_them():
    kinds = ("own-wins", "least-winning-cost")
    lost = {kind: np.mean([shading(seed, kind, 1.0)[0] for seed in range(5)]) for kind in kinds}
    # One day teaches all of the best response; with 20 multipliers and 48 trials, own wins teach little of it.
    assert lost["least-winning-cost"] < 0.03
    assert lost["own-wins"] > 2 * lost["least-winning-cost"]


def test_who_sees_that_rivals_hardly_bid_pays_the_least():
    # All multipliers win, so that the smallest one is best: a twentieth of the value. Who knows its own wins cannot be below.
    paid = {kind: [shading(seed, kind, 1e-4)[1] for seed in range(5)] for kind in ("own-wins", "least-winning-cost")}
    assert paid["least-winning-cost"] == pytest.approx([0.05] * 5)
    assert np.mean(paid["own-wins"]) > 0.1


def test_q_values_of_all_multipliers_approach_their_rewards():
    keys = [f'{FEEDBACK}="least-winning-cost"', "train.iterations=30", "learner.constants.multipliers=5"]
    text = TEXT.replace("count = 2", "count = 1")
    scenario, market = made(*keys, text=text)
    learner = make_learner(scenario)
    state = trained(learner, market, 30)
    profit = best_response(market, grid_of(BanditSection(multipliers=5)))
    assert state["values"][0].argmax() == profit.argmax()


def test_noise_blurs_what_is_learned_but_not_what_was_earned():
    regime = 'information.regime="least-winning-cost"'
    plain, noisy = (made(regime, f"information.noise={noise}")[1] for noise in (0.0, 0.5))
    grid, chosen = np.array([0.3, 0.6, 1.0]), np.zeros((HOURS, 2, 1), dtype=np.int64)
    run = simulate_day(plain, 0, _Tried(grid[chosen]), n_policies=1)
    own = run.outcome.profit[:, plain.learners]
    true, seen = (
        known_rewards(run, one, grid, chosen, own, np.ones((HOURS, 2)), "least-winning-cost") for one in (plain, noisy)
    )
    np.testing.assert_array_equal(seen[:, :, 0], true[:, :, 0])
    assert not np.allclose(seen[:, :, 1:], true[:, :, 1:])
    np.testing.assert_allclose(seen.sum(), true.sum(), rtol=0.5)


LEAST, PRICE = f'{FEEDBACK}="least-winning-cost"', f'{FEEDBACK}="winning-price"'
TWO_SLOTS = "mechanism.slot_effect=[1.0, 0.5]"


@pytest.mark.parametrize(
    ("overrides", "words"),
    [
        (('information.regime="own-wins"', LEAST), "information.regime: expected 'least-winning-cost' with"),
        (('information.regime="least-winning-cost"', LEAST, TWO_SLOTS), "information.regime: expected 'full' with"),
        (('information.aggregate="hour"', LEAST), "information.aggregate: expected 'auction' with"),
        (('mechanism.pricing="first"', PRICE), "learner.constants.feedback: expected no 'winning-price'"),
        ((TWO_SLOTS, PRICE), "learner.constants.feedback: expected one slot"),
    ],
)
def test_feedback_that_is_not_given_is_refused(overrides: tuple[str, ...], words: str):
    with pytest.raises(InputError, match=f"^x.toml: {words}") as caught:
        make_learner(parse_scenario(TEXT, "x.toml", overrides=overrides))
    assert "\n" not in str(caught.value)
