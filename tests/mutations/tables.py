"""Mutations of traffic tables: types, values, columns, metadata and bytes of Parquet; texts of CSV."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

import polars as pl

HEADER = "day,hour,cell,weight,query,advertiser,pctr,pcvr,item_price,manual_bid,ctr,cvr,market_ecpm"
ROWS = (
    "0,0,0,2,shoes,north,0.1,0.05,20,0.5,0.1,0.05,0.0",
    "0,0,0,2,shoes,south,0.2,0.04,30,0.4,0.2,0.04,0.0",
    "0,3,1,5,bags,south,0.2,0.04,30,0.4,0.2,0.04,0.1",
    "1,7,2,1,bags,north,0.1,0.05,20,0.5,0.1,0.05,0.2",
    "1,7,2,1,bags,west,0.3,0.05,20,0.5,0.1,0.05,0.2",
)
TYPES: tuple[Any, ...] = (
    pl.String, pl.Categorical, pl.Int8, pl.Int32, pl.Int64, pl.UInt8, pl.UInt64, pl.Int128, pl.Float32, pl.Float64, pl.Boolean,
    pl.Date, pl.Datetime("ns"), pl.Datetime("us", "UTC"), pl.Duration("ns"), pl.Time, pl.Binary, pl.Null, pl.Decimal(20, 3),
    pl.List(pl.Int64),
    pl.Struct({"a": pl.Int64}), pl.Enum(["0", "1", "2", "3", "north", "south", "west", "shoes", "bags"]),
)  # fmt: skip
VALUES: tuple[Any, ...] = (
    None, -1, 0, 1, 23, 24, 10**9, 2**31, 2**53, 2**62, 2**63 - 1, -(2**63), -1.0, -0.0, 0.5, 1.0, 1.5, 1e-320, 1e308, 1e999,
    float("nan"), "", " ", "nan", "x" * 10_000, "\x00", "\u202e", "north", True,
)  # fmt: skip
TOKENS = (
    "", "-1", "0", "24", "1e9", "1e308", "1e999", "nan", "inf", "-inf", "9" * 400, "9223372036854775807",
    "9223372036854775808", "1_0", "0x1f", "1,5", '"', '""', "\x00", "\ufeff", "\r", "\n", ";", "\t", "x" * 200_000, "north",
    "true", "\u0664", "\udcff",
)  # fmt: skip
NOTES = (
    "{", "[]", "null", '{"source": 1}', '{"source": "\\ud800"}', "[" * 5000, '{"a": ' + "9" * 5000 + "}", "\x00",
    '{"source": "<b>"}',
)  # fmt: skip


def base() -> pl.DataFrame:
    """Return the table that is mutated."""
    return pl.read_csv("\n".join([HEADER, *ROWS]).encode())


def file_of(rng: Random) -> str:
    """Draw the name of the file that `write_mutated` writes: the first thing that it draws."""
    return "table.csv" if rng.random() < 0.3 else "table.parquet"


def write_mutated(folder: Path, rng: Random) -> tuple[Path, str]:
    """Write a mutated table into a folder; return its path, and how it was mutated."""
    path = folder / file_of(rng)
    if path.suffix == ".csv":
        text, said = csv(rng)
        path.write_bytes(text.encode("utf-8", "surrogateescape"))
        return path, said
    contents, said = parquet(rng)
    path.write_bytes(contents)
    return path, said


def parquet(rng: Random) -> tuple[bytes, str]:
    """Return a mutated Parquet file, and how."""
    table, said = base(), []
    for _ in range(rng.choice((0, 1, 1, 2))):
        operation = rng.choice((_retyped, _retyped, _changed, _changed, _arranged))
        table, how = operation(table, rng)
        said.append(how)
    metadata = {"auctionsim-notes": rng.choice(NOTES)} if rng.random() < 0.15 else None
    out = io.BytesIO()
    options = {"compression": rng.choice(("zstd", "uncompressed", "snappy", "lz4")), "row_group_size": rng.choice((None, 1, 2))}
    table.write_parquet(out, metadata=metadata, **options)
    contents = bytearray(out.getvalue())
    for _ in range(rng.choice((0, 0, 1, 1, 2, 4))):
        # The footer is the part that a reader trusts.
        at = rng.randrange(len(contents)) if rng.random() < 0.4 else max(0, len(contents) - rng.randrange(1, 1500))
        how = rng.choice(("flip", "flip", "zero", "ones", "cut", "insert"))
        if how == "cut":
            del contents[at : at + rng.choice((1, 4, 100, len(contents)))]
        elif how == "insert":
            contents[at:at] = rng.randbytes(rng.choice((1, 4, 100)))
        else:
            contents[at] = contents[at] ^ (1 << rng.randrange(8)) if how == "flip" else 0 if how == "zero" else 255
        said.append(f"{how} at {at}")
        if len(contents) < 2:
            break
    return bytes(contents), f"{said} notes={metadata and metadata['auctionsim-notes'][:20]}"


def csv(rng: Random) -> tuple[str, str]:
    """Return a mutated CSV text, and how."""
    lines, said = [HEADER, *ROWS], []
    for _ in range(rng.choice((1, 1, 2, 3))):
        at, token = rng.randrange(len(lines)), rng.choice(TOKENS)
        parts = lines[at].split(",")
        column = rng.randrange(len(parts))
        parts[column] = rng.choice((token, parts[column] + token, token + parts[column]))
        lines[at] = ",".join(parts)
        how = rng.choice(("", "", "", "drop", "double", "swap"))
        if how == "drop":
            del lines[rng.randrange(len(lines))]
        elif how == "double":
            lines.insert(at, lines[at])
        elif how == "swap":
            lines[at], lines[-1] = lines[-1], lines[at]
        said.append(f"{at},{column}: {token[:20]!r} {how}")
        if not lines:
            break
    return rng.choice(("\n", "\n", "\r\n", "\r")).join(lines) + rng.choice(("\n", "")), str(said)


def _retyped(table: pl.DataFrame, rng: Random) -> tuple[pl.DataFrame, str]:
    name, kind = rng.choice(table.columns), rng.choice(TYPES)
    try:
        return table.with_columns(pl.col(name).cast(kind, strict=False)), f"{name}: {kind}"
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException):
        return table.with_columns(pl.lit(None, kind).alias(name)), f"{name}: null {kind}"


def _changed(table: pl.DataFrame, rng: Random) -> tuple[pl.DataFrame, str]:
    name, at, value = rng.choice(table.columns), rng.randrange(max(table.height, 1)), rng.choice(VALUES)
    if not table.height:
        return table, "unchanged"
    values = table[name].to_list()
    values[at] = value
    try:
        return table.with_columns(pl.Series(name, values, strict=False)), f"{name}[{at}] = {str(value)[:20]!r}"
    except (pl.exceptions.PolarsError, TypeError, ValueError, OverflowError):
        return table, "unchanged"


def _arranged(table: pl.DataFrame, rng: Random) -> tuple[pl.DataFrame, str]:
    name = rng.choice(table.columns)
    arrangements: dict[str, Callable[[], pl.DataFrame]] = {
        "drop": lambda: table.drop(name),
        "rename": lambda: table.rename({name: rng.choice(("keyword_bid", "DAY", "", "x" * 300_000, "\x00"))}),
        "reverse": lambda: table.reverse(),
        "double": lambda: pl.concat([table, table]),
        "none": lambda: table.clear(),
        "shuffle": lambda: table.sample(fraction=1, shuffle=True, seed=rng.randrange(100)),
    }
    how = rng.choice(tuple(arrangements))
    try:
        return arrangements[how](), f"{how} {name}"
    except pl.exceptions.PolarsError:
        return table, "unchanged"
