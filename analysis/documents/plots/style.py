"""Define the style of all figures: colours, plain axes, and reproducible SVG and PNG."""

from __future__ import annotations

import io

from matplotlib.axes import Axes
from matplotlib.figure import Figure

__all__ = ["GREY", "PALETTE", "Figure", "plain", "png", "svg"]

# Okabe and Ito 2008: distinguishable for colour-blind readers.
PALETTE = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
GREY = "#666666"


def svg(figure: Figure) -> str:
    """Return the figure as SVG text; equal figures give equal text."""
    from matplotlib import rc_context

    buffer = io.BytesIO()
    # By default matplotlib salts the SVG's identifiers at random and writes the date.
    with rc_context({"svg.hashsalt": "auctionsim"}):
        figure.savefig(buffer, format="svg", metadata={"Date": None, "Creator": None})
    return buffer.getvalue().decode("utf-8")


def png(figure: Figure) -> bytes:
    """Return the figure as a PNG image."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=144, facecolor="white", metadata={"Software": None})
    return buffer.getvalue()


def plain(axes: Axes) -> None:
    """Remove the top and right frame, and draw a faint horizontal grid behind the data."""
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(axis="y", color="#dddddd", linewidth=0.6)
    axes.set_axisbelow(True)
