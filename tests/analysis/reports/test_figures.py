"""A figure's files are the same bytes whatever the last bit of its layout."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from matplotlib.figure import Figure

from auctionsim.analysis.documents.plots.front import front_figure, trade_off_figure
from auctionsim.analysis.documents.plots.hours import hours_figure
from auctionsim.analysis.documents.plots.runs import arms_figure
from auctionsim.analysis.documents.plots.style import png, svg
from auctionsim.analysis.reports.summary import summarize

from ..by_hand import run_by_hand


def front() -> Figure:
    return front_figure([(1.0, 1.1, "one"), (1.2, 1.3, "two")])


def hours() -> Figure:
    return hours_figure({"run": (["a", "b"], np.linspace(-1, 1, 48).reshape(2, 24))}, "currency")


@pytest.mark.parametrize("make", [front, hours])
def test_the_last_bit_of_a_layout_changes_no_byte(make: Callable[[], Figure]):
    plain, moved = make(), make()
    engine = moved.get_layout_engine()
    assert engine is not None
    execute = engine.execute

    def execute_and_move(figure: Figure) -> None:
        execute(figure)
        for axes in figure.axes:
            axes.set_position(np.nextafter(axes.get_position(original=True).bounds, 2.0))

    engine.execute = execute_and_move  # type: ignore[method-assign]
    assert svg(plain) == svg(moved)
    assert png(plain) == png(moved)
    # Placed once: what is saved next has no layout of its own.
    assert plain.get_layout_engine() is None


def test_no_interval_and_no_line_crosses_the_numbers_of_the_bars(tmp_path: Path):
    day = {seed: {"a": (5.0, 10.0), "b": (5.0, 10.0 + seed)} for seed in (0, 1)}
    run = run_by_hand(tmp_path / "run", {seed: {"a": (3.0, 12.0), "b": (5.0, 15.0 - 4 * seed)} for seed in (0, 1)}, day)
    for runs in (1, 3, 9):
        figure = arms_figure([summarize(run)] * runs)
        figure.canvas.draw()
        axes = figure.axes[0]
        numbers = [text.get_window_extent() for text in axes.texts]
        assert len(numbers) == 3 * runs
        assert all(box.y1 < axes.get_window_extent().y0 for box in numbers)
        titles = [tick.get_window_extent() for tick in axes.get_xticklabels()]
        assert not any(box.overlaps(other) for i, box in enumerate(numbers) for other in (*numbers[:i], *titles))


def test_a_rounding_of_a_ratio_fills_no_axis():
    figure = trade_off_figure({"run": np.array([[1.0002, 1.6]])}, in_currency=False)
    figure.canvas.draw()
    (axes,) = figure.axes
    low, high = axes.get_xlim()
    assert high - low == pytest.approx(0.04)
    assert not axes.xaxis.get_major_formatter().get_offset()
    assert low < 1.0 < 1.0002 < high
