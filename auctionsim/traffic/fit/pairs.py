"""Rows of a traffic table grouped by pairs of query and advertiser."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from auctionsim import arithmetic
from auctionsim.traffic.fit.components import Components, Floats, Ints, variance_components
from auctionsim.traffic.table import Traffic


@dataclass(frozen=True)
class Pairs:
    """Rows grouped by pairs of query and advertiser."""

    code: Ints
    """Pair index of each row, `[rows]`."""
    query: Ints
    """Query index of each pair, `[pairs]`."""
    advertiser: Ints
    """Advertiser index of each pair, `[pairs]`."""
    weight: Floats
    """Auctions of each row, `[rows]`."""
    rows: Floats
    """Number of rows of each pair, `[pairs]`."""

    def log_mean(self, value: Floats, noise: float) -> tuple[Floats, Floats, NDArray[np.bool_]]:
        """Compute the log of each pair's mean.

        Args:
            value: A value for each row, `[rows]`.
            noise: Log variance of each value's error.

        Returns:
            The logs, the variance of their errors, and whether the mean is > 0, each `[pairs]`.
        """
        mean = np.bincount(self.code, self.weight * value) / np.bincount(self.code, self.weight)
        return arithmetic.log(np.maximum(mean, 1e-300)), arithmetic.expm1(noise) / self.rows, mean > 0

    def components(self, value: Floats, noise: float) -> Components:
        """Estimate the variance components of the log of the pairs' means; arguments as for `log_mean`."""
        log, error, valid = self.log_mean(value, noise)
        return variance_components(log[valid], error[valid], self.query[valid], self.advertiser[valid])


def group_pairs(traffic: Traffic) -> Pairs:
    """Group the rows of a table by pairs of query and advertiser."""
    key = np.repeat(traffic.query, np.diff(traffic.cell_start)) * len(traffic.advertisers) + traffic.advertiser
    which, code, rows = np.unique(key, return_inverse=True, return_counts=True)
    query, advertiser = np.divmod(which, len(traffic.advertisers))
    return Pairs(code, query, advertiser, traffic.row_weight.astype(np.float64), rows.astype(np.float64))
