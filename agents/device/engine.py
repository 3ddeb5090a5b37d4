"""Clear the hours of many days at once for code in torch: the one place where an engine is chosen for a device.

Everything around it, observations, rewards, infos and rollouts, sees tensors alone and does not know which engine it is.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from auctionsim.agents.device.array import DeviceArray, copied
from auctionsim.extras import missing_extra
from auctionsim.market.copies.parallel_days import ParallelDays
from auctionsim.market.market import Market

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


class ProcessorEngine:
    """The engine on the processor; for another device, bids come from there, and totals go back, in every step.

    Args:
        market: The market.
        copies: P, the number of copies.
        device: Device of the tensors.
        threads: Number of threads over which copies on the same day are split; it never changes a result.
    """

    def __init__(self, market: Market, copies: int, device: torch.device, threads: int = 1) -> None:
        self._days, self._device = ParallelDays(market, copies, threads), device

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
        # The processor's engine goes on with its own arrays.
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


def engine_on(device: torch.device, market: Market, copies: int, threads: int = 1) -> TensorEngine:
    """Return the engine for a device.

    Args:
        device: The device, from `devices.found_device`.
        market: The market.
        copies: P, the number of copies.
        threads: Number of threads of an engine on the processor.

    Raises:
        InputError: Conversions are delayed.
    """
    market.expect_no_delays("arrays on a device")
    return ProcessorEngine(market, copies, device, threads)
