"""Solve linear programs over auctions: each cell is shared out among its columns, and a few constraints couple cells.

    maximize    value . x + side_value . t
    subject to  sum of x over the columns of a cell <= its capacity (= where it must be filled),
                rows . (x, t) <= limit,  x >= 0,  0 <= t <= side_limit

Whatever a solver answers, every vector of multipliers lambda >= 0 of the coupling rows proves an upper bound (Lagrangian
duality): what remains is a choice of the best column in each cell. `dual_bound` evaluates it exactly, so a bound is no
looser than the solver's tolerance and never wrong because of it. `column_generation.py` solves large programs.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linprog
from scipy.sparse import coo_array, csr_array, diags_array, vstack

from auctionsim.arithmetic import dot
from auctionsim.errors import RunError
from auctionsim.names.display import short_repr

Array = NDArray[np.float64]
_OPTIMAL, _INFEASIBLE = 0, 2
_ROOM = 1e-7


@dataclass(frozen=True, eq=False)
class Program:
    """One program, in the notation of the module. Columns of a cell are contiguous, and every cell has at least one."""

    value: Array
    """Objective per auction won by each column, `[columns]`."""
    cell_start: NDArray[np.int64]
    """First column of each cell, and the number of columns at the end, `[cells + 1]`."""
    capacity: Array
    """Number of auctions in each cell, `[cells]`."""
    must_fill: NDArray[np.bool_]
    """Whether all auctions of the cell must be won by its columns, `[cells]`."""
    side_value: Array
    """Objective per unit of each side variable t, `[sides]`."""
    side_limit: Array
    """Upper bound of each side variable, finite, `[sides]`."""
    rows: csr_array
    """Coefficients of the coupling rows, `[rows, columns + sides]`."""
    limit: Array
    """Right-hand side of the coupling rows, `[rows]`."""

    __repr__ = short_repr

    @cached_property
    def cell(self) -> NDArray[np.int64]:
        """Return the cell of each column, `[columns]`."""
        return np.repeat(np.arange(len(self.capacity)), np.diff(self.cell_start))

    @property
    def gains(self) -> Array:
        """Return the objective per unit of each column and side variable, `[columns + sides]`."""
        return np.concatenate([self.value, self.side_value])

    def best_of_cells(self, worth: Array) -> Array:
        """Return the largest worth of a column in each cell, `[cells]`, of worths `[columns]`."""
        best: Array = np.maximum.reduceat(worth, self.cell_start[:-1])
        return best


@dataclass(frozen=True, eq=False)
class Solution:
    """Point that the solver found, and the bound that its multipliers prove. Arrays are empty where nothing is feasible."""

    status: Literal["optimal", "infeasible"]
    bound: float
    """Upper bound on the optimum; minus infinity where nothing is feasible."""
    value: float
    """Objective at `x` and `t`, which is feasible to the solver's tolerance."""
    x: Array
    """Auctions won by each column, `[columns]`."""
    t: Array
    """Side variables, `[sides]`."""
    multipliers: Array
    """Multipliers of the coupling rows, >= 0, objective units per unit of the row, `[rows]`."""

    __repr__ = short_repr


def solve_whole(program: Program) -> Solution:
    """Solve a program with all its columns at once, by the interior-point method of HiGHS with crossover to a vertex.

    Raises:
        RunError: The solver gave up.
    """
    n = len(program.value)
    cell = program.cell
    # Shares of a cell instead of auctions, and rows and objective in units of their mean entry: the solver's tolerances are
    # absolute numbers.
    size = np.concatenate([program.capacity[cell], np.ones(len(program.side_value))])
    gain = program.gains * size
    gain_unit = _mean_size(gain)
    scaled = (program.rows @ diags_array(size)).tocsr()
    row_unit = np.array([_mean_size(scaled.data[first:last]) for first, last in pairwise(scaled.indptr)])
    shares = coo_array((np.ones(n), (cell, np.arange(n))), shape=(len(program.capacity), len(size))).tocsr()
    open_cells = shares[~program.must_fill]
    filled = shares[program.must_fill]
    limit = program.limit / row_unit
    # A program that is feasible at a point alone may be called infeasible by rounding, or leave the interior-point method with
    # nothing to go through: the second try has room for that, and the simplex needs none. The bound is that of the limits as
    # given all the same.
    room = _ROOM * (1 + np.abs(limit))
    for method, allowed in (("highs-ipm", 0.0), ("highs-ipm", room), ("highs-ds", 0.0), ("highs-ds", room)):
        result = linprog(
            -gain / gain_unit,
            A_ub=vstack([open_cells, diags_array(1 / row_unit) @ scaled]),
            b_ub=np.concatenate([np.ones(open_cells.shape[0]), limit + allowed]),
            A_eq=filled if filled.shape[0] else None,
            b_eq=np.ones(filled.shape[0]) if filled.shape[0] else None,
            bounds=np.column_stack([np.zeros_like(size), np.concatenate([np.full(n, np.inf), program.side_limit])]),
            method=method,
        )
        if result.status == _OPTIMAL:
            break
    if result.status == _INFEASIBLE:
        empty = np.zeros(0)
        return Solution("infeasible", -np.inf, -np.inf, empty, empty, empty)
    if result.x is None:
        raise RunError(f"linear program: HiGHS found no answer: {result.message}")
    multipliers = np.maximum(-result.ineqlin.marginals[open_cells.shape[0] :], 0.0) * gain_unit / row_unit
    x, t = result.x[:n] * size[:n], result.x[n:]
    return Solution("optimal", dual_bound(program, multipliers), reached(program, x, t), x, t, multipliers)


def reached(program: Program, x: Array, t: Array) -> float:
    """Return the objective at a point: `x` auctions won by each column, `t` of each side variable."""
    return float(dot(program.value, x) + dot(program.side_value, t))


def reduced(program: Program, multipliers: Array) -> Array:
    """Return the reduced value of each column and side variable, `[columns + sides]`.

    It is the objective per unit less the cost of the coupling rows at the multipliers.
    """
    return program.gains - program.rows.T @ multipliers


def dual_bound(program: Program, multipliers: Array) -> float:
    """Return the upper bound on the optimum that any multipliers >= 0 prove (Lagrangian duality)."""
    n = len(program.value)
    left = reduced(program, multipliers)
    best = program.best_of_cells(left[:n])
    best = np.where(program.must_fill, best, np.maximum(best, 0.0))
    return float(
        dot(program.limit, multipliers) + dot(program.capacity, best) + dot(program.side_limit, np.maximum(left[n:], 0.0))
    )


def _mean_size(values: Array) -> float:
    """Return the mean absolute value of the entries other than 0; 1 where there are none."""
    size = np.abs(values[values != 0])
    return float(size.mean()) if len(size) else 1.0
