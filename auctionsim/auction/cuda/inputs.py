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
    bids = memory_of_bids((n_advertisers, n_policies), rules, n_features, first)
    bids.is_in_range.copy_to_device(np.full(n_policies, is_screenable(coefficients), np.int32))
    return bids, n_features


def memory_of_bids(shape: tuple[int, int], rules: Rules, n_features: int = N_FEATURES, first_feature: int = 0) -> DeviceBids:
    """Return memory for bids of (advertisers, policies), of whose features screening reads so many from the first one on."""
    n_advertisers, n_policies = shape
    return DeviceBids(
        cuda.device_array((n_advertisers, n_policies, N_FEATURES), np.float64),
        cuda.to_device(np.full(n_advertisers * n_features * lanes_of(n_policies), np.nan, np.float32)),
        first_feature,
        not rules.is_clipped,
        cuda.device_array(n_policies, np.int32),
    )
