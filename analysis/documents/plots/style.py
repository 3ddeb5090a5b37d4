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


def svg(figure: Figure) -> str:
    """Return the figure as SVG text; equal figures give equal text."""
    from matplotlib import rc_context

    letter(figure)
    buffer = io.BytesIO()
    # By default matplotlib salts the SVG's identifiers at random and writes the date.
    with rc_context({"svg.hashsalt": "auctionsim"}):
        figure.savefig(buffer, format="svg", metadata={"Date": None, "Creator": None})
    return buffer.getvalue().decode("utf-8")


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
