"""The learner cma-es: its update is the library's, in an order of operations that no processor changes."""

from __future__ import annotations

import os
import subprocess
import sys

import numpy as np
import pytest
from cmaes import CMA, SepCMA

from auctionsim.agents.learners.es.cma_es import FULL_UP_TO, new_optimizer, optimizer_state, remade_optimizer
from auctionsim.agents.learners.es.covariance import ordered_product, roots, sample, symmetric_eigen, update

POPULATION = 12


def loss(x: np.ndarray) -> float:
    """An ellipsoid away from the start, turned for two of its axes."""
    turned = x.copy()
    turned[0] += x[1]
    return float((np.linspace(1, 10, len(x)) * (turned - 0.5) ** 2).sum())


def generations(parameters: int, count: int) -> dict[str, np.ndarray]:
    """The state after some generations, the optimizer remade from arrays in each."""
    state = optimizer_state(new_optimizer(np.zeros(parameters), 0.3, POPULATION, seed=0))
    for generation in range(count):
        optimizer = remade_optimizer(state, POPULATION, seed=generation)
        of = roots(optimizer._C)
        members = sample(optimizer, of, POPULATION)
        update(optimizer, of, members, np.array([loss(x) for x in members]))
        state = optimizer_state(optimizer)
    return state


@pytest.mark.parametrize(("parameters", "kind"), [(6, CMA), (30, CMA), (FULL_UP_TO + 1, SepCMA)])
def test_on_the_same_candidates_it_moves_as_the_library_does(parameters: int, kind: type):
    library = new_optimizer(np.zeros(parameters), 0.3, POPULATION, seed=0)
    assert type(library) is kind
    state = optimizer_state(library)
    for generation in range(8):
        optimizer = remade_optimizer(state, POPULATION, seed=generation)
        of = roots(optimizer._C)
        members = sample(optimizer, of, POPULATION)
        losses = [loss(x) for x in members]
        losses[3], losses[4] = float("inf"), losses[5]
        update(optimizer, of, members, np.array(losses))
        library.tell(list(zip(members, losses, strict=True)))
        state = optimizer_state(optimizer)
        for name, array in optimizer_state(library).items():
            np.testing.assert_allclose(state[name], array, rtol=1e-9, atol=1e-12, err_msg=name)


def test_candidates_have_the_covariance_that_they_are_drawn_from():
    optimizer = new_optimizer(np.array([1.0, -1.0, 0.0]), 0.5, POPULATION, seed=0)
    optimizer._C = np.array([[2.0, 0.9, 0.0], [0.9, 1.0, 0.2], [0.0, 0.2, 0.5]])
    drawn = sample(optimizer, roots(optimizer._C), 200_000)
    assert drawn.mean(axis=0) == pytest.approx([1.0, -1.0, 0.0], abs=0.01)
    np.testing.assert_allclose(np.cov(drawn.T), 0.25 * optimizer._C, atol=0.01)


@pytest.mark.parametrize("n", [1, 2, 7, 100])
def test_eigenvectors_rebuild_the_matrix(n: int):
    half = np.random.default_rng(n).normal(size=(n, n))
    matrix = half @ half.T
    values, vectors = symmetric_eigen(matrix)
    np.testing.assert_allclose(np.sort(values), np.linalg.eigvalsh(matrix), rtol=1e-9, atol=1e-10 * n)
    np.testing.assert_allclose(vectors @ vectors.T, np.eye(n), atol=1e-12)
    np.testing.assert_allclose(vectors.T @ np.diag(values) @ vectors, matrix, atol=1e-10 * n)
    of = roots(matrix + np.eye(n))
    np.testing.assert_allclose(of.root @ of.root, matrix + np.eye(n), atol=1e-10 * n)
    np.testing.assert_allclose(of.root @ of.inverse, np.eye(n), atol=1e-12 * n)
    np.testing.assert_allclose(ordered_product(half, matrix), half @ matrix, atol=1e-10 * n)


def test_a_covariance_below_zero_is_lifted_as_in_the_library():
    of = roots(np.diag([1.0, -1e-3]))
    np.testing.assert_allclose(of.root, np.diag([1.0, 1e-4]))


def test_it_finds_the_optimum_of_a_turned_ellipsoid():
    state = generations(6, 150)
    assert loss(state["mean"]) < 1e-6
    assert state["g"].tolist() == [150]


_OLDER = {
    "OPENBLAS_CORETYPE": "Prescott", "NPY_DISABLE_CPU_FEATURES": "X86_V4 AVX512_ICL",
    "NUMBA_CPU_NAME": "generic", "NUMBA_CPU_FEATURES": "",
}  # fmt: skip
"""Switches that make BLAS, numpy and numba compute as on an older processor, with shorter vector registers."""
_PROGRAM = """
import numpy as np
from cmaes import CMA, SepCMA
from auctionsim.agents.learners.es.covariance import roots, sample, update
half = np.random.default_rng(0).normal(size=(40, 40))
print("library", np.linalg.eigh(half @ half.T)[1].tobytes().hex()[:32])
for kind in (CMA, SepCMA):
    optimizer = kind(np.zeros(48), 0.3, seed=0, population_size=12)
    for _ in range(20):
        of = roots(optimizer._C)
        members = sample(optimizer, of, 12)
        update(optimizer, of, members, ((members - 0.5) ** 2 * np.arange(1, 49)).cumsum(axis=1)[:, -1])
    print(kind.__name__, optimizer._mean.tobytes().hex(), optimizer._C.tobytes().hex(), float(optimizer._sigma).hex())
"""
"""What a process of another machine computes: by the library's way, and by ours."""


def computed(machine: dict[str, str]) -> dict[str, str]:
    run = subprocess.run([sys.executable, "-c", _PROGRAM], env=os.environ | machine, capture_output=True, text=True, check=True)
    return dict(line.split(" ", 1) for line in run.stdout.splitlines())


@pytest.mark.long
def test_the_same_seed_gives_the_same_bytes_on_an_older_processor():
    here, older = computed({}), computed(_OLDER)
    library = here.pop("library"), older.pop("library")
    assert here == older
    if library[0] == library[1]:
        pytest.skip("this BLAS does not switch its kernels by OPENBLAS_CORETYPE, so it shows nothing")
