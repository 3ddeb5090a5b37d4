"""Define the style of all figures: colours, plain axes, and reproducible SVG and PNG."""

from __future__ import annotations

import io

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from auctionsim.names.lettering import letter

__all__ = [
    "GREY",
    "HATCHES",
    "LINES",
    "MARKERS",
    "PALETTE",
    "Figure",
    "in_notebooks",
    "legend_above",
    "no_figure",
    "plain",
    "png",
    "svg",
]

# Okabe and Ito 2008: distinguishable for colour-blind readers.
PALETTE = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
GREY = "#666666"
# Beside the colours, so that a grey print tells lines, points and bars apart; as many as there are colours.
LINES: tuple[str | tuple[float, tuple[float, ...]], ...] = (
    "-", (0, (7, 3)), (0, (2, 2)), (0, (8, 2, 2, 2)), (0, (12, 4)), (0, (1, 3)), (0, (5, 2, 1, 2, 1, 2)),
)  # fmt: skip
MARKERS = ("o", "s", "^", "D", "*", "P", "v")
HATCHES = ("", "//", "..", "\\\\", "xx", "--", "++")

_SVG_DPI = 72
"""Points per inch, in which an SVG measures."""
_DECIMALS = 12
"""Decimals of the places of axes, in shares of the figure."""


def svg(figure: Figure) -> str:
    """Return the figure as SVG text; equal figures give equal text."""
    from matplotlib import rc_context

    letter(figure)
    lay_out(figure)
    buffer = io.BytesIO()
    # By default matplotlib salts the SVG's identifiers at random and writes the date.
    with rc_context({"svg.hashsalt": "auctionsim"}):
        figure.savefig(buffer, format="svg", metadata={"Date": None, "Creator": None})
    return buffer.getvalue().decode("utf-8")


def lay_out(figure: Figure) -> None:
    """Give the axes their places, once for all files that the figure is saved in; it has no layout engine after that.

    matplotlib would draw the whole figure without an output for the places alone, and once more for each file.
    """
    from matplotlib import rc_context
    from matplotlib.backends.backend_svg import FigureCanvasSVG
    from matplotlib.transforms import Bbox

    engine = figure.get_layout_engine()
    if engine is None:
        return
    before, dpi = figure.canvas, figure.dpi
    # Places depend on the renderer that measures the texts, and on its points per inch.
    FigureCanvasSVG(figure)
    figure.dpi = _SVG_DPI
    engine.execute(figure)
    for axes in figure.axes:
        # The solver's last bit depends on where its variables lie in memory, and an SVG's identifiers on every bit.
        bounds = axes.get_position(original=True).bounds
        axes.set_position(Bbox.from_bounds(*(round(float(bound), _DECIMALS) for bound in bounds)))
    figure.dpi = dpi
    figure.set_canvas(before)
    # With "none" matplotlib would draw without an output all the same.
    with rc_context({"figure.autolayout": False, "figure.constrained_layout.use": False}):
        figure.set_layout_engine(None)


def png(figure: Figure) -> bytes:
    """Return the figure as a PNG image."""
    letter(figure)
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=144, facecolor="white", metadata={"Software": None})
    return buffer.getvalue()


def in_notebooks(figure: Figure) -> Figure:
    """Return the figure, which a notebook now shows as a picture; one that was made without pyplot has none of its own."""
    # Looked up on the object by IPython; a frontend that draws matplotlib figures itself takes precedence.
    setattr(figure, "_repr_png_", lambda: png(figure))  # noqa: B010
    return figure


def plain(axes: Axes) -> None:
    """Remove the top and right frame, and draw a faint horizontal grid behind the data."""
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(axis="y", color="#dddddd", linewidth=0.6)
    axes.set_axisbelow(True)


def legend_above(figure: Figure) -> None:
    """Draw one legend above all panels, in as many columns as its names leave room for."""
    handles, names = figure.axes[0].get_legend_handles_labels()
    if not handles:
        return
    widest = max(map(len, names)) + 5
    # A line of small print has about 13 characters per inch.
    columns = max(1, min(len(names), int(13 * figure.get_figwidth() / widest)))
    figure.legend(handles, names, frameon=False, fontsize=8, ncols=columns, loc="outside upper center")


def no_figure(axes: Axes, reason: str) -> None:
    """Write into empty axes why they show nothing."""
    axes.text(0.5, 0.5, reason, transform=axes.transAxes, ha="center", va="center", fontsize=9, color=GREY, wrap=True)
