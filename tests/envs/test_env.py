"""The PettingZoo environments: PettingZoo's own tests, and ours for what those do not check."""

from __future__ import annotations

from functools import partial
from types import SimpleNamespace

import numpy as np
import pytest
from pettingzoo.test import api_test, max_cycles_test, parallel_api_test, parallel_seed_test, render_test, seed_test

from auctionsim.envs import FEATURES, AuctionParallelEnv, env, parallel_env
from auctionsim.envs.episode_sampler import EpisodeSampler
from auctionsim.envs.markets import market_of
from auctionsim.errors import InputError
from auctionsim.market.goals import training_goals
from auctionsim.objectives import goals as objectives
from auctionsim.objectives.fitness import charge, day_score, violations
from auctionsim.objectives.penalties import PENALTIES, reward_price
from auctionsim.scenario import Scenario
from auctionsim.scenario.file import parse_scenario

from ..conftest import SMALL

MODES = ("box", "discrete")
SAMPLED = "mechanism.outcomes=sampled"


def play(env: AuctionParallelEnv, seed: int, action_seed: int = 0, **options: int) -> tuple[list, dict[str, float]]:
    """Run a whole day with random actions; return every observation, and each agent's return."""
    observations, _ = env.reset(seed=seed, options=options)
    for i, agent in enumerate(env.possible_agents):
        env.action_space(agent).seed(100 * action_seed + i)
    seen, returns = [observations], dict.fromkeys(env.possible_agents, 0.0)
    while env.agents:
        actions = {agent: env.action_space(agent).sample() for agent in env.agents}
        observations, rewards, terminations, truncations, infos = env.step(actions)
        assert not any(truncations.values())
        assert set(infos) == set(env.possible_agents)
        for agent, reward in rewards.items():
            assert type(reward) is float
            returns[agent] += reward
        seen.append(observations)
    assert all(terminations.values())
    return seen, returns


def idle(env: AuctionParallelEnv, **special: float) -> dict[str, np.ndarray]:
    """Return actions of 0 for all agents but those named."""
    return {agent: np.full(3, special.get(agent.replace("-", "_"), 0.0), np.float32) for agent in env.agents}


def totals(env: AuctionParallelEnv) -> np.ndarray:
    """Return the totals of the day so far, `[advertisers, 5]`."""
    return env.batched_days.cumulative[:, :, 0]


# A bid of several coefficients is a MultiDiscrete, which is allowed, but not what PettingZoo recommends.
@pytest.mark.filterwarnings("ignore:Action space for each agent probably")
@pytest.mark.parametrize("mode", MODES)
def test_pettingzoo_s_own_tests_pass(small: Scenario, mode: str, capsys: pytest.CaptureFixture[str]):
    made = {"action_mode": mode}
    parallel_api_test(parallel_env(small, **made), num_cycles=100)
    api_test(env(small, **made), num_cycles=200)
    seed_test(partial(env, small, **made), num_cycles=30)
    parallel_seed_test(partial(parallel_env, small, **made), num_cycles=30)
    max_cycles_test(SimpleNamespace(parallel_env=partial(parallel_env, small, **made), env=partial(env, small, **made)))
    render_test(partial(env, small, **made))


def test_a_day_has_24_steps_and_every_observation_lies_in_its_space(small: Scenario):
    env = parallel_env(small)
    seen, _ = play(env, seed=0)
    assert len(seen) == 25
    for observations in seen:
        for agent, observation in observations.items():
            assert env.observation_space(agent).contains(observation)


def test_observations_stay_in_their_space_when_budgets_end_and_outcomes_are_sampled():
    over = ['advertisers.0.budget="baseline*0.2"', SAMPLED, "mechanism.slot_effect=[1.0, 0.5]"]
    env = parallel_env(parse_scenario(SMALL, "x.toml", overrides=over))
    for action_seed in range(3):
        seen, _ = play(env, seed=action_seed, action_seed=action_seed)
        assert all(env.observation_space(agent).contains(one) for hour in seen for agent, one in hour.items())


@pytest.mark.parametrize("outcomes", ["expected", "sampled"])
def test_the_same_seed_and_actions_give_the_same_day(outcomes: str):
    scenario = parse_scenario(SMALL, "x.toml", overrides=[f"mechanism.outcomes={outcomes}"])
    one, other = (play(parallel_env(scenario), seed=5) for _ in range(2))
    assert one[1] == other[1]
    assert all((a[agent] == b[agent]).all() for a, b in zip(one[0], other[0], strict=True) for agent in a)


