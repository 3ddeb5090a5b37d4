"""Solve second-price pacing equilibria by a mixed-integer program: which exist, and the one of most or of least revenue.

In a second-price pacing equilibrium (SPPE) goods go to the highest bids `multiplier x value` at the second-highest bid, ties
shared in any way, no budget is exceeded, and a multiplier is 1 unless its budget is spent. It exists but need not be unique,
and best responses need not find it (Conitzer, Kroer, Sodomka and Stier-Moses, Multiplicative Pacing Equilibria in Auction
Markets, Operations Research 2022). The program is theirs: binary variables say who wins, who is second, and who has spent its
budget. HiGHS solves it in seconds up to four bidders and six goods. In larger markets multipliers are first moved towards spent
budgets, step by step; a program in which only the bids near the top of each good may become winners starts from there. What is
returned satisfies all conditions either way: `violation` computes them from multipliers and shares alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import Bounds, LinearConstraint, milp
from scipy.sparse import csr_array

from auctionsim import arithmetic
from auctionsim.arguments import number_between, one_of
from auctionsim.equilibria.inputs import checked_market
from auctionsim.errors import RunError
from auctionsim.streams import stream

Array = NDArray[np.float64]
_MOVES = 2000
"""Steps towards spent budgets."""
_STARTS = 6
"""Starts that are tried."""
_SEARCHES = (((0.02, 0.08), 300), ((0.25,), 5000))
"""Widths tried at every start and the nodes of each search: first everywhere quickly, then everywhere longer."""
_TOLERANCE = 1e-5
"""Largest violation accepted, relative to the largest value of the market as it is solved, or to what all can spend if less."""
_MUCH = 0.01
"""Factor below which a bidder's values are made smaller: above it the program has digits enough."""
Rank = Literal["most revenue", "least revenue", "any"]


@dataclass(frozen=True, eq=False)
class SecondPricePacing:
    """A second-price pacing equilibrium."""

    prices: Array
    """Price of each good, `[goods]`, in currency: the second-highest bid."""
    multipliers: Array
    """Pacing multiplier of each bidder, in [0, 1], `[bidders]`."""
    allocation: Array
    """Share of each good that each bidder gets, `[bidders, goods]`."""
    values: Array
    """Value of each good to each bidder, `[bidders, goods]`."""
    budgets: Array
    """Budget of each bidder, `[bidders]`."""
    is_proven: bool
    """True if no equilibrium has more revenue (less, if the least was asked for)."""

    @property
    def revenue(self) -> float:
        """Return the sum of all prices, in currency."""
        return float(self.prices.sum())

    @property
    def welfare(self) -> float:
        """Return the value that all bidders get, in currency."""
        return float((self.allocation * self.values).sum())

    @property
    def violation(self) -> float:
        """Return how far this is from an equilibrium, in currency: the largest breach of any of its conditions, >= 0."""
        return pacing_violation(self.values, self.budgets, self.multipliers, self.allocation)


def pacing_violation(values: Array, budgets: Array, multipliers: Array, allocation: Array) -> float:
    """Return the largest breach of the conditions of a second-price pacing equilibrium, in currency, >= 0.

    Args:
        values: The value of each good to each bidder, `[bidders, goods]`.
        budgets: The budget of each bidder, `[bidders]`.
        multipliers: The multipliers, in [0, 1], `[bidders]`.
        allocation: The share of each good that each bidder gets, `[bidders, goods]`.
    """
    bids = multipliers[:, np.newaxis] * values
    ordered = np.sort(bids, axis=0)
    top, second = ordered[-1], ordered[-2] if len(bids) > 1 else np.zeros(values.shape[1])
    spend = np.asarray(arithmetic.dot(allocation, second))
    finite = np.where(np.isfinite(budgets), budgets, values.sum(axis=1) + 1)
    breaches = [
        (spend - finite).max(),
        # A bidder that is paced, as far as that changes its bids, has spent its budget.
        np.minimum(((1 - multipliers) * values.max(axis=1)), np.maximum(finite - spend, 0)).max(),
        # A good goes to highest bids only, and goes altogether where it has a price.
        np.minimum(allocation * values.max(), top - bids).max(),
        ((1 - allocation.sum(axis=0)) * second).max(),
    ]
    return max(0.0, *(float(breach) for breach in breaches))


