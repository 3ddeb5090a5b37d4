"""Clear the hours of days on the device for `auction.day.DayReplay`, whose accounts stay with it.

Accounts go to the device before an hour and come back after it, 64 bytes for each advertiser and policy, and 16 with local
credit. So whatever else a day does between hours, from rules that bid to accounts that share budgets, is one code for all
devices. Sums are integers, and credit is summed in the CPU's order: what comes back is what the CPU computes, to the bit.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import cuda
from numpy.typing import NDArray

from auctionsim.auction.cuda.inputs import bids_of, copied_rules
from auctionsim.auction.cuda.kernels.arguments import IS_OUT, LEDGER_ROWS, SPENDABLE, Book
from auctionsim.auction.cuda.kernels.device import check_device, number_of
from auctionsim.auction.cuda.kernels.ledger import write_bids
from auctionsim.auction.cuda.launch import over_policies_and
from auctionsim.auction.cuda.replay import device_traffic
from auctionsim.auction.cuda.traffic import DeviceTraffic
from auctionsim.auction.cuda.windows import Windows
from auctionsim.auction.kernel.arguments import CHARGE_SCALE, Accounts
from auctionsim.auction.outcome import COST, OUTCOMES
from auctionsim.auction.rules import Rules
from auctionsim.auction.sources import TrafficSource
from auctionsim.traffic.stored.store import StoredTraffic
from auctionsim.traffic.table import Traffic

_MOST_CLEARERS = 64
"""Clearers that are kept; one of A advertisers and P policies holds 16 A P bytes of the device."""


class DeviceClearer:
    """Clears hours on the device, of any days and in any order, one at a time; an argument of `DayReplay`.

    Args:
        traffic: The traffic on the device.
        rules: The auction's rules.
        shape: Numbers of advertisers and of policies.
        local_credit: Whether days have local credit.
    """

    sums_local_credit = True

    def __init__(self, traffic: DeviceTraffic, rules: Rules, shape: tuple[int, int], *, local_credit: bool = False) -> None:
        self._traffic, self._rules, self._has_credit = traffic, rules, local_credit
        self._device_rules = copied_rules(rules)
        self._windows = Windows(shape, len(rules.slot_effect), traffic.memory, has_credit=local_credit)

    def clear(
        self, day: int, hour: int, coefficients: NDArray[np.float64], accounts: Accounts, rng_keys: NDArray[np.uint64]
    ) -> None:
        """Clear an hour; see `auction.day.Clearer`."""
        with cuda.gpus[self._traffic.gpu]:
            self._clear(day, hour, coefficients, accounts, cuda.to_device(rng_keys))

    def _clear(self, day: int, hour: int, coefficients: NDArray[np.float64], accounts: Accounts, keys: Any) -> None:
        ledger = accounts.ledger
        book = _copied_book(accounts)
        bids, n_features = bids_of(coefficients, self._rules)
        write_bids[over_policies_and(*ledger.shape[:2])](cuda.to_device(np.ascontiguousarray(coefficients)), book, bids)
        # The CPU's credit has a row for nobody, and lanes beyond the policies.
        credited = accounts.local_credit[: ledger.shape[0], :, : ledger.shape[1]]
        credit = cuda.to_device(np.ascontiguousarray(credited)) if self._has_credit else None
        for chunk in self._traffic.chunks(day, hour):
            self._windows.replay(chunk, self._device_rules, bids, book, keys, n_features, credit)
        ledger[:, :, : len(OUTCOMES)] = np.moveaxis(book.ledger.copy_to_host()[: len(OUTCOMES)], 0, 2)
        if credit is not None:
            credited[...] = credit.copy_to_host()


def _copied_book(accounts: Accounts) -> Book:
    """Return the accounts as the device has them."""
    rows = np.ascontiguousarray(np.moveaxis(accounts.ledger, 2, 0))
    assert len(rows) == LEDGER_ROWS
    # Where the CPU's ledger has the unit of charges.
    rows[IS_OUT] = rows[COST] >= rows[SPENDABLE]
    scale = np.ascontiguousarray(accounts.charge_scale[:, :, CHARGE_SCALE])
    return Book(cuda.to_device(rows), cuda.to_device(scale), cuda.to_device(accounts.outcome_scale))


def clearer_on_device(
    device: str,
    traffic: Traffic | StoredTraffic,
    source: TrafficSource,
    rules: Rules,
    shape: tuple[int, int],
    *,
    local_credit: bool = False,
) -> DeviceClearer:
    """Return what clears days of a market on a device; a table's traffic stays there as long as the table lives.

    Args:
        device: Name of the device, `cuda` or `cuda:N`.
        traffic: The traffic.
        source: The same in the form that is read.
        rules: The auction's rules.
        shape: Numbers of advertisers and of policies.
        local_credit: Whether days have local credit.

    Raises:
        InputError: There is no such device, or a day does not fit into its memory.
    """
    check_device("device", device)
    on_device = device_traffic(traffic, source, rules, number_of(device), has_candidacies=local_credit)
    key = rules, shape, local_credit
    if key not in on_device.clearers:
        if len(on_device.clearers) >= _MOST_CLEARERS:
            on_device.clearers.clear()
        with cuda.gpus[on_device.gpu]:
            on_device.clearers[key] = DeviceClearer(on_device, rules, shape, local_credit=local_credit)
    found: DeviceClearer = on_device.clearers[key]
    return found