def test_the_next_seed_begins_on_another_day(small: Scenario):
    env = parallel_env(small)
    assert play(env, seed=5)[1] != play(env, seed=6)[1]
    first = [EpisodeSampler((3, 4, 5), seed).next().day for seed in range(6)]
    assert first == [3, 4, 5, 3, 4, 5]


def test_sampling_noise_is_decided_by_the_seed_and_new_in_every_episode():
    env = parallel_env(parse_scenario(SMALL, "x.toml", overrides=[SAMPLED]))
    one, again = (play(env, seed=5, day=0)[1] for _ in range(2))
    assert one == again
    assert play(env, seed=6, day=0)[1] != one
    env.reset(seed=5, options={"day": 0})
    env.reset(options={"day": 0})
    while env.agents:
        env.step(idle(env))
    second = totals(env)
    env.reset(seed=5, options={"day": 0})
    while env.agents:
        env.step(idle(env))
    assert (second != totals(env)).any()


def test_later_days_are_sampled_from_all_days_of_the_split(small: Scenario):
    for split, days in (("train", {0, 1}), ("test", {2, 3})):
        sampler = EpisodeSampler(tuple(sorted(days)), seed=0)
        assert {sampler.next().day for _ in range(40)} == days
        assert parallel_env(small, split=split).reset(seed=0)[1]["seller_0"]["day"] in days


def test_the_rewards_of_a_day_add_up_to_its_fitness_where_nothing_is_missed_by_more_than_all_of_it(small: Scenario):
    env = parallel_env(small)
    for raised in (0.0, 0.03, 0.06):
        env.reset(seed=0)
        returns = dict.fromkeys(env.agents, 0.0)
        while env.agents:
            _, rewards, *_, infos = env.step(idle(env, seller_0=raised))
            returns = {agent: returns[agent] + reward for agent, reward in rewards.items()}
        assert 0.1 < max(info["violations"].max() for info in infos.values()) <= 1.0
        score = day_score(env.batched_days.cumulative, training_goals(env.market, env.day), small.learner)
        np.testing.assert_allclose(list(returns.values()), score[:, 0], rtol=1e-9)


@pytest.mark.parametrize("penalty", PENALTIES)
def test_the_rewards_of_any_day_add_up_to_its_score_less_the_penalty_that_was_chosen(small: Scenario, penalty: str):
    env = parallel_env(small, penalty=penalty)
    _, returns = play(env, seed=0)
    totals, goals = env.batched_days.cumulative, training_goals(env.market, env.day)
    charged = charge(violations(totals, goals), reward_price(penalty, small.learner), goals)
    assert (charged == 0).all() if penalty == "none" else (charged > 20).all()
    score = objectives.running_score(totals, goals, small.learner) - charged
    np.testing.assert_allclose(list(returns.values()), score[:, 0], rtol=1e-9)


def test_a_day_cut_short_is_truncated_and_charged_no_penalty(small: Scenario):
    env = parallel_env(small, max_cycles=3)
    env.reset(seed=0)
    returns = dict.fromkeys(env.agents, 0.0)
    for _ in range(3):
        _, rewards, terminations, truncations, _ = env.step(idle(env))
        returns = {agent: returns[agent] + reward for agent, reward in rewards.items()}
    assert all(truncations.values())
    assert not any(terminations.values())
    assert env.agents == []
    score = objectives.running_score(env.batched_days.cumulative, training_goals(env.market, env.day), small.learner)
    np.testing.assert_allclose(list(returns.values()), score[:, 0], rtol=1e-9)


def test_a_higher_bid_takes_impressions_from_rivals(small: Scenario):
    def impressions(exponent: float) -> np.ndarray:
        env = parallel_env(small)
        env.reset(options={"day": 0})
        while env.agents:
            env.step(idle(env, seller_0=exponent))
        return totals(env)[:, 0]

    low, high = impressions(-0.25), impressions(0.25)
    assert high[0] > low[0]
    assert high[1:].sum() < low[1:].sum()


