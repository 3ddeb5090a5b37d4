"""Write timing.jsonl of a run folder: what each iteration took.

It stands beside metrics.jsonl, whose bytes never differ, because seconds do. Nothing in the run depends on it.
"""

from __future__ import annotations

import json
from pathlib import Path

from auctionsim.files import append_text, write_text
from auctionsim.run_checks.records import strict_json

_NAME = "timing.jsonl"


def append(folder: Path, iteration: int, seconds: float, cells: int, bids: int) -> None:
    """Add the line of an iteration.

    Args:
        folder: The run folder.
        iteration: The iteration, from 1 on.
        seconds: Wall time of the iteration.
        cells: Cells cleared: each cell of the training days counts once in every replay, whatever its weight.
        bids: Candidate bids of these cells.
    """
    row = {"iteration": iteration, "seconds": round(seconds, 6), "cells": cells, "bids": bids}
    append_text(folder / _NAME, json.dumps(row) + "\n")


def cut(folder: Path, iteration: int) -> None:
    """Drop the lines after an iteration, as a resumed run starts again from its checkpoint, and what is no such line."""
    path = folder / _NAME
    if path.is_file():
        lines = path.read_text(encoding="utf-8", errors="replace").split("\n")[:-1]
        write_text(path, "".join(f"{line}\n" for line in lines if _is_within(line, iteration)))


def _is_within(line: str, iteration: int) -> bool:
    try:
        row = strict_json(line)
    except (ValueError, RecursionError):
        return False
    return isinstance(row, dict) and type(row.get("iteration")) is int and row["iteration"] <= iteration
