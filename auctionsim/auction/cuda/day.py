"""Replay one day on the device, step by step; what `auction.day.DayReplay` does on the CPU, to the bit."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numba import cuda
from numpy.typing import ArrayLike, NDArray

from auctionsim.auction import units
from auctionsim.auction.bid_formula import FEATURES
from auctionsim.auction.cuda.inputs import bids_of, copied_rules
from auctionsim.auction.cuda.kernels import ledger
from auctionsim.auction.cuda.kernels.arguments import LEDGER_ROWS, Book, DeviceBids
from auctionsim.auction.cuda.launch import over_policies_and
from auctionsim.auction.cuda.traffic import DeviceTraffic
from auctionsim.auction.cuda.windows import Windows
from auctionsim.auction.day import per_policy
from auctionsim.auction.kernel.noise import hour_rng_key
from auctionsim.auction.outcome import OUTCOMES, Effort
from auctionsim.auction.rules import Rules
from auctionsim.traffic.table import HOURS


class DeviceDay:
    """The replay of one day on the device: budgets and outcomes so far stay there.

    Args:
        traffic: The traffic on the device.
        day: One of its days.
        rules: The auction's rules.
        policies: Number P of policies that are replayed side by side.
        budgets: Daily budgets, currency: a number, `[advertisers]` or `[advertisers, P]`; None for none.
        seed: Seed of the sampling noise of `sampled` outcomes: the same for all policies, or one for each, `[P]`.
    """

    def __init__(
        self,
        traffic: DeviceTraffic,
        day: int,
        rules: Rules,
        *,
        policies: int = 1,
        budgets: ArrayLike | None = None,
        seed: int | Sequence[int] = 0,
    ) -> None:
        source = traffic.source
        self._traffic, self._day, self._rules = traffic, day, rules
        self._largest = source.largest(day)
        self._seeds = [seed] * policies if isinstance(seed, int) else list(seed)
        self.shape = len(source.advertisers), policies
        self.hour = 0
        """Hour of the next step; 24 when the day is over."""
        self._device_rules = copied_rules(rules)
        self._budgets = cuda.to_device(per_policy(np.inf if budgets is None else budgets, self.shape, "budgets"))
        self._book = self._new_book()
        self._cost_before = cuda.device_array(self.shape, np.int64)
        self._windows = Windows(self.shape, len(rules.slot_effect))
        self._no_keys = cuda.to_device(np.zeros(policies, np.uint64))
        self._given: NDArray[np.float64] | None = None
        self._coefficients: Any = None
        self._bids: DeviceBids
        self._scales: Any
        sums = (self.shape[0], len(OUTCOMES), policies)
        self.last_step = cuda.to_device(np.zeros(sums))
        """Result of the last step on the device, `[advertisers, 5, P]`."""
        self.cumulative = cuda.to_device(np.zeros(sums))
        """Sum of the results of all steps, on the device."""

    @property
    def effort(self) -> Effort:
        """Work beyond that of clearing in order."""
        return self._windows.effort()

    def _new_book(self) -> Book:
        scales = units.outcome_scales(self._largest, self._rules)
        ledger = cuda.to_device(np.zeros((LEDGER_ROWS, *self.shape), np.int64))
        return Book(ledger, cuda.to_device(np.zeros(self.shape)), cuda.to_device(scales))

    def step(self, coefficients: NDArray[np.float64]) -> None:
        """Replay the next hour into `last_step` and `cumulative`.

        Args:
            coefficients: theta over `FEATURES`, `[advertisers, 4, P]`, >= 0; copied to the device unless they are the very
                array of the step before, which nobody changed.

        Raises:
            ValueError: The coefficients have another shape.
        """
        expected = (self.shape[0], len(FEATURES), self.shape[1])
        if coefficients.shape != expected:
            raise ValueError(f"coefficients: expected shape {list(expected)}, got {list(coefficients.shape)}")
        everybody = over_policies_and(self.shape[0], self.shape[1])
        if coefficients is not self._given:
            self._take(coefficients)
            ledger.choose_units[everybody](self._scales, self._budgets, self._cost_before, self._book)
            ledger.write_bids[everybody](self._coefficients, self._book, self._bids)
        keys = self._keys()
        for chunk in self._traffic.chunks(self._day, self.hour):
            self._windows.replay(chunk, self._device_rules, self._bids, self._book, keys, self._n_features)
        ledger.collect_step[everybody](self._cost_before, self._book, self.last_step, self.cumulative)
        self.hour += 1

    def _take(self, coefficients: NDArray[np.float64]) -> None:
        """Copy coefficients to the device, and choose the units of charges that they ask for."""
        bounds = units.charge_bounds(units.bid_bounds(coefficients, self._largest, self._rules), self._largest, self._rules)
        self._scales = cuda.to_device(units.scales(bounds, units.count_bits(self._largest, self._rules)))
        self._coefficients = cuda.to_device(np.ascontiguousarray(coefficients))
        self._bids, self._n_features = bids_of(coefficients, self._rules)
        self._given = coefficients

    def _keys(self) -> Any:
        """Return the hour's RNG key for each policy, on the device."""
        if not self._device_rules.is_sampled:
            return self._no_keys
        key = {seed: hour_rng_key(seed, self._day, self.hour) for seed in set(self._seeds)}
        return cuda.to_device(np.array([key[seed] for seed in self._seeds], np.uint64))


def run_day(day: DeviceDay, coefficients: NDArray[np.float64]) -> NDArray[np.float64]:
    """Replay a day to its end, `coefficients` as in `auction.replay`; return its sums, `[24, advertisers, 5, P]`."""
    hours = cuda.device_array((HOURS, *day.last_step.shape), np.float64)
    while day.hour < HOURS:
        hour = day.hour
        day.step(coefficients[hour] if coefficients.ndim == 4 else coefficients)
        hours[hour].copy_to_device(day.last_step)
    result: NDArray[np.float64] = hours.copy_to_host()
    return result
