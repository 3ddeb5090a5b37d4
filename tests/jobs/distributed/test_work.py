"""Tasks that are begun ahead: in bundles, forgotten where the state is another, and the same results as one after the other."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, cast

import numpy as np
import pytest

from auctionsim.agents.build import build_market
from auctionsim.agents.learners.base import Arrays, Learner, TaskBatch
from auctionsim.agents.learners.registry import make_learner
from auctionsim.errors import InputError
from auctionsim.jobs.distributed.cluster import Pool, RayPool, SerialPool, open_pool
from auctionsim.jobs.distributed.work import MappedWork, RayWork, work_on
from auctionsim.jobs.training.generations import Generations
from auctionsim.market.market import Market
from auctionsim.scenario.file import parse_scenario

from ...conftest import SMALL
from ..test_cluster import pytestmark as ray_marks

SEEDS = (0, 1, 2)


class CountingPool(SerialPool):
    """Keeps how many tasks each map had."""

    def __init__(self) -> None:
        self.maps: list[int] = []

    def map(self, function: Callable[..., Any], tasks: Sequence[tuple[Any, ...]]) -> list[Any]:
        self.maps.append(len(tasks))
        return super().map(function, tasks)


class BundlingPool:
    """A Ray of our own that keeps the bundles it was given."""

    def __init__(self) -> None:
        self.bundles: list[list[int]] = []

    def begin(self, function: Callable[..., Any], bundles: Sequence[Sequence[tuple[Any, ...]]]) -> list[Any]:
        self.bundles.append([len(bundle) for bundle in bundles])
        return [[function(*task) for task in bundle] for bundle in bundles]

    def results(self, references: list[Any]) -> list[Any]:
        return references


class Recorder:
    """Learns as another learner does, and keeps which seed asked and told in which iteration."""

    def __init__(self, learner: Learner, seeds: Mapping[int, Market]) -> None:
        self._learner, self._seeds = learner, {id(market): seed for seed, market in seeds.items()}
        self.calls: list[tuple[str, int, int]] = []

    def start(self, market: Market) -> Arrays:
        return self._learner.start(market)

    def ask(self, market: Market, state: Arrays) -> TaskBatch:
        self.calls.append(("ask", self._seeds[id(market)], int(state["iteration"].item())))
        return self._learner.ask(market, state)

    def tell(self, market: Market, state: Arrays, results: Sequence[Any]) -> tuple[Arrays, Mapping[str, float]]:
        self.calls.append(("tell", self._seeds[id(market)], int(state["iteration"].item())))
        return self._learner.tell(market, state, results)


def square(number: int) -> int:
    return number * number


def markets_of_seeds() -> tuple[dict[int, Market], Learner]:
    scenario = parse_scenario(SMALL, "small.toml")
    return {seed: build_market(scenario, seed) for seed in SEEDS}, make_learner(scenario)


def after_three(pool: Pool, *, goes_on: bool) -> tuple[dict[int, Arrays], list[tuple[str, int, int]]]:
    """Return the states after three iterations, and the calls of the learner."""
    markets, learner = markets_of_seeds()
    recorder = Recorder(learner, markets)
    generations = Generations(cast("Learner", recorder), markets, pool)
    states = {seed: learner.start(market) for seed, market in markets.items()}
    for iteration in range(3):
        states, _ = generations.next(states, more=2 - iteration if goes_on else 0)
    return states, recorder.calls


def expect_same(left: Mapping[int, Arrays], right: Mapping[int, Arrays]) -> None:
    for seed in SEEDS:
        for name in left[seed]:
            np.testing.assert_array_equal(left[seed][name], right[seed][name])


def test_tasks_of_all_lines_are_mapped_at_once_when_the_first_are_asked_for():
    pool = CountingPool()
    work = MappedWork(pool)
    work.begin(7, square, [(1,), (2,)])
    work.begin(8, square, [(3,)])
    assert work.results(7) == [1, 4]
    work.begin(7, square, [(5,)])
    assert work.results(8) == [9]
    work.begin(7, square, [(6,), (7,)])
    assert work.results(7) == [36, 49], "those begun before are forgotten"
    assert pool.maps == [3, 2]


@pytest.mark.parametrize(
    ("tasks", "lines", "workers", "bundles"), [(4, 5, 2, [4]), (8, 1, 2, [2, 2, 2, 2]), (2, 1, 2, [1, 1]), (7, 2, 2, [3, 3, 1])]
)
def test_short_tasks_share_a_call_where_workers_have_enough_to_do(tasks: int, lines: int, workers: int, bundles: list[int]):
    pool = BundlingPool()
    work = RayWork(cast("RayPool", pool), lines, workers)
    work.begin(0, square, [(number,) for number in range(tasks)])
    assert work.results(0) == [number * number for number in range(tasks)]
    assert pool.bundles == [bundles]


def test_a_learner_is_asked_and_told_in_the_order_of_seeds_also_ahead():
    states, calls = after_three(SerialPool(), goes_on=True)
    plain, _ = after_three(SerialPool(), goes_on=False)
    expect_same(states, plain)
    ahead = [(what, seed, k) for seed in SEEDS for what, k in (("tell", 0), ("ask", 1))]
    assert calls[:9] == [*(("ask", seed, 0) for seed in SEEDS), *ahead]
    assert [call for call in calls if call[2] == 3] == [], "nothing is begun after the last iteration"


def test_tasks_begun_for_a_state_that_is_not_gone_on_from_are_forgotten():
    markets, learner = markets_of_seeds()
    generations = Generations(learner, markets, SerialPool())
    start = {seed: learner.start(market) for seed, market in markets.items()}
    once, _ = generations.next(start, more=1)
    again, _ = generations.next(start, more=1)
    expect_same(once, again)


def test_nothing_is_begun_from_a_state_that_is_not_finite():
    markets, learner = markets_of_seeds()

    class Diverging(Recorder):
        def tell(self, market: Market, state: Arrays, results: Sequence[Any]) -> tuple[Arrays, Mapping[str, float]]:
            after, logged = super().tell(market, state, results)
            return {**after, "mean": after["mean"] * np.nan}, logged

    recorder = Diverging(learner, markets)
    generations = Generations(cast("Learner", recorder), markets, SerialPool())
    generations.next({seed: learner.start(market) for seed, market in markets.items()}, more=1)
    assert [what for what, _, _ in recorder.calls] == ["ask"] * 3 + ["tell"] * 3


def negative(number: int) -> int:
    return -number


def test_each_line_keeps_its_own_function():
    pool = CountingPool()
    work = MappedWork(pool)
    for line, function in enumerate((square, negative, square)):
        work.begin(line, function, [(2,), (3,)])
    assert [work.results(line) for line in range(3)] == [[4, 9], [-2, -3], [4, 9]]
    assert pool.maps == [4, 2], "what is one function's is mapped at once"


def test_an_error_in_asking_ahead_is_of_the_next_iteration_and_this_one_is_kept():
    markets, learner = markets_of_seeds()

    class Failing(Recorder):
        def ask(self, market: Market, state: Arrays) -> TaskBatch:
            batch = super().ask(market, state)
            if self.calls[-1][1:] == (1, 1):
                raise InputError("no bids")
            return batch

    generations = Generations(cast("Learner", Failing(learner, markets)), markets, SerialPool())
    states = {seed: learner.start(market) for seed, market in markets.items()}
    after, logged = generations.next(states, more=1)
    plain, _ = Generations(learner, markets, SerialPool()).next(states)
    expect_same(after, plain)
    assert set(logged) == set(SEEDS)
    with pytest.raises(InputError, match="no bids"):
        generations.next(after)


class TestOnRay:
    pytestmark = ray_marks

    def test_the_same_states_and_calls_on_two_workers(self):
        states, calls = after_three(SerialPool(), goes_on=True)
        with open_pool(2) as pool:
            assert isinstance(work_on(pool, 3), RayWork)
            on_ray, calls_on_ray = after_three(pool, goes_on=True)
        expect_same(states, on_ray)
        assert calls == calls_on_ray
