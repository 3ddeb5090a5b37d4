"""Replay a day step by step, an hour or otherwise, for many policies at once.

The compiled kernel is imported by the first replay and not by this module: numba takes longer to import than all the rest that
an environment needs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from auctionsim.arguments import real_numbers
from auctionsim.auction import units
from auctionsim.auction.bid_formula import FEATURES
from auctionsim.auction.kernel.arguments import LEDGER_COLUMNS, SPENDABLE, Accounts, Auction, Bids, aligned, make_accounts
from auctionsim.auction.outcome import COST, DETAILS, OUTCOMES, Effort, Outcome
from auctionsim.auction.rules import Rules
from auctionsim.auction.sources import Chunk, StoreSource, TrafficSource
from auctionsim.errors import InputError
from auctionsim.traffic.steps import Steps
from auctionsim.traffic.table import HOURS

if TYPE_CHECKING:
    from auctionsim.auction.parallel.windows import Pace, WindowedReplay


_MADE_ANEW = ("_workspace", "_read", "_kernel_rules", "_bids")
"""Attributes of a day that are not copied or pickled."""


class Clearer(Protocol):
    """Clears hours elsewhere than by the compiled kernel in this process."""

    sums_local_credit: bool
    """Whether it sums local credit."""

    def clear(
        self, day: int, hour: int, coefficients: NDArray[np.float64], accounts: Accounts, rng_keys: NDArray[np.uint64]
    ) -> None:
        """Clear an hour, and update `accounts`.

        Args:
            day: The day.
            hour: The hour.
            coefficients: theta of the hour, `[advertisers, 4, P]`.
            accounts: The day's accounts.
            rng_keys: The hour's RNG key for each policy, `[P]`.
        """


class DayReplay:
    """The replay of one day: budgets and outcomes so far. Environments step it; `replay` runs it to the end.

    Args:
        source: The traffic.
        day: One of its days.
        rules: The auction's rules.
        policies: Number P of policies that are replayed side by side.
        budgets: Daily budgets, currency: a number, `[advertisers]` or `[advertisers, P]`; None for none.
        seed: Seed of the sampling noise of `sampled` outcomes: the same for all policies, or one for each, `[P]`.
        local_credit: Whether to sum, for each advertiser, profit and cost of the auctions in which it is a candidate.
        details: Whether to count participation, winning prices and least winning costs, which takes several times longer.
        steps: Cuts of a day of a table in memory into steps; hours where None.
        first_hour: Hour in which the replay begins.
        threads: Number of threads on which each step is cleared (`parallel/windows.py`), all policies together; it never
            changes a result. Local credit, details and participation by chance are summed in order, on one thread.
        clearer: Clears whole hours elsewhere, on other workers or on a GPU, but for those with participation by chance; the
            compiled kernel does where None.
    """

    def __init__(
        self,
        source: TrafficSource,
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
        threads: int = 1,
        clearer: Clearer | None = None,
    ) -> None:
        from auctionsim.auction.kernel.engine import padded

        self.source = source
        self.day = day
        self._rules = rules or Rules()
        self._kernel_rules = self._rules.for_kernel()
        self._seeds = [seed] * policies if isinstance(seed, int) else list(seed)
        self._steps = steps
        self.hour = first_hour
        """Hour of the next step; 24 when the day is over."""
        self.steps_done = 0
        shape = (len(source.advertisers), policies)
        limits = per_policy(np.inf if budgets is None else budgets, shape, "budgets")
        if not (limits >= 0).all():
            raise InputError(f"budgets: expected numbers >= 0, got {limits.min()}")
        self._budgets = limits
        self._ledger = aligned((*shape, LEDGER_COLUMNS), np.int64)
        self._cost_before = np.zeros(shape, dtype=np.int64)
        self._largest = source.largest(day)
        self._outcome_scale = units.outcome_scales(self._largest, self._rules)
        self._is_wide = units.are_wide(self._largest, self._rules)
        self._charge_bounds = units.kernel_bounds(self._largest, self._rules)
        self._bids: Bids | None = None
        # One advertiser more, for the candidates that the pre-ranker dropped.
        self._local_credit = np.zeros((shape[0] + 1 if local_credit else 0, 2, padded(policies)))
        self._n_detailed = shape[0] if details else 0
        self._threads = 1 if local_credit or details else threads
        if clearer is not None and (details or steps is not None or local_credit > clearer.sums_local_credit):
            raise InputError("clearer: expected whole hours without details, and without local credit unless it sums that")
        self._clearer = clearer
        self._pace: Pace | None = None
        self.effort = Effort()
        """Work of clearing on several threads beyond that of clearing in order."""
        self._make_workspace()
        self.last_step = np.zeros((shape[0], len(OUTCOMES) + (len(DETAILS) if details else 0), policies))
        """Result of the last call of `step`; zeros before."""
        self.cumulative = np.zeros_like(self.last_step)
        """Sum of the results of all calls of `step`."""
        self.coefficients = np.zeros((shape[0], len(FEATURES), policies))
        """Coefficients of the last step, `[advertisers, 4, P]`; zeros before."""

    def __getstate__(self) -> dict[str, Any]:
        """Leave out what is made anew: the workspace, arrays of which share memory, the numbers of the rules, and bids."""
        return {name: value for name, value in self.__dict__.items() if name not in _MADE_ANEW}

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Restore a copied or pickled day, with a ledger that begins at a cache line."""
        self.__dict__.update(state)
        self._ledger = aligned(state["_ledger"].shape, np.int64)
        self._ledger[...] = state["_ledger"]
        self._kernel_rules = self._rules.for_kernel()
        self._bids = None
        self._make_workspace()

    def _make_workspace(self) -> None:
        from auctionsim.auction.kernel.engine import make_workspace

        n_policies = self._ledger.shape[1]
        self._workspace = make_workspace(n_policies, len(self._rules.slot_effect), self.source.max_candidates)
        # A window of several threads is larger than a part.
        is_alone = self._threads == 1
        self._read = self.source.in_parts() if is_alone and isinstance(self.source, StoreSource) else self.source

    @property
    def budget_left(self) -> NDArray[np.float64]:
        """Currency left of each budget, `[advertisers, P]`; infinite where there is none."""
        from auctionsim.auction.kernel.ledger import money_left

        left = np.empty_like(self._budgets)
        money_left(self._ledger, self._ledger.view(np.float64), self._budgets, left)
        return left

    def change_budgets(self, budgets: NDArray[np.float64]) -> None:
        """Change the budgets of the whole day from the next step on: who has spent as much as that is out.

        Args:
            budgets: Daily budgets, currency, `[advertisers, P]`, infinite for none, never less than what is spent.
        """
        from auctionsim.auction.kernel.ledger import change_budgets

        self._budgets = np.array(budgets)
        change_budgets(self._ledger, self._ledger.view(np.float64), self._budgets)

    @property
    def is_over(self) -> bool:
        """Whether all 24 hours were replayed."""
        return self.hour == HOURS

    def step(self, coefficients: NDArray[np.float64], participation: NDArray[np.float64] | None = None) -> NDArray[np.float64]:
        """Replay the next step.

        Args:
            coefficients: theta over `FEATURES`, `[advertisers, 4, P]`, >= 0.
            participation: Share of its auctions in which each advertiser participates, by chance, in [0, 1],
                `[advertisers, P]`; None for all auctions.

        Returns:
            Impressions, clicks, conversions, GMV and cost of the step, `[advertisers, 5, P]`. With details three more: auctions
            with an eligible bid, sum of the winning prices, and sum of the least winning costs, `[advertisers, 8, P]`.

        Raises:
            InputError: The coefficients have another shape.
        """
        from auctionsim.auction.kernel.ledger import collect_step

        expected = (self._ledger.shape[0], len(FEATURES), self._ledger.shape[1])
        if coefficients.shape != expected:
            raise InputError(f"coefficients: expected shape {list(expected)}, got {list(coefficients.shape)}")
        self.coefficients = coefficients
        n_policies = self._ledger.shape[1]
        self._choose_units(coefficients)
        is_in_play = self._ledger[:, :, COST] < self._ledger[:, :, SPENDABLE]
        bids = self._bids_of(coefficients, is_in_play)
        details = np.zeros((self._n_detailed, n_policies, len(DETAILS)))
        accounts = make_accounts(self._ledger, self._outcome_scale, self._is_wide, details, self._local_credit)
        next_hour = self.hour + 1 if self._steps is None else int(self._steps.hour[self.steps_done + 1])
        with self._on_threads() as windowed:
            self._replay_hours(next_hour, bids, accounts, participation, is_in_play, windowed)
        self.hour = next_hour
        self.steps_done += 1
        before = self.cumulative
        self.last_step, self.cumulative = np.empty_like(self.last_step), np.empty_like(before)
        scales = accounts.charge_scale, accounts.outcome_scale
        collect_step(self._ledger, *scales, self._cost_before, details, before, self.last_step, self.cumulative)
        return self.last_step

    @contextmanager
    def _on_threads(self) -> Iterator[WindowedReplay | None]:
        """Return what clears the step on several threads, None for one."""
        if self._threads == 1:
            yield None
            return
        from auctionsim.auction.parallel.windows import Pace, WindowedReplay

        shape = self._ledger.shape[1], self.source.max_candidates
        self._pace = self._pace or Pace()
        with closing(WindowedReplay(self._threads, self._kernel_rules, *shape, self._pace)) as windowed:
            yield windowed
        self.effort.add(windowed.effort)

    def _replay_hours(
        self,
        next_hour: int,
        bids: Bids,
        accounts: Accounts,
        participation: NDArray[np.float64] | None,
        is_in_play: NDArray[np.bool_],
        windowed: WindowedReplay | None,
    ) -> None:
        """Replay the hours of a step, or its part of an hour."""
        from auctionsim.auction.kernel.engine import replay_buckets

        # Hour by hour, however long the step, since an hour has an RNG key of its own. Part of an hour ends in that hour.
        for hour in range(self.hour, max(next_hour, self.hour + 1)):
            rng_keys = self._rng_keys(hour)
            if self._clearer is not None and participation is None:
                self._clearer.clear(self.day, hour, self.coefficients, accounts, rng_keys)
                continue
            if participation is not None:
                from auctionsim.auction.throttling import replay_throttled

                replay_throttled(
                    self._chunks(hour), (self.day, hour), self._seeds, participation, self.coefficients, is_in_play, rng_keys,
                    self._kernel_rules, accounts, is_clipped=self._rules.is_clipped,
                    max_candidates=self.source.max_candidates,
                )  # fmt: skip
                continue
            for chunk in self._chunks(hour):
                if windowed is not None:
                    windowed.replay(chunk, bids, accounts, rng_keys)
                    continue
                auction = Auction(chunk.buckets, chunk.candidates, bids, self._kernel_rules, accounts, self._workspace)
                replay_buckets(chunk.first_bucket, chunk.last_bucket, chunk.first_index, rng_keys, auction)

    def _bids_of(self, coefficients: NDArray[np.float64], is_in_play: NDArray[np.bool_]) -> Bids:
        """Return bids with these coefficients; those of the step before where they are the same, as most often on a day.

        Bids that threads have written to are not looked at again.
        """
        from auctionsim.auction.kernel.rank import are_made, make_bids

        bids = self._bids
        if bids is None or not are_made(coefficients, is_in_play, bids):
            bids = make_bids(coefficients, is_in_play, self._workspace, is_clipped=self._rules.is_clipped)
        self._bids = bids if self._threads == 1 else None
        return bids

    def _choose_units(self, coefficients: NDArray[np.float64]) -> None:
        """Choose the units in which the charges of the next step are summed."""
        from auctionsim.auction.kernel.ledger import choose_units, write_scales

        # Asked for again, since a source may make bids of its own from step to step.
        largest = self.source.largest(self.day)
        if largest is not self._largest:
            self._largest, self._charge_bounds = largest, units.kernel_bounds(largest, self._rules)
        scales = np.empty(self._cost_before.shape)
        write_scales(coefficients, largest.phi, self._charge_bounds, scales)
        choose_units(self._ledger, self._ledger.view(np.float64), self._budgets, scales, self._cost_before)

    def _chunks(self, hour: int) -> Iterator[Chunk]:
        """Yield the buckets of an hour that belong to the step."""
        for chunk in self._read.chunks(self.day, hour):
            if self._steps is None:
                yield chunk
                continue
            first, last = (int(edge) for edge in self._steps.edges[self.steps_done : self.steps_done + 2])
            begin, end = max(first, chunk.first_bucket), min(last, chunk.last_bucket)
            index = chunk.first_index + begin - chunk.first_bucket
            yield chunk._replace(first_bucket=begin, last_bucket=end, first_index=index)

    def _rng_keys(self, hour: int) -> NDArray[np.uint64]:
        """Return the hour's RNG key for each policy, `[P]`; zeros where outcomes are expected, since nothing is drawn."""
        if self._rules.outcomes != "sampled":
            return np.zeros(len(self._seeds), dtype=np.uint64)
        from auctionsim.auction.kernel.noise import hour_rng_key

        key = {seed: hour_rng_key(seed, self.day, hour) for seed in set(self._seeds)}
        return np.array([key[seed] for seed in self._seeds], dtype=np.uint64)

    @property
    def local_credit(self) -> NDArray[np.float64]:
        """Profit and cost of the winners of all auctions so far in which each advertiser was a candidate.

        `[advertisers, 2, P]`, or `[0, 2, P]` where they are not summed.
        """
        return self._local_credit[: self._ledger.shape[0], :, : self._ledger.shape[1]]


