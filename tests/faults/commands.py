"""The commands of the matrix: their words, the files they begin with, and what goes on after a fault."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from auctionsim.traffic.sample_table import BUDGETS, TABLE

from ..conftest import SMALL
from ..logs import MAPPING

SETTINGS = ("--set", "train.iterations=4", "--set", "train.checkpoint_every=1", "--set", "traffic.auctions_per_day=300")
ENVIRONMENT = {"RAY_USAGE_STATS_ENABLED": "0", "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
"""Variables of every process: it runs the checkout that the matrix runs from."""
PARAMETER = ("--param", "learner.sigma=grid(0.1,0.2,0.3)")


@dataclass(frozen=True)
class Command:
    """A command as the matrix runs it, in a folder that holds the files of `prepare`."""

    name: str
    words: tuple[str, ...]
    outputs: tuple[str, ...] = ()
    """Files and folders that it writes; none if its only result is what it prints."""
    is_kept: bool = True
    """Whether its result is in files, so that a lost stdout is no failure."""
    go_on: Callable[[Path], Sequence[str]] | None = None
    """The words that continue it after a fault, from the folder; its own words where None."""


def _resume(folder: Path) -> Sequence[str]:
    return ("resume", "new") if (folder / "new" / "manifest.json").exists() else ("train", "s.toml", *SETTINGS, "--out", "new")


COMMANDS = (
    Command("bench", ("bench", "--make-day", "2000", "--out", "day"), ("day",)),
    Command("check", ("check", "s.toml"), is_kept=False),
    Command("compare", ("compare", "run", "other", "--out", "compared"), ("compared",), is_kept=False),
    Command("control", ("control", "limited"), ("limited",)),
    Command("demo", ("demo", "--scenario", "s.toml", "--workers", "0", "--seeds", "1", *SETTINGS, "--out", "arms"), ("arms",)),
    Command("evaluate", ("evaluate", "run"), ("run",)),
    Command("evaluate-offline", ("evaluate-offline", "logs", "--policy", "pid", "--draws", "2"), is_kept=False),
    Command(
        "experiment",
        ("experiment", "s.toml", "--set", "mechanism.reserve=0.3", "--replicates", "2", "--design", "user", "--out", "tested"),
        ("tested",),
    ),
    Command("export", ("export", "run", "--out", "tables"), ("tables",)),
    Command("export-dataset", ("export-dataset", "run", "--episodes", "2", "--out", "new-logs"), ("new-logs",)),
    Command("fit", ("fit", "t.parquet", "--out", "f.toml"), ("f.toml", "f-profile.toml", "f-fit")),
    Command(
        "ingest",
        (
            "ingest",
            "a.csv",
            "--format",
            "auctions-csv",
            "--mapping",
            "map.toml",
            "--out",
            "new.parquet",
            "--scenario",
            "n.toml",
        ),
        ("new.parquet", "n.toml"),
    ),
    Command("init", ("init", "mine.toml", "--template", "own-logs"), ("mine.toml", TABLE, BUDGETS)),
    Command("landscape", ("landscape", "t.parquet", "--advertiser", "s0", "--out", "shown"), ("shown",)),
    Command("learn-offline", ("learn-offline", "logs", "--out", "new"), ("new",)),
    Command("report", ("report", "run"), ("run",), is_kept=False),
    Command("reproduce", ("reproduce", "maab-game", "--quick", "--workers", "0", "--seeds", "1", "--out", "study"), ("study",)),
    Command("resume", ("resume", "stopped"), ("stopped",)),
    Command("scenarios", ("scenarios",), is_kept=False),
    Command("screen", ("screen", "bids.csv", "--procurement", "--draws", "99", "--checks", "19"), is_kept=False),
    Command(
        "sweep", ("sweep", "s.toml", *SETTINGS, *PARAMETER, "--workers", "0", "--samples", "1", "--out", "swept"), ("swept",)
    ),
    Command("train", ("train", "s.toml", *SETTINGS, "--out", "new"), ("new",), go_on=_resume),
    # Without --json it serves its page until it is interrupted.
    Command("watch", ("watch", "run", "--json"), is_kept=False),
    Command("whatif", ("whatif", "t.parquet", "--set", "mechanism.reserve=0.3", "--out", "answer"), ("answer",)),
)


def python(*words: str) -> list[str]:
    """Return the words of a process that runs the command line."""
    return [sys.executable, "-m", "auctionsim", *words]


def prepare(folder: Path) -> None:
    """Write a scenario, a log, a table, bids, two finished runs, one with budgets, one that was stopped, and a dataset."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "s.toml").write_text(SMALL)
    (folder / "limited.toml").write_text(SMALL.replace("count = 5", "count = 5\nbudget = 5.0"))
    (folder / "map.toml").write_text(MAPPING)
    rows = (f"{i // 2};2024-03-0{1 + (i // 2) % 4} 05:06:07;k;s{i % 2};1;2;0.1;1;{int(i % 7 == 0)}" for i in range(4000))
    (folder / "a.csv").write_text("\n".join(["auction_id;ts;kw;seller;cpc;worth;rate;clk;conv", *rows]) + "\n")
    bids = (f"{i // 4},firm-{i % 4},{100 + (37 * i + i // 4 * 11) % 23},130" for i in range(480))
    (folder / "bids.csv").write_text("\n".join(["auction,bidder,bid,reserve", *bids]) + "\n")
    for words in (
        ("ingest", "a.csv", "--format", "auctions-csv", "--mapping", "map.toml", "--out", "t.parquet"),
        ("train", "s.toml", *SETTINGS, "--out", "run"),
        ("train", "s.toml", *SETTINGS, "--set", "learner.sigma=0.3", "--out", "other"),
        ("train", "limited.toml", *SETTINGS, "--out", "limited"),
        ("train", "s.toml", *SETTINGS, "--until", "2", "--out", "stopped"),
        ("export-dataset", "s.toml", *SETTINGS, "--bid-model", "scale", "--episodes", "2", "--out", "logs"),
    ):
        environment = {**os.environ, **ENVIRONMENT}
        done = subprocess.run(
            python(*words), cwd=folder, capture_output=True, text=True, timeout=600, env=environment, check=False
        )
        if done.returncode:
            raise RuntimeError(f"{' '.join(words)}: {done.stderr}")
    for left in ("tensorboard", "report"):
        for run in ("run", "other", "limited", "stopped"):
            shutil.rmtree(folder / run / left, ignore_errors=True)