def test_an_action_of_one_multiplies_bids_by_max_multiplier(small: Scenario):
    # All bids ten times as high: the same winners at ten times the prices.
    def outcome(exponent: float) -> np.ndarray:
        env = parallel_env(small, max_multiplier=10.0)
        env.reset(options={"day": 0})
        env.step({agent: np.full(3, exponent) for agent in env.agents})
        return totals(env)

    one, ten = outcome(0.0), outcome(1.0)
    np.testing.assert_allclose(ten[:, :4], one[:, :4])
    assert ten[:, 4].sum() == pytest.approx(10 * one[:, 4].sum(), rel=0.05)  # but where the reserve is the price


def test_discrete_actions_are_a_grid_of_the_box(small: Scenario):
    box, grid = parallel_env(small), parallel_env(small, action_mode="discrete", levels=5)
    box.reset(options={"day": 1})
    grid.reset(options={"day": 1})
    for level, x in enumerate((-1.0, -0.5, 0.0, 0.5, 1.0)):
        one, *_ = box.step(dict.fromkeys(box.agents, np.full(3, x)))
        other, *_ = grid.step(dict.fromkeys(grid.agents, np.full(3, level)))
        assert all((one[agent] == other[agent]).all() for agent in one)


def test_turn_by_turn_equals_all_at_once(small: Scenario):
    together, in_turn = parallel_env(small), env(small)
    together.reset(seed=3)
    in_turn.reset(seed=3)
    rng = np.random.default_rng(0)
    while together.agents:
        actions = {agent: rng.uniform(-1, 1, 3).astype(np.float32) for agent in together.agents}
        for action in actions.values():
            in_turn.step(action)
        observations, rewards, terminations, _, infos = together.step(actions)
        assert in_turn.rewards == rewards
        assert in_turn.terminations == terminations
        for agent, observation in observations.items():
            assert (in_turn.observe(agent) == observation).all()
            assert (in_turn.infos[agent]["objectives"] == infos[agent]["objectives"]).all()
        assert (in_turn.state() == together.state()).all()


def test_manual_advertisers_are_no_agents_and_bid_by_keyword():
    text = SMALL + '\n[[advertisers]]\ngroup = "shop"\ncount = 2\ncontroller = "manual"\n'
    env = parallel_env(parse_scenario(text, "x.toml"))
    assert env.possible_agents == [f"seller_{i}" for i in range(5)]
    assert env.market.fixed[5:].tolist() == [[0, 0, 0, 1]] * 2


def test_an_advertiser_without_budget_left_stays_with_nothing_left():
    scenario = parse_scenario(SMALL, "x.toml", overrides=['advertisers.0.budget="baseline*0.1"'])
    env = parallel_env(scenario)
    env.reset(seed=0)
    high = {agent: np.full(3, 0.25, np.float32) for agent in env.agents}
    for _ in range(20):
        env.step(high)
    before = totals(env)[:, 0]
    observations, *_ = env.step(high)
    won = totals(env)[:, 0] - before
    spent = np.array([observation[FEATURES.index("budget_left")] == 0 for observation in observations.values()])
    # The last one standing pays the reserve alone, so its budget lasts; the others are out and stay agents.
    assert len(env.agents) == 5
    assert spent.sum() >= 3
    assert (won[spent] == 0).all()


def test_state_is_the_observations_of_all_agents(small: Scenario):
    env = parallel_env(small)
    observations, _ = env.reset(seed=0)
    assert (env.state() == np.concatenate(list(observations.values()))).all()
    assert env.state_space.contains(env.state())
    assert env.reward_space("seller_0").shape == (4,)


@pytest.mark.parametrize("model", ["scale", "conversion", "value"])
@pytest.mark.parametrize("mode", MODES)
def test_other_bid_models_have_one_coefficient(small: Scenario, model: str, mode: str):
    env = parallel_env(small, bid_model=model, action_mode=mode)
    env.reset(seed=0)
    assert env.action_space("seller_0").shape == ((1,) if mode == "box" else ())
    _, rewards, *_ = env.step({agent: env.action_space(agent).sample() for agent in env.agents})
    assert np.isfinite(list(rewards.values())).all()


