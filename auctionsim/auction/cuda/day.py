"""Replay one day on the device, step by step; what `auction.day.DayReplay` does on the CPU, to the bit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any

import numpy as np
from numba import cuda
from numpy.typing import ArrayLike, NDArray

from auctionsim.auction import units
from auctionsim.auction.bid_formula import FEATURES
from auctionsim.auction.cuda.inputs import bids_of, copied_rules, memory_of_bids
from auctionsim.auction.cuda.kernels import ledger
from auctionsim.auction.cuda.kernels.arguments import LEDGER_ROWS, Book, DeviceBids
from auctionsim.auction.cuda.kernels.units import write_scales
from auctionsim.auction.cuda.launch import Grid, over_policies_and, over_rows
from auctionsim.auction.cuda.traffic import DeviceTraffic
from auctionsim.auction.cuda.views import view_of
from auctionsim.auction.cuda.windows import Windows
from auctionsim.auction.day import per_policy
from auctionsim.auction.kernel.arguments import N_FEATURES, ChargeBounds
from auctionsim.auction.kernel.noise import hour_rng_key
from auctionsim.auction.outcome import OUTCOMES, Effort
from auctionsim.auction.rules import Rules
from auctionsim.errors import InputError
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
        self.day, self._traffic, self._rules = day, traffic, rules
        self._largest = source.largest(day)
        self.seeds = [seed] * policies if isinstance(seed, int) else list(seed)
        self.shape = len(source.advertisers), policies
        self.hour = 0
        """Hour of the next step; 24 when the day is over."""
        self._device_rules = copied_rules(rules)
        self._budgets = cuda.to_device(per_policy(np.inf if budgets is None else budgets, self.shape, "budgets"))
        self._book = self._new_book()
        self._cost_before = cuda.device_array(self.shape, np.int64)
        self._windows = Windows(self.shape, len(rules.slot_effect), traffic.memory)
        self._no_keys = cuda.to_device(np.zeros(policies, np.uint64))
        self._given: NDArray[np.float64] | None = None
        self._bids: DeviceBids | None = None
        self._n_features = N_FEATURES
        self._scales: Any = cuda.device_array(self.shape, np.float64)
        self.last_step = cuda.to_device(np.zeros((self.shape[0], len(OUTCOMES), policies)))
        """Result of the last call of `step` on the device, `[advertisers, 5, P]`."""
        self.budget_left = cuda.device_array(self.shape, np.float64)
        """Currency that is left of each budget after that, infinite without one, on the device, `[advertisers, P]`."""

    @classmethod
    def begun(cls, traffic: DeviceTraffic, day: int, rules: Rules, **arguments: Any) -> DeviceDay:
        """Begin a day on the device that has the traffic, wherever the process computes; arguments are those of the class."""
        with cuda.gpus[traffic.gpu]:
            return cls(traffic, day, rules, **arguments)

    @property
    def effort(self) -> Effort:
        """Work beyond that of clearing in order."""
        return self._windows.effort()

    def _new_book(self) -> Book:
        scales = units.outcome_scales(self._largest, self._rules)
        ledger = cuda.to_device(np.zeros((LEDGER_ROWS, *self.shape), np.int64))
        return Book(ledger, cuda.to_device(np.zeros(self.shape)), cuda.to_device(scales))

    @property
    def _everybody(self) -> Grid:
        """Return the grid for a thread for each advertiser and policy."""
        return over_policies_and(*self.shape)

    def step(self, coefficients: NDArray[np.float64]) -> None:
        """Replay the next hour into `last_step` and `budget_left`.

        Args:
            coefficients: theta over `FEATURES`, `[advertisers, 4, P]`, >= 0; copied to the device unless they are the very
                array of the step before, which nobody changed.

        Raises:
            InputError: The coefficients have another shape.
        """
        expected = (self.shape[0], len(FEATURES), self.shape[1])
        if coefficients.shape != expected:
            raise InputError(f"coefficients: expected shape {list(expected)}, got {list(coefficients.shape)}")
        if coefficients is not self._given or self._bids is None:
            bounds = units.charge_bounds(units.bid_bounds(coefficients, self._largest, self._rules), self._largest, self._rules)
            self._scales = cuda.to_device(units.scales(bounds, units.count_bits(self._largest, self._rules)))
            self._bids, self._n_features = bids_of(coefficients, self._rules)
            self._take(cuda.to_device(np.ascontiguousarray(coefficients)), self._bids)
            self._given = coefficients
        self._clear(self._bids)
        self._collect(self.last_step, self.budget_left)

    def step_on_device(self, coefficients: Any, totals: Any, left: Any) -> None:
        """Replay the next hour between arrays on the device, of whichever library (`views.py`).

        Nothing that depends on the coefficients is copied to the host, but for the choice of windows in hours of more buckets
        than one of them holds.

        Args:
            coefficients: theta over `FEATURES`, float64 `[advertisers, 4, P]` in the order of its axes, >= 0.
            totals: Written to: impressions, clicks, conversions, GMV and cost of the hour, float64 `[advertisers, 5, P]`.
            left: Written to: currency that is left of each budget, infinite without one, float64 `[advertisers, P]`.
        """
        with cuda.gpus[self._traffic.gpu]:
            if self._bids is None or self._given is not None:
                self._bids, self._n_features, self._given = memory_of_bids(self.shape, self._rules), N_FEATURES, None
            given, bids = view_of(coefficients), self._bids
            write_scales[over_rows(self.shape[1])](given, self._phi, self._bounds, self._scales, bids.theta_f32)
            self._take(given, bids)
            self._clear(bids)
            self._collect(view_of(totals), view_of(left))

    @cached_property
    def _phi(self) -> Any:
        """The day's largest bid features on the device, `[4]`."""
        return cuda.to_device(np.ascontiguousarray(self._largest.phi, np.float64))

    @cached_property
    def _bounds(self) -> ChargeBounds:
        """What bounds charges besides the bids."""
        return units.kernel_bounds(self._largest, self._rules)

    def _take(self, coefficients: Any, bids: DeviceBids) -> None:
        """Change to other coefficients on the device, and to the units of charges that `_scales` ask for."""
        ledger.begin_step[self._everybody](self._scales, self._budgets, self._cost_before, coefficients, self._book, bids)

    def _clear(self, bids: DeviceBids) -> None:
        """Clear the hour."""
        keys = self._keys()
        for chunk in self._traffic.chunks(self.day, self.hour):
            self._windows.replay(chunk, self._device_rules, bids, self._book, keys, self._n_features)
        self.hour += 1

    def _collect(self, totals: Any, left: Any) -> None:
        """Move the hour's sums to `totals` `[advertisers, 5, P]`, and budgets left to `left` `[advertisers, P]`."""
        ledger.collect_step[self._everybody](self._cost_before, self._budgets, self._book, totals, left)

    def _keys(self) -> Any:
        """Return the hour's RNG key for each policy, on the device."""
        if not self._device_rules.is_sampled:
            return self._no_keys
        key = {seed: hour_rng_key(seed, self.day, self.hour) for seed in set(self.seeds)}
        return cuda.to_device(np.array([key[seed] for seed in self.seeds], np.uint64))

    def accounts(self) -> dict[str, NDArray[Any]]:
        """Return the accounts as they stand, in memory, for `restore`."""
        with cuda.gpus[self._traffic.gpu]:
            return {name: array.copy_to_host() for name, array in self._accounts().items()}

    def restore(self, hour: int, accounts: Mapping[str, NDArray[Any]]) -> None:
        """Go on from accounts in which a replay of the same day stood before an hour."""
        self.hour = hour
        with cuda.gpus[self._traffic.gpu]:
            for name, array in self._accounts().items():
                array.copy_to_device(accounts[name])

    def _accounts(self) -> dict[str, Any]:
        return {"ledger": self._book.ledger, "scale": self._book.scale}


def run_day(day: DeviceDay, coefficients: NDArray[np.float64]) -> NDArray[np.float64]:
    """Replay a day to its end, `coefficients` as in `auction.replay`; return its sums, `[24, advertisers, 5, P]`."""
    hours = cuda.device_array((HOURS, *day.last_step.shape), np.float64)
    while day.hour < HOURS:
        hour = day.hour
        day.step(coefficients[hour] if coefficients.ndim == 4 else coefficients)
        hours[hour].copy_to_device(day.last_step)
    result: NDArray[np.float64] = hours.copy_to_host()
    return result
