"""One day under way, hour by hour or in other steps, for many policies at once."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from auctionsim.auction.bid_formula import FEATURES
from auctionsim.auction.budgets import spent_below
from auctionsim.auction.kernel.arguments import LEDGER_COLUMNS, LEFT, OUTCOMES, SPENT_BELOW, Books, aligned
from auctionsim.auction.kernel.engine import DETAILS, make_room, padded, replay_cells
from auctionsim.auction.kernel.ledger import take_out
from auctionsim.auction.kernel.noise import hour_key
from auctionsim.auction.kernel.ranking import make_bids
from auctionsim.auction.outcome import Outcome
from auctionsim.auction.rules import Rules
from auctionsim.auction.sources import Feed, Piece
from auctionsim.auction.throttling import replay_throttled
from auctionsim.traffic.steps import Steps
from auctionsim.traffic.table import HOURS


class DayReplay:
    """One day under way: budgets and what happened so far. Environments step it, `replay` runs it to the end.

    Args:
        feed: The traffic.
        day: One of its days.
        rules: The auction's.
        policies: How many policies are replayed side by side.
        budgets: Daily budgets, currency: a number, `[advertisers]` or `[advertisers, P]`; None for none.
        seed: Draws the luck of `sampled` outcomes: the same for all policies, or one for each, `[P]`.
        local_credit: Whether to sum, for each advertiser, what happens in the auctions it is a candidate in.
        details: Whether to count auctions entered and prices of winning and losing (several times slower).
        steps: How a day of a table in memory is cut into steps; hours where None.
        first_hour: Where the day begins.
    """

    def __init__(
        self,
        feed: Feed,
        day: int,
        rules: Rules | None = None,
        *,
        policies: int = 1,
        budgets: ArrayLike | None = None,
        seed: int | Sequence[int] = 0,
        local_credit: bool = False,
        details: bool = False,
        steps: Steps | None = None,
        first_hour: int = 0,
    ) -> None:
        self.feed = feed
        self.day = day
        self._rules = rules or Rules()
        self._terms = self._rules.terms()
        self._seeds = [seed] * policies if isinstance(seed, int) else list(seed)
        self._steps = steps
        self.hour = first_hour
        """Of the next step; 24 when the day is over."""
        self.steps_done = 0
        shape = (len(feed.advertisers), policies)
        limits = per_policy(np.inf if budgets is None else budgets, shape, "budgets")
        if not (limits >= 0).all():
            raise ValueError(f"budgets: expected numbers at least 0, got {limits.min()}")
        self._ledger = aligned((*shape, LEDGER_COLUMNS))
        self._ledger[:, :, LEFT] = limits
        self._ledger[:, :, SPENT_BELOW] = spent_below(limits)
        self._shared = np.zeros((shape[0] if local_credit else 0, 2, padded(policies)))
        self._detailed = shape[0] if details else 0
        self._room = make_room(policies, len(self._rules.slot_effect), feed.most_rows)
        self.last_step = np.zeros((shape[0], len(OUTCOMES) + (len(DETAILS) if details else 0), policies))
        """What `step` returned last; zeros before."""
        self.cumulative = np.zeros_like(self.last_step)
        """Sums of what it returned."""
        self.coefficients = np.zeros((shape[0], len(FEATURES), policies))
        """Coefficients of the last step, `[advertisers, 4, P]`; zeros before."""

    @property
    def budget_left(self) -> NDArray[np.float64]:
        """Currency, `[advertisers, P]`; infinite where there is no budget."""
        return self._ledger[:, :, LEFT]

    @property
    def is_over(self) -> bool:
        """Whether all 24 hours were replayed."""
        return self.hour == HOURS

    def step(self, coefficients: NDArray[np.float64], participation: NDArray[np.float64] | None = None) -> NDArray[np.float64]:
        """Replay the next step.

        Args:
            coefficients: theta over `FEATURES`, `[advertisers, 4, P]`, >= 0.
            participation: Share of its auctions that each advertiser enters, by chance, in [0, 1], `[advertisers, P]`;
                None for all.

        Returns:
            Impressions, clicks, conversions, GMV and cost of the step, `[advertisers, 5, P]`. With details three more: auctions
            entered, sum over shown ads of the price per click, sum over entered auctions without one of the losing price.

        Raises:
            ValueError: The coefficients have another shape.
        """
        expected = (self._ledger.shape[0], len(FEATURES), self._ledger.shape[1])
        if coefficients.shape != expected:
            raise ValueError(f"coefficients: expected shape {list(expected)}, got {list(coefficients.shape)}")
        self.coefficients = coefficients
        n_policies = self._ledger.shape[1]
        is_in_play = self._ledger[:, :, LEFT] > self._ledger[:, :, SPENT_BELOW]
        bids = make_bids(coefficients, is_in_play, self._room, is_clipped=self._rules.is_clipped)
        details = np.zeros((self._detailed, n_policies, len(DETAILS)))
        books = Books(self._ledger, details, self._shared)
        next_hour = self.hour + 1 if self._steps is None else int(self._steps.hour[self.steps_done + 1])
        # Hour by hour, however long the step: an hour has luck of its own. A part of an hour ends in the hour it began in.
        for hour in range(self.hour, max(next_hour, self.hour + 1)):
            luck = self._luck(hour)
            if participation is not None:
                replay_throttled(
                    self._pieces(hour), (self.day, hour), self._seeds, participation, coefficients, is_in_play, luck,
                    self._terms, books, is_clipped=self._rules.is_clipped, most_rows=self.feed.most_rows,
                )  # fmt: skip
                continue
            for piece in self._pieces(hour):
                replay_cells(
                    piece.first_cell, piece.last_cell, piece.place, luck, piece.cells, piece.rows, bids, self._terms, books,
                    self._room,
                )  # fmt: skip
        self.hour = next_hour
        self.steps_done += 1
        counted, before = np.empty_like(self.last_step), self.cumulative
        self.last_step, self.cumulative = counted, np.empty_like(before)
        take_out(self._ledger, details, before, counted, self.cumulative)
        return counted

    def _pieces(self, hour: int) -> Iterator[Piece]:
        """The cells of an hour that belong to the step."""
        for piece in self.feed.pieces(self.day, hour):
            if self._steps is None:
                yield piece
                continue
            first, last = (int(edge) for edge in self._steps.edges[self.steps_done : self.steps_done + 2])
            begin, end = max(first, piece.first_cell), min(last, piece.last_cell)
            yield piece._replace(first_cell=begin, last_cell=end, place=piece.place + begin - piece.first_cell)

    def _luck(self, hour: int) -> NDArray[np.uint64]:
        """The hour's key for each policy; nothing is drawn where outcomes are expected."""
        if self._rules.outcomes != "sampled":
            return np.zeros(len(self._seeds), dtype=np.uint64)
        key = {seed: hour_key(seed, self.day, hour) for seed in set(self._seeds)}
        return np.array([key[seed] for seed in self._seeds], dtype=np.uint64)

    @property
    def shared(self) -> NDArray[np.float64]:
        """Profit and cost of the winners of each advertiser's auctions so far, `[advertisers, 2, P]`, with local credit."""
        return self._shared[:, :, : self._ledger.shape[1]]


