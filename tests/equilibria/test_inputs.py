"""Equilibria: invalid input is told by the argument's name, and markets of very unequal sizes are solved or refused."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from auctionsim.equilibria import fppe, sppe, throttling_equilibrium
from auctionsim.equilibria.autobidding import Autobidders, autobidding_equilibria
from auctionsim.equilibria.distributions import PowerValues
from auctionsim.equilibria.multiplier_game import MultiplierGame
from auctionsim.errors import InputError

ONE: Any = [[1.0, 2.0]]
WRONG: tuple[tuple[Callable[[], Any], str], ...] = (
    (lambda: PowerValues(0, 1, -1), "exponent: "),
    (lambda: PowerValues(float("nan"), 1), "low: "),
    (lambda: PowerValues(1, 0), "high: "),
    (lambda: PowerValues(1, 1), "high: "),
    (lambda: Autobidders(np.array([[np.nan, 2]])), "values"),
    (lambda: Autobidders(np.array([[-1.0, 2]])), "values"),
    (lambda: Autobidders(np.zeros((2, 2))).price_of_anarchy(np.ones(2)), "values: .* not defined"),
    (lambda: Autobidders(np.ones((2, 2))).price_of_anarchy(np.array([1, np.nan])), "multipliers: "),
    (lambda: autobidding_equilibria(Autobidders(np.ones((2, 2))), [[1.0]]), r"starts\[0\]: "),
    (lambda: autobidding_equilibria(Autobidders(np.ones((2, 2))), [[1.0, np.nan]]), r"starts\[0\]: "),
    (lambda: sppe(ONE, [1], rank="x"), "rank: "),  # type: ignore[arg-type]
    (lambda: sppe(ONE, [1], seconds=-1), "seconds: "),
    (lambda: sppe(ONE, [1], seconds=float("nan")), "seconds: "),
    (lambda: MultiplierGame(np.array([[np.nan]]), np.ones(1), np.ones(1)), "values"),
    (lambda: MultiplierGame(np.ones((1, 1)), -np.ones(1), np.ones(1)), "budgets"),
    (lambda: MultiplierGame(np.ones((1, 1)), np.ones(1), np.array([])), "grid: "),
    (lambda: fppe([[1e308, 1e308]], [1]), "values"),
    (lambda: throttling_equilibrium([[1e308, 1e308]], [1]), "values"),
)


@pytest.mark.parametrize(("call", "message"), WRONG)
def test_invalid_input_is_told(call: Callable[[], Any], message: str):
    with pytest.raises(InputError, match=message):
        call()


@pytest.mark.parametrize(
    ("values", "budgets", "revenue"),
    [([[1e6], [1]], [1, 1], 1.0), ([[1], [1]], [1e-8, 1e-8], 2e-8), ([[1e7, 1e7], [1, 2]], [1, 1], None)],
)
@pytest.mark.parametrize("rank", ["most revenue", "any"])
def test_second_prices_of_very_unequal_sizes(values: Any, budgets: list[float], revenue: float | None, rank: Any):
    found = sppe(values, budgets, rank)
    assert found.violation <= 1e-5 * sum(budgets)
    if rank == "most revenue" and revenue is not None:
        assert found.is_proven
        assert found.revenue == pytest.approx(revenue, rel=1e-5)
