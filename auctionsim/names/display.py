"""Show objects in a few words: short reprs, and small tables for notebooks."""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence
from dataclasses import fields
from typing import Any

import numpy as np

from auctionsim.errors import shown

LONGEST = 500
"""Characters of the longest repr."""
_LONGEST_VALUE = 80
_ROWS_IN_NOTEBOOK = 10


_ABBREVIATIONS = ("cpa", "cpc", "gmv", "roas", "roi")


def key_words(key: str) -> str:
    """Return a key's words, abbreviations in capitals: `roas_floor` is `ROAS floor`."""
    return " ".join(part.upper() if part in _ABBREVIATIONS else part for part in key.split("_"))


def short_repr(self: Any) -> str:
    """Return `Name(field=value, ...)` of a dataclass, each value in a few words. To be assigned to `__repr__`."""
    shown_fields = [one.name for one in fields(self) if one.repr]
    return parts_repr(type(self).__name__, {name: getattr(self, name) for name in shown_fields})


def parts_repr(name: str, parts: Mapping[str, object]) -> str:
    """Return `Name(key=value, ...)`, each value in a few words, the whole in at most `LONGEST` characters."""
    return cut(f"{name}({', '.join(f'{key}={in_few_words(value)}' for key, value in parts.items())})")


def in_few_words(value: object) -> str:
    """Describe a value: an array by its kind and shape, a collection by its size, text and numbers as they are.

    For example `float64[24, 12, 1]`, `{3 entries}`, `(12 entries)`, `'three-arms'`.
    """
    if isinstance(value, np.ndarray):
        return f"{value.dtype}{list(value.shape)}" if value.size > 1 or value.ndim > 1 else shown(value.tolist())
    if isinstance(value, np.generic):
        return shown(value.item())
    if isinstance(value, Mapping | Sequence | set | frozenset) and not isinstance(value, str | bytes):
        text = shown(value, LONGEST) if _is_plain(value) else ""
        if text and len(text) <= _LONGEST_VALUE:
            return text
        return f"{{{_entries(value)}}}" if isinstance(value, Mapping | set | frozenset) else f"({_entries(value)})"
    # Python's own repr names an address, which says nothing.
    return f"{type(value).__name__}(...)" if type(value).__repr__ is object.__repr__ else shown(value, _LONGEST_VALUE)


def cut(text: str, limit: int = LONGEST) -> str:
    """Cut a text that is longer than the limit; its end says so."""
    return text if len(text) <= limit else f"{text[: limit - 4]}...{text[-1]}"


def html_table(title: str, parts: Mapping[str, object]) -> str:
    """Return a small table of two columns for a notebook; title, keys and values are escaped.

    Args:
        title: The line above the table.
        parts: The values by their names; text stands as it is, anything else in a few words.
    """
    rows = "".join(
        f"<tr><th style='text-align:left'>{html.escape(str(key))}</th><td style='text-align:left'>{html.escape(_plain(value))}"
        "</td></tr>"
        for key, value in parts.items()
    )
    return f"<div><b>{html.escape(title)}</b><table>{rows}</table></div>"


def html_frame(title: str, table: Any) -> str:
    """Return a title and the first rows of a polars table, escaped, for a notebook."""
    head = table.head(_ROWS_IN_NOTEBOOK)
    names = "".join(f"<th>{html.escape(name)}</th>" for name in head.columns)
    rows = "".join(f"<tr>{''.join(f'<td>{html.escape(_plain(v))}</td>' for v in row)}</tr>" for row in head.iter_rows())
    more = f"<i>{table.height - head.height} more rows: to_frame()</i>" if table.height > head.height else ""
    return f"<div><b>{html.escape(title)}</b><table><tr>{names}</tr>{rows}</table>{more}</div>"


def some(names: Sequence[object], most: int = 4) -> str:
    """List the first names and count the others: `a, b, c, d and 8 more`."""
    listed = ", ".join(shown(str(name), 30)[1:-1] for name in names[:most])
    return f"{listed} and {len(names) - most} more" if len(names) > most else listed


def ranges(numbers: Sequence[int]) -> str:
    """Return numbers as text, a gapless row of three and more as a range: `0 to 6`, `0, 2`; a long list is cut."""
    if len(numbers) > 2 and numbers[-1] - numbers[0] == len(numbers) - 1:
        return f"{numbers[0]} to {numbers[-1]}"
    return some(numbers, 8)


def _plain(value: object) -> str:
    if isinstance(value, str):
        return cut(value, 200)
    return f"{value:.6g}" if isinstance(value, float) else in_few_words(value)


def _entries(value: Any) -> str:
    return f"{len(value)} {'entry' if len(value) == 1 else 'entries'}"


def _is_plain(value: Any) -> bool:
    """Whether a collection holds a few numbers and texts alone, or collections of them."""
    items = [*value.keys(), *value.values()] if isinstance(value, Mapping) else list(value)[:_LONGEST_VALUE]
    return len(value) <= _LONGEST_VALUE and all(
        isinstance(item, str | int | float | None) or (isinstance(item, tuple) and _is_plain(item)) for item in items
    )