def sppe(values: Any, budgets: Any, rank: Rank = "any", seconds: float = 60.0) -> SecondPricePacing:
    """Return a second-price pacing equilibrium of a market.

    Args:
        values: The value of each good to each bidder, finite and >= 0, `[bidders, goods]`, in currency.
        budgets: The budget of each bidder, > 0, `[bidders]`; infinity for none.
        rank: The equilibrium wanted among several: `most revenue`, `least revenue`, or `any`.
        seconds: The time after which the best equilibrium found so far is returned, unproven.

    Raises:
        InputError: Values or budgets are of another shape, or an argument is out of range.
        RunError: No equilibrium was found in this time, or none that keeps its conditions within tolerance.
    """
    values, budgets = checked_market(values, budgets)
    one_of("rank", rank, ("most revenue", "least revenue", "any"))
    seconds = number_between("seconds", seconds, 0)
    factor = _factors(values, budgets)
    smaller = values * factor[:, np.newaxis]
    size = float(smaller.max()) or 1.0
    # A bidder without value stands behind every good, so that one bidder alone has a second: its price is 0.
    scaled = np.vstack([smaller, np.zeros(values.shape[1])]) / size
    money = np.append(np.minimum(budgets / size, scaled[:-1].sum(axis=1) + 1), 1.0)
    program = _Program(*scaled.shape)
    found = _near_a_start(program, scaled, money) if rank == "any" else None
    if found is None:
        # The time limit is for the whole program alone, so that what starts find depends on no machine's speed.
        found = program.solve(scaled, money, rank, program.highest, {"time_limit": seconds})
    if found.x is None:
        raise RunError(f"sppe: found no equilibrium in {seconds:g} s ({found.message})")
    is_whole = found.status == 0 and rank != "any"
    multipliers, spend = found.x[program.multiplier][:-1], found.x[program.spend].reshape(scaled.shape)
    multipliers = np.clip(multipliers, 0, 1)
    multipliers = np.where((factor < 1) & (multipliers < 1 - 1e-6), factor * multipliers, multipliers)
    price = found.x[program.price]
    # Where a price is 0 what is spent tells no shares: the winner named by the program gets the good.
    won = found.x[program.wins].reshape(scaled.shape)
    shares = np.where(price > 1e-7, spend / np.maximum(price, 1e-7), won)[:-1]
    shares = np.clip(shares, 0, 1) / np.maximum(1.0, shares.sum(axis=0))
    bids = np.sort(np.vstack([multipliers[:, np.newaxis] * values, np.zeros(values.shape[1])]), axis=0)
    result = SecondPricePacing(bids[-2], multipliers, shares, values, budgets, is_whole)
    tolerance = _TOLERANCE * min(size, float(np.minimum(budgets, values.sum(axis=1)).sum()) or 1.0)
    if not result.violation <= tolerance:
        raise RunError(f"sppe: found no equilibrium within {tolerance:.3g}: the best breaks it by {result.violation:.3g}")
    return result


def _factors(values: Array, budgets: Array) -> Array:
    """Return factors in (0, 1] of each bidder's values that leave the equilibria as they are, `[bidders]`.

    No price exceeds the sum of all budgets, nor the others' highest value. A bidder that outbids either by a factor of 2 on
    all its goods wins them all, and by how much does not matter.
    """
    most = float(np.minimum(budgets, values.sum(axis=1)).sum())
    others = np.array([np.delete(values, i, axis=0).max(axis=0, initial=0.0) for i in range(len(values))])
    needed = np.divide(2 * np.minimum(others, most), values, out=np.zeros(values.shape), where=values > 0).max(axis=1)
    needed = np.maximum(needed, most / np.maximum(values.max(axis=1), 1e-300))
    return np.where((needed < _MUCH) & (needed > 0), needed, 1.0)


def _near_a_start(program: _Program, values: Array, budgets: Array) -> Any:
    """Return what the program finds among bids close to the top of each good at some starts; None if nothing."""
    for number, widths, nodes in ((k, *search) for search in _SEARCHES for k in range(_STARTS)):
        rng = stream(number, "second-price-pacing")
        start = np.ones(len(values)) if number == 0 else 0.2 + 0.8 * rng.random(len(values))
        near = _moved_towards_budgets(values, budgets, start, margin=0.2 / (1 + number % 3))
        for width in widths:
            found = program.solve(values, budgets, "any", program.highest_near(values, near, width), {"node_limit": nodes})
            if found.x is not None:
                return found
    return None


def _moved_towards_budgets(values: Array, budgets: Array, start: Array, margin: float) -> Array:
    """Return multipliers near an equilibrium, as a rule: raised where money is left, lowered where it is overspent.

    Goods are shared among all bids within a margin of the top, and the margin and the steps shrink. The result is `[bidders]`.
    """
    multipliers = start
    for t in range(_MOVES):
        close, step = margin / (1 + t / 50), 0.3 / (1 + t / 50)
        bids = multipliers[:, np.newaxis] * values
        ordered = np.sort(bids, axis=0)
        weight = np.maximum(0.0, bids - (1 - close) * ordered[-1])
        shares = weight / np.maximum(weight.sum(axis=0), 1e-12)
        spend = np.asarray(arithmetic.dot(shares, ordered[-2]))
        change = np.clip((budgets - spend) / budgets, -1, 1)
        multipliers = np.minimum(1.0, multipliers * np.asarray(arithmetic.exp(step * change)))
    return multipliers


