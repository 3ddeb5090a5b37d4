"""Python values that a caller may hand over by mistake, by names that a case can hold."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from hypothesis import strategies as st


class Odd:
    """An object whose text spans lines and that is equal to nothing."""

    def __repr__(self) -> str:
        return "<odd\nobject>"

    def __eq__(self, other: object) -> bool:
        return False

    __hash__ = None  # type: ignore[assignment]


VALUES: dict[str, Callable[[], Any]] = {
    "None": lambda: None,
    "True": lambda: True,
    "False": lambda: False,
    "0": lambda: 0,
    "1": lambda: 1,
    "-1": lambda: -1,
    "2": lambda: 2,
    "7": lambda: 7,
    "2**31": lambda: 2**31,
    "2**63-1": lambda: 2**63 - 1,
    "2**63": lambda: 2**63,
    "10**400": lambda: 10**400,
    "10**5000": lambda: 10**5000,
    "-10**400": lambda: -(10**400),
    "0.5": lambda: 0.5,
    "2.0": lambda: 2.0,
    "nan": lambda: math.nan,
    "inf": lambda: math.inf,
    "-inf": lambda: -math.inf,
    "1e308": lambda: 1e308,
    "5e-324": lambda: 5e-324,
    "1j": lambda: 1j,
    "empty text": lambda: "",
    "text": lambda: "train",
    "box": lambda: "box",
    "long text": lambda: "x" * 3000,
    "lines": lambda: "one\ntwo",
    "null": lambda: "a\0b",
    "surrogate": lambda: "\udcff",
    "digits": lambda: "3",
    "bytes": lambda: b"macg",
    "path": lambda: Path("nowhere.toml"),
    "list": list,
    "list of 0": lambda: [0],
    "list of 0 and 1": lambda: [0, 1],
    "list of None": lambda: [None, None],
    "list of text": lambda: ["a", "b"],
    "ragged": lambda: [[1], [1, 2]],
    "tuple": lambda: (1, 2),
    "set": lambda: {1, 2},
    "dictionary": dict,
    "dictionary of 1": lambda: {"a": 1},
    "dictionary by number": lambda: {1: 2},
    "object": Odd,
    "class": lambda: Odd,
    "function": lambda: len,
    "generator": lambda: (i for i in range(2)),
    "int64": lambda: np.int64(1),
    "uint64": lambda: np.uint64(2**64 - 1),
    "float32": lambda: np.float32(1.0),
    "float nan": lambda: np.float64("nan"),
    "bool_": lambda: np.bool_(True),
    "datetime64": lambda: np.datetime64("2026-01-01"),
    "array of nothing": lambda: np.zeros(0),
    "array 0d": lambda: np.array(1),
    "array": lambda: np.zeros(3, np.float32),
    "array of 2": lambda: np.array([1, 2]),
    "array of text": lambda: np.array(["a", "b"]),
    "array of objects": lambda: np.array([None, "a", 1], dtype=object),
    "array of bool": lambda: np.array([True, False]),
    "array of nan": lambda: np.array([math.nan, 1.0]),
    "array of complex": lambda: np.array([1j, 2.0]),
    "array 2d": lambda: np.zeros((2, 2)),
    "array of times": lambda: np.array(["2026-01-01"], dtype="datetime64[ns]"),
    "masked": lambda: np.ma.masked_array([1.0, 2.0], mask=[True, False]),
    "structured": lambda: np.zeros(2, dtype=[("a", "i4")]),
}  # fmt: skip


def hostile() -> st.SearchStrategy[str]:
    """Return the strategy of the names of `VALUES`."""
    return st.sampled_from(list(VALUES))


def made(value: Any) -> Any:
    """Return what a case names: `["value", name]` one of `VALUES`, anything else itself."""
    if isinstance(value, list) and len(value) == 2 and value[0] == "value":
        return VALUES[value[1]]()
    return value
