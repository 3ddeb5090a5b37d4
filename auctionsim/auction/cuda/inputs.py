"""Hold what a step reads, rules and coefficients, on the device."""

from __future__ import annotations

import numpy as np
from numba import cuda
from numpy.typing import NDArray

from auctionsim.auction.cuda.kernels.arguments import DeviceBids, DeviceRules
from auctionsim.auction.cuda.kernels.screening import lanes_of
from auctionsim.auction.kernel.arguments import N_FEATURES
from auctionsim.auction.kernel.rank import is_screenable
from auctionsim.auction.rules import Rules


def copied_rules(rules: Rules) -> DeviceRules:
    """Return the auction's rules on the device."""
    numbers = rules.for_kernel()
    return DeviceRules(
        cuda.to_device(numbers.slot_effect), numbers.pricing, float(numbers.reserve), float(numbers.bid_floor),
        float(numbers.bid_cap), numbers.is_sampled,
    )  # fmt: skip


def bids_of(coefficients: NDArray[np.float64], rules: Rules) -> tuple[DeviceBids, int]:
    """Return memory for the bids of coefficients `[A, 4, P]`, to be filled by `kernels.ledger.write_bids`.

    With it comes the number of features that screening reads: one where all coefficients are of one, or all.
    """
    n_advertisers, _, n_policies = coefficients.shape
    used = [f for f in range(N_FEATURES) if coefficients[:, f].any()]
    first, n_features = (used[0], 1) if len(used) == 1 else (0, N_FEATURES)
    is_in_range = is_screenable(coefficients)
    return _memory((n_advertisers, n_policies), rules, n_features, first, is_in_range=is_in_range), n_features


def memory_of_bids(shape: tuple[int, int], rules: Rules) -> DeviceBids:
    """Return memory for bids of (advertisers, policies) over all features, whose range `kernels.units.write_scales` finds."""
    return _memory(shape, rules, N_FEATURES, 0, is_in_range=False)


def _memory(shape: tuple[int, int], rules: Rules, n_features: int, first: int, *, is_in_range: bool) -> DeviceBids:
    n_advertisers, n_policies = shape
    n_lanes = lanes_of(n_policies)
    singles = np.full((n_advertisers * n_features + 1) * n_lanes, np.nan, np.float32)
    singles[-n_lanes:] = is_in_range
    theta = cuda.device_array((n_advertisers, n_policies, N_FEATURES), np.float64)
    return DeviceBids(theta, cuda.to_device(singles), first, not rules.is_clipped)
