"""The folders that commands write: new ones, and those of earlier reports."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from auctionsim.errors import InputError, shown
from auctionsim.files import expect_new_folder, expect_no_file
from auctionsim.outputs.distinct import expect_distinct

if TYPE_CHECKING:
    from auctionsim.runs import Run
    from auctionsim.scenario import Scenario


def run_folder(path: str | None, scenario: Scenario) -> Path:
    """Return the folder of a new run, `runs/NAME` by default.

    Raises:
        InputError: The folder exists and holds files; where they are of a run that did not end, the message says how to go on.
    """
    chosen = path or default_folder(scenario)
    return new_folder(chosen, _to_go_on(Path(chosen)))


def _to_go_on(path: Path) -> str:
    """Return how to go on with the run in a folder, for a message; empty where there is none to go on with."""
    from auctionsim.runs import Run

    try:
        run = Run.open(path)
        run.expect_trained_here("resume")
        return "" if run.status == "finished" else f", or go on with that run: {resume_command(run)}"
    except InputError:
        return ""


def resume_command(run: Run) -> str:
    """Return the command that goes on with a run."""
    return f"auctionsim resume {shlex.quote(str(run.path))}{' --allow-code' if run.scenario().classes else ''}"


def default_folder(scenario: Scenario, ending: str = "") -> str:
    """Return `runs/NAME`, followed by an ending.

    Raises:
        InputError: The scenario's name cannot name a folder.
    """
    if set(scenario.name) & set("/\\") or scenario.name in (".", ".."):
        name = shown(scenario.name)
        raise InputError(f"{scenario.source}: name: expected a folder's name, without '/', got {name} (or a folder with --out)")
    return f"runs/{scenario.name}{ending}"


def new_folder(path: str, choice: str = "") -> Path:
    """Return the output folder as a path.

    Args:
        path: The folder.
        choice: Another way out than another folder, for the message.

    Raises:
        InputError: The folder exists and holds files.
    """
    chosen = Path(path)
    expect_new_folder(chosen, f" (choose another with --out{choice})")
    return chosen


def report_folder(path: Path, runs: Sequence[Run]) -> Path:
    """Return the folder that a report of runs is written to: a new one, or that of an earlier report.

    Raises:
        InputError: It is one of the runs, or holds a page that is no report.
    """
    expect_distinct([("the run", run.path) for run in runs], [("--out", path)])
    expect_no_file(path)
    is_foreign = any((path / name).exists() for name in ("index.html", "report.md")) and not _is_report(path)
    if (path / "manifest.json").exists() or is_foreign:
        raise InputError(f"{path}: expected a new folder or that of an earlier report, got one that holds other files")
    for run in runs:
        own = [run.path / name for name in ("checkpoints", "tensorboard", "control")]
        held = next((folder for folder in own if path.resolve().is_relative_to(folder.resolve())), None)
        if held is not None:
            raise InputError(f"--out: expected a folder of its own, got {path}, which is in {held}")
    return path


def _is_report(path: Path) -> bool:
    """Return whether a folder holds a report's text, and not somebody else's of this name.

    The page comes after it, and is missing where the report was interrupted between the two.
    """
    text = path / "report.md"
    if not text.is_file():
        return False
    with text.open("rb") as opened:
        return opened.read(12).startswith(b"# auctionsim")
