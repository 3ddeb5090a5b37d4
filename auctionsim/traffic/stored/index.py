"""The index of stored traffic, `traffic.json`, read and checked: its numbers are offsets into the columns."""

from __future__ import annotations

import json
import math
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from auctionsim.errors import InputError, shown
from auctionsim.names.kinds import kind_of_folder
from auctionsim.traffic.array_checks import MAX_AUCTIONS, MAX_DAY, check_names
from auctionsim.traffic.table import HOURS

FORMAT = "auctionsim-traffic-1"
INDEX = "traffic.json"
_KEYS = {
    "advertisers": list, "queries": list, "pieces": list, "cells": int, "rows": int, "most_rows": int, "auctions": int,
}  # fmt: skip
BOUNDED_COLUMNS = ("pctr", "pcvr", "item_price", "keyword_bid", "market_ecpm")
"""Columns of which the index keeps the smallest and the largest element of every piece, in this order."""
_KINDS = {list: "a list", int: "a whole number"}


def read_index(folder: Path) -> dict[str, Any]:
    """Read the index of stored traffic, and check the kinds of its values.

    Each of its `pieces` is a chunk of an hour: day, hour, first cell, first row, number of cells, number of rows. They follow
    each other in time, each begins where the one before ends, and together they are all cells and rows.

    Args:
        folder: The folder of stored traffic.

    Raises:
        InputError: The index is missing, of another format, or a value is of another kind.
    """
    path = folder / INDEX
    if not path.exists() and (kind := kind_of_folder(folder)) not in ("another folder", "an empty folder"):
        raise InputError(f"{folder}: expected a folder of stored traffic, got {kind}")
    try:
        index = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise InputError(f"{path}: expected the index of stored traffic, got {shown(str(error))}") from error
    if not isinstance(index, dict) or index.get("format") != FORMAT:
        found = index.get("format") if isinstance(index, dict) else index
        raise InputError(f"{path}: expected format {FORMAT}, got {shown(found)}")
    for key, wanted in _KEYS.items():
        if type(index.get(key)) is not wanted:
            raise InputError(f"{path}: {key}: expected {_KINDS[wanted]}, got {shown(index.get(key))}")
    for piece in index["pieces"]:
        if not isinstance(piece, list) or len(piece) != 6 or not all(type(n) is int and n >= 0 for n in piece):
            raise InputError(f"{path}: pieces: expected six whole numbers >= 0 for each, got {shown(piece)}")
    return index


def check_index(path: Path, index: Mapping[str, Any]) -> None:
    """Check that an index does not contradict itself.

    Args:
        path: The index's file, for messages.
        index: The index, from `read_index`.

    Raises:
        InputError: It does: pieces overlap or leave a gap, counts are not their sums, or the checksum is another's.
    """
    for key in ("advertisers", "queries"):
        check_names(f"{path}: {key}", index[key])
    _check_pieces(path, index)
    _check_ends(path, index)
    _check_checksums(path, index)


def index_checksum(index: Mapping[str, Any]) -> int:
    """Return the CRC-32 of an index, its own `checksum` left out."""
    own = {key: value for key, value in index.items() if key != "checksum"}
    return zlib.crc32(json.dumps(own, sort_keys=True).encode())


def _check_pieces(path: Path, index: Mapping[str, Any]) -> None:
    """Check that pieces follow each other in time, cells and rows, and end with the counts of the index."""
    if not index["pieces"]:
        raise InputError(f"{path}: pieces: expected one or more, got none")
    before, n_cells, n_rows = (0, 0), 0, 0
    for number, piece in enumerate(index["pieces"]):
        source = f"{path}: pieces[{number}]"
        day, hour, first_cell, first_row, cells, rows = piece
        if day > MAX_DAY or hour >= HOURS or (day, hour) < before:
            raise InputError(
                f"{source}: expected a day <= {MAX_DAY}, an hour <= {HOURS - 1}, not before day {before[0]} hour {before[1]}, "
                f"got day {shown(day)} hour {shown(hour)}"
            )
        if (first_cell, first_row) != (n_cells, n_rows):
            raise InputError(
                f"{source}: expected it to begin at cell {n_cells} and row {n_rows}, where the one before ends, "
                f"got {shown(first_cell)} and {shown(first_row)}"
            )
        before, n_cells, n_rows = (day, hour), n_cells + cells, n_rows + rows
    for key, found in (("cells", n_cells), ("rows", n_rows)):
        if index[key] != found:
            raise InputError(f"{path}: {key}: expected {shown(found)}, the sum of the pieces, got {shown(index[key])}")
    if not 0 <= index["most_rows"] <= n_rows:
        raise InputError(f"{path}: most_rows: expected a whole number from 0 to {n_rows}, got {shown(index['most_rows'])}")
    if not 0 <= index["auctions"] <= MAX_AUCTIONS:
        raise InputError(f"{path}: auctions: expected a number from 0 to {MAX_AUCTIONS} (2^53), got {shown(index['auctions'])}")


def _check_ends(path: Path, index: Mapping[str, Any]) -> None:
    """Check that each piece has the smallest and the largest element of each column. Older stored traffic has none."""
    if "ends" not in index:
        return
    ends, n_pieces, n_ends = index["ends"], len(index["pieces"]), 2 * len(BOUNDED_COLUMNS)
    if not isinstance(ends, list) or len(ends) != n_pieces:
        raise InputError(f"{path}: ends: expected a list for each of the {n_pieces} pieces, got {shown(ends)}")
    for one in ends:
        if not isinstance(one, list) or len(one) != n_ends or not all(type(n) is float and 0 <= n < math.inf for n in one):
            raise InputError(f"{path}: ends: expected {n_ends} finite numbers >= 0 for each piece, got {shown(one)}")


def _check_checksums(path: Path, index: Mapping[str, Any]) -> None:
    """Check the index by its own checksum, and that there is a checksum for each piece. Older stored traffic has none."""
    if "checksums" not in index and "checksum" not in index:
        return
    sums, n_pieces = index.get("checksums"), len(index["pieces"])
    if not isinstance(sums, list) or len(sums) != n_pieces or not all(type(one) is int for one in sums):
        raise InputError(f"{path}: checksums: expected a whole number for each of the {n_pieces} pieces, got {shown(sums)}")
    expected = index_checksum(index)
    if index.get("checksum") != expected:
        raise InputError(f"{path}: checksum: expected {expected}, that of this index, got {shown(index.get('checksum'))}")
