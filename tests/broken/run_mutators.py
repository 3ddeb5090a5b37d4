"""Change one thing of a finished run folder, as damage, an older or newer version, or somebody hostile would.

Each mutator takes the folder and a generator of random numbers. `tests/fuzz` and the corpus of broken runs may draw from them.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from safetensors.numpy import load_file, save_file

Mutator = Callable[[Path, random.Random], None]

TABLES = ("outcomes", "benchmarks", "collusion", "punishment", "regret", "queries")
FILES = (
    "manifest.json", "metrics.jsonl", "timing.jsonl", "provenance.json", "scenario.toml", "resolved.json",
    *(f"{t}.parquet" for t in TABLES),
)  # fmt: skip
NUMBERS: tuple[float | None, ...] = (
    0.0, -1.0, -0.0, 1e-320, 1e29, 1e31, 1e300, float("inf"), float("-inf"), float("nan"), None
)  # fmt: skip
JSON_VALUES: tuple[Any, ...] = (
    None, True, -1, 0, 2**63, 2**63 - 1, 10**400, 1.5, 1e308, "", "x", "\0", "\ud800", "../../x", "/etc", [], {}, [[]], [0, 0],
    [2**63 - 1], ["0"], {"a": {"a": 1}}, "99.0.0", "0.0.1", "9" * 5000,
)  # fmt: skip
JSON_TEXTS = (
    "", "{", "[]", "null", "NaN", '{"a": 1, "a": 2}', "[" * 100_000, '{"a":' * 5000, "1" * 5000, "\ufeff{}", '"\\ud800"',
)  # fmt: skip
NAMES = (
    "",
    "$x$",
    "^",
    "\x1b[2J",
    "_a",
    "<script>alert(1)</script>",
    "a, b",
    "|",
    "\n# x",
    "\u202e",
    "\U0001f600" * 40,
    "a" * 5000,
)
KINDS = (pl.Float32, pl.UInt8, pl.Int8, pl.UInt64, pl.String, pl.Categorical, pl.Boolean, pl.Null, pl.Date, pl.List(pl.Float64))


def cut(run: Path, rng: random.Random) -> None:
    """Cut a file short, or empty it."""
    path = _file(run, rng)
    data = path.read_bytes()
    path.write_bytes(data[: rng.choice([0, 1, len(data) // 2, len(data) - 1])])


def flip(run: Path, rng: random.Random) -> None:
    """Change one byte of a file."""
    path = _file(run, rng)
    data = bytearray(path.read_bytes())
    if data:
        data[rng.randrange(len(data))] = rng.randrange(256)
    path.write_bytes(bytes(data))


def remove(run: Path, rng: random.Random) -> None:
    """Remove a file."""
    _file(run, rng).unlink()


def link(run: Path, rng: random.Random) -> None:
    """Put a link in the place of a file or a folder."""
    place = run / rng.choice([*FILES, "checkpoints", "tensorboard", "report", "control", "report/figures"])
    kept = place.with_name(f"{place.name}-kept")
    if place.exists():
        place.rename(kept)
    place.parent.mkdir(exist_ok=True)
    place.symlink_to(rng.choice([run.parent, Path("/etc/passwd"), place, Path("/nowhere"), kept]))


def folder(run: Path, rng: random.Random) -> None:
    """Put a folder in the place of a file."""
    path = _file(run, rng)
    path.unlink()
    path.mkdir()


def file(run: Path, rng: random.Random) -> None:
    """Put a file where a folder belongs."""
    path = run / rng.choice(["checkpoints", "control", "report", "tensorboard"])
    if path.is_dir():
        path.rename(path.with_name(f"{path.name}-kept"))
    path.write_text("file")


def manifest(run: Path, rng: random.Random) -> None:
    """Change a value of the manifest."""
    path = run / "manifest.json"
    found = json.loads(path.read_text())
    key = rng.choice([*found, "source", "learner", "more"])
    path.write_text(json.dumps({**found, key: rng.choice(JSON_VALUES)}))


def json_text(run: Path, rng: random.Random) -> None:
    """Write other JSON, or none, in the place of a JSON file."""
    (run / rng.choice(["manifest.json", "provenance.json"])).write_text(rng.choice(JSON_TEXTS), encoding="utf-8")


def notes(run: Path, rng: random.Random) -> None:
    """Change a note on the traffic."""
    (run / "provenance.json").write_text(json.dumps({rng.choice(NAMES): rng.choice([*NAMES, *JSON_VALUES])}))


def metric(run: Path, rng: random.Random) -> None:
    """Change a value of a line of the metrics, or the line."""
    path = run / "metrics.jsonl"
    lines = path.read_text().splitlines()
    at = rng.randrange(len(lines))
    if rng.random() < 0.3:
        lines[at] = rng.choice(JSON_TEXTS).replace("\n", " ")
    else:
        row = json.loads(lines[at])
        key = rng.choice([*row, "more"])
        lines[at] = json.dumps({**row, key: rng.choice([*JSON_VALUES, float("nan"), float("inf")])})
    path.write_text("\n".join(lines) + "\n")


def cell(run: Path, rng: random.Random) -> None:
    """Change one value of a table, or all of a column."""
    name, table = _table(run, rng)
    column = rng.choice(table.columns)
    values = table[column].to_list()
    kind = table.schema[column]
    other = rng.choice(NAMES) if kind == pl.String else rng.choice([-1, 0, 7, 24, 10**6, 2**62]) if kind.is_integer() else None
    if kind.is_float():
        other = rng.choice(NUMBERS)
    for at in [rng.randrange(len(values))] if rng.random() < 0.5 else range(len(values)):
        values[at] = other
    table.with_columns(pl.Series(column, values, dtype=kind, strict=False)).write_parquet(run / f"{name}.parquet")


def kind(run: Path, rng: random.Random) -> None:
    """Store a column as another type."""
    name, table = _table(run, rng)
    column, other = rng.choice(table.columns), rng.choice(KINDS)
    try:
        changed = table.with_columns(
            pl.lit(None).alias(column) if other == pl.Null else pl.col(column).cast(other, strict=False)
        )
    except pl.exceptions.PolarsError:
        changed = table.with_columns(pl.lit([1.0]).alias(column))
    changed.write_parquet(run / f"{name}.parquet")


def rows(run: Path, rng: random.Random) -> None:
    """Drop, double, shuffle or keep only some rows of a table."""
    name, table = _table(run, rng)
    at = rng.randrange(table.height)
    part = rng.randrange(table.height + 1)
    changed = rng.choice([
        table.head(0), table.head(part), table.tail(part), pl.concat([table, table.slice(at, 1)]), pl.concat([table, table]),
        table.filter(pl.int_range(pl.len()) != at), table.sample(fraction=1.0, shuffle=True, seed=rng.randrange(1000)),
    ])  # fmt: skip
    for column in rng.sample(["seed", "day", "hour", "arm", "benchmark", "advertiser", "hours_since"], 7):
        if column in table.columns and rng.random() < 0.3:
            value = rng.choice(table[column].unique().to_list())
            changed = table.filter(pl.col(column) != value) if rng.random() < 0.7 else table.filter(pl.col(column) == value)
            break
    changed.write_parquet(run / f"{name}.parquet")


def columns(run: Path, rng: random.Random) -> None:
    """Drop, add or rename a column."""
    name, table = _table(run, rng)
    column = rng.choice(table.columns)
    changed = rng.choice([table.drop(column), table.with_columns(more=pl.lit("x")), table.rename({column: f"{column}s"})])
    changed.write_parquet(run / f"{name}.parquet")


def state(run: Path, rng: random.Random) -> None:
    """Change an array of a checkpoint: its values, its shape or its type."""
    path = rng.choice(sorted(run.glob("checkpoints/*/*.safetensors")))
    arrays = load_file(path)
    name = rng.choice(sorted(arrays))
    array = arrays[name]
    number = rng.choice([0, -1, 1, 7, 2**31, 1e30, 1e300, float("nan"), float("inf")])
    with np.errstate(all="ignore"):
        arrays[name] = rng.choice([
            np.full_like(array, np.float64(number).astype(array.dtype)), array.ravel(), array[:0], array.astype(np.float16),
            array.astype(np.complex64), np.concatenate([array, array]),
        ])  # fmt: skip
    if rng.random() < 0.2:
        arrays[rng.choice(["more", "../x", ""])] = arrays.pop(name)
    save_file({key: np.ascontiguousarray(one) for key, one in arrays.items()}, path, {"schema": "auctionsim-checkpoint-1"})


def checkpoint(run: Path, rng: random.Random) -> None:
    """Rename a checkpoint, or put something else beside it."""
    path = rng.choice(sorted((run / "checkpoints").iterdir()))
    name = rng.choice(["000099", "7", "99999999999999999999", "\u0663", "x", "000000", "-00001", "0000006"])
    if rng.random() < 0.5:
        path.rename(path.with_name(name))
    else:
        path.with_name(name).write_bytes(b"x")


def scenario(run: Path, rng: random.Random) -> None:
    """Change the stored scenario."""
    path = run / "scenario.toml"
    text = path.read_text()
    old, new = rng.choice([
        ("count = 5", "count = 6"), ('group = "seller"', 'group = "buyer"'), ("test_days = [2, 3]", "test_days = [2]"),
        ("test_days = [2, 3]", "test_days = [9]"), ("train_days = [0, 1]", "train_days = []"), ("[train]", "[train"),
        ("auctions_per_day = 600", "auctions_per_day = 10"), ('name = "small"', f"name = {json.dumps(rng.choice(NAMES))}"),
        ("revenue_floor = 1.0", "revenue_floor = 1e300"), ("revenue_floor = 1.0", "revenue_floor = nan"),
        ("count = 5", 'count = 5\ncontroller = "no_such_module_here:Rule"'), ("population = 8", "population = 1000000000000"),
        ("[learner]", '[learner]\nalgorithm = "no_such_module_here:Learner"'), ("iterations = 6", "iterations = 1"),
        ("queries = 20", 'source = "../../../etc/passwd"'),
        ("profit_floor = 1.0", 'profit_floor = 1.0\nbudget = "baseline*0.5"'),
        ("[mechanism]", "[mechanism]\noutcomes = \"sampled\""), ("seed", "seed"),
    ])  # fmt: skip
    path.write_text(text.replace(old, new))


MUTATORS: dict[str, Mutator] = {
    one.__name__: one
    for one in (
        cut, flip, remove, link, folder, file, manifest, json_text, notes, metric, cell, kind, rows, columns, state, checkpoint,
        scenario,
    )
}  # fmt: skip


def _file(run: Path, rng: random.Random) -> Path:
    found = [path for path in sorted(run.rglob("*")) if path.is_file() and path.parent.name not in ("report", "figures")]
    return rng.choice(found)


def _table(run: Path, rng: random.Random) -> tuple[str, pl.DataFrame]:
    name = rng.choice([table for table in TABLES if (run / f"{table}.parquet").is_file()])
    return name, pl.read_parquet(run / f"{name}.parquet")
