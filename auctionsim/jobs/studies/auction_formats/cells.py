"""Average revenue over the cells of a factorial, over all of them and by each factor's levels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import polars as pl

PRICES = ("first", "second")
Cell = dict[str, float | str]
"""Level of each factor, and revenue under `first` and `second` prices."""


def revenues(prefix: str, cells: Sequence[Cell], slices: Mapping[str, Mapping[str, float | str]]) -> dict[str, float]:
    """Return mean revenue under both prices and how much more first prices earn, over all cells and by level.

    Args:
        prefix: The word that metrics begin with.
        cells: The cells.
        slices: By factor, the level by its name.

    Returns:
        The prefix with `_first`, `_second` and `_more`, the last in per cent of second prices, and the same with factor and
        name of each level after the prefix.
    """
    table = pl.DataFrame(cells)
    found = {f"{prefix}_{measure}": value for measure, value in _means(table).items()}
    for factor, levels in slices.items():
        for name, level in levels.items():
            part = _means(table.filter(pl.col(factor) == level))
            found |= {f"{prefix}_{factor}_{name}_{measure}": value for measure, value in part.items()}
    return found


def _means(cells: pl.DataFrame) -> dict[str, float]:
    first, second = (float(np.mean(cells[price].to_numpy())) for price in PRICES)
    return {"first": first, "second": second, "more": 100 * (first / second - 1)}
