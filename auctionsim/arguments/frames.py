"""Read tables that are in memory already: polars, pandas, pyarrow, whatever exports Arrow data, dictionaries of columns."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import polars as pl

from auctionsim.errors import InputError, shown

WORDS = "a polars, pandas or pyarrow table, one that exports Arrow data, or a dictionary of columns"


def is_frame(value: object) -> bool:
    """Return whether a value is a table in memory that `frame_of` reads."""
    if isinstance(value, type):
        return False
    exports = any(hasattr(value, name) for name in ("__arrow_c_stream__", "__dataframe__"))
    return exports or isinstance(value, pl.DataFrame | Mapping) or _is_lazy(value) or _is_pandas(value)


def kind_of(value: object) -> str:
    """Return where a table comes from, in words: `pandas DataFrame`."""
    return f"{type(value).__module__.partition('.')[0]} {type(value).__name__}" if not isinstance(value, dict) else "dictionary"


def frame_of(source: str, value: Any) -> pl.DataFrame:
    """Return a table in memory as a polars table of one row or more; the index of a pandas table is left out.

    Args:
        source: The name of the argument, which begins messages.
        value: The table.

    Raises:
        InputError: It is no table, a column is given twice or holds values of several kinds, or there is no row.
    """
    if _is_lazy(value):
        value = value.collect()
    if isinstance(value, pl.DataFrame):
        table = value
    elif isinstance(value, Mapping):
        table = _of_columns(source, {name: (column, None) for name, column in value.items()})
    elif _is_pandas(value):
        table = _of_pandas(source, value)
    elif is_frame(value):
        table = _of_arrow(source, value)
    else:
        raise InputError(f"{source}: expected {WORDS}, got {shown(value)}")
    if table.height == 0:
        raise InputError(f"{source}: expected one or more rows, got an empty table")
    return table


def _is_lazy(value: object) -> bool:
    """Whether it is a query of polars or narwhals, which is collected first."""
    return type(value).__name__ == "LazyFrame" and hasattr(value, "collect")


def _is_pandas(value: object) -> bool:
    """Whether it is a pandas table, which is read column by column: its Arrow export would add the index as a column."""
    kind = type(value)
    return kind.__name__ == "DataFrame" and kind.__module__.partition(".")[0] == "pandas"


def _of_pandas(source: str, table: Any) -> pl.DataFrame:
    names = list(table.columns)
    _expect_once(source, names)
    missing = {name: table[name].isna().to_numpy() for name in names}
    return _of_columns(source, {name: (table[name].to_numpy(), missing[name]) for name in names})


def _of_arrow(source: str, table: Any) -> pl.DataFrame:
    _expect_once(source, list(getattr(table, "column_names", ())))
    try:
        return pl.DataFrame(table) if hasattr(table, "__arrow_c_stream__") else pl.from_dataframe(table)
    except (pl.exceptions.PolarsError, TypeError, ValueError, ImportError, NotImplementedError) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise InputError(f"{source}: expected {WORDS}, got a {kind_of(table)} that cannot be read: {shown(reason)}") from error


def _of_columns(source: str, columns: Mapping[Any, tuple[Any, Any]]) -> pl.DataFrame:
    """Return a table of columns, each with the mask of its missing values or None."""
    made = {name: _column(source, name, values, missing) for name, (values, missing) in columns.items()}
    lengths = {name: len(column) for name, column in made.items()}
    first = next(iter(lengths), None)
    for name, length in lengths.items():
        if length != lengths[first]:
            raise InputError(f"{source}: column {name}: expected {lengths[first]} rows as in column {first}, got {length}")
    return pl.DataFrame(list(made.values()))


def _column(source: str, name: Any, values: Any, missing: Any) -> pl.Series:
    """Return a column of numbers or text; missing values are null."""
    if not isinstance(name, str):
        raise InputError(f"{source}: column {shown(name)}: expected a name, which is text, got {shown(name)}")
    where = f"{source}: column {shown(name)[1:-1]}"
    if isinstance(values, pl.Series):
        return values.alias(name)
    if isinstance(values, str | bytes) or not hasattr(values, "__len__"):
        raise InputError(f"{where}: expected a list or an array of values, got {shown(values)}")
    if isinstance(values, np.ma.MaskedArray):
        values, missing = values.data, np.ma.getmaskarray(values)
    try:
        array = np.asarray(values)
        if array.ndim != 1:
            raise InputError(f"{where}: expected values along one axis, got shape {list(array.shape)}")
        if array.dtype.kind == "O" or (array.dtype.kind in "US" and not isinstance(values, np.ndarray)):
            # A list of numbers and texts would become texts in numpy; as objects each keeps its kind.
            listed = array.tolist() if array.dtype.kind == "O" else list(values)
            absent = [False] * len(listed) if missing is None else missing.tolist()
            kept = [None if gone else value for value, gone in zip(listed, absent, strict=True)]
            # Whole numbers and decimals may stand side by side; anything else has to be of one kind.
            are_numbers = all(one is None or (isinstance(one, int | float) and not isinstance(one, bool)) for one in kept)
            has_decimals = are_numbers and any(isinstance(one, float) for one in kept)
            return pl.Series(name, kept, dtype=pl.Float64 if has_decimals else None, strict=not has_decimals)
        series = pl.Series(name, array)
    except (TypeError, ValueError, OverflowError, pl.exceptions.PolarsError) as error:
        if isinstance(error, InputError):
            raise
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise InputError(f"{where}: expected values of one kind, numbers or text, got {shown(reason, 100)}") from error
    if missing is None or not np.any(missing) or array.dtype.kind == "f":
        return series  # A missing number of a column with decimals is NaN, which the message then shows.
    return series.to_frame().select(pl.when(pl.Series(~np.asarray(missing))).then(pl.col(name)).alias(name)).to_series()


def _expect_once(source: str, names: list[Any]) -> None:
    twice = [name for i, name in enumerate(names) if name in names[:i]]
    if twice:
        raise InputError(f"{source}: column {shown(twice[0])}: expected once, got it twice")
