"""Logged datasets: settings and rows that are broken or contradict each other, with a digest that fits them or not."""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import shutil
from functools import cache
from pathlib import Path
from typing import Any

import polars as pl
from hypothesis import strategies as st

from auctionsim.cli import main
from auctionsim.jobs.offline.export import SETTINGS, STEPS

from ..base import Case, Target
from ..edits import byte_edits, edited_bytes, edited_text, text_edits, to_bytes
from ..folders import home, put
from ..oracle import run_command

_VALUES: dict[str, Any] = {
    "null": None, "true": True, "-1": -1, "0": 0, "1": 1, "2**63": 2**63, "10**400": 10**400, "0.5": 0.5, "nan": float("nan"),
    "inf": float("inf"), "empty": "", "text": "x", "formula": "$x^2$ <b>\u202e</b>", "path": "../../../etc/passwd", "list": [],
    "days": [0, 0], "huge days": [2**63], "lists": [[1]], "object": {}, "names": ["seller_0", "seller_0"], "none": ["x\n"],
    "surrogate": "\ud800", "rule": "pid", "class": "os:system", "split": "test", "model": "macg", "run": "run",
}  # fmt: skip
_KEYS = (
    "format", "version", "scenario", "scenario_text", "scenario_folder", "seed", "policy", "checkpoint", "factor", "bidder",
    "rivals", "agents", "bid_model", "coefficients", "noise", "uniform", "split", "days", "episodes_per_day", "sha256", "more",
)  # fmt: skip
_CELLS: dict[str, Any] = {
    "nothing": None, "nan": float("nan"), "inf": float("inf"), "-1": -1, "0": 0, "0.3": 0.3, "1e308": 1e308, "1e12": 1e12,
}  # fmt: skip
_TABLE_EDITS = ("drop", "text", "double", "none", "head", "empty", "reverse", "shuffle")
_COMMANDS = (
    ["evaluate-offline", "logs", "--policy", "manual", "--draws", "2"],
    ["evaluate-offline", "logs", "--policy", "run", "--draws", "2", "--metric", "profit"],
    ["evaluate-offline", "logs", "--policy", "pid", "--draws", "2", "--json"],
    ["learn-offline", "logs", "--out", "out"],
    ["export-dataset", "run", "--episodes", "1", "--out", "out"],
)


@st.composite
def _cases(draw: st.DrawFn) -> Case:
    edit = (
        st.tuples(st.just("settings"), st.sampled_from(_KEYS), st.sampled_from(sorted(_VALUES)))
        | st.tuples(st.just("cell"), st.integers(0, 10_000), st.sampled_from(sorted(_CELLS)))
        | st.tuples(st.just("table"), st.integers(0, 60), st.sampled_from(_TABLE_EDITS))
    )
    case: Case = {
        "command": draw(st.sampled_from(_COMMANDS)),
        "edits": [list(one) for one in draw(st.lists(edit, max_size=2))],
        "is_sealed": draw(st.booleans()) or draw(st.booleans()),
    }
    if draw(st.integers(0, 3)) == 0:
        case["text"] = draw(text_edits(2))
    if draw(st.integers(0, 5)) == 0:
        case["bytes"] = draw(byte_edits(2))
    return case


@cache
def _logged() -> Path:
    """Return a small dataset that all targets share."""
    folder = home() / "logs"
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        scenario = str(home() / "scenario.toml")
        code = main(["export-dataset", scenario, "--bid-model", "scale", "--episodes", "2", "--out", str(folder)])
        main(["evaluate-offline", str(folder), "--policy", "manual", "--draws", "2"])
        main(["learn-offline", str(folder), "--out", str(home() / "learned")])
    assert code == 0
    assert (home() / "learned").is_dir()
    return folder


def _run(case: Case) -> None:
    put("run")
    shutil.copytree(_logged(), "logs")
    settings, steps = Path("logs", SETTINGS), Path("logs", STEPS)
    found = json.loads(settings.read_text())
    table = pl.read_parquet(steps)
    for what, name, value in case["edits"]:
        if what == "settings":
            found[name] = _VALUES[value]
        else:
            table = _edited(table, what, name, value)
    if any(what != "settings" for what, *_ in case["edits"]):
        table.write_parquet(steps)
    if "bytes" in case:
        steps.write_bytes(edited_bytes(steps.read_bytes(), case["bytes"]))
    if case["is_sealed"] and not any(name == "sha256" for _, name, _ in case["edits"]):
        found["sha256"] = hashlib.sha256(steps.read_bytes()).hexdigest()
    text = json.dumps(found, indent=2)
    settings.write_bytes(to_bytes(edited_text(text, case["text"]) if "text" in case else text))
    run_command(case["command"], writes=["out"])


def _edited(table: pl.DataFrame, what: str, name: int, value: str) -> pl.DataFrame:
    """Return a table with one value changed, or one column, or its rows."""
    if not table.width:
        return table
    column = table.columns[name % table.width]
    if what == "cell":
        new = pl.lit(_CELLS[value]).cast(table[column].dtype, strict=False)
        is_hit = pl.int_range(pl.len()) == (name // table.width) % max(len(table), 1)
        return table.with_columns(pl.when(is_hit).then(new).otherwise(pl.col(column)).alias(column))
    if value in ("drop", "text", "none"):
        changed = {"text": pl.col(column).cast(pl.String), "none": pl.lit(None).alias(column)}
        return table.drop(column) if value == "drop" else table.with_columns(changed[value])
    rows = {"head": table.head(1), "empty": table.clear(), "reverse": table.reverse(), "double": pl.concat([table, table])}
    return rows[value] if value in rows else table.sample(fraction=1.0, shuffle=True, seed=name)


def _prepare() -> None:
    _logged()


TARGET = Target(cases=_cases, run=_run, prepare=_prepare, quick=10, seconds=60)
