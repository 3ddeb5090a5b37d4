"""Iterations that workers compute whole: the same states and logs, blocks that end together, and errors told as on any pool."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, cast

import numpy as np
import pytest

from auctionsim.agents.learners.base import Arrays, Learner, TaskBatch
from auctionsim.errors import InputError
from auctionsim.jobs.distributed import whole_iterations as room
from auctionsim.jobs.distributed.cluster import RayPool, SerialPool, open_pool
from auctionsim.jobs.distributed.sharing import object_of
from auctionsim.jobs.distributed.whole_iterations import Block, WholeIterations, compute_block, whole_iterations
from auctionsim.jobs.training.generations import Generations
from auctionsim.market.market import Market
from auctionsim.scenario.file import parse_scenario

from ...conftest import SMALL
from ..test_cluster import pytestmark as ray_marks
from .test_work import SEEDS, expect_same, markets_of_seeds

Logged = list[dict[int, dict[str, float]]]
LAST = 9


class FakeRay(SerialPool):
    """A Ray of our own that computes in this process, when results are asked for, and keeps the size of each block."""

    workers = 2

    def __init__(self) -> None:
        self.sizes: list[tuple[int, int]] = []
        self.answers: list[Block] = []

    def begin(self, function: Callable[..., Any], bundles: Sequence[Sequence[tuple[Any, ...]]]) -> list[Any]:
        self.sizes += [(task[0].seed, task[2]) for bundle in bundles for task in bundle]
        return [(function, bundle) for bundle in bundles]

    def results(self, references: list[Any]) -> list[Any]:
        found = [[function(*map(object_of, task)) for task in bundle] for function, bundle in references]
        self.answers += [answer for bundle in found for answer in bundle]
        return found


def trained(whole: WholeIterations | None, last: int = LAST) -> tuple[list[dict[int, Arrays]], Logged, Generations]:
    """Return the states after each iteration, and what each logs."""
    markets, learner = markets_of_seeds()
    generations = Generations(learner, markets, SerialPool(), whole=whole)
    states, all_states, all_logged = {seed: learner.start(market) for seed, market in markets.items()}, [], []
    for iteration in range(last):
        states, logged = generations.next(states, more=last - iteration - 1)
        all_states.append(states)
        all_logged.append(logged)
    return all_states, all_logged, generations


def whole_on(pool: FakeRay) -> WholeIterations:
    markets, _ = markets_of_seeds()
    return WholeIterations(cast("RayPool", pool), markets)


def learner_that(monkeypatch: pytest.MonkeyPatch, tell: Callable[[Market, Arrays], Arrays]) -> Learner:
    """Have workers and this process use a learner whose states are what `tell` makes of them."""
    _, learner = markets_of_seeds()

    class Told:
        def start(self, market: Market) -> Arrays:
            return learner.start(market)

        def ask(self, market: Market, state: Arrays) -> TaskBatch:
            return learner.ask(market, state)

        def tell(self, market: Market, state: Arrays, results: Sequence[Any]) -> tuple[Arrays, Mapping[str, float]]:
            after, logged = learner.tell(market, state, results)
            return tell(market, after), logged

    told = cast("Learner", Told())
    monkeypatch.setattr(room, "make_learner", lambda _scenario: told)
    return told


def test_whole_iterations_make_the_states_and_logs_that_shared_ones_do_and_none_too_many():
    pool = FakeRay()
    states, logged, _ = trained(whole_on(pool))
    plain, plain_logged, _ = trained(None)
    for one, other in zip(states, plain, strict=True):
        expect_same(one, other)
    assert logged == plain_logged
    assert [sum(size for own, size in pool.sizes if own == seed) for seed in SEEDS] == [LAST] * len(SEEDS)


def test_the_blocks_of_all_seeds_end_at_the_same_iteration_and_grow_where_iterations_are_short(monkeypatch: pytest.MonkeyPatch):
    # Some seconds are always known to be more than these iterations take.
    monkeypatch.setattr(room, "_SECONDS", 1e6)
    pool = FakeRay()
    trained(whole_on(pool))
    by_seed = [[size for own, size in pool.sizes if own == seed] for seed in SEEDS]
    assert by_seed == [[1, LAST - 1]] * len(SEEDS)
    monkeypatch.setattr(room, "_SECONDS", 0.0)
    pool = FakeRay()
    trained(whole_on(pool))
    assert {size for _, size in pool.sizes} == {1}


def test_blocks_hold_no_more_states_than_their_memory(monkeypatch: pytest.MonkeyPatch):
    markets, learner = markets_of_seeds()
    size = sum(array.nbytes for array in learner.start(markets[0]).values())
    monkeypatch.setattr(room, "_SECONDS", 1e6)
    monkeypatch.setattr(room, "_MOST_BYTES", 3 * size + 1)
    pool = FakeRay()
    trained(whole_on(pool))
    assert max(size for _, size in pool.sizes) == 3
    monkeypatch.setattr(room, "_MOST_BYTES", 1)
    pool = FakeRay()
    trained(whole_on(pool))
    assert {size for _, size in pool.sizes} == {1}, "a state that is larger goes alone"


def test_iterations_that_became_known_together_have_equal_shares_of_the_time(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(room, "_SECONDS", 1e6)
    markets, learner = markets_of_seeds()
    clock = iter(range(10_000))
    monkeypatch.setattr("auctionsim.jobs.training.generations.time.perf_counter", lambda: float(next(clock)))
    generations = Generations(learner, markets, SerialPool(), whole=whole_on(FakeRay()))
    states, seconds = {seed: learner.start(market) for seed, market in markets.items()}, []
    for iteration in range(LAST):
        states, _ = generations.next(states, more=LAST - iteration - 1)
        seconds.append(generations.seconds)
    assert seconds[0] > 0
    assert set(seconds[1:]) == {seconds[1]}
    assert 0 < sum(seconds) <= next(clock)


def test_iterations_known_or_under_way_are_used_where_none_will_follow_and_nothing_is_begun():
    pool = FakeRay()
    markets, learner = markets_of_seeds()
    generations = Generations(learner, markets, SerialPool(), whole=whole_on(pool))
    start = {seed: learner.start(market) for seed, market in markets.items()}
    states, _ = generations.next(start, more=5)
    begun = len(pool.sizes)
    states, _ = generations.next(states)
    assert len(pool.sizes) == begun
    expect_same(states, trained(None, 2)[0][-1])


def test_a_state_that_is_another_than_was_returned_begins_anew():
    pool = FakeRay()
    markets, learner = markets_of_seeds()
    generations = Generations(learner, markets, SerialPool(), whole=whole_on(pool))
    start = {seed: learner.start(market) for seed, market in markets.items()}
    once, _ = generations.next(start, more=3)
    again, _ = generations.next(start, more=3)
    expect_same(once, again)
    copied = {seed: {name: array.copy() for name, array in state.items()} for seed, state in once.items()}
    after, _ = generations.next(copied, more=2)
    expect_same(after, trained(None, 2)[0][-1])


def test_an_iteration_that_fails_on_a_worker_is_told_as_on_any_pool_and_those_before_it_are_kept(
    monkeypatch: pytest.MonkeyPatch,
):
    def fail(market: Market, after: Arrays) -> Arrays:
        if market.seed == 1 and int(after["iteration"].item()) == 3:
            raise InputError("no bids")
        return after

    learner = learner_that(monkeypatch, fail)
    monkeypatch.setattr(room, "_SECONDS", 1e6)
    pool, (markets, _) = FakeRay(), markets_of_seeds()
    generations = Generations(learner, markets, SerialPool(), whole=whole_on(pool))
    states = {seed: learner.start(market) for seed, market in markets.items()}
    for more in (8, 7):
        states, _ = generations.next(states, more=more)
    expect_same(states, trained(None, 2)[0][-1])
    with pytest.raises(InputError, match="no bids"):
        generations.next(states, more=6)
    assert [len(block.done) for block in pool.answers[3:]] == [8, 1, 8, 0]


def test_nothing_is_computed_after_a_state_that_is_not_finite(monkeypatch: pytest.MonkeyPatch):
    learner = learner_that(monkeypatch, lambda _, after: {**after, "mean": after["mean"] * np.nan})
    markets, _ = markets_of_seeds()
    block = compute_block(markets[0], learner.start(markets[0]), 5)
    assert len(block.done) == 1, "the state that is not finite is returned, and refused by who keeps states"
    pool = FakeRay()
    generations = Generations(learner, markets, SerialPool(), whole=whole_on(pool))
    states, _ = generations.next({seed: learner.start(market) for seed, market in markets.items()}, more=5)
    assert np.isnan(states[0]["mean"]).all()
    assert len(pool.sizes) == len(SEEDS)


@pytest.mark.parametrize(
    ("overrides", "workers", "seeds", "is_whole"),
    [
        ((), 2, 2, True),
        ((), 3, 2, False),
        ((), None, 2, False),
        (('learner.algorithm="value-scale-paced"',), 2, 5, True),
        (('learner.algorithm="ippo"',), 2, 2, False),
        (('learner.algorithm="os:system"',), 2, 2, False),
    ],
)
def test_iterations_are_whole_where_seeds_keep_all_workers_busy_and_bytes_do_not_depend_on_the_process(
    overrides: tuple[str, ...], workers: int | None, seeds: int, is_whole: bool
):
    scenario = parse_scenario(SMALL, "small.toml", overrides=overrides)
    pool = object.__new__(RayPool)
    pool.workers = workers
    handles = dict.fromkeys(range(seeds), "handle")
    assert (whole_iterations(pool, scenario, handles) is not None) is is_whole
    assert whole_iterations(SerialPool(), scenario, handles) is None


class TestOnRay:
    pytestmark = ray_marks

    def test_the_same_states_on_two_workers(self):
        markets, learner = markets_of_seeds()
        start = {seed: learner.start(market) for seed, market in markets.items()}
        with open_pool(2) as pool:
            handles = {seed: pool.put(market) for seed, market in markets.items()}
            whole = whole_iterations(pool, parse_scenario(SMALL, "small.toml"), handles)
            assert whole is not None
            generations, states = Generations(learner, markets, pool, handles, whole), start
            for iteration in range(LAST):
                states, _ = generations.next(states, more=LAST - iteration - 1)
        expect_same(states, trained(None)[0][-1])
