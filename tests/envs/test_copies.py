"""Copies and pickles of environments: small, exact in the middle of a day, and nothing is compiled a second time."""

from __future__ import annotations

import copy
import pickle
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules
from typing import Any

import cloudpickle
import numpy as np
import pytest

from auctionsim.auction import kernel
from auctionsim.envs import AuctionVectorEnv, FlattenAgents, SingleBidderEnv, env, parallel_env
from auctionsim.envs.markets import market_of
from auctionsim.market.market import Market
from auctionsim.scenario.file import parse_scenario
from auctionsim.traffic.table import Traffic

from ..conftest import SMALL

# `pid` remembers the day in a function's own variables, and `throttle` leaves auctions out by chance.
RULED = SMALL + "".join(
    f'\n[[advertisers]]\ngroup = "{rule}"\ncount = 2\ncontroller = "{rule}"\nbudget = "baseline*0.5"\n'
    for rule in ("pid", "throttle")
)
KINDS: dict[str, Callable[..., Any]] = {
    "parallel": parallel_env,
    "turn by turn": env,
    "single": SingleBidderEnv,
    "vector": lambda market: AuctionVectorEnv(market, 3, max_cycles=20),
    "flat": lambda market: FlattenAgents(AuctionVectorEnv(market, 2, autoreset_mode="SameStep")),
}
COPIES: dict[str, Callable[[Any], Any]] = {
    "deep copy": copy.deepcopy,
    **{f"pickle {n}": lambda made, n=n: pickle.loads(pickle.dumps(made, n)) for n in (2, 4, 5)},
    "cloudpickle": lambda made: cloudpickle.loads(cloudpickle.dumps(made)),
}
# Run here and in another process.
PLAY = """
import numpy as np

def play(made, steps):
    seen = []
    for _ in range(steps):
        if hasattr(made, "agent_iter"):
            for agent in list(made.agents):
                made.step(None if made.terminations[agent] else np.full(3, 0.1, np.float32))
            seen += [made.observe(agent) for agent in made.agents] + [np.array(list(made.rewards.values()))]
        elif hasattr(made, "possible_agents"):
            if not made.agents:
                made.reset()
            observed, rewards, *_ = made.step({agent: np.full(3, 0.1, np.float32) for agent in made.agents})
            seen += [*observed.values(), np.array(list(rewards.values()))]
        else:
            observed, rewards, over, *_ = made.step(np.full(made.action_space.shape, 0.1, np.float32))
            seen += [observed, np.array(rewards)]
            if over is True:
                seen.append(made.reset()[0])
    return seen
"""
play: Callable[[Any, int], list[np.ndarray]] = {}
exec(PLAY, globals())


@pytest.fixture(scope="module")
def ruled() -> Market:
    return market_of(parse_scenario(RULED, "ruled.toml", overrides=("mechanism.outcomes=sampled",)))


def by_hand(market: Market) -> Market:
    """The same market, which nobody knows how to build."""
    made = replace(market)
    assert made.builder is None
    return made


def begun(kind: str, market: Market, steps: int = 4) -> Any:
    made = KINDS[kind](market)
    made.reset(seed=5)
    play(made, steps)
    return made


def assert_equal(one: list[np.ndarray], other: list[np.ndarray]) -> None:
    assert len(one) == len(other) > 0
    for mine, theirs in zip(one, other, strict=True):
        assert mine.tobytes() == theirs.tobytes()


@pytest.mark.parametrize("is_by_hand", [False, True], ids=["by reference", "whole"])
@pytest.mark.parametrize("way", COPIES)
@pytest.mark.parametrize("kind", KINDS)
def test_a_copy_made_in_the_middle_of_a_day_goes_on_to_the_bit_and_alone(ruled: Market, kind: str, way: str, is_by_hand: bool):
    made = begun(kind, by_hand(ruled) if is_by_hand else ruled)
    one, other = COPIES[way](made), COPIES[way](made)
    play(other, 3)
    # Into the next day, and the copy that went ahead leaves no trace.
    found = play(one, 30 if kind != "turn by turn" else 10)
    assert_equal(found, play(made, 30 if kind != "turn by turn" else 10))


