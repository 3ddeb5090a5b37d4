"""Draw clicks and conversions: the numbers of the CPU's kernel, `auction/kernel/noise.py`."""

from __future__ import annotations

from typing import Any

import numpy as np

from auctionsim.auction.cuda.kernels.arguments import Book, DeviceRows, DeviceRules
from auctionsim.auction.cuda.kernels.device import device_function, on_device
from auctionsim.auction.cuda.kernels.scores import clicks_of
from auctionsim.auction.kernel import noise
from auctionsim.auction.kernel.arguments import CVR, ITEM_PRICE
from auctionsim.auction.kernel.noise import CLICK, CONVERSION
from auctionsim.auction.outcome import GMV

uniform = on_device(noise.uniform, _mixed=on_device(noise._mixed))


@device_function
def is_clicked(
    row: int, slot: int, bucket: int, number: int, candidate: int, key: np.uint64, rows: DeviceRows, rules: DeviceRules
) -> bool:
    """Draw whether a shown ad is clicked in auction `number` of a bucket, given by its index in the hour."""
    return uniform(key, bucket, number, candidate, CLICK) < clicks_of(row, slot, rows, rules)


@device_function
def is_converted(row: int, bucket: int, number: int, candidate: int, key: np.uint64, rows: DeviceRows) -> bool:
    """Draw whether a click converts."""
    return uniform(key, bucket, number, candidate, CONVERSION) < rows.features[row, CVR]


@device_function
def count_clicks(
    row: int, slot: int, bucket: int, weight: int, candidate: int, key: np.uint64, rows: DeviceRows, rules: DeviceRules
) -> int:
    """Count the clicks in all auctions of a bucket."""
    n_clicks = 0
    for number in range(weight):
        if is_clicked(row, slot, bucket, number, candidate, key, rows, rules):
            n_clicks += 1
    return n_clicks


@device_function
def count_conversions(
    row: int, slot: int, bucket: int, weight: int, candidate: int, key: np.uint64, rows: DeviceRows, rules: DeviceRules
) -> int:
    """Count the conversions in all auctions of a bucket."""
    n_conversions = 0
    for number in range(weight):
        if is_clicked(row, slot, bucket, number, candidate, key, rows, rules) and is_converted(
            row, bucket, number, candidate, key, rows
        ):
            n_conversions += 1
    return n_conversions


@device_function
def drawn_in_units(row: int, k: int, count: int, book: Book, rows: DeviceRows) -> Any:
    """Return `count` clicks (k = 1), conversions (2), or conversions' GMV (3) in units."""
    scale = book.outcome_scale[k]
    if k == GMV:
        return count * round(rows.features[row, ITEM_PRICE] * scale)
    return count * round(scale)
