"""Bound programs that are too large for a solver: multipliers by projected subgradients, and the exact bound that they prove.

By weak duality every vector of multipliers >= 0 proves a bound (docs/macg-theory.md, section 8), and evaluating it is one pass
over the columns. So multipliers need not be optimal, only good: each step looks which column of each cell is best at the
multipliers so far, and raises those of rows that this choice breaks (Shor 1985; Held, Wolfe and Crowder 1974). Steps are in
each row's own unit, the value that its columns bring per unit of the row, and shrink to 0; what comes out is the least bound
met, at the iterates or at their mean. A pass takes time and memory in proportion to the columns.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from auctionsim.arithmetic import dot
from auctionsim.arithmetic.groups import first_of_each
from auctionsim.bounds.linear_program import Program

Array = NDArray[np.float64]

STEPS = 200
"""Steps of a descent, each a pass over the columns."""
_TIED = 1e-6
"""Distance under 0, relative to the largest value, at which a side variable still counts as worth nothing."""
_FIRST_STEP = 0.5
"""Length of the first step of a row that is broken altogether, in its unit."""


@dataclass(frozen=True, eq=False)
class Proof:
    """Multipliers and the bound that they prove."""

    bound: float
    """Upper bound on the program's optimum."""
    multipliers: Array
    """Multipliers of the coupling rows, >= 0, `[rows]`."""


@dataclass(frozen=True, eq=False)
class _Dual:
    """A program's dual function, with its columns laid out to be priced and looked up quickly."""

    program: Program
    by_column: csr_array
    """The coupling rows' coefficients by column, `[columns + sides, rows]`."""

    @classmethod
    def of(cls, program: Program) -> _Dual:
        return cls(program, program.rows.T.tocsr())

    def evaluate(self, multipliers: Array) -> _Point:
        """Return the bound at some multipliers, and the choice that makes it."""
        program, n = self.program, len(self.program.value)
        left = program.gains - self.by_column @ multipliers
        best = program.best_of_cells(left[:n])
        is_taken = program.must_fill | (best > 0)
        side = np.where(left[n:] > 0, program.side_limit, 0.0)
        bound = dot(program.limit, multipliers) + dot(program.capacity, np.where(is_taken, best, 0.0)) + dot(side, left[n:])
        ties = np.flatnonzero((left[:n] == best[program.cell]) & is_taken[program.cell])
        # The first of equal columns takes the cell.
        chosen = first_of_each(ties, program.cell)
        columns = np.concatenate([chosen, n + np.flatnonzero(side)])
        amount = np.concatenate([program.capacity[program.cell[chosen]], side[side > 0]])
        return _Point(float(bound), columns, amount)

    def use(self, point: _Point) -> tuple[Array, Array, Array]:
        """Return, by row, the left side at a choice, the sum of the sizes of its terms, and the value it brings."""
        part, n_rows = self.by_column[point.columns], len(self.program.limit)
        value = np.abs(self.program.gains[point.columns]) * point.amount
        terms, times = part.data * np.repeat(point.amount, np.diff(part.indptr)), np.repeat(value, np.diff(part.indptr))
        of_rows = [np.bincount(part.indices, one, minlength=n_rows).astype(np.float64) for one in (terms, np.abs(terms), times)]
        return of_rows[0], of_rows[1], of_rows[2]


@dataclass(frozen=True, eq=False)
class _Point:
    """The best choice at some multipliers."""

    bound: float
    columns: NDArray[np.int64]
    """Columns and side variables that are taken."""
    amount: Array
    """Amount of each."""


