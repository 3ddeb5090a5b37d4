"""Keep the arrays of goals, scales and rates where an hour is scored: in memory, or on another device."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import fields, replace
from typing import Any, TypeVar

import numpy as np

Terms = TypeVar("Terms")


def on_processor(array: Any) -> Any:
    """Return an array of numpy as it is."""
    return array


def relocated(terms: Terms, home: Callable[[Any], Any]) -> Terms:
    """Return a dataclass with its arrays, and those of its mappings, where `home` puts them.

    Args:
        terms: The dataclass.
        home: Function of an array of numpy, `[...]`, that returns it elsewhere.
    """
    if home is on_processor:
        return terms

    def moved(value: Any) -> Any:
        if isinstance(value, Mapping):
            return {key: moved(inner) for key, inner in value.items()}
        return home(value) if isinstance(value, np.ndarray) else value

    changed = {one.name: moved(getattr(terms, one.name)) for one in fields(terms)}  # type: ignore[arg-type]
    return replace(terms, **changed)  # type: ignore[type-var]
