"""Importance of a sweep's keys: variance between values against chance, not defined where trials are few."""

from __future__ import annotations

import numpy as np
import pytest

from auctionsim.analysis.reports.sweep.importance import Importance, importance


def measured(values: list[object], figures: list[float | None]) -> Importance:
    found = importance(values, figures, "key")
    assert isinstance(found, Importance)
    return found


def test_eta_squared_of_a_worked_example():
    # Means 2 and 4 around 3: 8 x 1 between the values; 8 x 1 within them. A half.
    found = measured(["a", "b"] * 4, [1.0, 3.0, 3.0, 5.0, 1.0, 3.0, 3.0, 5.0])
    assert found.share == pytest.approx(0.5)
    assert (found.groups, found.kind) == (2, "values")


def test_a_key_that_decides_everything_explains_everything():
    found = measured([1, 2] * 6, [10.0, 20.0] * 6)
    assert found.share == 1.0
    assert found.p_value < 0.01


def test_a_key_without_influence_is_found_by_chance_at_the_stated_rate():
    rng = np.random.default_rng(2)
    values = list("abcd") * 4
    p_values = [measured(values, rng.standard_normal(16).tolist()).p_value for _ in range(1000)]
    assert np.mean(np.array(p_values) <= 0.05) == pytest.approx(0.05, abs=0.02)
    assert measured(values, rng.standard_normal(16).tolist()).by_chance > 0.2


def test_numbers_are_put_into_bins_of_equal_size():
    numbers = np.geomspace(0.01, 10, 16).tolist()
    found = measured(numbers, np.repeat([1.0, 5.0, 2.0, 9.0], 4).tolist())
    assert (found.groups, found.kind) == (4, "bins")
    assert found.share == 1.0
    assert measured(numbers[:9], np.log(numbers[:9]).tolist()).groups == 2


def test_the_same_trials_give_the_same_importance_again_whatever_the_unit():
    rng = np.random.default_rng(1)
    values, figures = list("ab") * 5, rng.standard_normal(10)
    assert measured(values, figures.tolist()) == measured(values, figures.tolist())
    assert measured(values, (1e200 * figures).tolist()).share == pytest.approx(measured(values, figures.tolist()).share)


@pytest.mark.parametrize(
    ("values", "figures", "reason"),
    [
        (["a", "b"] * 3, [1.0, 2.0] * 3, "fewer than 8 trials (6)"),
        (["a", "b"] * 4, [1.0, None] * 4, "fewer than 8 trials (4)"),
        (["a"] * 8, [1.0, 2.0] * 4, "one value"),
        (list("abcdefgh"), [1.0, 2.0] * 4, "fewer than two trials a value"),
        (["a", "b"] * 4, [3.0] * 8, "all figures are equal"),
    ],
)
def test_importance_is_not_defined_with_its_reason(values: list[object], figures: list[float | None], reason: str):
    assert importance(values, figures, "key") == reason