def test_features_are_ratios_to_the_baseline():
    # Everybody bids by keyword, as the baseline does: each hour's amounts are the baseline's, and 0.5 is its mean hour's.
    scenario = parse_scenario(SMALL, "x.toml")
    env = parallel_env(scenario, bid_model="scale")
    env.reset(options={"day": 0})
    hour = 0
    while env.agents:
        observations, *_ = env.step(dict.fromkeys(env.agents, np.zeros(1)))
        clicks = env.market.baseline[0].clicks[:, :, 0]
        expected = clicks[hour] / (clicks[hour] + clicks.mean(axis=0))
        seen = [observation[FEATURES.index("clicks")] for observation in observations.values()]
        np.testing.assert_allclose(seen, expected, rtol=1e-5)
        hour += 1


def test_human_rendering_prints_a_line_an_hour(small: Scenario, capsys: pytest.CaptureFixture[str]):
    env = parallel_env(small, render_mode="human")
    env.reset(options={"day": 1})
    for _ in range(3):
        env.step(idle(env))
    lines = capsys.readouterr().out.splitlines()
    assert [line[:15] for line in lines] == [f"day 1 hour  {hour}/24"[:15] for hour in (1, 2, 3)]
    assert f"revenue {totals(env)[:, 4].sum():.2f}" in lines[-1]


def test_a_picture_changes_with_the_day(small: Scenario):
    env = parallel_env(small, render_mode="rgb_array")
    env.reset(seed=0)
    before = env.render()
    env.step(idle(env))
    after = env.render()
    assert before.shape == after.shape == (400, 800, 3)
    assert before.dtype == np.uint8
    assert (before != after).any()


def test_a_generated_market_in_use_is_shared(small: Scenario):
    one, other = parallel_env(small), parallel_env(small.model_copy())
    assert one.market is other.market
    assert market_of(small.model_copy(update={"seed": 7})) is not one.market
    assert market_of(one.market) is one.market


def test_a_wrong_call_is_refused_in_one_line(small: Scenario):
    env = parallel_env(small)
    with pytest.raises(InputError, match=r"step: expected a running episode, got none \(call reset first\)"):
        env.step({})
    env.reset(seed=0)
    with pytest.raises(InputError, match="got none for 'seller_0'"):
        env.step({})
    with pytest.raises(InputError, match=r"actions\['seller_0'\]: expected finite numbers of shape \(3,\)"):
        env.step({agent: np.full(3, np.nan) for agent in env.agents})
    with pytest.raises(InputError, match=r"actions\['seller_2'\]: expected finite numbers"):
        env.step(idle(env) | {"seller_2": np.zeros(2)})
    with pytest.raises(InputError, match=r"options\['day'\]: expected one of \[0, 1, 2, 3\], got 9"):
        env.reset(options={"day": 9})
    with pytest.raises(InputError, match=r"options\['day'\]: expected a whole number, got 'monday'"):
        env.reset(options={"day": "monday"})
    grid = parallel_env(small, action_mode="discrete", levels=3)
    grid.reset(seed=0)
    with pytest.raises(InputError, match=r"actions\['seller_0'\]: expected whole numbers from 0 to 2"):
        grid.step({agent: np.full(3, 3) for agent in grid.agents})


@pytest.mark.parametrize(
    ("argument", "message"),
    [
        ({"bid_model": "linear"}, "bid_model: unknown 'linear'; choose from scale"),
        ({"action_mode": "boxes"}, r"action_mode: unknown 'boxes'.*did you mean 'box'"),
        ({"levels": 1}, "levels: expected a whole number >= 2 and < 2147483648, got 1"),
        ({"max_multiplier": 1.0}, "max_multiplier: expected a finite number > 1, got 1.0"),
        ({"split": "tests"}, r"split: unknown 'tests'.*did you mean 'test'"),
        ({"max_cycles": 0}, "max_cycles: expected a whole number >= 1, got 0"),
        ({"render_mode": "rgb_arr"}, r"render_mode: unknown 'rgb_arr'.*did you mean 'rgb_array'"),
    ],
)
def test_a_wrong_argument_is_refused_in_one_line(small: Scenario, argument: dict, message: str):
    with pytest.raises(InputError, match=message):
        parallel_env(small, **argument)


def test_a_scenario_without_learners_is_refused():
    with pytest.raises(InputError, match="x.toml: advertisers: expected one whose controller is 'learner', got none"):
        parallel_env(parse_scenario(SMALL, "x.toml", overrides=["advertisers.0.controller=manual"]))


def test_unknown_reset_options_are_ignored(small: Scenario):
    parallel_env(small).reset(options={"nothing": 1})
