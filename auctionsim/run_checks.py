"""What the files of a run folder must hold, checked when they are read: a run may come from anywhere."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import polars as pl

from auctionsim.errors import InputError, shown, suggestion

STATUSES = ("running", "finished", "failed", "interrupted")
SOURCES = ("trained", "outside")
_NUMBER, _TEXT = "a number", "text"
_MONEY = ("impressions", "clicks", "conversions", "gmv", "cost", "revenue")
_COLUMNS = {
    "outcomes": dict.fromkeys(("arm", "advertiser", "group"), _TEXT)
    | dict.fromkeys(("seed", "day", "hour", "bid", "budget_left", *_MONEY), _NUMBER),
    "benchmarks": {"benchmark": _TEXT} | dict.fromkeys(("seed", "day", "revenue", "welfare", "profit"), _NUMBER),
    "collusion": dict.fromkeys(("benchmark", "verdict"), _TEXT)
    | dict.fromkeys(("seed", "profit_gain", "suppression"), _NUMBER),
    "punishment": dict.fromkeys(("seed", "hours_since", "rival_bids", "profit", "punished"), _NUMBER),
}
_FINITE = {"outcomes": ("seed", "day", "hour", *_MONEY), "benchmarks": ("seed", "day", "revenue", "profit")}
_NAMED = {"outcomes": ("arm", ("learned", "reference")), "benchmarks": ("benchmark", ("efficient", "truthful"))}
_LOGGED = {
    "iteration": (int, float),
    "seed": (int, float),
    # Null if the baseline earns nothing or loses money on a training day.
    "revenue_ratio": (int, float, type(None)),
    "profit_ratio": (int, float, type(None)),
}


def checked_json(path: Path, text: bytes) -> Any:
    """Return the JSON of a file.

    Raises:
        InputError: It is none.
    """
    try:
        return json.loads(text.decode("utf-8"))
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path}: expected JSON, got {shown(str(error))}") from error


def checked_manifest(path: Path, manifest: Any) -> dict[str, Any]:
    """Return the manifest after checking that it has its keys and that each holds what it should.

    Raises:
        InputError: It does not.
    """
    rules: dict[str, tuple[str, Callable[[Any], bool]]] = {
        "command": ("text", lambda v: isinstance(v, str)),
        "overrides": ("a list of text", lambda v: isinstance(v, list) and all(isinstance(item, str) for item in v)),
        "scenario_folder": ("text or null", lambda v: v is None or isinstance(v, str)),
        "seeds": (
            "a list of different whole numbers >= 0",
            lambda v: isinstance(v, list) and bool(v) and all(type(s) is int and s >= 0 for s in v) and len(set(v)) == len(v),
        ),
        "status": (f"one of {', '.join(STATUSES)}", lambda v: v in STATUSES),
        "version": ("text", lambda v: isinstance(v, str)),
    }
    optional: dict[str, tuple[str, Callable[[Any], bool]]] = {
        "started_in": ("text", lambda v: isinstance(v, str)),
        "source": (f"one of {', '.join(SOURCES)}", lambda v: v in SOURCES),
        "learner": ("text", lambda v: isinstance(v, str)),
    }
    if not isinstance(manifest, dict) or not set(manifest) >= set(rules):
        raise InputError(f"{path}: expected the keys {', '.join(rules)}, got {shown(manifest)}")
    for key, (words, is_right) in {**rules, **optional}.items():
        if key in manifest and not is_right(manifest[key]):
            raise InputError(f"{path}: {key}: expected {words}, got {shown(manifest[key])}")
    return manifest


def checked_metrics(path: Path, lines: list[str]) -> list[dict[str, Any]]:
    """Return the lines of metrics.jsonl.

    Raises:
        InputError: One is no JSON object, or lacks a number.
    """
    rows = []
    for number, line in enumerate(lines, start=1):
        try:
            row = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise InputError(f"{path}: row {number}: expected a JSON object, got {shown(line)}") from error
        for key, types in _LOGGED.items():
            if not isinstance(row, dict) or key not in row or type(row[key]) not in types:
                raise InputError(f"{path}: row {number}: expected a number as {key}, got {shown(line)}")
        rows.append(row)
    return rows


def checked_table(path: Path, table: pl.DataFrame, seeds: Sequence[int]) -> pl.DataFrame:
    """Return a table of an evaluation of `seeds`, after checking it; the file's name says which table it is.

    Raises:
        InputError: It lacks a column, a seed or an arm, or a column holds something else.
    """
    name = path.stem
    for column, words in _COLUMNS[name].items():
        if column not in table.columns:
            raise InputError(f"{path}: column {column}: expected in the table, got none{suggestion(column, table.columns)}")
        kind = table.schema[column]
        if not (kind == pl.String if words == _TEXT else kind.is_numeric() or kind == pl.Null):
            raise InputError(f"{path}: column {column}: expected {words}, got a column of {kind}")
    if table.height == 0:
        raise InputError(f"{path}: expected at least one row, got an empty table")
    for column in _FINITE.get(name, ()):
        wrong = ~table[column].cast(pl.Float64).is_finite().fill_null(False)
        if wrong.any():
            row = int(wrong.arg_max() or 0)
            raise InputError(
                f"{path}: row {row + 1}, column {column}: expected a finite number, got {shown(table[column][row])}"
            )
    found = table["seed"].unique().sort().to_list()
    if found != sorted(seeds) and name in _NAMED:
        expected, came = (", ".join(map(str, values)) for values in (sorted(seeds), found))
        raise InputError(f"{path}: column seed: expected the seeds of the manifest, {expected}, got {came}")
    column, needed = _NAMED.get(name, ("", ()))
    for value in needed:
        if value not in table[column]:
            others = ", ".join(map(str, table[column].unique(maintain_order=True)))
            raise InputError(f"{path}: column {column}: expected rows of {value!r}, got only {shown(others)}")
    return table