def run_day(day_replay: DayReplay, coefficients_of: Callable[[int], NDArray[np.float64]]) -> Outcome:
    """Replay a day to its end with given coefficients of each hour, `[advertisers, 4, P]`, asked for before each step.

    Bids that depend on what happens are a policy's: `market.simulate.simulate_day`.
    """
    hours = np.zeros((HOURS, *day_replay.last_step.shape))
    while not day_replay.is_over:
        hour = day_replay.hour
        hours[hour] += day_replay.step(coefficients_of(hour))
    return replace(outcome_of_hours(hours, day_replay.source.advertisers), effort=day_replay.effort)


def outcome_of_hours(hours: NDArray[np.float64], advertisers: tuple[str, ...]) -> Outcome:
    """Return the outcome of a day from what its steps returned, `[24, advertisers, 5 or 8, P]`, and the advertisers' names."""
    counted: dict[str, Any] = {name: hours[:, :, i] for i, name in enumerate(OUTCOMES)}
    if hours.shape[2] > len(OUTCOMES):
        participated, winning, least_winning = (hours[:, :, len(OUTCOMES) + i] for i in range(len(DETAILS)))
        shown = counted["impressions"]
        means = _mean(winning, shown), _mean(least_winning, participated - shown)
        counted |= dict(zip(DETAILS, (participated, *means), strict=True))
    return Outcome(**counted, advertisers=advertisers)


def _mean(total: NDArray[np.float64], count: NDArray[np.float64]) -> NDArray[np.float64]:
    """Divide sums by counts; NaN where the count is 0."""
    return np.divide(total, count, out=np.full_like(total, np.nan), where=count > 0)


def per_policy(values: ArrayLike, shape: tuple[int, int], name: str) -> NDArray[np.float64]:
    """Broadcast a number, `[advertisers]` or `[advertisers, P]` to a new array `[advertisers, P]`.

    Args:
        values: A user's argument.
        shape: Numbers of advertisers and of policies.
        name: Name of the values in messages.

    Raises:
        InputError: The values have another shape.
    """
    words = f"a number, [{shape[0]}] or [{shape[0]}, {shape[1]}]"
    given = real_numbers(name, values, words)
    array = given[:, None] if given.ndim == 1 else given
    try:
        return np.broadcast_to(array, shape).copy()
    except ValueError:
        raise InputError(f"{name}: expected {words}, got shape {list(given.shape)}") from None
