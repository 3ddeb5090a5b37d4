"""Optuna on `auctionsim.replay`: a batch of trials is one call, whose policies are the trials."""

from __future__ import annotations

import numpy as np

from .matrix import is_finite, library, run_section

optuna = library("optuna", "optuna")


def test_two_batches_of_trials_are_asked_and_told():
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    fitness = run_section("Searches on replay")["fitness"]
    study = optuna.create_study(direction="maximize", sampler=optuna.samplers.TPESampler(n_startup_trials=8, seed=1))
    ranges = {f"seller_{i}": optuna.distributions.FloatDistribution(-1, 1) for i in range(12)}
    for _ in range(3):  # the first batch is drawn without a model
        trials = [study.ask(ranges) for _ in range(8)]
        worth = fitness(np.array([list(trial.params.values()) for trial in trials]))
        for trial, value in zip(trials, worth, strict=True):
            study.tell(trial, float(value))
    values = [trial.value for trial in study.trials]
    assert len(values) == 24
    assert is_finite(values)
    assert max(values[8:]) > max(values[:8])


def test_the_page_runs():
    assert is_finite(run_section("Optuna", after="Searches on replay")["study"].best_value)
