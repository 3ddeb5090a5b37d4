"""Compare two leaderboards of one version: entrants' objectives, paired by seed."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import polars as pl

from auctionsim.analysis.documents.results import by_seed
from auctionsim.analysis.documents.sections import Table
from auctionsim.analysis.interquartile import BOOTSTRAP, compare_middles
from auctionsim.errors import InputError, shown
from auctionsim.jobs.studies.base import VERSION_KEY
from auctionsim.machine.parquet import read_parquet
from auctionsim.names.kinds import kind_of_folder


def expect_version(folder: Path, version: str) -> None:
    """Check that a folder holds a leaderboard of a version.

    Args:
        folder: The folder, with plan.json and results.parquet.
        version: The version to compare with.

    Raises:
        InputError: It holds no leaderboard, or one of another version.
    """
    path = folder / "plan.json"
    if not path.exists():
        raise InputError(f"{folder}: expected the folder of a leaderboard, with plan.json, got {kind_of_folder(folder)}")
    try:
        plan = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        raise InputError(f"{path}: expected the plan of a leaderboard, got no such file or no JSON") from None
    if not isinstance(plan, dict) or plan.get("study") != "leaderboard":
        raise InputError(f"{path}: expected the plan of a leaderboard, got {shown(plan)}")
    theirs = plan.get(VERSION_KEY, "1, which had no seeds kept back")
    if theirs != version:
        raise InputError(f"{path}: expected version {version} of the leaderboard, got {shown(theirs)}: figures do not compare")


def compare_boards(board: Path, other: Path) -> Table:
    """Return a table of each entrant's mean objective over markets: the board's minus the other's, paired by seed.

    Args:
        board: Folder of a leaderboard, with results.parquet.
        other: Folder of another one of the same version.

    Raises:
        InputError: The two share no seed or no entrant.
    """
    results = [read_parquet(folder / "results.parquet")[0].filter(metric="objective") for folder in (board, other)]
    rows = []
    for name in results[0]["arm"].unique(maintain_order=True):
        one, two = (_by_market(table, name) for table in results)
        markets = [market for market in one if market in two]
        seeds = sorted(set.intersection(*(one[market].keys() & two[market].keys() for market in markets))) if markets else []
        if seeds:
            own, theirs = ([np.mean([board[m][seed] for m in markets]) for seed in seeds] for board in (one, two))
            rows.append([name, str(compare_middles(own, theirs))])
    if not rows:
        raise InputError(f"{other}: expected a seed and an entrant in common with {board}, got none")
    note = (
        "Mean objective over the markets that both measured: interquartile means of the differences, paired by seed, with "
        f"{BOOTSTRAP}."
    )
    return Table([f"minus {other}", "Objective"], rows, note)


def _by_market(results: pl.DataFrame, name: str) -> dict[str, dict[int, float]]:
    """Return an entrant's objective by market and seed."""
    markets = results.filter(arm=name)["scenario"].unique(maintain_order=True)
    return {market: by_seed(results, market, name, "objective") for market in markets}
