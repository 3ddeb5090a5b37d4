"""A figure's files are the same bytes whatever the last bit of its layout."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from matplotlib.figure import Figure

from auctionsim.analysis.documents.plots.front import front_figure
from auctionsim.analysis.documents.plots.hours import hours_figure
from auctionsim.analysis.documents.plots.style import png, svg


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
