"""Check the tables of an evaluation: columns, types, values and rows, before anything is computed from them."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from pathlib import Path

import polars as pl

from auctionsim.errors import InputError, shown, suggestion
from auctionsim.numbers import MOST_AMOUNT

_TEXT, _WHOLE, _NUMBER, _NAMES, _TRUTH = "text", "whole numbers", "numbers", "lists of text", "true or false"
_MONEY = ("impressions", "clicks", "conversions", "gmv", "cost", "revenue")
_OF_QUERY = ("auctions", "clicks", "value", "cost")
_REGRET = ("earned", "external_regret", "swap_regret", "cumulative_external_regret", "cumulative_swap_regret")
_LEVELS = ("budget", "min_spend", "floor", "ceiling")
_COLUMNS = {
    "accounts": dict.fromkeys(("account", "advertiser"), _TEXT) | {"seed": _WHOLE} | dict.fromkeys(_LEVELS, _NUMBER),
    "outcomes": dict.fromkeys(("arm", "advertiser", "group"), _TEXT)
    | dict.fromkeys(("seed", "day", "hour"), _WHOLE)
    | dict.fromkeys(("bid", "budget_left", *_MONEY), _NUMBER),
    "benchmarks": {"benchmark": _TEXT}
    | dict.fromkeys(("seed", "day"), _WHOLE)
    | dict.fromkeys(("revenue", "welfare", "profit"), _NUMBER),
    "collusion": dict.fromkeys(("benchmark", "verdict"), _TEXT)
    | {"seed": _WHOLE}
    | dict.fromkeys(("profit_gain", "suppression"), _NUMBER),
    "punishment": dict.fromkeys(("seed", "hours_since", "punished"), _WHOLE) | dict.fromkeys(("rival_bids", "profit"), _NUMBER),
    "queries": dict.fromkeys(("arm", "query"), _TEXT) | {"seed": _WHOLE} | dict.fromkeys(_OF_QUERY, _NUMBER),
    "regret": {"advertiser": _TEXT} | dict.fromkeys(("seed", "day"), _WHOLE) | dict.fromkeys(_REGRET, _NUMBER),
    "truth": {"advertiser": _TEXT}
    | dict.fromkeys(("seed", "day", "hour"), _WHOLE)
    | dict.fromkeys(("winning_price", "least_winning_cost", "shown_winning_price", "shown_least_winning_cost"), _NUMBER)
    | dict.fromkeys(("platform_revenue", "budget_left"), _NUMBER),
    "validation": dict.fromkeys(("seed", "day"), _WHOLE)
    | dict.fromkeys(("revenue", "baseline_revenue", "margin", "factor", "bound"), _NUMBER),
}
OPTIONAL = {
    "benchmarks": dict.fromkeys(("clicks", "conversions"), _NUMBER),
    "collusion": dict.fromkeys(("alone", "reason"), _TEXT)
    | {"coalition": _NAMES, "is_everybody": _TRUTH, "normalised_suppression": _NUMBER}
    | dict.fromkeys(("missing_revenue", "total_profit_gain", "best_response_gap", "giving_way"), _NUMBER)
    | dict.fromkeys(("spared_segments", "common_shading", "common_level"), _NUMBER),
}
"""Columns that tables of earlier versions lack."""
_FINITE = {
    "accounts": _LEVELS,
    "outcomes": _MONEY,
    "benchmarks": ("revenue", "welfare", "profit"),
    "queries": _OF_QUERY,
    "regret": _REGRET,
    "validation": ("revenue", "baseline_revenue", "margin", "factor", "bound"),
}
_COUNTED = {"outcomes": ("impressions", "clicks", "conversions", "gmv", "cost"), "queries": _OF_QUERY}
"""Columns of counts and amounts, which are never below 0."""
_ARMS = ("learned", "reference")
_NAMED = {
    "outcomes": ("arm", _ARMS),
    "benchmarks": ("benchmark", ("efficient", "truthful")),
    "queries": ("arm", _ARMS),
}
_KEYS = {
    "accounts": ("seed", "account", "advertiser"),
    "outcomes": ("arm", "seed", "day", "advertiser", "hour"),
    "benchmarks": ("seed", "day", "benchmark"),
    "collusion": ("seed", "benchmark"),
    "punishment": ("seed", "hours_since"),
    "queries": ("arm", "seed", "query"),
    "regret": ("seed", "day", "advertiser"),
    "truth": ("seed", "day", "hour", "advertiser"),
    "validation": ("seed", "day"),
}
_HOURS = 24


def checked_table(path: Path, table: pl.DataFrame, seeds: Sequence[int]) -> pl.DataFrame:
    """Return a table of an evaluation of `seeds`, after checking it; the file's name says which table it is.

    Whole numbers come back as 64-bit integers and numbers as 64-bit floats, however they were stored.

    Raises:
        InputError: It lacks a column, a seed, an arm, a day or an hour, or a column holds something else.
    """
    name = path.stem
    columns = _COLUMNS[name] | {key: words for key, words in OPTIONAL.get(name, {}).items() if key in table.columns}
    for column, words in columns.items():
        if column not in table.columns:
            raise InputError(f"{path}: column {column}: expected in the table, got none{suggestion(column, table.columns)}")
        if not _holds(table.schema[column], words):
            raise InputError(f"{path}: column {column}: expected {words}, got a column of {table.schema[column]}")
    if table.height == 0:
        raise InputError(f"{path}: expected at least one row, got an empty table")
    table = _of_one_width(path, table, columns)
    _expect_values(path, table, columns)
    _expect_seeds(path, table, seeds)
    _expect_names(path, table)
    _expect_once(path, table)
    if name == "outcomes":
        _expect_whole_days(path, table)
    return table


def expect_same_days(path: Path, benchmarks: pl.DataFrame, days: Collection[int]) -> None:
    """Refuse benchmarks of other test days than the outcomes'.

    Args:
        path: The file of the benchmarks, for the message.
        benchmarks: The checked table.
        days: The days of outcomes.parquet.

    Raises:
        InputError: A benchmark lacks a day, or has one more.
    """
    for (benchmark, seed), own in benchmarks.group_by("benchmark", "seed", maintain_order=True):
        if set(own["day"]) != set(days):
            wanted, came = (", ".join(map(str, sorted(found)[:10])) for found in (days, own["day"]))
            raise InputError(
                f"{path}: column day: expected the days of outcomes.parquet, {wanted}, got {came} for {shown(benchmark)}, "
                f"seed {seed}"
            )


def _holds(kind: pl.DataType, words: str) -> bool:
    if words == _TEXT:
        return kind == pl.String
    if words == _WHOLE:
        return kind.is_integer()
    if words == _NAMES:
        # Tables of earlier versions hold the names joined as text.
        return kind in (pl.String, pl.List(pl.String))
    if words == _TRUTH:
        return kind == pl.Boolean
    return kind.is_numeric() or kind == pl.Null


def _of_one_width(path: Path, table: pl.DataFrame, columns: dict[str, str]) -> pl.DataFrame:
    kinds = {_WHOLE: pl.Int64, _NUMBER: pl.Float64}
    for column, words in columns.items():
        if words in kinds:
            try:
                table = table.with_columns(pl.col(column).cast(kinds[words]))
            except pl.exceptions.PolarsError as error:
                raise InputError(f"{path}: column {column}: expected {words} of 64 bits, got larger ones") from error
    return table


def _expect_values(path: Path, table: pl.DataFrame, columns: dict[str, str]) -> None:
    finite = _FINITE.get(path.stem, ())
    for column, words in columns.items():
        own = table[column]
        if column in _COUNTED.get(path.stem, ()):
            # A NaN compares as larger than any number.
            wrong, wanted = ~own.is_between(0, MOST_AMOUNT).fill_null(value=False), f"a number >= 0 and <= {MOST_AMOUNT:g}"
        elif column in finite:
            wrong, wanted = (
                ~(own.is_finite() & (own.abs() <= MOST_AMOUNT)).fill_null(value=False),
                f"a finite number <= {MOST_AMOUNT:g}",
            )
        elif words == _NUMBER:
            # Null and NaN stand for figures that are not defined.
            is_large = (own.is_infinite() | (own.abs() > MOST_AMOUNT)) & own.is_not_nan()
            wrong, wanted = is_large.fill_null(value=False), f"a finite number <= {MOST_AMOUNT:g}"
        else:
            wrong, wanted = own.is_null(), "a value"
        if wrong.any():
            row = int(wrong.arg_max() or 0)
            raise InputError(f"{path}: row {row + 1}, column {column}: expected {wanted}, got {shown(own[row])}")


def _expect_seeds(path: Path, table: pl.DataFrame, seeds: Sequence[int]) -> None:
    found = table["seed"].unique().sort().to_list()
    is_whole = path.stem in _NAMED
    if found != sorted(seeds) if is_whole else not set(found) <= set(seeds):
        expected, came = (", ".join(map(str, values[:10])) for values in (sorted(seeds), found))
        raise InputError(f"{path}: column seed: expected the seeds of the manifest, {expected}, got {came}")


def _expect_names(path: Path, table: pl.DataFrame) -> None:
    """Refuse a table in which an arm or a benchmark is missing, on any seed."""
    column, needed = _NAMED.get(path.stem, ("", ()))
    for value in needed:
        own = table.filter(pl.col(column) == value)
        if own.is_empty():
            others = ", ".join(map(str, table[column].unique(maintain_order=True)))
            raise InputError(f"{path}: column {column}: expected rows of {value!r}, got only {shown(others)}")
        missing = sorted(set(table["seed"]) - set(own["seed"]))
        if missing:
            raise InputError(f"{path}: column {column}: expected rows of {value!r} for seed {missing[0]}, got none")


def _expect_once(path: Path, table: pl.DataFrame) -> None:
    key = _KEYS[path.stem]
    twice = table.select(key).is_duplicated()
    if twice.any():
        row = int(twice.arg_max() or 0)
        shown_key = ", ".join(f"{name} {table[name][row]!r}" for name in key)
        raise InputError(f"{path}: row {row + 1}: expected one row of {shown_key}, got another one")


def _expect_whole_days(path: Path, table: pl.DataFrame) -> None:
    """Refuse outcomes in which an hour, a day or an advertiser is missing, or one changes its group within a seed."""
    hours = table.group_by("arm", "seed", "day", "advertiser", maintain_order=True).agg(
        pl.len().alias("rows"), pl.col("hour").min().alias("first"), pl.col("hour").max().alias("last")
    )
    # Hours are given once each, so that 24 of them from 0 to 23 are all.
    wrong = hours.filter((pl.col("rows") != _HOURS) | (pl.col("first") != 0) | (pl.col("last") != _HOURS - 1))
    if wrong.height:
        row = wrong.row(0, named=True)
        raise InputError(
            f"{path}: column hour: expected 0 to 23 of arm {row['arm']!r}, seed {row['seed']}, day {row['day']}, advertiser "
            f"{shown(row['advertiser'])}, got {row['rows']} rows from {row['first']} to {row['last']}"
        )
    days = hours.filter(pl.col("arm").is_in(_NAMED["outcomes"][1]))
    once = days.group_by("seed", "day", "advertiser", maintain_order=True).len().filter(pl.col("len") != 2)
    if once.height:
        row = once.row(0, named=True)
        raise InputError(
            f"{path}: column arm: expected 'learned' and 'reference' of seed {row['seed']}, day {row['day']}, advertiser "
            f"{shown(row['advertiser'])}, got one of them"
        )
    counted = days.select("seed", "day").n_unique()
    if counted != days["seed"].n_unique() * days["day"].n_unique():
        raise InputError(f"{path}: column day: expected the same days of every seed, got days that differ")
    groups = table.group_by("seed", "advertiser", maintain_order=True).agg(pl.col("group").n_unique())
    if (groups["group"] > 1).any():
        row = groups.filter(pl.col("group") > 1).row(0, named=True)
        raise InputError(f"{path}: column group: expected one group of {shown(row['advertiser'])}, got {row['group']}")