class _Program:
    """Places of the variables of the mixed-integer program, and its rows."""

    def __init__(self, n: int, m: int) -> None:
        self.n, self.m = n, m
        sizes = {
            "multiplier": n,
            "spends_all": n,
            "price": m,
            "top": m,
            "spend": n * m,
            "may": n * m,
            "wins": n * m,
            "second": n * m,
        }
        ends = np.cumsum(list(sizes.values()))
        slices = {name: slice(end - sizes[name], end) for name, end in zip(sizes, ends.tolist(), strict=True)}
        self.multiplier, self.price, self.spend, self.wins = (slices[name] for name in ("multiplier", "price", "spend", "wins"))
        self._at = {name: np.arange(part.start, part.stop) for name, part in slices.items()}
        self.size = int(ends[-1])
        self.integrality, self.highest = np.zeros(self.size), np.full(self.size, np.inf)
        for name in ("spends_all", "may", "wins", "second"):
            self.integrality[slices[name]] = 1
        for name in ("multiplier", "spends_all", "may", "wins", "second"):
            self.highest[slices[name]] = 1

    def highest_near(self, values: Array, multipliers: Array, width: float) -> Array:
        """Return upper bounds by which only bids within a share `width` of the top, and of the second, may become these."""
        bids = multipliers[:, np.newaxis] * values
        ordered = np.sort(bids, axis=0)
        highest = self.highest.copy()
        is_top, is_second = bids >= (1 - width) * ordered[-1], bids >= (1 - width) * ordered[-2]
        for name, may in (("may", is_top), ("wins", is_top), ("second", is_second)):
            highest[self._at[name]] = np.where(may, 1.0, 0.0).ravel()
        return highest

    def solve(self, values: Array, budgets: Array, rank: Rank, highest: Array, limit: dict[str, float]) -> Any:
        """Return HiGHS's result within upper bounds of the variables and a limit of nodes or of time."""
        return milp(
            self.objective(rank),
            integrality=self.integrality,
            bounds=Bounds(0, highest),
            constraints=self.rows(values, budgets),
            options={"mip_rel_gap": 1e-6, **limit},
        )

    def objective(self, rank: Rank) -> Array:
        """Return the coefficients of what is minimized."""
        costs = np.zeros(self.size)
        costs[self.price] = {"most revenue": -1.0, "least revenue": 1.0, "any": 0.0}[rank]
        return costs

    def rows(self, values: Array, budgets: Array) -> list[LinearConstraint]:
        """Return all constraints; comments name the condition of the equilibrium."""
        n, m, at = self.n, self.m, self._at
        pair = {name: at[name].reshape(n, m) for name in ("spend", "may", "wins", "second")}
        highest = np.maximum(values.max(axis=0), 1e-9)
        parts: list[tuple[list[tuple[int, float]], float, float]] = []
        for i in range(n):
            spent = [(k, 1.0) for k in pair["spend"][i]]
            parts.append((spent, -np.inf, budgets[i]))
            parts.append(([*spent, (at["spends_all"][i], -budgets[i])], 0, np.inf))
            parts.append(([(at["multiplier"][i], 1.0), (at["spends_all"][i], 1.0)], 1, np.inf))
        for j in range(m):
            parts.append(([*((k, 1.0) for k in pair["spend"][:, j]), (at["price"][j], -1.0)], 0, 0))
            parts.append(([(k, 1.0) for k in pair["wins"][:, j]], 1, 1))
            parts.append(([(k, 1.0) for k in pair["second"][:, j]], 1, 1))
        for i in range(n):
            for j in range(m):
                bid, top, price = (at["multiplier"][i], values[i, j]), (at["top"][j], 1.0), (at["price"][j], 1.0)
                may, wins, second = pair["may"][i, j], pair["wins"][i, j], pair["second"][i, j]
                parts += [
                    ([(pair["spend"][i, j], 1.0), (may, -min(budgets[i], highest[j]))], -np.inf, 0),
                    # The highest bid is no less than any, and no more than that of whoever may get something.
                    ([top, (bid[0], -bid[1])], 0, np.inf),
                    ([top, (bid[0], -bid[1]), (may, highest[j])], -np.inf, highest[j]),
                    ([(wins, 1.0), (may, -1.0)], -np.inf, 0),
                    ([(wins, 1.0), (second, 1.0)], -np.inf, 1),
                    # The price is no less than any bid but the winner's, and no more than the bid of the second.
                    ([price, (bid[0], -bid[1]), (wins, values[i, j])], 0, np.inf),
                    ([price, (bid[0], -bid[1]), (second, highest[j])], -np.inf, highest[j]),
                ]  # fmt: skip
        row = np.repeat(np.arange(len(parts)), [len(entries) for entries, _, _ in parts])
        column = np.array([k for entries, _, _ in parts for k, _ in entries])
        number = np.array([value for entries, _, _ in parts for _, value in entries])
        matrix = csr_array((number, (row, column)), shape=(len(parts), self.size))
        return [LinearConstraint(matrix, [low for _, low, _ in parts], [high for _, _, high in parts])]
