"""Mutations of a folder of stored traffic: its bytes, its numbers, its files and its index."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from random import Random
from typing import Any

import numpy as np

from auctionsim.traffic.stored.index import INDEX, index_checksum
from auctionsim.traffic.stored.store import CELL_TYPES, ROW_TYPES, checksum_of, column_file
from auctionsim.traffic.stored.writer import store_traffic

KINDS = CELL_TYPES | ROW_TYPES
WHOLE = (-(2**31), -1, 0, 1, 2, 3, 5, 255, 10**6, 2**31 - 1)
REAL = (-1.0, -0.0, 0.0, 1e-45, 1e-38, 0.5, 1.0, 1.0000001, 2.0, 1e9, 1e38, np.inf, -np.inf, np.nan)
NODES: tuple[Any, ...] = (
    None, True, False, -1, 0, 1, 2, 7, 24, 2**31, 2**63, 2**64, 10**400, 0.5, 1e308, float("nan"), "", "a", "\ud800",
    [], [0], {}, [[]], {"a": 1},
)  # fmt: skip


def write_day(folder: Path) -> None:
    """Write the day that is mutated: 3 advertisers, 2 queries, 7 cells in 4 pieces of 2 days."""
    rng = np.random.default_rng(0)

    def part(sizes: list[int]) -> dict[str, np.ndarray]:
        rows = sum(sizes)
        return {
            "size": np.array(sizes), "weight": rng.integers(1, 9, len(sizes)), "query": rng.integers(0, 2, len(sizes)),
            "market_ecpm": rng.uniform(0, 0.1, len(sizes)),
            "advertiser": np.concatenate([rng.permutation(3)[:size] for size in sizes]),
            "pctr": rng.uniform(0.01, 1, rows), "pcvr": rng.uniform(0, 1, rows), "item_price": rng.uniform(0, 20, rows),
            "keyword_bid": rng.uniform(0, 3, rows),
        }  # fmt: skip

    hours = [(0, 0, part([3, 0, 2])), (0, 5, part([1])), (0, 5, part([2, 3])), (1, 23, part([3]))]
    store_traffic(folder, ("a", "b", "c"), ("q", "r"), hours)


def mutate(folder: Path, rng: Random) -> str:
    """Mutate a folder in place, one to three times, and say how."""
    said = []
    # Without checksums, or with right ones, the checks behind them are reached.
    checksums = rng.choice(("kept", "dropped", "renewed", "renewed"))
    for _ in range(rng.choice((1, 1, 2, 3))):
        operation = rng.choice(OPERATIONS)
        said.append(f"{operation.__name__} {operation(folder, rng)}")
    if checksums == "dropped":
        _edit(folder, lambda index: [index.pop(key, None) for key in ("checksum", "checksums")])
    elif checksums == "renewed":
        _renew(folder)
    return f"{'; '.join(said)}; checksums {checksums}"


def _column(folder: Path, rng: Random) -> tuple[str, Path]:
    name = rng.choice(tuple(KINDS))
    return name, column_file(folder, name)


def flip(folder: Path, rng: Random) -> str:
    """Change a byte of a file."""
    path = rng.choice(sorted(folder.iterdir()))
    contents = bytearray(path.read_bytes() if path.is_file() else b"")
    if not contents:
        return f"{path.name}: empty"
    at = rng.randrange(len(contents))
    contents[at] ^= rng.randrange(1, 256)
    path.write_bytes(contents)
    return f"{path.name}: byte {at}"


def number(folder: Path, rng: Random) -> str:
    """Change a number of a column."""
    name, path = _column(folder, rng)
    if not path.is_file():
        return f"{name}: none"
    column = np.fromfile(path, KINDS[name])
    if not len(column):
        return f"{name}: empty"
    at, value = rng.randrange(len(column)), rng.choice(WHOLE if "i" in KINDS[name] else REAL)
    column[at] = value
    column.tofile(path)
    return f"{name}[{at}] = {value}"


def length(folder: Path, rng: Random) -> str:
    """Cut a file off or make it longer."""
    path = rng.choice(sorted(folder.iterdir()))
    if not path.is_file():
        return f"{path.name}: none"
    contents = path.read_bytes()
    size = rng.choice((0, 1, 3, 4, len(contents) // 2, len(contents) - 4, len(contents) + 4, 10**5))
    path.write_bytes(contents[: max(size, 0)] + b"\0" * (size - len(contents)))
    return f"{path.name}: {size} bytes"


def exchange(folder: Path, rng: Random) -> str:
    """Exchange two files."""
    one, other = (rng.choice(sorted(folder.iterdir())) for _ in range(2))
    if one != other:
        one.rename(folder / "between")
        other.rename(one)
        (folder / "between").rename(other)
    return f"{one.name} and {other.name}"


def retype(folder: Path, rng: Random) -> str:
    """Write a column in another type."""
    name, path = _column(folder, rng)
    kind = rng.choice(("<i8", "<f8", "<i2", ">i4", "<f4", "<i4"))
    if path.is_file() and path.stat().st_size % 4 == 0:
        with np.errstate(invalid="ignore", over="ignore"):
            np.fromfile(path, KINDS[name]).astype(kind).tofile(path)
    return f"{name}: {kind}"


def replace(folder: Path, rng: Random) -> str:
    """Remove a file, or put a folder or a link in its place."""
    path = rng.choice(sorted(folder.iterdir()))
    if path.is_file():
        path.unlink()
        what = rng.choice(("removed", "folder", "link to nothing", "link to itself"))
        if what == "folder":
            path.mkdir()
        elif what != "removed":
            path.symlink_to(path.name if what == "link to itself" else "nothing")
        return f"{path.name}: {what}"
    return f"{path.name}: none"


def node(folder: Path, rng: Random) -> str:
    """Change a value of the index, or remove it, or double it."""
    said = ""

    def change(index: dict[str, Any]) -> None:
        nonlocal said
        parent: Any = index
        if not index:
            return
        key: Any = rng.choice(sorted(index))
        path = [key]
        while isinstance(parent[key], list) and parent[key] and rng.random() < 0.8:
            parent = parent[key]
            key = rng.randrange(len(parent))
            path.append(key)
        what = rng.choice(("value", "value", "near", "remove", "double"))
        if what == "remove":
            del parent[key]
        elif what == "double" and isinstance(parent, list):
            parent.insert(key, parent[key])
        elif what == "near" and type(parent[key]) is int:
            parent[key] += rng.choice((-1, 1, 2))
        else:
            parent[key] = rng.choice(NODES)
        said = f"{path}: {what}"

    _edit(folder, change)
    return said


def text(folder: Path, rng: Random) -> str:
    """Write something else than the index."""
    contents = rng.choice((b"", b"{", b"[" * 5000, b"\xff\xfe", b"null", b'{"format": ' + b"9" * 5000 + b"}", b"{}", b'"' * 7))
    if not (folder / INDEX).is_dir():
        (folder / INDEX).unlink(missing_ok=True)
        (folder / INDEX).write_bytes(contents)
    return repr(contents[:12])


OPERATIONS: tuple[Callable[[Path, Random], str], ...] = (
    flip, flip, number, number, number, number, length, exchange, retype, replace, node, node, node, node, text,
)  # fmt: skip


def _edit(folder: Path, change: Callable[[dict[str, Any]], object]) -> None:
    """Change the index, if it is one."""
    try:
        index = json.loads((folder / INDEX).read_text())
        if isinstance(index, dict):
            change(index)
            (folder / INDEX).write_text(json.dumps(index))
    except (OSError, ValueError, RecursionError, KeyError):
        pass


def _renew(folder: Path) -> None:
    """Write the checksums that the columns and the index have now, as far as there are any."""

    def change(index: dict[str, Any]) -> None:
        columns = {name: np.fromfile(column_file(folder, name), kind) for name, kind in KINDS.items()}
        found = []
        for _, _, cell, row, cells, rows in index["pieces"]:
            spans = {name: (cell, cells) if name in CELL_TYPES else (row, rows) for name in KINDS}
            found.append(checksum_of({name: columns[name][first : first + n] for name, (first, n) in spans.items()}))
        index["checksums"] = found
        index["checksum"] = index_checksum(index)

    with suppress(TypeError, ValueError, OSError):
        _edit(folder, change)


def copy(folder: Path, to: Path) -> Path:
    """Copy a folder over another."""
    shutil.rmtree(to, ignore_errors=True)
    return Path(shutil.copytree(folder, to))