@dataclass(frozen=True, eq=False)
class _Held:
    """Side variables whose limits are so large that they must be worth nothing, and the rows that see to it.

    With a revenue multiplier of 1.01 in place of 1 every advertiser would pay all revenue there is, and the bound of thousands
    of advertisers were worth nothing. Rows that a variable strains (its own budget, say) make it worth less as their
    multipliers rise. Rows that it eases (the revenue floor) make it worth less as theirs fall.
    """

    value: Array
    """Objective per unit of each variable, `[held]`."""
    by_variable: csr_array
    """Coefficients, `[held, rows]`."""
    strained: tuple[NDArray[np.int64], NDArray[np.int64], Array]
    """Variable, row and coefficient of every coefficient > 0, variables rising."""
    eased: tuple[NDArray[np.int64], NDArray[np.int64], Array]
    """The same of those < 0, with the sign changed."""

    @classmethod
    def of(cls, program: Program, held: NDArray[np.bool_]) -> _Held:
        n = len(program.value)
        matrix = csr_array(program.rows[:, n:].T.tocsr()[held])
        matrix.eliminate_zeros()
        variable = np.repeat(np.arange(matrix.shape[0]), np.diff(matrix.indptr))
        parts = [
            (variable[chosen], matrix.indices[chosen].astype(np.int64), np.abs(matrix.data[chosen]))
            for chosen in (matrix.data > 0, matrix.data < 0)
        ]
        return cls(program.side_value[held], matrix, *parts)

    def start(self, n_rows: int) -> Array:
        """Return the multipliers to start at: of the last row that eases all variables, as leaves them worth nothing."""
        found = np.zeros(n_rows)
        variable, row, ease = self.eased
        common = np.flatnonzero(np.bincount(row, minlength=n_rows) == len(self.value)) if len(self.value) else row
        if len(common):
            is_common = row == common[-1]
            found[common[-1]] = max(float((-self.value[variable[is_common]] / ease[is_common]).min()), 0.0)
        return found

    def reliefs(self, slack: Array) -> tuple[NDArray[np.int64], Array]:
        """Return for each variable the strained row whose multiplier is cheapest to raise, and its coefficient.

        The row is -1 where there is none. Raising a multiplier costs the bound its row's slack.
        """
        variable, row, coefficient = self.strained
        found, of_found = np.full(len(self.value), -1), np.ones(len(self.value))
        order = np.lexsort((slack[row] / coefficient, variable))
        first = first_of_each(order, variable)
        found[variable[first]], of_found[variable[first]] = row[first], coefficient[first]
        return found, of_found

    def forced(self, multipliers: Array, slack: Array) -> Array:
        """Return what raising each eased row's multiplier costs by the rises that it forces, per unit, `[rows]`."""
        relief, coefficient = self.reliefs(slack)
        is_tied = (self.value - self.by_variable @ multipliers > -_TIED * np.abs(self.value).max(initial=0.0)) & (relief >= 0)
        cost = np.where(is_tied, np.maximum(slack[relief], 0.0) / coefficient, 0.0)
        variable, row, ease = self.eased
        return np.bincount(row, ease * cost[variable], minlength=len(slack)).astype(np.float64)

    def made_worthless(self, multipliers: Array, slack: Array) -> Array:
        """Return multipliers at which no variable is worth more than nothing: by its relief, or by less of what it eases."""
        kept, gain = np.array(multipliers), np.maximum(self.value - self.by_variable @ multipliers, 0.0)
        relief, coefficient = self.reliefs(slack)
        has_relief = relief >= 0
        np.add.at(kept, relief[has_relief], gain[has_relief] / coefficient[has_relief])
        variable, row, ease = self.eased
        needed = np.where(has_relief, 0.0, gain)[variable] / ease
        excess = np.zeros(len(kept))
        np.maximum.at(excess, row, needed)
        return np.maximum(kept - excess, 0.0)


def proven_bound(
    program: Program, start: Array | None = None, *, held: NDArray[np.bool_] | None = None, steps: int = STEPS
) -> Proof:
    """Return the least bound that a descent from `start` proves.

    Args:
        program: The program.
        start: Multipliers to start at, `[rows]`; where None, 0 but for a row that eases all held variables.
        held: Side variables that are kept worth nothing at most, since their limits are large, `[sides]`; all where None.
        steps: Number of steps.
    """
    dual = _Dual.of(program)
    sides = _Held.of(program, np.ones(len(program.side_value), dtype=bool) if held is None else held)
    multipliers = sides.start(len(program.limit)) if start is None else start
    slack, unit, mean, best = program.limit, None, np.zeros_like(multipliers), Proof(np.inf, multipliers)
    for step in range(steps):
        multipliers = sides.made_worthless(multipliers, slack)
        point = dual.evaluate(multipliers)
        best = min(best, Proof(point.bound, multipliers), key=_bound_of)
        left, size, value = dual.use(point)
        slack = program.limit - left
        unit = _unit(program, size, value) if unit is None else unit
        forced = sides.forced(multipliers, slack)
        scale = np.abs(program.limit) + size + forced
        broken = np.divide(-slack - forced, scale, out=np.zeros_like(scale), where=scale > 0)
        # The mean of the second half: iterates go to and fro over the kinks at which cells change hands.
        mean = mean + (multipliers - mean) / (1 + max(step - steps // 2, 0))
        multipliers = np.maximum(multipliers + _length(step, steps) * unit * broken, 0.0)
    mean = sides.made_worthless(mean, slack)
    return min(best, Proof(dual.evaluate(mean).bound, mean), key=_bound_of)


def _length(step: int, steps: int) -> float:
    """Return the length of a step: long ones find the region, and short ones at the end the kink where the bound is least."""
    return float(_FIRST_STEP * (1 - step / steps) ** 2 / np.sqrt(1.0 + step))


def _bound_of(proof: Proof) -> float:
    return proof.bound


def _unit(program: Program, size: Array, value: Array) -> Array:
    """Return the unit of each row's multiplier, `[rows]`, objective per unit of the row.

    It is what would make up for the own value of the side variable that it touches most, if there is one that has any value:
    the currency's worth in rows on payments. Else it is the value that the first choice brings per unit of the row.
    """
    n, found = len(program.value), np.divide(value, size, out=np.zeros_like(size), where=size > 0)
    found = np.where(found > 0, found, found[found > 0].mean() if (found > 0).any() else 1.0)
    sides = program.rows[:, n:].tocoo()
    row, worth = sides.coords[0], np.abs(program.side_value[sides.coords[1]]) / np.abs(sides.data)
    least = np.full(len(found), np.inf)
    np.minimum.at(least, row[worth > 0], worth[worth > 0])
    return np.where(np.isfinite(least), least, found)
