"""Solve large programs over auctions by column generation: most cells are clear, and only contested ones go to the solver.

Coupling constraints are few, so a sample of cells, solved in the same way, estimates their multipliers. At these each cell has
a best option (a column, or nobody). Options much worse are set aside, and a cell with one option left is settled. The rest is
solved. The new multipliers then price every option that was set aside, and those that would now be better come back. The loop
ends where the point found reaches the bound that the multipliers prove over all columns: it is optimal for the whole program.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from auctionsim.bounds.linear_program import Program, Solution, dual_bound, reached, reduced, solve_whole

Array = NDArray[np.float64]

WHOLE_UP_TO = 3000
"""Largest number of cells of a program that is solved at once, with all its columns."""
_SAMPLE_STEP = 6
_CONTESTED_SHARE = 0.15
_TOLERANCE = 1e-9
_MAX_ROUNDS = 30


@dataclass(frozen=True, eq=False)
class _Kept:
    """Options of the restricted program."""

    columns: NDArray[np.bool_]
    """Whether the column is kept, `[columns]`."""
    may_be_empty: NDArray[np.bool_]
    """Whether the cell may stay empty in part, `[cells]`."""


def solve(program: Program, whole_up_to: int = WHOLE_UP_TO) -> Solution:
    """Solve a program of any size.

    Args:
        program: The program to solve.
        whole_up_to: Largest number of cells of a program that is solved at once, with all its columns.

    Raises:
        RunError: The solver gave up.
    """
    n_cells = len(program.capacity)
    if n_cells <= whole_up_to:
        return solve_whole(program)
    guess = _sample_multipliers(program, whole_up_to)
    share = _CONTESTED_SHARE
    kept = _near_best(program, guess, share)
    for _ in range(_MAX_ROUNDS):
        found = _solve_kept(program, kept)
        if found.status == "infeasible":
            if share >= 1:
                return found
            share = min(2 * share, 1.0) if share < 0.5 else 1.0
            kept = _near_best(program, guess, share)
            continue
        if found.bound - found.value <= _TOLERANCE * max(abs(found.bound), abs(found.value)):
            return found
        kept = _with_better(program, kept, found.multipliers)
    return solve_whole(program)


def _sample_multipliers(program: Program, whole_up_to: int) -> Array:
    """Estimate multipliers from every k-th cell with k times its capacity, `[rows]`; 0 where that program is infeasible."""
    chosen = np.zeros(len(program.capacity), dtype=bool)
    chosen[::_SAMPLE_STEP] = True
    sample = _part(program, chosen, chosen[program.cell], program.must_fill, program.limit)
    found = solve(replace(sample, capacity=_SAMPLE_STEP * sample.capacity), whole_up_to)
    return found.multipliers if found.status == "optimal" else np.zeros(len(program.limit))


def _near_best(program: Program, multipliers: Array, share: float) -> _Kept:
    """Keep options near the best of their cell at these multipliers: about `share` of the cells keep more than one."""
    n_cells = len(program.capacity)
    worth = reduced(program, multipliers)[: len(program.value)]
    nobody = np.where(program.must_fill, -np.inf, 0.0)
    best = np.maximum(program.best_of_cells(worth), nobody)
    if share >= 1:
        return _Kept(np.ones(len(worth), dtype=bool), ~program.must_fill)
    behind = best[program.cell] - worth
    # The second smallest distance in each cell says how clear it is.
    distances, cells = np.concatenate([behind, best - nobody]), np.concatenate([program.cell, np.arange(n_cells)])
    order = np.lexsort((distances, cells))
    first = np.searchsorted(cells[order], np.arange(n_cells))
    margin = np.quantile(distances[order][first + 1], share, method="lower")
    return _Kept(behind <= margin, ~program.must_fill & (best <= margin))


def _with_better(program: Program, kept: _Kept, multipliers: Array) -> _Kept:
    """Bring back the options that are better, at these multipliers, than all those kept in their cell."""
    worth = reduced(program, multipliers)[: len(program.value)]
    best = program.best_of_cells(np.where(kept.columns, worth, -np.inf))
    best = np.where(kept.may_be_empty, np.maximum(best, 0.0), best)
    return _Kept(kept.columns | (worth > best[program.cell]), kept.may_be_empty | (~program.must_fill & (best < 0)))


def _solve_kept(program: Program, kept: _Kept) -> Solution:
    """Solve the program over the options kept, with settled cells as constants; the bound is over all options."""
    cell = program.cell
    options = np.bincount(cell, kept.columns, minlength=len(program.capacity)) + kept.may_be_empty
    is_settled = options == 1
    x = np.where(kept.columns & is_settled[cell], program.capacity[cell], 0.0)
    columns = kept.columns & ~is_settled[cell]
    limit = program.limit - program.rows[:, : len(x)] @ x
    found = solve_whole(_part(program, ~is_settled, columns, ~kept.may_be_empty, limit))
    if found.status == "infeasible":
        return found
    x[columns] = found.x
    bound = dual_bound(program, found.multipliers)
    return Solution("optimal", bound, reached(program, x, found.t), x, found.t, found.multipliers)


def _part(
    program: Program, cells: NDArray[np.bool_], columns: NDArray[np.bool_], must_fill: NDArray[np.bool_], limit: Array
) -> Program:
    """Restrict the program to some cells and some of their columns."""
    size = np.bincount(program.cell[columns], minlength=len(cells))[cells]
    variables = np.concatenate([columns, np.ones(len(program.side_value), dtype=bool)])
    return Program(
        program.value[columns],
        np.concatenate([[0], np.cumsum(size)]),
        program.capacity[cells],
        must_fill[cells],
        program.side_value,
        program.side_limit,
        program.rows[:, variables],
        limit,
    )
