"""Checkpoints: a learner's state as one safetensors file, which holds no code."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.numpy import load_file, save

from auctionsim.errors import InputError, shown, suggestion
from auctionsim.files import write_then_rename

Arrays = dict[str, NDArray[Any]]

_SCHEMA = "auctionsim-checkpoint-1"


def save_state(path: Path, arrays: Arrays) -> None:
    """Write a state, whole or not at all; the same state gives the same bytes."""
    # The library writes an array's memory from its first number on, whatever its strides: a column would take its neighbors'.
    whole = {name: np.require(array, requirements="C") for name, array in arrays.items()}
    contents = save(whole, {"schema": _SCHEMA})
    write_then_rename(path, lambda part: part.write_bytes(contents))


def load_state(path: Path) -> Arrays:
    """Read what `save_state` wrote.

    Raises:
        InputError: The file is missing, is not a checkpoint of ours, or holds NaN or infinity.
    """
    if not path.is_file():
        raise InputError(f"{path}: expected a checkpoint file, got no such file")
    try:
        with safe_open(path, framework="np") as opened:
            schema = (opened.metadata() or {}).get("schema")
        arrays = load_file(path)
    except (SafetensorError, OSError, ValueError, TypeError, KeyError) as error:
        raise InputError(f"{path}: expected a safetensors file, got {shown(str(error))}") from error
    if schema != _SCHEMA:
        raise InputError(f"{path}: expected a checkpoint of schema {_SCHEMA}, got {shown(schema)}")
    for name, array in arrays.items():
        if not np.isfinite(array).all():
            raise InputError(f"{path}: array {shown(name)}: expected finite numbers, got NaN or infinity")
    return arrays


def expect_arrays(source: str, state: object) -> None:
    """Refuse what is no state of a learner: a dictionary of named arrays of finite numbers.

    Raises:
        InputError: It is something else.
    """
    if not isinstance(state, dict) or not state:
        raise InputError(f"{source}: expected a dictionary of arrays, got {shown(state)}")
    for name, array in state.items():
        if not isinstance(name, str) or not isinstance(array, np.ndarray) or array.dtype.kind not in "biuf":
            came = f"{array.dtype} of shape {list(array.shape)}" if isinstance(array, np.ndarray) else shown(array)
            raise InputError(f"{source}: expected an array of numbers as {shown(name)}, got {came}")
        if not np.isfinite(array).all():
            raise InputError(f"{source}: array {shown(name)}: expected finite numbers, got NaN or infinity")


def expect_like(source: Path | str, state: Arrays, like: Mapping[str, NDArray[Any]]) -> None:
    """Refuse a state whose arrays are not those of the learner that it is meant for.

    Raises:
        InputError: An array is missing, unknown, or of another shape or type.
    """
    for name, wanted in like.items():
        if name not in state:
            raise InputError(f"{source}: expected an array {shown(name)}, got none{suggestion(name, state)}")
        if state[name].shape != wanted.shape or state[name].dtype != wanted.dtype:
            expected, came = (f"{array.dtype} of shape {list(array.shape)}" for array in (wanted, state[name]))
            raise InputError(f"{source}: array {shown(name)}: expected {expected}, got {came}")
    unknown = sorted(set(state) - set(like))
    if unknown:
        raise InputError(f"{source}: expected the arrays {', '.join(like)}, got {shown(unknown[0])} too")
