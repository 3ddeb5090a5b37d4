"""Draw a number by iteration as inline SVG: the mean over seeds, their range as a band, each seed thin, a floor dashed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from auctionsim.analysis.documents.page import escape

_WIDTH, _HEIGHT, _LEFT, _BOTTOM, _MARGIN = 600, 220, 56, 24, 8
_POINTS = 300
"""Points that a line has at most: more are not seen."""
_SEEDS = 12
"""Seeds that are drawn one by one; the band holds all."""

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Curve:
    """A number by iteration."""

    iterations: Array
    by_seed: Array
    """`[seeds, iterations]`, NaN where it is not defined."""

    @property
    def mean(self) -> Array:
        """Return the mean over seeds, NaN where a seed has none, `[iterations]`."""
        return self.by_seed.mean(axis=0)

    @property
    def low(self) -> Array:
        """Return the lowest seed's value, `[iterations]`."""
        return self.by_seed.min(axis=0)

    @property
    def high(self) -> Array:
        """Return the highest seed's value, `[iterations]`."""
        return self.by_seed.max(axis=0)


def curve_of(metrics: Mapping[int, Mapping[int, Mapping[str, float | None]]], seeds: Sequence[int], name: str) -> Curve:
    """Return the curve of a logged number; of many iterations evenly spaced ones, the last included.

    Args:
        metrics: Logged numbers by iteration, seed and name.
        seeds: The seeds, all of which logged every iteration.
        name: The number's name.
    """
    every = sorted(metrics)
    chosen = [every[index] for index in spaced(len(every), _POINTS)]
    values = [[_number(metrics[iteration][seed].get(name)) for iteration in chosen] for seed in seeds]
    return Curve(np.array(chosen, dtype=np.float64), np.array(values).reshape(len(seeds), len(chosen)))


def spaced(count: int, most: int) -> list[int]:
    """Return up to `most` of the numbers 0 to `count - 1`, evenly spaced, first and last included."""
    if count <= most:
        return list(range(count))
    return sorted({round(index) for index in np.linspace(0, count - 1, most).tolist()})


def svg(curve: Curve, title: str, floor: float | None = None) -> str:
    """Return the curve as SVG that takes the page's colors, or an empty text where nothing is defined.

    Args:
        curve: The curve.
        title: Words that a screen reader says of it.
        floor: A level that is drawn dashed; None for none.
    """
    known = curve.by_seed[np.isfinite(curve.by_seed)]
    if known.size == 0:
        return ""
    levels = known if floor is None else np.append(known, floor)
    low, high = float(levels.min()), float(levels.max())
    room = 0.05 * (high - low) or 0.05 * max(abs(high), 1.0)
    low, high = low - room, high + room
    first, last = float(curve.iterations[0]), float(curve.iterations[-1])

    def x(values: Array) -> Array:
        share = (values - first) / (last - first) if last > first else np.full(values.shape, 0.5)
        return _LEFT + share * (_WIDTH - _LEFT - _MARGIN)

    def y(values: Array) -> Array:
        return _MARGIN + (high - values) / (high - low) * (_HEIGHT - _BOTTOM - _MARGIN)

    across = x(curve.iterations)
    parts = [_axes(low, high, first, last, float(y(np.array([high]))[0]), float(y(np.array([low]))[0]))]
    inside = np.isfinite(curve.mean)
    if inside.sum() > 1:
        outline = [*zip(across[inside], y(curve.high)[inside], strict=True)]
        outline += [*zip(across[inside], y(curve.low)[inside], strict=True)][::-1]
        parts.append(f'<polygon class="band" points="{_points(outline)}"/>')
    for own in curve.by_seed[:_SEEDS]:
        parts += _lines(across, y(own), "seed")
    parts += _lines(across, y(curve.mean), "mean")
    if floor is not None:
        level = float(y(np.array([floor]))[0])
        parts.append(f'<line class="floor" x1="{_LEFT}" x2="{_WIDTH - _MARGIN}" y1="{level:.1f}" y2="{level:.1f}"/>')
    body = "".join(parts)
    return f'<svg viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" aria-label="{escape(title)}">{body}</svg>'


def _axes(low: float, high: float, first: float, last: float, top: float, bottom: float) -> str:
    x_text, right = _LEFT - 6, _WIDTH - _MARGIN
    return (
        f'<path class="axis" d="M{_LEFT} {top:.1f}V{bottom:.1f}H{right}"/>'
        f'<text x="{x_text}" y="{top + 10:.1f}" text-anchor="end">{high:.3g}</text>'
        f'<text x="{x_text}" y="{bottom:.1f}" text-anchor="end">{low:.3g}</text>'
        f'<text x="{_LEFT}" y="{_HEIGHT - 6}">{first:.0f}</text>'
        f'<text x="{right}" y="{_HEIGHT - 6}" text-anchor="end">{last:.0f}</text>'
    )


def _lines(x: Array, y: Array, kind: str) -> list[str]:
    """Return a line for each stretch in which the number is defined; a single point is a dot."""
    found, stretch = [], []
    for point in [*zip(x, y, strict=True), (0.0, np.nan)]:
        if np.isfinite(point[1]):
            stretch.append(point)
        elif stretch:
            dot = f'<circle class="{kind}" cx="{stretch[0][0]:.1f}" cy="{stretch[0][1]:.1f}" r="2"/>'
            found.append(f'<polyline class="{kind}" points="{_points(stretch)}"/>' if len(stretch) > 1 else dot)
            stretch = []
    return found


def _points(points: Sequence[tuple[float, float]]) -> str:
    return " ".join(f"{x:.1f},{y:.1f}" for x, y in points)


def _number(value: float | None) -> float:
    return np.nan if value is None else float(value)
