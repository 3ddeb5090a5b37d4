"""Find the units of charges that coefficients on the device ask for, and who can be screened, without asking the host."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import cuda

from auctionsim.auction.cuda.kernels.device import kernel, on_device, plus, times
from auctionsim.auction.cuda.kernels.screening import count_lanes
from auctionsim.auction.kernel import ledger as cpu
from auctionsim.auction.kernel.arguments import N_FEATURES, ChargeBounds
from auctionsim.auction.kernel.rank import LEAST_COEFFICIENT, MOST_COEFFICIENT

scale_of = on_device(cpu.scale_of)


@kernel
def write_scales(coefficients: Any, phi: Any, bounds: ChargeBounds, scales: Any, theta_f32: Any) -> None:
    """Write the units of charges that coefficients ask for, as `kernel.ledger.write_scales`, and who can be screened.

    A thread goes through all advertisers of a policy, since the highest and the second bid bound what the others pay.

    Args:
        coefficients: theta of the step, `[A, 4, P]`.
        phi: The day's largest bid features, `[4]`.
        bounds: Other bounds of a charge.
        scales: Written to: units of a unit of currency, `[A, P]`.
        theta_f32: `DeviceBids.theta_f32`, whose last part is written.
    """
    p = cuda.grid(1)
    n_advertisers, n_policies = scales.shape
    if p < n_policies:
        highest, second, n_out = 0.0, 0.0, 0
        for a in range(n_advertisers):
            bound = 0.0
            for f in range(N_FEATURES):
                theta = coefficients[a, f, p]
                if theta != 0.0 and not (LEAST_COEFFICIENT <= theta <= MOST_COEFFICIENT):
                    n_out += 1
                bound = plus(bound, times(abs(theta), phi[f]))
            bound = min(max(bound, bounds.bid_floor), bounds.bid_cap)
            scales[a, p] = bound
            second = highest if bound > highest else max(second, bound)
            highest = max(highest, bound)
        for a in range(n_advertisers):
            bound = scales[a, p]
            scales[a, p] = scale_of(bound, highest if bound < highest else second, bounds)
        theta_f32[theta_f32.shape[0] - count_lanes(n_policies) + p] = np.float32(1.0 if n_out == 0 else 0.0)
