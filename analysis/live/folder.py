"""Say whether a folder is a run that can be followed, and which ones can be where it is not."""

from __future__ import annotations

import os
import shlex
import stat
from pathlib import Path

from auctionsim.errors import InputError
from auctionsim.names.kinds import kind_of_path
from auctionsim.run_checks.entries import expect_no_link_outside

_MOST = 1000
"""Entries that are looked at in a folder, however many it holds."""


def expect_followable(path: Path) -> None:
    """Refuse what is no run folder, and none that may become one.

    A folder that is not there yet, or is empty, belongs to a run that has not begun.

    Raises:
        InputError: It is a file, or a folder of something else: a sweep, a study, several runs. The message says what of it can
            be followed.
    """
    if not os.path.lexists(path):
        return
    if not path.is_dir():
        raise InputError(f"{path}: expected a run folder, got {kind_of_path(path)}")
    if _is_file(path / "manifest.json"):
        expect_no_link_outside(path)
        return
    names = [name for name in _names(path) if not name.startswith(".")]
    if not names:
        return
    if _is_file(path / "plan.json") and (path / "trials").is_dir():
        raise InputError(f"{path}: expected a run folder, got that of a sweep{_choice(path / 'trials', 'trials')}")
    if _is_file(path / "plan.json"):
        done = len([name for name in _names(path / "parts") if name.endswith(".json")]) if (path / "parts").is_dir() else 0
        raise InputError(
            f"{path}: expected a run folder, got that of a study, whose units leave no metrics while they run ({done} of them "
            "are done; its own command shows the progress)"
        )
    raise InputError(f"{path}: expected a run folder with manifest.json, got none{_choice(path, 'runs')}")


def _choice(folder: Path, what: str) -> str:
    """Return which run folders in a folder can be followed: the newest of them, with the command."""
    runs = [folder / name for name in _names(folder) if _is_file(folder / name / "manifest.json")]
    if not runs:
        return f" without {what} that have begun"
    newest = max(runs, key=lambda run: (_changed(run), run.name))
    return f" with {len(runs)} {what} (the newest: auctionsim watch {shlex.quote(str(newest))})"


def _names(folder: Path) -> list[str]:
    names = []
    with os.scandir(folder) as entries:
        for entry in entries:
            names.append(entry.name)
            if len(names) >= _MOST:
                break
    return sorted(names)


def _changed(run: Path) -> float:
    """Return when a run logged last, or when its folder changed."""
    files = [run / name for name in ("metrics.jsonl", "manifest.json")]
    return max((file.lstat().st_mtime for file in files if file.exists()), default=0.0)


def _is_file(path: Path) -> bool:
    try:
        return stat.S_ISREG(path.lstat().st_mode)
    except OSError:
        return False
