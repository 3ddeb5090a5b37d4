"""Linear programs over auctions: column generation finds the whole program's optimum, and multipliers prove bounds."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from scipy.optimize import OptimizeResult
from scipy.sparse import csr_array

from auctionsim.bounds import linear_program as linear
from auctionsim.bounds.column_generation import solve
from auctionsim.bounds.linear_program import Program, dual_bound, reached, solve_whole
from auctionsim.errors import RunError


def program(seed: int, n_cells: int = 400, *, tight: float = 0.6) -> Program:
    """Cells of one to four columns owned by five advertisers with budgets, a floor on all payments, and one side variable."""
    rng = np.random.default_rng(seed)
    size = rng.integers(1, 5, n_cells)
    n, owner = int(size.sum()), rng.integers(0, 5, int(size.sum()))
    value, price, capacity = rng.gamma(1.0, 1.0, n), rng.gamma(1.0, 0.5, n), rng.integers(1, 4, n_cells).astype(float)
    cell = np.repeat(np.arange(n_cells), size)
    budgets = np.zeros((5, n + 1))
    budgets[owner, np.arange(n)] = price
    revenue = np.concatenate([-price, [-1.0]])[None]
    everything = (price * capacity[cell]).sum()
    limit = np.concatenate([np.full(5, tight * everything / 12), [-tight * everything / 5]])
    return Program(
        value - price,
        np.concatenate([[0], np.cumsum(size)]),
        capacity,
        rng.random(n_cells) < 0.2,
        np.array([-1.0]),
        np.array([everything]),
        csr_array(np.concatenate([budgets, revenue])),
        limit,
    )


@pytest.mark.parametrize("seed", range(8))
def test_column_generation_finds_the_optimum_of_the_whole_program(seed: int):
    whole, sifted = (solve(program(seed), whole_up_to=cells) for cells in (400, 30))
    assert whole.status == sifted.status == "optimal"
    assert sifted.value == pytest.approx(whole.value, rel=1e-8)
    assert sifted.bound == pytest.approx(whole.value, rel=1e-8)
    assert whole.multipliers.max() > 0


@pytest.mark.parametrize("seed", range(4))
def test_a_sifted_point_keeps_every_constraint_and_reaches_what_it_says(seed: int):
    this = program(seed)
    found = solve(this, whole_up_to=30)
    shared = np.add.reduceat(found.x, this.cell_start[:-1])
    assert (found.x >= -1e-9).all()
    assert (shared <= this.capacity + 1e-7).all()
    np.testing.assert_allclose(shared[this.must_fill], this.capacity[this.must_fill])
    assert (this.rows @ np.concatenate([found.x, found.t]) <= this.limit + 1e-5).all()
    assert reached(this, found.x, found.t) == found.value


def test_any_multipliers_prove_a_bound():
    this = program(0)
    best = solve_whole(this)
    rng = np.random.default_rng(0)
    for _ in range(50):
        assert dual_bound(this, rng.gamma(0.5, 1.0, len(this.limit))) >= best.value - 1e-7
    assert best.bound == pytest.approx(best.value, rel=1e-9)


def test_what_cannot_be_kept_is_infeasible_sifted_or_not():
    # A floor on payments beyond what all columns and the side variable can bring.
    this = program(0)
    this = replace(this, limit=np.append(this.limit[:-1], -1e9))
    assert [solve(this, whole_up_to=cells).status for cells in (400, 30)] == ["infeasible", "infeasible"]


def test_cells_that_are_clear_leave_nothing_to_solve():
    # One column in each cell, no constraint that binds.
    this = Program(
        np.ones(100), np.arange(101), np.ones(100), np.ones(100, dtype=bool), np.zeros(1), np.zeros(1),
        csr_array(np.ones((1, 101))), np.array([1e3]),
    )  # fmt: skip
    assert solve(this, whole_up_to=10).value == 100.0


@pytest.mark.parametrize("failing", [{"highs-ipm"}, set()])
def test_what_the_interior_point_method_gives_up_on_the_simplex_solves(monkeypatch: pytest.MonkeyPatch, failing: set[str]):
    # It does on programs that leave next to nothing between their constraints; hypothesis finds some in tests/test_oracle.py.
    tried, ours, expected = [], linear.linprog, solve(program(3), whole_up_to=30)

    def linprog(*arguments: Any, method: str, **options: Any) -> Any:
        tried.append(method)
        gave_up = OptimizeResult(status=4, x=None, message="Solve error")
        return gave_up if method in failing else ours(*arguments, method=method, **options)

    monkeypatch.setattr(linear, "linprog", linprog)
    found = solve_whole(program(3))
    assert tried[0] == "highs-ipm"
    assert tried.count("highs-ds") == len(failing)
    assert found.value == pytest.approx(expected.value, rel=1e-8)
    monkeypatch.setattr(linear, "linprog", lambda *_, **__: OptimizeResult(status=4, x=None, message="Solve error"))
    with pytest.raises(RunError, match="HiGHS found no answer: Solve error"):
        solve_whole(program(3))
