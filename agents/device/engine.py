"""Clear the hours of many days at once for code in torch: the one place where an engine is chosen for a device.

Everything around it, observations, rewards, infos and rollouts, sees tensors alone and does not know which engine it is.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from auctionsim.agents.device.array import DeviceArray, copied
from auctionsim.agents.device.devices import name_of
from auctionsim.agents.device.resident import ResidentEngine, needs_host
from auctionsim.errors import unknown
from auctionsim.extras import missing_extra
from auctionsim.market.copies.parallel_days import ParallelDays
from auctionsim.market.market import Market
from auctionsim.scenario.learner import DEVICE

try:
    import torch
except ImportError as error:
    raise missing_extra("torch", __name__) from error


class TensorEngine(Protocol):
    """Clears P copies of days in one market, each copy on a day and in an hour of its own, in tensors on one device.

    Budgets are kept exactly, and the copies' accounts stay with the engine: what remains of budgets, sums, hours. A copy that
    is on no day gets zeros, and its budgets stay.
    """

    @property
    def prices(self) -> NDArray[np.float64]:
        """Return the prices that bidders may see, of numpy: see `ParallelDays.prices`."""

    def begin(self, copies: NDArray[np.int64], days: NDArray[np.int64], noise_seeds: Sequence[int]) -> None:
        """Begin a day from midnight in some copies, wherever they were, with the market's budgets.

        Args:
            copies: Indices of the copies, `[E]`.
            days: Day of each of them, `[E]`.
            noise_seeds: Seed of the sampling noise of each of them, E; 0 where outcomes are expected.
        """

    def stop(self, copies: NDArray[np.int64]) -> None:
        """Stop some copies before the end of their day.

        Args:
            copies: Indices of the copies, `[E]`.
        """

    def step(self, coefficients: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Clear the next hour of every copy that is on a day.

        Args:
            coefficients: theta over `bid_formula.FEATURES`, `[advertisers, 4, P]`, float64, >= 0; NaN where a rule bids.

        Returns:
            Impressions, clicks, conversions, GMV and cost of the hour, `[advertisers, 5, P]`, and the currency that is left of
            each budget, infinite without one, `[advertisers, P]`: float64 on the device, not written to by a later step.
        """


class HostEngine:
    """The engine whose accounts are in memory; from and to another device, bids and totals are copied in every step.

    Args:
        market: The market.
        copies: P, the number of copies.
        device: Device of the tensors.
        threads: Number of threads over which copies on the same day are split; it never changes a result.
        auctions_on: Device that clears the auctions, `cpu`, `cuda` or `cuda:N`; it never changes a result. Accounts go to a GPU
            and come back in every step, so that whatever else a market does between hours is as on the processor.
    """

    def __init__(self, market: Market, copies: int, device: torch.device, threads: int = 1, auctions_on: str = "cpu") -> None:
        self._days, self._device = ParallelDays(market, copies, threads, auctions_on), device

    def begin(self, copies: NDArray[np.int64], days: NDArray[np.int64], noise_seeds: Sequence[int]) -> None:
        """Begin a day in some copies: see `TensorEngine.begin`."""
        self._days.begin(copies, days, noise_seeds)

    def stop(self, copies: NDArray[np.int64]) -> None:
        """Stop some copies: see `TensorEngine.stop`."""
        self._days.stop(copies)

    @property
    def prices(self) -> NDArray[np.float64]:
        """Return the prices that bidders may see, of numpy: see `ParallelDays.prices`."""
        return self._days.prices

    def step(self, coefficients: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Clear an hour: see `TensorEngine.step`."""
        totals, left = self._days.step(coefficients.cpu().numpy())
        # The days go on with their own arrays.
        return copied(totals, self._device), copied(left, self._device)


class ArrayEngine:
    """A `TensorEngine` for formulas of numpy: the same with `DeviceArray` in place of tensors.

    Args:
        engine: The engine.
    """

    def __init__(self, engine: TensorEngine) -> None:
        self._engine = engine
        self.begin, self.stop = engine.begin, engine.stop

    @property
    def prices(self) -> NDArray[np.float64]:
        """Return the prices that bidders may see, of numpy: see `TensorEngine.prices`."""
        return self._engine.prices

    def step(self, coefficients: Any) -> tuple[Any, Any]:
        """Clear an hour: see `TensorEngine.step`."""
        totals, left = self._engine.step(coefficients.tensor)
        return DeviceArray(totals), DeviceArray(left)


def engine_on(
    device: torch.device,
    market: Market,
    copies: int,
    threads: int = 1,
    *,
    auctions_on: str | None = None,
    source: str = "auctions_on",
) -> TensorEngine:
    """Return the engine for tensors on a device; whichever it is, the numbers are the same to the bit.

    Args:
        device: Device of the tensors, from `devices.found_device`.
        market: The market.
        copies: P, the number of copies.
        threads: Number of threads where auctions are cleared on the processor.
        auctions_on: Device that clears the auctions, `cpu`, `cuda` or `cuda:N`; the tensors' where None.
        source: The argument or key that names the latter, which begins the message.

    Raises:
        InputError: Conversions are delayed; or there is no such device, or what is needed to clear auctions there is not
            installed.
    """
    market.expect_no_delays("arrays on a device")
    own = name_of(device)
    where = own if auctions_on is None else auctions_on
    if not isinstance(where, str) or not DEVICE.match(where):
        raise unknown(source, where, ("cpu", "cuda", "cuda:0"))
    if where == "cpu":
        return HostEngine(market, copies, device, threads)
    from auctionsim.auction.cuda.kernels.device import IS_SIMULATED, check_device, number_of

    check_device(source, where)
    # The simulator's device is memory, where tensors on the processor are.
    is_there = own == "cpu" if IS_SIMULATED else own != "cpu" and number_of(own) == number_of(where)
    if is_there and not needs_host(market):
        return ResidentEngine(market, copies, device, number_of(where))
    return HostEngine(market, copies, device, auctions_on=where)
