"""Integrate by a composite rule of Gauss and Legendre with five nodes to an interval, exact for polynomials of degree nine."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

_INNER, _OUTER = np.sqrt(5 - 2 * np.sqrt(10 / 7)) / 3, np.sqrt(5 + 2 * np.sqrt(10 / 7)) / 3
_NODES = np.array([-_OUTER, -_INNER, 0.0, _INNER, _OUTER])
_HEAVY, _LIGHT = (322 + 13 * np.sqrt(70)) / 900, (322 - 13 * np.sqrt(70)) / 900
_WEIGHTS = np.array([_LIGHT, _HEAVY, 128 / 225, _HEAVY, _LIGHT])


def composite_rule(edges: Array) -> tuple[Array, Array]:
    """Return nodes and weights over intervals, `[5 x intervals]` each.

    Args:
        edges: The ends of the intervals, rising, `[intervals + 1]`.
    """
    half, middle = np.diff(edges) / 2, (edges[1:] + edges[:-1]) / 2
    nodes = middle[:, np.newaxis] + half[:, np.newaxis] * _NODES
    return nodes.ravel(), (half[:, np.newaxis] * _WEIGHTS).ravel()
