"""What Gymnasium's and PettingZoo's registries know: arguments as plain data, the length of a day, a default scenario."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import gymnasium
import numpy as np
import pettingzoo
import polars as pl
import pytest
from gymnasium.envs.registration import EnvSpec
from gymnasium.utils.env_checker import check_env
from gymnasium.vector import AutoresetMode
from pettingzoo.test import api_test, parallel_api_test
from pettingzoo.test.max_cycles_test import max_cycles_test
from pettingzoo.test.seed_test import parallel_seed_test, seed_test
from pettingzoo.test.state_test import state_test

import auctionsim
from auctionsim.envs import AuctionVectorEnv, FlattenAgents, SingleBidderEnv, env, parallel_env
from auctionsim.envs.markets import market_of
from auctionsim.errors import InputError
from auctionsim.scenario import Scenario
from auctionsim.scenario.file import builtin_scenarios, load_scenario
from auctionsim.scenario.record import from_record, to_record

from ..conftest import SMALL

NAME = "auctionsim/SingleBidder-v0"
AUCTION = "auctionsim/Auction-v0"
OVERRIDES = ["advertisers.0.count=3", "traffic.auctions_per_day=200", "traffic.train_days=[0,1]", "traffic.test_days=[2]"]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "small.toml"
    path.write_text(SMALL)
    return path


def day(made: Any) -> list[Any]:
    """A day of idle actions: observations, rewards, and how it ended."""
    seen: list[Any] = [made.reset(seed=3)[0]]
    over = False
    while not over:
        observed, reward, terminated, truncated, _ = made.step(np.zeros(made.action_space.shape, np.float32))
        seen += [observed, reward, terminated, truncated]
        over = np.any(terminated) or np.any(truncated)
    return seen


def assert_same_days(one: Any, other: Any) -> None:
    for mine, theirs in zip(day(one), day(other), strict=True):
        assert np.array_equal(mine, theirs)


@pytest.mark.parametrize("name", list(builtin_scenarios()))
def test_plain_data_of_a_scenario_gives_the_scenario_again(name: str):
    scenario = load_scenario(name)
    again = from_record(json.loads(json.dumps(to_record(scenario))), "scenario")
    assert again == scenario
    assert (again.source, again.folder, to_record(again)) == (scenario.source, scenario.folder, to_record(scenario))


@pytest.mark.parametrize(
    ("record", "message"),
    [
        (
            {},
            "scenario: expected the keys scenario, source, folder, the first with the scenario's own keys, got scenario = None",
        ),
        ({"scenario": {}, "sauce": 1}, "scenario: expected the keys scenario, .* got the key 'sauce'"),
        ({"scenario": {}, "folder": 1}, r"scenario\['folder'\]: expected text or None, got 1"),
        ({"scenario": {}, "source": "x.toml"}, "x.toml: name: expected a value, got nothing"),
        ({"scenario": {"name": "x", "sede": 1}}, "scenario: sede: unknown key; .*did you mean 'seed'"),
        ({"scenario": {"name": "x", "advertisers": [{"group": 3}]}}, r"scenario: advertisers\[0\].group: expected text, got 3"),
    ],
)
def test_plain_data_that_is_wrong_is_refused_in_one_line(record: dict[str, Any], message: str):
    with pytest.raises(InputError, match=f"^{message}") as refused:
        parallel_env(record)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("kind", ["name", "scenario", "path", "market", "overrides", "numpy"])
def test_a_spec_goes_through_json_and_makes_the_same_environment(small: Scenario, file: Path, kind: str):
    arguments: dict[str, dict[str, Any]] = {
        "name": {"scenario": "three-arms", "max_cycles": 2},
        "scenario": {"scenario": small, "bid_model": "value"},
        "path": {"scenario": file, "bidder": "seller_2", "rivals": "truthful"},
        "market": {"scenario": market_of(small), "split": "test"},
        "overrides": {"scenario": "three-arms", "overrides": OVERRIDES},
        "numpy": {"scenario": small, "max_multiplier": np.float32(4), "max_cycles": np.int64(5)},
    }
    made = gymnasium.make(NAME, **arguments[kind])
    assert made.spec is not None
    text = made.spec.to_json()
    again = gymnasium.make(EnvSpec.from_json(text))
    assert_same_days(made, again)
    assert again.spec is not None
    assert again.spec.to_json() == text


def test_the_spec_of_a_vector_goes_through_json(small: Scenario):
    made = gymnasium.make_vec(NAME, num_envs=3, scenario=small, autoreset_mode=AutoresetMode.SAME_STEP, max_episode_steps=4)
    again = gymnasium.make_vec(EnvSpec.from_json(made.spec.to_json()))
    assert (again.num_envs, again.autoreset_mode) == (3, AutoresetMode.SAME_STEP)
    assert_same_days(made, again)


def test_a_market_made_by_hand_is_no_plain_data(small: Scenario):
    made = gymnasium.make(NAME, scenario=market_of(small).without_budgets())
    assert made.spec is not None
    with pytest.raises(TypeError, match="is not JSON serializable"):
        made.spec.to_json()


def test_overrides_are_those_of_set_and_go_with_a_file_or_a_name_only(small: Scenario, file: Path):
    for made in (
        parallel_env("three-arms", overrides=OVERRIDES),
        env("three-arms", overrides=OVERRIDES),
        AuctionVectorEnv("three-arms", 2, overrides=OVERRIDES),
        SingleBidderEnv(overrides=OVERRIDES),
        gymnasium.make_vec(NAME, num_envs=2, overrides=OVERRIDES).env,
    ):
        assert getattr(made, "unwrapped", made).market.advertisers == ("seller_0", "seller_1", "seller_2")
    assert parallel_env(str(file), overrides=["advertisers.0.count=6"]).max_num_agents == 6
    for given, words in ((small, "Scenario"), (market_of(small), "Market"), (to_record(small), "dict")):
        with pytest.raises(InputError, match=f"^overrides: expected none with {words}, which is made already, got"):
            parallel_env(given, overrides=OVERRIDES)
    with pytest.raises(InputError, match="^overrides: expected a list of text, got 'a=1'$"):
        parallel_env("three-arms", overrides="a=1")
    with pytest.raises(InputError, match=r"^three-arms: seeed: unknown key"):
        parallel_env("three-arms", overrides=["seeed=1"])


def test_a_scenario_from_a_file_is_built_once_for_all_that_use_it(file: Path):
    assert parallel_env(file).market is parallel_env(file).market
    one, other = SingleBidderEnv(file), SingleBidderEnv(file)
    assert one.market.source is other.market.source


def test_the_spec_holds_the_steps_of_a_day_and_episodes_are_cut_as_it_says(small: Scenario):
    for arguments, steps, is_cut in (
        ({}, 24, False),
        ({"max_episode_steps": 5}, 5, True),
        ({"max_episode_steps": -1}, 24, False),
        ({"max_cycles": 7}, 7, True),
        ({"max_cycles": 7, "max_episode_steps": 5}, 5, True),
        ({"max_cycles": 30}, 24, False),
    ):
        made = gymnasium.make(NAME, scenario=small, **arguments)
        vector = gymnasium.make_vec(NAME, num_envs=2, scenario=small, **arguments)
        assert made.spec is not None
        assert vector.spec is not None
        assert (made.spec.max_episode_steps, vector.spec.max_episode_steps) == (steps, steps)
        for of_json in (made, gymnasium.make(EnvSpec.from_json(made.spec.to_json()))):
            played = day(of_json)
            assert len(played) == 1 + 4 * steps
            # The end of a day is no interruption.
            assert played[-2:] == [not is_cut, is_cut]
        for of_json in (vector, gymnasium.make_vec(EnvSpec.from_json(vector.spec.to_json()))):
            assert [bool(end.all()) for end in day(of_json)[-2:]] == [not is_cut, is_cut]


def test_vectors_say_how_they_begin_the_next_day(small: Scenario):
    for given in (AutoresetMode.SAME_STEP, "SameStep", "SAME_STEP"):
        vector = AuctionVectorEnv(small, 2, autoreset_mode=given)
        for made in (vector, FlattenAgents(vector)):
            assert made.autoreset_mode is made.metadata["autoreset_mode"] is AutoresetMode.SAME_STEP


@pytest.mark.skipif(not hasattr(pettingzoo, "make"), reason="this version of PettingZoo has no registry")
@pytest.mark.filterwarnings("ignore:Action space for each agent probably")
def test_pettingzoo_makes_both_kinds_by_name_without_a_warning(small: Scenario):
    together, in_turn = (pettingzoo.make(kind, AUCTION, scenario=small, max_cycles=3) for kind in ("parallel", "aec"))
    assert together.possible_agents == in_turn.possible_agents == [f"seller_{i}" for i in range(5)]
    parallel_api_test(together, num_cycles=10)
    api_test(in_turn, num_cycles=10)
    assert pettingzoo.spec("parallel", "auctionsim/Auction").id == AUCTION


def test_every_environment_has_three_arms_as_its_scenario():
    market = parallel_env().market
    for made in (env().unwrapped, AuctionVectorEnv(num_envs=2), gymnasium.make(NAME).unwrapped):
        assert made.market.scenario.name == "three-arms"
        assert made.market.source is market.source
    # The default has floors, and they are on.
    assert market.scenario.platform.revenue_floor > 0


def test_the_checkers_pass_on_the_default_scenario():
    parallel_api_test(parallel_env(), num_cycles=100)
    api_test(env(), num_cycles=30)
    seed_test(env, num_cycles=30)
    parallel_seed_test(parallel_env, num_cycles=30)
    max_cycles_test(SimpleNamespace(parallel_env=parallel_env, env=env))
    state_test(env(), parallel_env())
    check_env(gymnasium.make(NAME).unwrapped)


def test_a_table_where_a_scenario_is_expected_is_told_what_to_become():
    frame = pl.DataFrame({"day": [0, 0], "hour": [1, 2]})
    said = r"^scenario: expected .*scenario \(of a table make one: auctionsim.scenario_for.*\), got a table of shape \(2, 2\)$"
    with pytest.raises(InputError, match=said):
        parallel_env(frame)
    with pytest.raises(InputError, match=said):
        auctionsim.train(frame, "nowhere")
