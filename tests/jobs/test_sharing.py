"""What workers keep: the arrays of a generation are the driver's to the bit, and travel only where they must."""

from __future__ import annotations

import itertools
import sys
from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from auctionsim.agents.build import build_market
from auctionsim.agents.learners.base import Arrays, ReplicatedLearner
from auctionsim.agents.learners.registry import make_learner
from auctionsim.jobs.distributed import sharing
from auctionsim.jobs.distributed.cluster import RayPool, SerialPool, open_pool
from auctionsim.jobs.distributed.sharing import PutArrays, Replication, put_arrays, size_of
from auctionsim.jobs.training.generations import Generations
from auctionsim.scenario.file import parse_scenario

from ..conftest import SMALL

# Parameters enough that they are more than scalars and than what travels with the tasks.
LARGE = ('learner.policy="contextual"', "learner.hidden=200", "learner.population=4")
BIG = {"mean": np.arange(20_000.0)}


class Store:
    """An object store that counts."""

    def __init__(self) -> None:
        self.objects: dict[int, Any] = {}
        self.fetched: list[Any] = []

    def put(self, value: Any) -> int:
        self.objects[len(self.objects)] = value
        return len(self.objects) - 1

    def get(self, reference: int) -> Any:
        self.fetched.append(self.objects[reference])
        return self.objects[reference]

    @property
    def whole(self) -> int:
        """How often whole arrays were fetched."""
        return sum(isinstance(value, dict) for value in self.fetched)


@pytest.fixture
def store(monkeypatch: pytest.MonkeyPatch) -> Store:
    """As a worker of its own sees it."""
    kept = Store()
    monkeypatch.setitem(sys.modules, "ray", SimpleNamespace(put=kept.put, get=kept.get))
    monkeypatch.setattr(sharing, "_lines", type(sharing._lines)())
    monkeypatch.setattr(sharing, "_new_line", itertools.count())
    return kept


def doubled(_: Any, before: Arrays, scalars: Arrays) -> Arrays:
    return {name: array * 2 + scalars["step"] for name, array in before.items()}


def generations(store: Store, n: int) -> list[PutArrays]:
    """Handles of a line whose driver doubles its arrays."""
    arrays, handles = BIG, [put_arrays(store, BIG, None, None)]
    for step in range(1, n):
        scalars = {"step": np.array([float(step)])}
        arrays = doubled(None, arrays, scalars)
        handles.append(put_arrays(store, arrays, handles[-1], Replication(doubled, None, scalars)))
    return handles


def same(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    return {name: a.tobytes() for name, a in one.items()} == {name: a.tobytes() for name, a in other.items()}


def test_a_worker_that_is_there_from_the_start_fetches_parameters_once(store: Store):
    handles = generations(store, 5)
    for handle in handles:
        for _ in range(3):
            assert same(handle.get(), store.objects[handle.whole])
    assert store.whole == 1
    assert len(store.fetched) == 1 + 4


def test_a_worker_that_comes_late_or_misses_a_generation_fetches_them(store: Store):
    handles = generations(store, 6)
    for k in (1, 2, 4, 5):
        assert same(handles[k].get(), store.objects[handles[k].whole])
    assert store.whole == 2


def test_a_worker_whose_arrays_are_not_the_drivers_fetches_them(store: Store):
    handles = generations(store, 4)
    handles[0].get()
    sharing._lines[handles[0].line] = (0, {"mean": np.nextafter(BIG["mean"], np.inf)})
    assert same(handles[1].get(), store.objects[handles[1].whole])
    assert store.whole == 2


def test_lines_do_not_mix_and_the_oldest_is_forgotten(store: Store):
    lines = [generations(store, 2) for _ in range(sharing._MOST_LINES + 2)]
    for line in lines:
        line[0].get()
    assert len(sharing._lines) == sharing._MOST_LINES
    assert same(lines[-1][1].get(), store.objects[lines[-1][1].whole])
    before = store.whole
    assert same(lines[0][1].get(), store.objects[lines[0][1].whole])
    assert store.whole == before + 1


def test_what_is_small_travels_with_its_tasks(store: Store):
    handle = put_arrays(store, {"mean": np.ones(3)}, None, None)
    assert same(handle.get(), {"mean": np.ones(3)})
    assert not store.objects


@pytest.mark.parametrize("algorithm", ["macg-es", "openai-es"])
@pytest.mark.parametrize("constraint", ["penalty", "lagrangian"])
def test_scalars_bring_a_learner_where_its_driver_is(algorithm: str, constraint: str):
    overrides = (f'learner.algorithm="{algorithm}"', f'learner.constraint="{constraint}"', *LARGE)
    scenario = parse_scenario(SMALL, "small.toml", overrides=overrides)
    market, learner = build_market(scenario), make_learner(scenario)
    assert isinstance(learner, ReplicatedLearner)
    driver = worker = learner.start(market)
    for _ in range(3):
        results = learner.ask(market, driver).results(market)
        driver, _, update = learner.tell_with_update(market, driver, results)
        worker = learner.apply_update(market, worker, update)
        assert same(driver, worker)
        assert size_of(update) < size_of(driver) / 50


@pytest.mark.ray
@pytest.mark.long
@pytest.mark.xdist_group("ray")
@pytest.mark.filterwarnings("ignore::ResourceWarning")
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_workers_of_a_cluster_compute_the_same_bits_from_scalars():
    scenario = parse_scenario(SMALL, "small.toml", overrides=LARGE)
    market, learner = build_market(scenario), make_learner(scenario)
    with open_pool(2) as pool:
        assert isinstance(pool, RayPool)
        apart = RayPool(pool._ray)
        states = {}
        for name, one in (("serial", SerialPool()), ("memory", pool), ("apart", apart)):
            run, states[name] = Generations(learner, {0: market}, one), {0: learner.start(market)}
            for _ in range(4):
                states[name], _ = run.next(states[name])
            if one is apart:
                assert run._shared[0].replication is not None
    assert same(states["serial"][0], states["memory"][0])
    assert same(states["serial"][0], states["apart"][0])
