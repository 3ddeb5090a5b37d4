"""Traffic tables and budgets files: CSV with broken cells, Parquet with columns of other types, bytes that are none of it."""

from __future__ import annotations

from pathlib import Path
from random import Random
from typing import Any

import polars as pl
from hypothesis import strategies as st

from auctionsim.traffic.files import load_traffic

from ...mutations import tables as mutations
from ..base import Case, Target
from ..edits import SEEDS, byte_edits, edited_bytes, edited_text, text_edits, to_bytes
from ..folders import home
from ..oracle import check_call, run_command

_SCENARIO = """\
name = "on a table"
[traffic]
source = "{table}"
budgets = "budgets.csv"
train_days = [0]
test_days = [1]
[[advertisers]]
group = "g"
count = 3
budget = "table"
[learner]
population = 4
[train]
iterations = 1
"""
_BUDGETS = "advertiser,budget\nseller_0,5\nseller_1,6.5\nseller_2,1\n"
_TYPES: dict[str, Any] = {
    "text": pl.String, "whole": pl.Int64, "small": pl.Int8, "unsigned": pl.UInt64, "half": pl.Float32, "truth": pl.Boolean,
    "category": pl.Categorical, "date": pl.Date, "time": pl.Datetime("ns"), "list": pl.List(pl.Float64), "bytes": pl.Binary,
    "duration": pl.Duration("ns"),
}  # fmt: skip
_VALUES: dict[str, Any] = {
    "nothing": None, "nan": float("nan"), "inf": float("inf"), "-1": -1.0, "0": 0.0, "1e9": 1e9, "1e308": 1e308, "0.5": 0.5,
    "2**53": 2.0**53, "2**31": 2.0**31, "2**62": 2.0**62,
}  # fmt: skip
_COLUMNS = (
    "day", "hour", "cell", "weight", "query", "advertiser", "pctr", "pcvr", "item_price", "manual_bid", "ctr", "cvr",
    "market_ecpm",
)  # fmt: skip
_COMMANDS = (["check", "s.toml"], ["fit", "{table}", "--out", "fit.toml"], ["train", "s.toml", "--out", "out"], [])


@st.composite
def _cases(draw: st.DrawFn) -> Case:
    case: Case = {"command": draw(st.sampled_from(_COMMANDS)), "budgets": draw(text_edits(1)), "table": "table.csv"}
    if draw(st.booleans()):
        seed = draw(SEEDS)
        # Its file is a CSV or a Parquet, as the seed decides.
        return case | {"table": mutations.file_of(Random(seed)), "mutations": seed}
    if draw(st.booleans()):
        return case | {"text": draw(text_edits(3))}
    edit = (
        st.tuples(st.just("type"), st.sampled_from(_COLUMNS), st.sampled_from(sorted(_TYPES)))
        | st.tuples(st.sampled_from(["value", "all"]), st.sampled_from(_COLUMNS), st.sampled_from(sorted(_VALUES)))
        | st.tuples(st.sampled_from(["drop", "double", "rename", "reverse", "nested"]), st.sampled_from(_COLUMNS), st.just(""))
    )
    columns = [list(one) for one in draw(st.lists(edit, max_size=2))]
    contents = draw(byte_edits(3)) if not columns or draw(st.integers(0, 4)) == 0 else []
    rows = draw(st.sampled_from([None, 0, 1]) if draw(st.integers(0, 9)) == 0 else st.none())
    return case | {"table": "table.parquet", "columns": columns, "bytes": contents, "rows": rows}


def _run(case: Case) -> None:
    path = Path(case["table"])
    if "mutations" in case:
        mutations.write_mutated(Path(), Random(case["mutations"]))
    elif "text" in case:
        path.write_bytes(to_bytes(edited_text(_csv(), case["text"], ",")))
    else:
        table = pl.read_parquet(home() / "table.parquet")
        table = table.head(case["rows"]) if case["rows"] is not None else table
        for what, column, value in case["columns"]:
            if column in table.columns:
                table = _edited(table, what, column, value)
        table.write_parquet(path)
        path.write_bytes(edited_bytes(path.read_bytes(), case["bytes"]))
    Path("budgets.csv").write_bytes(to_bytes(edited_text(_BUDGETS, case["budgets"], ",")))
    Path("s.toml").write_text(_SCENARIO.replace("{table}", case["table"]))
    if not case["command"]:
        check_call(lambda: load_traffic(path, budgets="budgets.csv"), [case["table"], "budgets.csv"])
        return
    run_command(
        [word.replace("{table}", case["table"]) for word in case["command"]],
        writes=["out", "fit.toml", "fit-fit", "fit-profile.toml"],
    )


def _csv() -> str:
    """Return a small table as text: six rows of each day."""
    table = pl.read_parquet(home() / "table.parquet")
    return pl.concat([table.filter(pl.col("day") == day).head(6) for day in (0, 1)]).write_csv()


def _edited(table: pl.DataFrame, what: str, column: str, value: str) -> pl.DataFrame:
    """Return a table after one edit, or as it was where polars cannot make the edit."""
    row = pl.int_range(pl.len()) == pl.len() // 2
    try:
        if what == "type" and _TYPES[value] == pl.Categorical:
            return table.with_columns(pl.col(column).cast(pl.String).cast(pl.Categorical))
        if what == "type" and isinstance(_TYPES[value], pl.List):
            return table.with_columns(pl.concat_list(column))
        if what == "type":
            return table.with_columns(pl.col(column).cast(_TYPES[value], strict=False))
        if what in ("value", "all"):
            new = pl.lit(_VALUES[value]).cast(table[column].dtype, strict=False)
            return table.with_columns(pl.when(row | (what == "all")).then(new).otherwise(pl.col(column)).alias(column))
    except pl.exceptions.PolarsError:
        return table
    if what == "drop":
        return table.drop(column)
    if what == "rename":
        return table.rename({column: f" {column.upper()}"})
    if what == "reverse":
        return table.with_columns(pl.col(column).reverse())
    if what == "nested":
        return table.with_columns(pl.struct(column).alias(column))
    return pl.concat([table, table])


def _prepare() -> None:
    home()


TARGET = Target(cases=_cases, run=_run, prepare=_prepare, quick=40, seconds=60)
