"""A function from observations to actions is a policy of the market that does what it does in the environment."""

from __future__ import annotations

import gymnasium
import numpy as np
import pytest

import auctionsim
from auctionsim.envs import AuctionVectorEnv, as_policy, env, parallel_env
from auctionsim.errors import InputError
from auctionsim.market.simulate import simulate_day
from auctionsim.objectives.goals import day_totals
from auctionsim.scenario.file import parse_scenario

from ..conftest import SMALL

BUDGETS = SMALL.replace("profit_floor = 1.0", 'profit_floor = 1.0\nbudget = "baseline*0.6"')


def reacting(agent: str, seen: np.ndarray) -> np.ndarray:
    """Actions that depend on all that is seen, and differ by agent."""
    weights = np.linspace(-1, 1, 45).reshape(15, 3) + 0.1 * int(agent[-1])
    return np.tanh(seen @ weights)


@pytest.mark.parametrize("arguments", [{}, {"bid_model": "value", "max_multiplier": 4.0}, {"action_mode": "discrete"}])
def test_it_earns_on_a_day_what_it_earns_in_the_environment(arguments: dict[str, object]):
    scenario = parse_scenario(BUDGETS, "small.toml")
    played = parallel_env(scenario, split="test", **arguments)

    def act(agent: str, seen: np.ndarray) -> np.ndarray:
        action = reacting(agent, seen)[: played.actions.shape[0]] if played.actions.shape else reacting(agent, seen)[0]
        return action if played.actions.mode == "box" else np.round((action + 1) * 10).astype(int)

    observations, _ = played.reset(options={"day": 2})
    while played.agents:
        observations, *_ = played.step({agent: act(agent, observations[agent]) for agent in played.agents})
    policy = as_policy(act, played)
    alone, together = (simulate_day(played.market, 2, policy, n_policies=n) for n in (1, 3))
    np.testing.assert_array_equal(day_totals(alone.outcome), played.batched_days.cumulative)
    np.testing.assert_array_equal(day_totals(together.outcome), np.repeat(played.batched_days.cumulative, 3, axis=2))


def test_all_actions_may_be_given_at_once():
    played = parallel_env(parse_scenario(SMALL, "small.toml"))

    def at_once(observations: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        return {agent: reacting(agent, seen) for agent, seen in reversed(observations.items())}

    one, other = (simulate_day(played.market, 2, policy) for policy in (
        as_policy(reacting, played), as_policy(at_once, played, is_joint=True)))  # fmt: skip
    np.testing.assert_array_equal(one.outcome.cost, other.outcome.cost)
    with pytest.raises(InputError, match="actions: expected one for every agent, got none for 'seller_0'"):
        simulate_day(played.market, 2, as_policy(lambda seen: {}, played, is_joint=True))


def test_the_action_space_is_found_through_wrappers():
    scenario = parse_scenario(SMALL, "small.toml")
    market = auctionsim.build_market(scenario)
    settings = {"bid_model": "value", "max_multiplier": 3.0}
    wrapped = [
        gymnasium.make("auctionsim/SingleBidder-v0", scenario=market, **settings),
        gymnasium.make_vec("auctionsim/SingleBidder-v0", 2, scenario=market, **settings),
        AuctionVectorEnv(market, 2, **settings),
        env(market, **settings),
    ]
    found = [simulate_day(market, 2, as_policy(lambda agent, seen: [0.5], one)).outcome.cost for one in wrapped]
    assert all((cost == found[0]).all() for cost in found)
    with pytest.raises(InputError, match="env: expected an environment of auctionsim.envs, got 3"):
        as_policy(reacting, 3)


def test_actions_outside_the_space_are_refused():
    played = parallel_env(parse_scenario(SMALL, "small.toml"))
    with pytest.raises(InputError, match="actions: expected"):
        simulate_day(played.market, 2, as_policy(lambda agent, seen: [np.nan, 0.0, 0.0], played))
    with pytest.raises(InputError, match="actions: expected"):
        simulate_day(played.market, 2, as_policy(lambda agent, seen: [0.0], played))
