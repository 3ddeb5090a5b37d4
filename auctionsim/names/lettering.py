"""Write names into figures as they are: no formulas, no boxes for letters a font lacks, no name that pushes out the axes."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import TYPE_CHECKING

from auctionsim.names.text import printable, shortened

if TYPE_CHECKING:
    from matplotlib.figure import Figure

COLUMNS = 28
"""The width of a name in a figure, in columns; longer ones lose their middle. Tables show them in full."""

_FIRST = "DejaVu Sans"
_NO_LETTERS = ("Last Resort", "cm", "STIX")
"""Beginnings of the names of matplotlib's own fonts that draw boxes for all characters, or are meant for formulas."""


def labels(names: Sequence[str], columns: int = COLUMNS) -> list[str]:
    r"""Return the names as matplotlib draws them literally, each different from the others.

    Names are shortened to `columns`. Characters that no installed font can draw are written as escapes, for example `\u9884`.
    Two names that are alike after that are numbered. `$` starts no formula, and a leading underscore hides no legend entry.
    """
    found: list[str] = []
    for name in names:
        text, number = shortened(_drawable(printable(name)), columns), 1
        while (numbered := text if number == 1 else f"{text} ({number})") in found:
            number += 1
        found.append(numbered)
    return [_literal(text) for text in found]


def label(name: str, columns: int = COLUMNS) -> str:
    """Return one name as matplotlib draws it literally."""
    return labels([name], columns)[0]


def are_drawable(names: Sequence[str]) -> bool:
    """Return True if installed fonts can draw all characters of all names."""
    return all(_drawable(text) == text for text in map(printable, names))


def letter(figure: Figure) -> None:
    """Let every text of a figure fall back to other installed fonts for the letters that the usual one lacks."""
    from matplotlib.text import Text

    for axes in figure.axes:
        # Tick labels are made when they are first asked for.
        axes.get_xticklabels()
        axes.get_yticklabels()
    for text in figure.findobj(Text):
        others = {name for one in set(text.get_text()) - _letters_of(_usual()) if (name := _font_with(one)) is not None}
        if others:
            text.set_fontfamily([_FIRST, *sorted(others)])


def _literal(text: str) -> str:
    text = text.replace("$", "\\$")
    return f" {text}" if text.startswith("_") else text


def _drawable(text: str) -> str:
    missing = {one for one in set(text) - _letters_of(_usual()) if _font_with(one) is None}
    return "".join(one.encode("unicode_escape").decode("ascii") if one in missing else one for one in text)


@cache
def _usual() -> str:
    """Return the file of the font that figures are written in."""
    from matplotlib.font_manager import findfont

    return findfont(_FIRST)


@cache
def _letters_of(file: str) -> frozenset[str]:
    """Return the characters that the font in a file has."""
    from matplotlib.ft2font import FT2Font

    return frozenset(chr(code) for code in FT2Font(file).get_charmap())


@cache
def _font_with(one: str) -> str | None:
    """Return the name of an installed font that has a character, upright ones of normal weight first; None if there is none."""
    from matplotlib.font_manager import fontManager

    fonts = [font for font in fontManager.ttflist if not font.name.startswith(_NO_LETTERS)]
    fonts.sort(key=lambda font: (font.style != "normal", font.weight not in (400, "normal", "regular"), font.name))
    return next((font.name for font in fonts if one in _letters_of(font.fname)), None)
