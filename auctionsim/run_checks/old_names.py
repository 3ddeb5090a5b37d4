"""Give tables of earlier versions the names that advertisers have now, so that old runs and new ones can be compared."""

from __future__ import annotations

from collections.abc import Callable

import polars as pl

from auctionsim.scenario import Scenario

_COLUMNS = ("advertiser", "coalition")
_OLD = r"-[0-9]+(, |$)"
"""The end of an old name; earlier versions stored a coalition as its names joined by commas."""


def with_current_names(table: pl.DataFrame, scenario: Callable[[], Scenario]) -> pl.DataFrame:
    """Return a table in which advertisers of synthetic traffic have their names of now.

    For example `seller-3` of the group `seller` becomes `seller_3`. The advertisers of a log keep the names of their log.

    Args:
        table: A table of an evaluation, checked.
        scenario: Function that returns the run's scenario, called where a name could be an old one.
    """
    named = [name for name in _COLUMNS if name in table.columns and _holds_old(table[name])]
    if not named:
        return table
    found = scenario()
    if not found.traffic.is_synthetic:
        return table
    current = {f"{group.group}-{i}": f"{group.group}_{i}" for group in found.advertisers for i in range(group.count)}
    return table.with_columns(_renamed(table[name], current) for name in named)


def _holds_old(names: pl.Series) -> bool:
    flat = names.explode() if isinstance(names.dtype, pl.List) else names
    return flat.dtype == pl.String and bool(flat.str.contains(_OLD).any())


def _renamed(names: pl.Series, current: dict[str, str]) -> pl.Series:
    if isinstance(names.dtype, pl.List):
        lists = [None if row is None else [current.get(name, name) for name in row] for row in names.to_list()]
        return pl.Series(names.name, lists, dtype=names.dtype)
    texts = [None if row is None else ", ".join(current.get(name, name) for name in row.split(", ")) for row in names.to_list()]
    return pl.Series(names.name, texts, dtype=names.dtype)
