"""Check that a run's scenario is the one that it began with: nobody is to edit it, since half of a run would be of each."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from auctionsim.errors import InputError, shown
from auctionsim.run_checks.records import checked_json
from auctionsim.scenario import Scenario

_CHANGES_NOTHING = ("cluster.workers", "train.checkpoint_every", "train.keep_checkpoints")
"""Keys that change no result."""
_OF_THE_LEARNER = "learner.constants"
"""The table whose keys are those that were written; every other one has all of its keys."""


def digest_of(folder: Path) -> str:
    """Return a digest of the scenario file of a run folder."""
    return hashlib.blake2b((folder / "scenario.toml").read_bytes(), digest_size=16).hexdigest()


def expect_kept(folder: Path, digest: str | None, scenario: Scenario) -> None:
    """Refuse a scenario of a run that was edited since the run began.

    Comments may be. A folder of an earlier version has no digest of its scenario, and other defaults; it is not checked.

    Args:
        folder: The run folder, with the scenario that the run began with in `resolved.json`.
        digest: Digest of the scenario file when the run began; None where it was not kept.
        scenario: The scenario of the folder, overrides applied.

    Raises:
        InputError: A value is another one, or the file is no JSON.
    """
    path = folder / "resolved.json"
    if digest is None or digest == digest_of(folder) or not path.is_file():
        return
    began = checked_json(path, path.read_bytes())
    for key, was, now in _differences(began, json.loads(scenario.model_dump_json())):
        if key not in _CHANGES_NOTHING:
            raise InputError(
                f"{scenario.source}: {key}: expected {shown(was)}, with which the run began ({path.name}), got {shown(now)} "
                "(put it back, or train another run)"
            )


def _differences(began: Any, now: Any, key: str = "") -> Iterator[tuple[str, Any, Any]]:
    """Find the values of two records that differ, with their keys; None is a value that one of them lacks.

    A key that only one of them has is one of another version, but for the learner's constants.
    """
    if isinstance(began, dict) and isinstance(now, dict):
        names = began | now if key == _OF_THE_LEARNER else [name for name in now if name in began]
        for name in names:
            yield from _differences(began.get(name), now.get(name), f"{key}.{name}" if key else name)
    elif isinstance(began, list) and isinstance(now, list) and len(began) == len(now):
        for k, (one, other) in enumerate(zip(began, now, strict=True)):
            yield from _differences(one, other, f"{key}[{k}]")
    elif began != now:
        yield key, began, now
