"""Read the figures of a profile's TOML tree, checked for shape and range."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from auctionsim.errors import InputError, shown

MOST = 1e12
"""Largest figure, so that nothing overflows."""
MOST_SPREAD = 10.0
"""Largest log standard deviation, as in a scenario."""
WEEKDAYS = 7


def figures(
    tree: dict[str, Any],
    source: str,
    key: str,
    shape: tuple[int | None, ...],
    minimum: float = 1e-12,
    maximum: float = MOST,
) -> NDArray[np.float64]:
    """Read the array of finite numbers at `key`, and check their range.

    Args:
        tree: The profile's tree.
        source: The profile's name in messages.
        key: The place, as `section.key`.
        shape: The array's shape, in which None stands for any size.
        minimum: The smallest number.
        maximum: The largest number.

    Raises:
        InputError: There is nothing, or no such numbers.
    """
    node: Any = tree
    for part in key.split("."):
        if not isinstance(node, dict) or part not in node:
            raise InputError(f"{source}: {key}: expected figures, got nothing")
        node = node[part]
    try:
        found = np.asarray(node, dtype=np.float64)
    except (TypeError, ValueError, OverflowError):
        raise InputError(f"{source}: {key}: expected numbers, got {shown(node)}") from None
    if found.ndim != len(shape) or any(n not in (None, m) for n, m in zip(shape, found.shape, strict=True)):
        words = " x ".join("any number of" if n is None else str(n) for n in shape) or "one"
        raise InputError(f"{source}: {key}: expected {words} numbers, got shape {list(found.shape)}")
    if not (np.isfinite(found).all() and (found >= minimum).all()):
        wrong = found[~(np.isfinite(found) & (found >= minimum))].flat[0]
        raise InputError(f"{source}: {key}: expected numbers {'>= 0' if minimum == 0 else '> 0'}, got {wrong}")
    if (found > maximum).any():
        raise InputError(f"{source}: {key}: expected numbers <= {maximum:g}, got {found.max():g}")
    return found
