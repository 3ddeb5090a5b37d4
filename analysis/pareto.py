"""Measure trade-offs between several objectives: which outcomes are not dominated, and how much they cover together."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from auctionsim.errors import InputError


def pareto_front(points: ArrayLike) -> NDArray[np.bool_]:
    """Mark the points `[points, objectives]` that no other point dominates, larger being better.

    A point dominates another if it is at least as good in every objective and better in one.
    """
    p = np.asarray(points, dtype=np.float64)
    at_least = np.all(p[None, :, :] >= p[:, None, :], axis=2)
    better = np.any(p[None, :, :] > p[:, None, :], axis=2)
    is_dominated: NDArray[np.bool_] = np.any(at_least & better, axis=1)
    return ~is_dominated


def hypervolume(points: ArrayLike, reference: ArrayLike) -> float:
    """Return the volume that points dominate above a reference point (Zitzler and Thiele 1999); larger is better.

    Args:
        points: Outcomes `[points, objectives]`, larger being better. One that is not above the reference point in every
            objective adds nothing.
        reference: The reference point `[objectives]`, for example the baseline policy's outcome.

    Raises:
        InputError: The points are not finite, or have another number of objectives than the reference point.
    """
    p, origin = np.asarray(points, dtype=np.float64), np.asarray(reference, dtype=np.float64)
    if p.ndim != 2 or p.shape[1] != origin.shape[0] or not np.isfinite(p).all():
        raise InputError(f"points: expected finite numbers [points, {origin.shape[0]}], got shape {list(p.shape)}")
    return _volume(p[(p > origin).all(axis=1)] - origin)


def _volume(points: NDArray[np.float64]) -> float:
    """Return the volume of a union of boxes from the origin.

    The union is cut into slices along the last objective; each slice is a union with one objective less. The boxes (2, 1)
    and (1, 2): from height 2 down to 1 a slice of width 1, below that one of width 2, in all 1 x 1 + 1 x 2 = 3.
    """
    if len(points) == 0:
        return 0.0
    if points.shape[1] == 1:
        return float(points.max())
    points = points[np.argsort(-points[:, -1], kind="stable")]
    depth = points[:, -1] - np.append(points[1:, -1], 0.0)
    return sum(float(d) * _volume(points[: k + 1, :-1]) for k, d in enumerate(depth) if d > 0)
