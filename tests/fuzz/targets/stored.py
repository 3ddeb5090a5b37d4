"""Stored traffic: its index with other counts and pieces, its columns with other numbers. Compiled code must never see them."""

from __future__ import annotations

import json
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
from hypothesis import strategies as st

from auctionsim.auction.replay import replay
from auctionsim.traffic.files import load_traffic
from auctionsim.traffic.stored.store import CELL_TYPES, INDEX, ROW_TYPES, column_file, open_traffic

from ...mutations import stored as mutations
from ...stored_tables import store_table
from ..base import Case, Target
from ..edits import SEEDS, byte_edits, edited_bytes
from ..folders import home
from ..oracle import check_call, run_command

_TYPES = CELL_TYPES | ROW_TYPES
_NUMBERS = (-1, 0, 1, 2, 7, 1000, 2**31 - 1, -(2**31), 2**31, 2**62, 2**63, 10**30, "nan", "inf", "-inf", "1e38", "0.5")
_INDEX_KEYS = ("advertisers", "queries", "cells", "rows", "most_rows", "auctions", "format", "pieces", "checksum", "more")
_SCENARIO = """\
name = "stored"
[traffic]
source = "stored"
train_days = [0]
test_days = [1]
[[advertisers]]
group = "g"
count = 3
[learner]
population = 4
[train]
iterations = 1
"""


@st.composite
def _cases(draw: st.DrawFn) -> Case:
    number = st.sampled_from(_NUMBERS)
    edit = (
        st.tuples(st.just("column"), st.sampled_from(sorted(_TYPES)), st.integers(0, 200), number)
        | st.tuples(st.just("piece"), st.integers(0, 60), st.integers(0, 5), number)
        | st.tuples(st.just("index"), st.sampled_from(_INDEX_KEYS), st.just(0), number | st.just("[]") | st.just("none"))
        | st.tuples(st.sampled_from(["drop", "grow", "cut"]), st.sampled_from(sorted(_TYPES)), st.integers(0, 9), st.just(0))
    )
    case: Case = {"how": draw(st.sampled_from(["replay", "replay", "details", "table", "check", "train"]))}
    if draw(st.booleans()):
        return case | {"mutations": draw(SEEDS)}
    return case | {
        "edits": [list(one) for one in draw(st.lists(edit, max_size=2))],
        "bytes": draw(byte_edits(2)) if draw(st.integers(0, 5)) == 0 else [],
    }


def _run(case: Case) -> None:
    if "mutations" in case:
        mutations.write_day(Path("stored"))
        mutations.mutate(Path("stored"), Random(case["mutations"]))
    else:
        _store(Path("stored"))
    for edit in case.get("edits", ()):
        _edit(Path("stored"), *edit)
    if case.get("bytes"):
        index = Path("stored") / INDEX
        index.write_bytes(edited_bytes(index.read_bytes(), case["bytes"]))
    if case["how"] in ("check", "train"):
        Path("s.toml").write_text(_SCENARIO)
        run_command([case["how"], "s.toml", *(["--out", "out"] if case["how"] == "train" else [])], writes=["out"])
        return
    traffic = check_call(lambda: open_traffic("stored"), ["stored"])
    if traffic is None:
        return
    if case["how"] == "table":
        check_call(traffic.table, ["stored"])
        return
    theta = np.ones((len(traffic.advertisers), 1, 2))
    for day in traffic.days[:2]:
        check_call(
            lambda day=day: replay(
                traffic, day=day, coefficients=theta, slot_effect=(1.0, 0.5), details=case["how"] == "details", budgets=3.0
            ),
            ["stored", "day"],
        )


def _store(folder: Path) -> None:
    """Write the small table as stored traffic."""
    store_table(load_traffic(home() / "table.parquet"), folder)


def _edit(folder: Path, what: str, name: Any, place: int, value: Any) -> None:
    path = column_file(folder, name) if what in ("column", "drop", "grow", "cut") else folder / INDEX
    if what == "column" and path.exists():
        column = np.fromfile(path, _TYPES[name])
        with np.errstate(all="ignore"):
            number = np.float64(value) if isinstance(value, str) else min(max(value, -(2**63)), 2**63 - 1)
            column[place % len(column)] = np.asarray(number).astype(column.dtype)
        column.tofile(path)
    elif what == "drop":
        path.unlink(missing_ok=True)
    elif what in ("grow", "cut"):
        contents = path.read_bytes() if path.exists() else b""
        path.write_bytes(contents + bytes(4 * place) if what == "grow" else contents[: len(contents) - place])
    elif what in ("piece", "index"):
        index = json.loads(path.read_text())
        value = (
            {"[]": [], "none": None, "nan": float("nan"), "inf": float("inf")}.get(value, value)
            if isinstance(value, str)
            else value
        )
        pieces = index.get("pieces")
        # An earlier edit may have put something else in place of the pieces.
        if what == "piece" and isinstance(pieces, list) and pieces:
            pieces[name % len(pieces)][place] = value
        elif what == "index":
            index[name] = value
        path.write_text(json.dumps(index))


def _prepare() -> None:
    home()


TARGET = Target(cases=_cases, run=_run, prepare=_prepare, quick=25, seconds=60)
