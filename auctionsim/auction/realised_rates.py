"""Luck drawn once: a table whose rates are what happened, so that sampled days replay at the speed of expected ones."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from auctionsim.auction.kernel.compiled import compiled
from auctionsim.auction.kernel.noise import CLICK, CONVERSION, hour_key, uniform
from auctionsim.traffic.table import HOURS, Traffic


def drawn_rates(traffic: Traffic, seed: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Each candidate's draws in place of its true rates: ctr and cvr of every row.

    `ctr` becomes the share of the cell's auctions in which the ad would be clicked if it were shown, `cvr` the share of those
    clicks that would convert. The draws are those of `sampled` outcomes, so that with one slot, and where no budget runs out
    within a cell, replaying this table with `expected` outcomes equals replaying the original with `sampled` ones.
    """
    ctr, cvr = np.zeros_like(traffic.ctr), np.zeros_like(traffic.cvr)
    for day in traffic.days:
        for hour in range(HOURS):
            cells = traffic.cells_of(day, hour)
            _draw(cells, traffic.cell_start, traffic.weight, traffic.ctr, traffic.cvr, hour_key(seed, day, hour), ctr, cvr)
    return ctr, cvr


@compiled
def _draw(
    cells: tuple[int, int],
    cell_start: NDArray[np.int64],
    weight: NDArray[np.int64],
    true_ctr: NDArray[np.float64],
    true_cvr: NDArray[np.float64],
    luck: np.uint64,
    ctr: NDArray[np.float64],
    cvr: NDArray[np.float64],
) -> None:
    for cell in range(cells[0], cells[1]):
        first = cell_start[cell]
        for row in range(first, cell_start[cell + 1]):
            clicks, conversions = 0, 0
            for auction in range(weight[cell]):
                if uniform(luck, cell - cells[0], auction, row - first, CLICK) < true_ctr[row]:
                    clicks += 1
                    if uniform(luck, cell - cells[0], auction, row - first, CONVERSION) < true_cvr[row]:
                        conversions += 1
            ctr[row] = clicks / weight[cell]
            cvr[row] = conversions / clicks if clicks else 0.0