def run_day(day_replay: DayReplay, coefficients_of: Callable[[int], NDArray[np.float64]]) -> Outcome:
    """Replay a day to its end with given coefficients of each hour, `[advertisers, 4, P]`, asked for before each step.

    Bids that depend on what happens are a policy's: `market.simulate.simulate_day`.
    """
    hours = np.zeros((HOURS, *day_replay.last_step.shape))
    while not day_replay.is_over:
        hour = day_replay.hour
        hours[hour] += day_replay.step(coefficients_of(hour))
    return outcome_of_hours(hours)


def outcome_of_hours(hours: NDArray[np.float64]) -> Outcome:
    """Return the outcome of a day from what its steps returned, `[24, advertisers, 5 or 8, P]`."""
    counted = {name: hours[:, :, i] for i, name in enumerate(OUTCOMES)}
    if hours.shape[2] > len(OUTCOMES):
        entered, winning, losing = (hours[:, :, len(OUTCOMES) + i] for i in range(len(DETAILS)))
        shown = counted["impressions"]
        counted |= {"entered": entered, "winning_price": _mean(winning, shown), "losing_price": _mean(losing, entered - shown)}
    return Outcome(**counted)


def _mean(total: NDArray[np.float64], count: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.divide(total, count, out=np.full_like(total, np.nan), where=count > 0)


def per_policy(values: ArrayLike, shape: tuple[int, int], name: str) -> NDArray[np.float64]:
    """A number, `[advertisers]` or `[advertisers, P]` as `[advertisers, P]`.

    Raises:
        ValueError: It has another shape.
    """
    array = np.asarray(values, dtype=np.float64)
    if array.ndim == 1:
        array = array[:, None]
    try:
        return np.broadcast_to(array, shape).copy()
    except ValueError:
        raise ValueError(
            f"{name}: expected a number, [{shape[0]}] or [{shape[0]}, {shape[1]}], got {list(np.shape(values))}"
        ) from None