@pytest.mark.parametrize("kind", KINDS)
def test_an_environment_that_never_began_is_copied(ruled: Market, kind: str):
    made = KINDS[kind](ruled)
    for way in COPIES.values():
        copied = way(made)
        copied.reset(seed=5)
        made.reset(seed=5)
        assert_equal(play(copied, 3), play(made, 3))


def test_an_unpickled_environment_goes_on_in_another_process_as_it_would_here(ruled: Market, tmp_path: Path):
    made = {kind: begun(kind, ruled) for kind in KINDS} | {"whole": begun("parallel", by_hand(ruled))}
    (tmp_path / "made").write_bytes(pickle.dumps(made))
    code = PLAY + (
        "import pickle, sys\n"
        "made = pickle.load(open(sys.argv[1], 'rb'))\n"
        "np.savez(sys.argv[2], **{f'{kind} {i}': seen for kind, one in made.items() for i, seen in enumerate(play(one, 8))})\n"
    )
    subprocess.run([sys.executable, "-W", "error", "-c", code, tmp_path / "made", tmp_path / "seen.npz"], check=True)
    with np.load(tmp_path / "seen.npz") as there:
        here = {f"{kind} {i}": seen for kind, one in made.items() for i, seen in enumerate(play(one, 8))}
        assert there.files == list(here)
        assert_equal([there[name] for name in here], list(here.values()))


@pytest.mark.parametrize("kind", KINDS)
def test_a_generated_market_is_pickled_as_its_scenario_and_found_again(ruled: Market, kind: str):
    made = begun(kind, ruled)
    written = pickle.dumps(made, 4)
    assert len(written) < 100_000 < len(pickle.dumps(by_hand(ruled), 4))
    assert Traffic.__module__.encode() not in written
    again = pickle.loads(written)
    found = (again.env if kind == "flat" else again.unwrapped).market
    # In this process the market is in use, and need not be built.
    assert found.source is ruled.source
    assert found is ruled or kind == "single"


def test_a_market_that_is_made_of_another_one_is_not_taken_for_it(ruled: Market):
    for made in (ruled.without_budgets(), ruled.in_expectation(), ruled.with_goals(ruled.scenario), by_hand(ruled)):
        assert made.builder is None
        again = pickle.loads(pickle.dumps(made))
        assert again.budgets.tolist() == made.budgets.tolist()
        assert again.rules == made.rules
    single = SingleBidderEnv(ruled, bidder="seller_2", rivals="truthful").market
    again = pickle.loads(pickle.dumps(single))
    assert again is not single
    assert again.learners.tolist() == single.learners.tolist() == [2]
    assert np.array_equal(again.fixed, single.fixed, equal_nan=True)


def compiled_kinds() -> dict[str, int]:
    """For how many kinds of arguments each function of the kernel is compiled."""
    modules = [import_module(f"{kernel.__name__}.{module.name}") for module in iter_modules(kernel.__path__)]
    return {
        f"{module.__name__}.{name}": len(value.signatures)
        for module in modules
        for name, value in vars(module).items()
        if hasattr(value, "signatures")
    }


@pytest.mark.parametrize("way", COPIES)
def test_the_kernel_is_not_compiled_again_for_a_copy(ruled: Market, way: str):
    made = begun("vector", by_hand(ruled))
    before = compiled_kinds()
    assert before["auctionsim.auction.kernel.engine.replay_buckets"] >= 1
    copied = COPIES[way](made)
    play(copied, 24)
    fresh = AuctionVectorEnv(copied.market, 2)
    fresh.reset(seed=0)
    play(fresh, 2)
    assert compiled_kinds() == before
    traffic = copied.market.traffic
    assert not any(getattr(traffic, name).flags.writeable for name in ("pctr", "weight", "cell_start", "advertiser"))
    assert not copied.market.phi.flags.writeable
