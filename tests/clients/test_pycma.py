"""pycma on `auctionsim.replay`: a generation is one call, whose policies are the candidates."""

from __future__ import annotations

import numpy as np

from .matrix import is_finite, library, run_section

cma = library("cma", "pycma")


def test_generations_are_asked_and_told_and_raise_the_fitness():
    fitness = run_section("Searches on replay")["fitness"]
    search = cma.CMAEvolutionStrategy(np.zeros(12), 0.3, {"seed": 1, "verbose": -9})
    means = []
    for _ in range(8):
        candidates = search.ask()
        worth = fitness(np.array(candidates))
        search.tell(candidates, (-worth).tolist())
        means.append(worth.mean())
    assert is_finite(search.mean)
    assert search.mean.any()
    assert means[-1] > means[0]


def test_the_page_runs():
    assert is_finite(run_section("pycma", after="Searches on replay")["search"].mean)
