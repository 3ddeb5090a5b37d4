"""Trade-offs between several objectives: which outcomes no other one beats, and how much they cover together."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray


def pareto_front(points: ArrayLike) -> NDArray[np.bool_]:
    """Which points `[points, objectives]`, larger is better, no other point beats: at least as good in all, better in one."""
    p = np.asarray(points, dtype=np.float64)
    at_least = np.all(p[None, :, :] >= p[:, None, :], axis=2)
    better = np.any(p[None, :, :] > p[:, None, :], axis=2)
    is_beaten: NDArray[np.bool_] = np.any(at_least & better, axis=1)
    return ~is_beaten


def hypervolume(points: ArrayLike, reference: ArrayLike) -> float:
    """Volume that points dominate above a reference point (Zitzler and Thiele 1999), larger is better.

    Args:
        points: `[points, objectives]`, larger is better; those not above the reference in all objectives add nothing.
        reference: `[objectives]`.
    """
    p, origin = np.asarray(points, dtype=np.float64), np.asarray(reference, dtype=np.float64)
    if p.ndim != 2 or p.shape[1] != origin.shape[0] or not np.isfinite(p).all():
        raise ValueError(f"points: expected finite numbers [points, {origin.shape[0]}], got shape {list(p.shape)}")
    return _volume(p[(p > origin).all(axis=1)] - origin)


def _volume(points: NDArray[np.float64]) -> float:
    """Volume of a union of boxes from the origin: slices along the last objective, each a union with one objective less."""
    if len(points) == 0:
        return 0.0
    if points.shape[1] == 1:
        return float(points.max())
    points = points[np.argsort(-points[:, -1], kind="stable")]
    depth = points[:, -1] - np.append(points[1:, -1], 0.0)
    return sum(float(d) * _volume(points[: k + 1, :-1]) for k, d in enumerate(depth) if d > 0)
