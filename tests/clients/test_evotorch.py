"""EvoTorch on `auctionsim.replay`: a generation is one call, whose policies are the candidates."""

from __future__ import annotations

import torch

from .matrix import is_finite, library, run_section

evotorch = library("evotorch", "evotorch")
from evotorch.algorithms import PGPE, SNES  # noqa: E402


def test_two_generations_raise_the_fitness():
    fitness = run_section("Searches on replay")["fitness"]
    problem = evotorch.Problem(
        "max",
        lambda candidates: torch.as_tensor(fitness(candidates.numpy()), dtype=torch.float32),
        solution_length=12,
        initial_bounds=(-0.1, 0.1),
        vectorized=True,
        seed=1,
    )
    for search in (
        SNES(problem, stdev_init=0.3, popsize=16),
        PGPE(problem, popsize=16, center_learning_rate=0.1, stdev_learning_rate=0.1, stdev_init=0.3),
    ):
        search.step()
        first = float(search.status["mean_eval"])
        search.step()
        assert is_finite(search.status["center"])
        assert search.status["mean_eval"] > first


def test_the_page_runs():
    assert is_finite(run_section("EvoTorch", after="Searches on replay")["search"].status["center"])
