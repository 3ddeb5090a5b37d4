"""Run folders: manifests, metrics, notes and tables that are broken or contradict each other."""

from __future__ import annotations

import json
import shutil
from contextlib import suppress
from pathlib import Path
from random import Random
from typing import Any

import polars as pl
from hypothesis import strategies as st
from safetensors import SafetensorError

from ...broken.run_mutators import MUTATORS
from ..base import Case, Target
from ..edits import SEEDS, byte_edits, edited_bytes, edited_text, text_edits, to_bytes
from ..folders import home, put
from ..oracle import run_command

_VALUES: dict[str, Any] = {
    "null": None, "true": True, "-1": -1, "0": 0, "1": 1, "2**63": 2**63, "10**400": 10**400, "1.5": 1.5, "nan": float("nan"),
    "inf": float("inf"), "empty": "", "text": "x", "formula": "$x^2$ <b>\u202e</b>", "path": "../../../etc/passwd", "list": [],
    "seeds": [0, 0], "huge seeds": [2**63], "list of lists": [[1]], "object": {}, "finished": "finished", "running": "running",
    "interrupted": "interrupted", "failed": "failed", "override": ["train.iterations=3"], "surrogate": "\ud800",
    "control": "\x1b[2J\x00",
}  # fmt: skip
_MANIFEST = ("command", "overrides", "scenario_folder", "seeds", "status", "version", "code", "error", "more")
_METRICS = ("iteration", "seed", "revenue_ratio", "more")
_TABLES = ("outcomes", "benchmarks", "collusion", "punishment", "regret", "queries")
_CELLS: dict[str, Any] = {"nothing": None, "nan": float("nan"), "inf": float("inf"), "-1": -1, "1e308": 1e308, "x": "x", "0": 0}
_FILES = ("manifest.json", "metrics.jsonl", "provenance.json", "resolved.json", "scenario.toml", "timing.jsonl")
_COMMANDS = (
    ["report", "run"], ["report", "run", "interrupted"], ["compare", "run", "interrupted"], ["evaluate", "run"],
    ["resume", "interrupted"],
    ["resume", "run"], ["control", "run"], ["report", "run", "--json"], ["report", "run", "--out", "page"],
    ["compare", "run", "run2"],
)  # fmt: skip


@st.composite
def _cases(draw: st.DrawFn) -> Case:
    value = st.sampled_from(sorted(_VALUES))
    edit = (
        st.tuples(st.just("manifest"), st.sampled_from(_MANIFEST), value)
        | st.tuples(st.just("metrics"), st.sampled_from(_METRICS), value)
        | st.tuples(st.sampled_from(_TABLES), st.integers(0, 40), st.sampled_from(sorted(_CELLS)))
        | st.tuples(
            st.sampled_from(_TABLES), st.just("column"), st.sampled_from(["drop", "text", "double", "none", "head", "copy"])
        )
        | st.tuples(
            st.just("remove"), st.sampled_from([*_FILES, *(f"{name}.parquet" for name in _TABLES), "checkpoints"]), st.just("")
        )
    )
    case: Case = {
        "command": draw(st.sampled_from(_COMMANDS)),
        "name": draw(
            st.sampled_from(["run", "run", "run", "$x$", "a^b_c", "\u5e7f\u544a", "<b>", "a\nb", "\x1b[1m", "-run", "x" * 90])
        ),
    }
    if draw(st.booleans()):
        mutation = st.tuples(st.sampled_from(sorted(MUTATORS)), SEEDS)
        return case | {"mutations": [list(one) for one in draw(st.lists(mutation, min_size=1, max_size=2))]}
    case["edits"] = [list(one) for one in draw(st.lists(edit, max_size=2))]
    if draw(st.integers(0, 3)) == 0:
        case["file"] = draw(st.sampled_from([*_FILES, "outcomes.parquet", "benchmarks.parquet"]))
        case["bytes" if draw(st.booleans()) or case["file"].endswith("parquet") else "text"] = draw(byte_edits(2))
        if "text" in case:
            case["text"] = draw(text_edits(2))
    return case


def _run(case: Case) -> None:
    put("run", "interrupted")
    shutil.copytree("run", "run2")
    broken = Path(case["command"][1])
    for edit in case.get("edits", ()):
        _edit(broken, *edit)
    for name, seed in case.get("mutations", ()):
        # The first change can leave nothing for the second: no file, no table.
        with suppress(OSError, ValueError, LookupError, pl.exceptions.PolarsError, SafetensorError):
            MUTATORS[name](broken, Random(seed))
    if "file" in case and (broken / case["file"]).is_file():
        path = broken / case["file"]
        path.write_bytes(edited_bytes(path.read_bytes(), case["bytes"]) if "bytes" in case else
                         to_bytes(edited_text(path.read_text(errors="replace"), case["text"])))  # fmt: skip
    words = list(case["command"])
    if case["name"] != "run" and broken.name == "run":
        broken.rename(case["name"])
        words = [case["name"] if word == "run" else word for word in words]
        words = [f"./{word}" if word.startswith("-r") else word for word in words]
    run_command(words, writes=["comparison", "page"], changes=["run", "interrupted", "run2", case["name"]])


def _edit(run: Path, what: str, name: Any, value: str) -> None:
    if what == "remove":
        path = run / name
        shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
    elif what == "manifest" and (run / "manifest.json").exists():
        path = run / "manifest.json"
        path.write_text(json.dumps(json.loads(path.read_text()) | {name: _VALUES[value]}))
    elif what == "metrics" and (run / "metrics.jsonl").exists():
        path = run / "metrics.jsonl"
        lines = path.read_text().splitlines()
        lines[-1] = json.dumps(json.loads(lines[-1]) | {name: _VALUES[value]})
        path.write_text("\n".join(lines) + "\n")
    elif (run / f"{what}.parquet").exists():
        path = run / f"{what}.parquet"
        _edited(pl.read_parquet(path), name, value).write_parquet(path)


def _edited(table: pl.DataFrame, name: Any, value: str) -> pl.DataFrame:
    """Return a table with one value changed, or one column."""
    if not table.width:
        return table
    if name == "column":
        last, first = table.columns[-1], table.columns[0]
        if value in ("drop", "text"):
            return table.drop(last) if value == "drop" else table.with_columns(pl.col(last).cast(pl.String))
        if value == "none":
            return table.with_columns(pl.lit(None).alias(first))
        return {"double": pl.concat([table, table]), "head": table.head(1), "copy": table.clear()}[value]
    column = table.columns[name % table.width]
    try:
        new = pl.lit(_CELLS[value]).cast(table[column].dtype, strict=False)
        return table.with_columns(
            pl.when(pl.int_range(pl.len()) == pl.len() // 2).then(new).otherwise(pl.col(column)).alias(column)
        )
    except pl.exceptions.PolarsError:
        return table


def _prepare() -> None:
    home()


TARGET = Target(cases=_cases, run=_run, prepare=_prepare, quick=5, seconds=90)
