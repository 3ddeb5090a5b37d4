"""The learner cma-es: an optimizer remade from arrays every generation is the library's own, run through."""

from __future__ import annotations

import numpy as np
import pytest
from cmaes import CMA, SepCMA

from auctionsim.agents.learners.es.cma_es import FULL_UP_TO, new_optimizer, optimizer_state, remade_optimizer

POPULATION = 12


def loss(x: np.ndarray) -> float:
    """An ellipsoid away from the start, turned for two of its axes."""
    turned = x.copy()
    turned[0] += x[1]
    return float((np.linspace(1, 10, len(x)) * (turned - 0.5) ** 2).sum())


@pytest.mark.parametrize(("parameters", "kind"), [(6, CMA), (30, CMA), (FULL_UP_TO + 1, SepCMA)])
def test_remade_each_generation_it_is_the_library_s_own_bit_for_bit(parameters: int, kind: type):
    through = new_optimizer(np.zeros(parameters), 0.3, POPULATION, seed=0)
    state = optimizer_state(through)
    assert type(through) is kind
    for generation in range(8):
        through.reseed_rng(generation)
        members = [through.ask() for _ in range(POPULATION)]
        through.tell([(x, loss(x)) for x in members])
        remade = remade_optimizer(state, POPULATION, seed=generation)
        again = [remade.ask() for _ in range(POPULATION)]
        np.testing.assert_array_equal(again, members)
        remade.tell([(x, loss(x)) for x in again])
        state = optimizer_state(remade)
        for name, array in optimizer_state(through).items():
            np.testing.assert_array_equal(state[name], array, err_msg=name)


def test_it_finds_the_optimum_of_a_turned_ellipsoid():
    state = optimizer_state(new_optimizer(np.zeros(6), 0.3, POPULATION, seed=0))
    for generation in range(150):
        optimizer = remade_optimizer(state, POPULATION, seed=generation)
        members = [optimizer.ask() for _ in range(POPULATION)]
        optimizer.tell([(x, loss(x)) for x in members])
        state = optimizer_state(optimizer)
    assert loss(state["mean"]) < 1e-6
    assert state["g"].tolist() == [150]
