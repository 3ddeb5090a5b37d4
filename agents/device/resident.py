"""Clear copies of days whose accounts stay on a GPU from midnight to midnight: bids come and totals go as tensors there."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from auctionsim.agents.device.array import copied
from auctionsim.auction.outcome import OUTCOMES
from auctionsim.extras import missing_extra
from auctionsim.market.copies.groups import Group, without
from auctionsim.market.information.prices import PRICES
from auctionsim.market.market import Market
from auctionsim.traffic.table import HOURS

try:
    import torch
except ImportError as error:
    raise missing_extra("torch", __name__) from error

if TYPE_CHECKING:
    # numba is slow to import, and few need it for this.
    from auctionsim.auction.cuda.day import DeviceDay


def needs_host(market: Market) -> bool:
    """Return whether something happens between hours of a market's days that is computed on the host.

    Rules that bid or sit out look at the hour before, money of accounts is divided anew, and prices are found for those who see
    them.
    """
    information = market.information
    sees_prices = information is not None and information.shows("winning-price")
    return bool(market.rule_policies) or bool(market.accounts) or sees_prices


class ResidentEngine:
    """The engine whose accounts stay on a GPU; a step copies nothing to the host (see `DeviceDay.step_on_device`).

    Copies that began a day together are policies of one replay of it, as in `ParallelDays`, with the same bytes.

    Args:
        market: The market, of which nothing `needs_host`.
        copies: P, the number of copies.
        device: Device of the tensors, which clears the auctions.
        gpu: Number of that device.
    """

    def __init__(self, market: Market, copies: int, device: torch.device, gpu: int) -> None:
        self._market, self._copies, self._device, self._gpu = market, copies, device, gpu
        n = len(market.advertisers)
        self.prices = np.zeros((n, len(PRICES), copies))
        """Prices that bidders may see, of numpy, `[advertisers, 2, P]`: none."""
        self._left = torch.zeros((n, copies), dtype=torch.float64, device=device)
        self._groups: list[Group[DeviceDay]] = []
        self._find_traffic()

    def _find_traffic(self) -> None:
        from auctionsim.auction.cuda.replay import device_traffic

        market = self._market
        self._traffic: Any = device_traffic(market.source, market.traffic_source, market.rules, self._gpu)
        self._indices: dict[Group[DeviceDay], tuple[Any, Any, Any]] = {}

    def __getstate__(self) -> dict[str, Any]:
        """Take accounts to memory, and leave out what the device has of the traffic."""
        groups = [
            (group.members, group.is_live, group.replay.day, group.replay.hour, group.replay.seeds, group.replay.accounts())
            for group in self._groups
        ]
        return self.__dict__ | {"_traffic": None, "_indices": None, "_groups": groups}

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Restore a copied or pickled engine, on the same device."""
        self.__dict__.update(state)
        self._find_traffic()
        self._groups = []
        for members, is_live, day, hour, seeds, accounts in state["_groups"]:
            replay = self._begun(day, seeds)
            replay.restore(hour, accounts)
            self._groups.append(Group(replay, members, is_live))

    def _begun(self, day: int, seeds: Sequence[int]) -> DeviceDay:
        from auctionsim.auction.cuda.day import DeviceDay

        market = self._market
        return DeviceDay.begun(
            self._traffic, day, market.rules, policies=len(seeds), budgets=market.budgets, seed=[int(seed) for seed in seeds]
        )

    def begin(self, copies: NDArray[np.int64], days: NDArray[np.int64], noise_seeds: Sequence[int]) -> None:
        """Begin a day in some copies: see `TensorEngine.begin`."""
        self.stop(copies)
        seed = dict(zip(copies.tolist(), noise_seeds, strict=True))
        for day in np.unique(days).tolist():
            members = copies[days == day]
            self._groups.append(Group.of(self._begun(day, [seed[copy] for copy in members.tolist()]), members))
        left = self._left.clone()
        left[:, copied(copies, self._device)] = copied(self._market.budgets, self._device)[:, None]
        self._left = left

    def stop(self, copies: NDArray[np.int64]) -> None:
        """Stop some copies: see `TensorEngine.stop`."""
        self._groups = without(self._groups, copies)
        self._indices.clear()

    def step(self, coefficients: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Clear an hour: see `TensorEngine.step`."""
        n = len(self._left)
        totals = torch.zeros((n, len(OUTCOMES), self._copies), dtype=torch.float64, device=self._device)
        left = self._left.clone()
        for group in self._groups:
            if group.is_everybody(self._copies):
                self._step(group, coefficients, totals, left)
                continue
            read, kept, written = self._positions(group)
            own_totals, own_left = (one.new_empty((*one.shape[:-1], len(group.members))) for one in (totals, left))
            self._step(group, coefficients[:, :, read], own_totals, own_left)
            totals[:, :, written], left[:, written] = own_totals[:, :, kept], own_left[:, kept]
        self._groups = [group for group in self._groups if group.replay.hour < HOURS]
        self._left = left
        return totals, left

    def _step(self, group: Group[DeviceDay], coefficients: torch.Tensor, totals: torch.Tensor, left: torch.Tensor) -> None:
        """Step the replay of a group, all of whose arrays have its members alone."""
        with _default_stream(self._device):
            given = coefficients.detach().to(torch.float64).contiguous()
            group.replay.step_on_device(given, totals, left)

    def _positions(self, group: Group[DeviceDay]) -> tuple[Any, Any, Any]:
        """Return where a group's copies are, which of its policies are still on the day, and where these are written.

        They are put on the device once, and not in every step.
        """
        if group not in self._indices:
            read: Any = group.index if isinstance(group.index, slice) else copied(group.index, self._device)
            kept: Any = slice(None)
            written = read
            if not group.is_live.all():
                kept = copied(np.flatnonzero(group.is_live), self._device)
                written = copied(group.members[group.is_live], self._device)
            self._indices[group] = read, kept, written
        return self._indices[group]


@contextmanager
def _default_stream(device: torch.device) -> Iterator[None]:
    """Let kernels of numba run in the order of torch's work on a device.

    Both launch on the legacy default stream, numba always and torch unless its user chose another one; then each waits for the
    other on the device, and nobody on the host.
    """
    if device.type != "cuda":
        yield
        return
    own, default = torch.cuda.current_stream(device), torch.cuda.default_stream(device)
    if own != default:
        default.wait_stream(own)
    yield
    if own != default:
        own.wait_stream(default)
