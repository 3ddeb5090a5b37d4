"""What every environment promises, whatever its kind: infos of one layout, copies, errors that change nothing, seeds."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Any

import gymnasium
import numpy as np
import pytest

from auctionsim.envs import COSTS, AuctionVectorEnv, FlattenAgents, SingleBidderEnv, env, parallel_env
from auctionsim.envs.markets import market_of
from auctionsim.errors import InputError
from auctionsim.market.market import Market
from auctionsim.numbers import consecutive_seeds
from auctionsim.scenario import Scenario
from auctionsim.scenario.file import parse_scenario

from ..conftest import SMALL

NAME = "auctionsim/SingleBidder-v0"
KINDS: dict[str, Callable[..., Any]] = {
    "parallel": parallel_env,
    "turn by turn": env,
    "single": SingleBidderEnv,
    "vector": lambda market, **arguments: AuctionVectorEnv(market, 2, **arguments),
    "flat": lambda market, **arguments: FlattenAgents(AuctionVectorEnv(market, 2, **arguments)),
}
BAD_SEEDS = (-1, 1.5, 2.0, np.float64(3), float("nan"), "7", True, 2**63, [-1, 2])
BAD_LISTS = ([1], [1, 2, 3], [1, 2.5], [1, 2**63], [True, 2])
IS_VECTOR = ("vector", "flat")


@pytest.fixture(scope="module")
def market() -> Market:
    return market_of(parse_scenario(SMALL, "test", overrides=("mechanism.outcomes=sampled",)))


def begin(made: Any, **arguments: Any) -> tuple[Any, dict[str, Any]]:
    """Reset an environment of any kind; return its observations and infos."""
    found = made.reset(**arguments)
    return found if found is not None else (made.last()[0], made.infos)


def hours(made: Any, number: int = 3) -> list[np.ndarray]:
    """Play hours from where the environment is with fixed actions; return all observations as arrays."""
    seen = []
    for _ in range(number):
        if hasattr(made, "agent_iter"):
            for agent in made.possible_agents:
                seen.append(made.observe(agent))
                made.step(None if made.terminations[agent] else np.full(made.action_space(agent).shape, 0.1, np.float32))
        elif hasattr(made, "possible_agents"):
            actions = {agent: np.full(made.action_space(agent).shape, 0.1, np.float32) for agent in made.agents}
            seen += made.step(actions)[0].values()
        else:
            seen.append(made.step(np.full(made.action_space.shape, 0.1, np.float32))[0])
    return seen


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("bad", [*BAD_SEEDS, *BAD_LISTS], ids=str)
def test_a_bad_seed_is_refused_and_leaves_the_environment_as_it_was(market: Market, kind: str, bad: Any):
    tried, plain = KINDS[kind](market), KINDS[kind](market)
    for made in (tried, plain):
        begin(made, seed=3)
    with pytest.raises(InputError, match="seed"):
        tried.reset(seed=bad)
    first, second = begin(tried)[0], begin(plain)[0]
    assert np.array_equal(*(np.stack(list(x.values())) if isinstance(x, dict) else x for x in (first, second)))
    for one, other in zip(hours(tried), hours(plain), strict=True):
        assert np.array_equal(one, other)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("day", [99, 1.5, "0", True, -1])
def test_a_bad_day_is_refused_and_does_not_use_up_the_seed(market: Market, kind: str, day: Any):
    tried, plain = KINDS[kind](market), KINDS[kind](market)
    for made in (tried, plain):
        begin(made, seed=3)
    with pytest.raises(InputError, match="day"):
        tried.reset(seed=4, options={"day": day})
    begin(tried), begin(plain)
    for one, other in zip(hours(tried), hours(plain), strict=True):
        assert np.array_equal(one, other)


@pytest.mark.parametrize("kind", KINDS)
def test_a_bad_first_seed_leaves_the_environment_usable(market: Market, kind: str):
    made = KINDS[kind](market)
    with pytest.raises(InputError, match=r"^seed: expected a whole number >= 0 and < 2\^63, got -1$"):
        made.reset(seed=-1)
    begin(made)
    assert len(hours(made)) >= 3


@pytest.mark.parametrize("made", ["make", "make_vec", "sync"])
def test_a_bad_first_seed_is_refused_through_gymnasium_s_wrappers_and_the_next_reset_works(market: Market, made: str):
    one = (
        gymnasium.make(NAME, scenario=market)
        if made == "make"
        else gymnasium.make_vec(NAME, num_envs=2, scenario=market, vectorization_mode=None if made == "make_vec" else made)
    )
    with pytest.raises(InputError, match=r"^seed: expected a whole number >= 0 and < 2\^63, got -1$"):
        one.reset(seed=-1)
    one.reset()
    assert one.action_space.shape is not None
    assert np.isfinite(one.step(np.zeros(one.action_space.shape, np.float32))[1]).all()


def test_the_last_seed_of_all_is_a_seed(market: Market):
    for kind in ("parallel", "turn by turn", "single"):
        begin(KINDS[kind](market), seed=2**63 - 1)
    begin(KINDS["vector"](market), seed=2**63 - 2)
    with pytest.raises(InputError, match=r"^seed: expected a whole number <= 9223372036854775806 for 2 seeds < 2\^63, got"):
        begin(KINDS["vector"](market), seed=2**63 - 1)
    assert consecutive_seeds("seed", 2**63 - 3, 3) == (2**63 - 3, 2**63 - 2, 2**63 - 1)
    with pytest.raises(InputError, match=r"^seed: expected a whole number <= 9223372036854775805 for 3 seeds < 2\^63, got"):
        consecutive_seeds("seed", 2**63 - 2, 3)


def layout(info: dict[str, Any]) -> dict[str, tuple[Any, ...]]:
    return {key: (np.shape(value), np.asarray(value).dtype) for key, value in info.items()}


@pytest.mark.parametrize("kind", KINDS)
def test_infos_hold_plain_numbers_and_numpy_arrays_under_the_same_keys_in_all_environments(market: Market, kind: str):
    made = KINDS[kind](market)
    for infos in (begin(made, seed=0)[1], infos_after(made)):
        for info in infos.values() if kind in ("parallel", "turn by turn") else [infos]:
            assert [key for key in info if not key.startswith("_")] == ["day", "objectives", "costs", "violations", "limits"]
            assert all(type(value) in (int, np.ndarray) for value in info.values())
            assert {
                key: value.dtype for key, value in info.items() if not key.startswith("_") and key != "day"
            } == dict.fromkeys(("objectives", "costs", "violations", "limits"), np.float64)
            n = {"vector": (2, 5), "flat": (10,)}.get(kind, ())
            assert np.shape(info["day"]) == n[:1]
            assert info["objectives"].shape == (*n, 4)
            assert info["costs"].shape == info["violations"].shape == info["limits"].shape == (*n, len(COSTS))


def infos_after(made: Any) -> dict[str, Any]:
    """Play an hour; return its infos."""
    if hasattr(made, "agent_iter"):
        for _ in made.possible_agents:
            made.step(np.zeros(3, np.float32))
        return made.infos
    if hasattr(made, "possible_agents"):
        return made.step({agent: np.zeros(3, np.float32) for agent in made.agents})[4]
    return made.step(np.zeros(made.action_space.shape, np.float32))[4]


def test_infos_of_a_reset_have_the_layout_of_a_step(market: Market):
    together = parallel_env(market)
    _, begun = together.reset(seed=0)
    stepped = together.step({agent: np.zeros(3, np.float32) for agent in together.agents})[4]
    assert [layout(begun[agent]) for agent in begun] == [layout(stepped[agent]) for agent in stepped]
    in_turn = env(market)
    in_turn.reset(seed=0)
    before = {agent: layout(info) for agent, info in in_turn.infos.items()}
    for _ in in_turn.agents:
        in_turn.step(np.zeros(3, np.float32))
    assert {agent: layout(info) for agent, info in in_turn.infos.items()} == before
    single = SingleBidderEnv(market)
    assert layout(single.reset(seed=0)[1]) == layout(single.step(np.zeros(3, np.float32))[4])
    assert (begun[together.agents[0]]["objectives"] == 0).all()
    assert (begun[together.agents[0]]["costs"] == 0).all()


@pytest.mark.parametrize("mode", ["NextStep", "SameStep", "Disabled"])
@pytest.mark.parametrize("kind", IS_VECTOR)
def test_infos_of_a_vector_keep_their_layout_over_the_end_of_hours(market: Market, kind: str, mode: str):
    made = KINDS[kind](market, autoreset_mode=mode, max_cycles=12)
    wanted = layout(made.reset(seed=0)[1])
    for step in range(26):
        if mode == "Disabled" and step in (12, 24):
            assert layout(made.reset()[1]) == wanted
        *_, infos = made.step(np.zeros(made.action_space.shape, np.float32))
        assert layout(infos_of_now(infos)) == wanted
        if mode == "SameStep" and "final_info" in infos:
            assert layout(infos["final_info"]) == wanted
            assert (infos["objectives"] == 0).all()
            assert (infos["costs"] == 0).all()
            assert (infos["final_info"]["objectives"] != 0).any()
            assert (infos["final_info"]["costs"] != 0).any()
            assert (infos["final_info"]["violations"] != infos["violations"]).any()


def infos_of_now(infos: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in infos.items() if "final" not in key}


def overwrite(value: Any) -> None:
    """Overwrite every array inside a value."""
    if isinstance(value, dict):
        for part in value.values():
            overwrite(part)
    elif isinstance(value, tuple):
        for part in value:
            overwrite(part)
    elif isinstance(value, np.ndarray) and value.dtype != object:
        value[...] = 1
    elif isinstance(value, np.ndarray):
        for part in value:
            overwrite(part)


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_handed_out_may_be_changed_in_place(market: Market, kind: str):
    tried, plain = KINDS[kind](market), KINDS[kind](market)
    for made in (tried, plain):
        begin(made, seed=3)
    for _ in range(5):
        if kind == "turn by turn":
            agent = plain.agent_selection
            overwrite((tried.observe(agent), tried.last()[0], tried.state()))
            assert np.array_equal(tried.observe(agent), plain.observe(agent))
            assert np.array_equal(tried.state(), plain.state())
            for made in (tried, plain):
                made.step(np.zeros(3, np.float32))
            continue
        if kind == "parallel":
            actions: Any = {agent: np.zeros(3, np.float32) for agent in plain.agents}
        else:
            actions = np.zeros(plain.action_space.shape, np.float32)
        given, kept = tried.step(actions), plain.step(actions)
        assert_same(given, kept)
        overwrite(given)
        if hasattr(plain, "state"):
            overwrite(tried.state())
            assert np.array_equal(tried.state(), plain.state())
        assert_same(tried.batched_days.observations() if kind != "flat" else 0, batched(plain) if kind != "flat" else 0)


def batched(made: Any) -> np.ndarray:
    return made.batched_days.observations()


def assert_same(one: Any, other: Any) -> None:
    if isinstance(one, dict):
        assert one.keys() == other.keys()
        one, other = list(one.values()), list(other.values())
    if isinstance(one, tuple | list):
        for mine, theirs in zip(one, other, strict=True):
            assert_same(mine, theirs)
    else:
        assert np.array_equal(one, other)


BAD_NUMBERS = {
    "max_cycles": (2.5, 0, -1, True, "3", float("nan"), 3.0),
    "levels": (2.5, 1, -3, True, "9", float("nan"), 21.0),
    "max_multiplier": (1, 0.5, -2.0, True, "50", float("nan"), float("inf")),
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("argument", "bad"), [(name, bad) for name, values in BAD_NUMBERS.items() for bad in values])
def test_a_number_of_the_wrong_kind_is_refused_in_one_line(market: Market, kind: str, argument: str, bad: Any):
    with pytest.raises(InputError, match=f"^{argument}: expected .* got .*$"):
        KINDS[kind](market, **{argument: bad})


@pytest.mark.parametrize("bad", [2.5, 0, True, "2", float("nan"), None])
def test_vectors_refuse_other_numbers_too(market: Market, bad: Any):
    with pytest.raises(InputError, match="^num_envs: expected a whole number >= 1, got"):
        AuctionVectorEnv(market, bad)
    if bad is not None:
        with pytest.raises(InputError, match="^threads: expected a whole number >= 1, got"):
            AuctionVectorEnv(market, 2, threads=bad)
    if bad is not True:
        with pytest.raises(InputError, match="^same_day: expected True or False, got"):
            AuctionVectorEnv(market, 2, same_day=bad)
    with pytest.raises(InputError, match="^autoreset_mode: unknown"):
        AuctionVectorEnv(market, 2, autoreset_mode=str(bad))


def test_numpy_numbers_are_numbers(market: Market):
    made = parallel_env(
        market, max_cycles=np.int64(3), levels=np.int32(5), action_mode="discrete", max_multiplier=np.float32(4)
    )
    made.reset(seed=np.int64(3))
    assert (made.max_cycles, made.actions.levels, made.actions.max_multiplier) == (3, 5, 4.0)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("touch", ["np_random", "np_random_seed"])
def test_the_generator_is_there_before_the_first_reset_and_its_seed_draws_the_same_days_again(
    market: Market, kind: str, touch: str
):
    tried, again = KINDS[kind](market), KINDS[kind](market)
    first = getattr(tried, touch)
    assert first is getattr(tried, touch) or first == getattr(tried, touch)
    begin(again, seed=tried.np_random_seed)
    begin(tried)
    for _ in range(3):
        assert_same(hours(tried), hours(again))
        begin(tried), begin(again)
    assert tried.np_random_seed == again.np_random_seed
    generators = tried.np_random if kind in IS_VECTOR else (tried.np_random,)
    assert all(isinstance(generator, np.random.Generator) for generator in generators)


@pytest.mark.parametrize("kind", KINDS)
def test_copies_that_nobody_seeded_draw_different_days(market: Market, kind: str):
    fresh = KINDS[kind](market)
    made = [KINDS[kind](market) for _ in range(8)] + [copy.deepcopy(fresh) for _ in range(8)]
    seeds = {made_one.np_random_seed for made_one in made}
    assert len(seeds) == len(made)
    assert all(0 <= seed < 2**53 + 2 for seed in np.ravel(list(seeds)).tolist())
    days = set()
    for one in made:
        days.add(str([begin(one)[1] if kind in IS_VECTOR else str(begin(one)[1]) for _ in range(12)]))
    assert len(days) > 12


@pytest.mark.parametrize("kind", KINDS)
def test_a_copy_of_an_environment_that_was_seeded_draws_the_same_days(market: Market, kind: str):
    made = KINDS[kind](market)
    begin(made, seed=3)
    copied = copy.deepcopy(made)
    assert_same(hours(made), hours(copied))
    for _ in range(3):
        begin(made), begin(copied)
        assert_same(hours(made), hours(copied))


def arrays_inside(value: Any, seen: dict[int, Any]) -> Iterator[np.ndarray]:
    """Every array that can be reached from a value through attributes, dictionaries, lists and tuples."""
    if id(value) in seen or isinstance(value, str | bytes | int | float | type | ModuleType):
        return
    seen[id(value)] = value
    if isinstance(value, np.ndarray):
        yield value
        parts: Any = value.ravel().tolist() if value.dtype == object else ()
    elif isinstance(value, dict):
        parts = value.values()
    elif isinstance(value, list | tuple | set | frozenset):
        parts = value
    else:
        parts = list(getattr(value, "__dict__", {}).values())
    for part in parts:
        yield from arrays_inside(part, seen)


@pytest.mark.parametrize(
    ("kind", "mode"),
    [(kind, mode) for kind in KINDS for mode in ("NextStep", "SameStep") if mode == "NextStep" or kind in IS_VECTOR],
)
def test_what_is_handed_out_shares_no_memory_with_the_environment(market: Market, kind: str, mode: str):
    made = KINDS[kind](market, max_cycles=2, **({"autoreset_mode": mode} if kind in IS_VECTOR else {}))
    handed_out: list[Any] = [begin(made, seed=0)]
    for _ in range(2):
        if kind == "turn by turn":
            for agent in made.possible_agents:
                handed_out.append((made.last()[:4], made.observe(agent), made.state()))
                made.step(np.zeros(3, np.float32))
        else:
            shape = None if kind == "parallel" else made.action_space.shape
            actions: Any = {a: np.zeros(3, np.float32) for a in made.agents} if shape is None else np.zeros(shape, np.float32)
            handed_out.append(made.step(actions))
            handed_out.append(made.state() if hasattr(made, "state") else None)
    # PettingZoo's conversion keeps the infos themselves, as all of its environments do.
    own = [one for one in arrays_inside(made, {}) if one.size and one.flags.writeable]
    outside = [one for one in arrays_inside(handed_out, {}) if one.dtype != object]
    assert len(outside) >= 4
    assert len(own) >= 4
    if kind == "turn by turn":
        kept = {id(info["objectives"]) for info in made.infos.values()}
        own = [one for one in own if id(one) not in kept]
    assert not any(np.shares_memory(one, other) for one in own for other in outside)


def test_a_generator_that_is_set_decides_the_days_until_a_seed_does(market: Market):
    def days(made: SingleBidderEnv, number: int = 20) -> list[int]:
        return [made.reset()[1]["day"] for _ in range(number)]

    first, second, other = (SingleBidderEnv(market) for _ in range(3))
    first.np_random, second.np_random = np.random.default_rng(3), np.random.default_rng(3)
    other.np_random = np.random.default_rng(4)
    assert days(first) == days(second) != days(other)
    assert first.np_random_seed == -1
    first.reset(seed=5), other.reset(seed=5)
    assert first.np_random_seed == 5
    assert days(first) == days(other)


@pytest.mark.parametrize("arguments", [{"max_episode_steps": 5}, {"max_episode_steps": 5, "max_cycles": 3}, {"max_cycles": 30}])
def test_make_vec_cuts_days_short_as_synchronous_copies_do(small: Scenario, arguments: dict[str, int]):
    ours, theirs = (
        gymnasium.make_vec(NAME, num_envs=2, vectorization_mode=mode, scenario=small, **arguments) for mode in (None, "sync")
    )
    # Gymnasium's checker warns about its own wrapper.
    for made in (ours, theirs):
        made.reset(seed=[0, 1])
    for _ in range(28):
        actions = np.zeros((2, 3), np.float32)
        one, other = ours.step(actions), theirs.step(actions)
        for mine, yours in zip(one[:4], other[:4], strict=True):
            np.testing.assert_allclose(mine, yours, rtol=1e-6)
        assert (one[4]["day"] == other[4]["day"]).all()
        for key in ("objectives", "costs", "violations", "limits"):
            assert (one[4][key] == np.stack(list(other[4][key]))).all()
            assert (one[4][f"_{key}"] == other[4][f"_{key}"]).all()


def test_make_vec_renders_as_synchronous_copies_do(small: Scenario, capsys: pytest.CaptureFixture[str]):
    made = {
        mode: gymnasium.make_vec(NAME, num_envs=2, vectorization_mode=mode, scenario=small, render_mode="rgb_array")
        for mode in (None, "sync")
    }
    frames = {}
    for mode, one in made.items():
        assert one.render_mode == "rgb_array"
        one.reset(seed=[0, 1])
        one.step(np.zeros((2, 3), np.float32))
        frames[mode] = one.render()
    assert len(frames[None]) == 2
    for ours, theirs in zip(frames[None], frames["sync"], strict=True):
        assert np.array_equal(ours, theirs)
    text = gymnasium.make_vec(NAME, num_envs=2, scenario=small, render_mode="human", disable_env_checker=True)
    text.reset(seed=0)
    text.step(np.zeros((2, 3), np.float32))
    assert capsys.readouterr().out.count("hour  1/24") == 2
    with pytest.raises(InputError, match="^render_mode: unknown 'rgb'"):
        gymnasium.make_vec(NAME, num_envs=2, scenario=small, render_mode="rgb")
    with pytest.raises(InputError, match="^max_episode_steps: expected a whole number >= 1, got 0$"):
        gymnasium.make_vec(NAME, num_envs=2, scenario=small, max_episode_steps=0)


def test_what_is_no_scenario_is_told_before_overrides_are():
    with pytest.raises(InputError, match="^scenario: expected a Scenario, a Market, a path, or the name .* got None"):
        parallel_env(None, overrides=["seed=1"])
