"""Checkpoints of a run: arrays that are missing, more, of another type or shape, values out of range, broken files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from hypothesis import strategies as st
from safetensors.numpy import load_file, save_file

from ..base import Case, Target
from ..edits import byte_edits, edited_bytes
from ..folders import home, put
from ..oracle import run_command

_VALUES = ("0", "-1", "nan", "inf", "1e300", "-1e300", "9e15", "0.5")
_TYPES = ("float32", "float16", "int64", "uint8", "bool")
_SHAPES = ("none", "one more", "transposed", "flat", "scalar", "empty")
_COMMANDS = (["evaluate", "run"], ["resume", "interrupted"], ["resume", "run"], ["control", "run"])


@st.composite
def _cases(draw: st.DrawFn) -> Case:
    arrays = st.integers(0, 30)
    edit = (
        st.tuples(st.just("value"), arrays, st.sampled_from(_VALUES))
        | st.tuples(st.just("one value"), arrays, st.sampled_from(_VALUES))
        | st.tuples(st.just("type"), arrays, st.sampled_from(_TYPES))
        | st.tuples(st.just("shape"), arrays, st.sampled_from(_SHAPES))
        | st.tuples(st.sampled_from(["drop", "rename", "add"]), arrays, st.just(""))
    )
    return {
        "command": draw(st.sampled_from(_COMMANDS)),
        "edits": [list(one) for one in draw(st.lists(edit, max_size=3))],
        "bytes": draw(byte_edits(3)) if draw(st.integers(0, 3)) == 0 else [],
    }


def _run(case: Case) -> None:
    name = case["command"][1]
    put(name)
    path = max(Path(name).glob("checkpoints/*/seed-0.safetensors"))
    arrays = load_file(path)
    for what, index, value in case["edits"]:
        if arrays:
            _edit(arrays, sorted(arrays)[index % len(arrays)], what, value)
    if case["edits"]:
        save_file(arrays, path, {"schema": "auctionsim-checkpoint-1"})
    path.write_bytes(edited_bytes(path.read_bytes(), case["bytes"]))
    run_command(case["command"], changes=[name])


def _edit(arrays: dict[str, Any], name: str, what: str, value: str) -> None:
    array = arrays[name]
    with np.errstate(all="ignore"):
        if what == "value":
            arrays[name] = np.full(array.shape, float(value)).astype(array.dtype)
        elif what == "one value" and array.size:
            changed = array.copy()
            changed.reshape(-1)[-1] = np.float64(value).astype(array.dtype)
            arrays[name] = changed
        elif what == "type":
            arrays[name] = array.astype(value)
        elif what == "shape":
            shapes = {
                "none": array[:0] if array.ndim else array, "one more": np.stack([array, array]), "flat": array.ravel(),
                "transposed": np.ascontiguousarray(array.T), "scalar": array.ravel()[:1].reshape(()) if array.size else array,
                "empty": np.zeros((0, 5), array.dtype),
            }  # fmt: skip
            arrays[name] = shapes[value]
        elif what == "drop":
            del arrays[name]
        elif what == "rename":
            arrays[f"{name}\u00fc"] = arrays.pop(name)
        elif what == "add":
            arrays["more"] = np.zeros(3)


def _prepare() -> None:
    home()


TARGET = Target(cases=_cases, run=_run, prepare=_prepare, quick=4, seconds=60)
