"""Draw a number by iteration as inline SVG: the mean over seeds, their range as a band, each seed thin, a level dashed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from auctionsim.analysis.documents.page import escape

_WIDTH, _HEIGHT, _LEFT, _TOP, _BOTTOM, _MARGIN = 600, 260, 56, 26, 48, 10
_TICKS = 5
"""Labelled values of an axis, about."""
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


def svg(curve: Curve, title: str, unit: str, level: float | None = None) -> str:
    """Return the curve as SVG that takes the page's colors, or an empty text where nothing is defined.

    Args:
        curve: The curve.
        title: Words that a screen reader says of it.
        unit: Name of the number, with its unit, which stands at the axis.
        level: A level that is drawn dashed; None for none.
    """
    known = curve.by_seed[np.isfinite(curve.by_seed)]
    if known.size == 0:
        return ""
    levels = known if level is None else np.append(known, level)
    low, high = float(levels.min()), float(levels.max())
    room = 0.05 * (high - low) or 0.05 * max(abs(high), 1.0)
    low, high = low - room, high + room
    first, last = float(curve.iterations[0]), float(curve.iterations[-1])

    def x(values: Array) -> Array:
        share = (values - first) / (last - first) if last > first else np.full(values.shape, 0.5)
        return _LEFT + share * (_WIDTH - _LEFT - _MARGIN)

    def y(values: Array) -> Array:
        return _TOP + (high - values) / (high - low) * (_HEIGHT - _BOTTOM - _TOP)

    across = x(curve.iterations)
    values, iterations = ticks(low, high), [at for at in ticks(first, last) if at == round(at)]
    parts = [_axes(unit, zip(values, y(np.array(values)), strict=True), zip(iterations, x(np.array(iterations)), strict=True))]
    inside = np.isfinite(curve.mean)
    if inside.sum() > 1:
        outline = [*zip(across[inside], y(curve.high)[inside], strict=True)]
        outline += [*zip(across[inside], y(curve.low)[inside], strict=True)][::-1]
        parts.append(f'<polygon class="band" points="{_points(outline)}"/>')
    for own in curve.by_seed[:_SEEDS]:
        parts += _lines(across, y(own), "seed")
    parts += _lines(across, y(curve.mean), "mean")
    if level is not None:
        at = float(y(np.array([level]))[0])
        parts.append(f'<line class="level" x1="{_LEFT}" x2="{_WIDTH - _MARGIN}" y1="{at:.1f}" y2="{at:.1f}"/>')
    body = "".join(parts)
    return f'<svg viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" aria-label="{escape(title)}">{body}</svg>'


def ticks(low: float, high: float) -> list[float]:
    """Return the round numbers in a range, about five of them: multiples of 1, 2 or 5 times a power of ten.

    Args:
        low: The least number of the range.
        high: The largest one.
    """
    if high <= low:
        return [low]
    exponent = int(f"{(high - low) / _TICKS:e}".partition("e")[2])
    power = float(f"1e{exponent}")
    step = next(power * factor for factor in (1, 2, 5, 10) if (high - low) / (power * factor) <= _TICKS)
    decimals = max(0, 2 - exponent)
    return [round(float(step * i), decimals) for i in range(int(np.ceil(low / step)), int(np.floor(high / step)) + 1)]


def _axes(unit: str, values: Iterable[tuple[float, float]], iterations: Iterable[tuple[float, float]]) -> str:
    """Return the grid, with the numbers at its lines and the words at its axes.

    Args:
        unit: Name of the number, with its unit.
        values: Round values, and how far down each stands.
        iterations: Round iterations, and how far to the right each stands.
    """
    right, bottom = _WIDTH - _MARGIN, _HEIGHT - _BOTTOM
    parts = [f'<text x="0" y="14">{escape(unit)}</text>']
    for value, y in values:
        parts.append(f'<path class="grid" d="M{_LEFT} {y:.1f}H{right}"/>')
        parts.append(f'<text x="{_LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">{value:g}</text>')
    parts.append(f'<path class="axis" d="M{_LEFT} {bottom}H{right}"/>')
    for iteration, x in iterations:
        # The last number stands whole at the end of the axis.
        anchor = "end" if x > right - 2 * _MARGIN else "middle"
        parts.append(f'<text x="{x:.1f}" y="{bottom + 18}" text-anchor="{anchor}">{iteration:.0f}</text>')
    parts.append(f'<text x="{(_LEFT + right) / 2:.0f}" y="{_HEIGHT - 6}" text-anchor="middle">Iteration</text>')
    return "".join(parts)


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
