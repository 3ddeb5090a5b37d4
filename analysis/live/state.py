"""Say how far a run is: its status in words, the time left, its numbers by iteration, and the constraints that it breaks."""

from __future__ import annotations

import os
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from auctionsim.analysis.live.numbers import LoggedNumbers, Metrics
from auctionsim.analysis.reports.violations import constraint_words, violations
from auctionsim.errors import InputError
from auctionsim.locks import writer_of
from auctionsim.runs import Run

RATIOS = ("revenue_ratio", "profit_ratio")
"""Numbers that every learner logs: ratios to the baseline on the training days."""
_RECENT = 20
"""Iterations whose mean seconds say how long those to come will take."""
_QUIET_SECONDS, _QUIET_ITERATIONS = 60.0, 10.0
"""A run is called quiet if nothing came for this long, and for this many iterations."""

Row = dict[str, Any]


@dataclass(frozen=True, eq=False)
class RunState:
    """A run at one moment, as its folder shows it."""

    path: str
    status: str
    """`not begun`, `running`, `evaluating`, `killed`, or the status of a run that has ended."""
    sentence: str
    """The status in words, which changes only when the status does."""
    name: str = ""
    command: str = ""
    seeds: tuple[int, ...] = ()
    iteration: int = 0
    """The last iteration that all seeds have logged."""
    iterations: int = 0
    seconds_left: float | None = None
    """Seconds of the iterations to come, at the pace of the last ones; None where nothing is to come or the pace is unknown."""
    floor: float = 0.0
    """The platform's revenue floor as a share of the baseline's revenue; 0 if there is none."""
    metrics: Metrics = field(default_factory=dict)
    seconds: dict[int, tuple[float, float]] = field(default_factory=dict)
    """Wall seconds and candidate bids by iteration."""
    violations: list[Row] = field(default_factory=list)
    """Rows of `analysis.reports.violations` for the learned policy, each with the constraint's `words`; empty until the run is
    evaluated."""
    notes: tuple[str, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """Return the state for JSON, with the last numbers of each seed."""
        last = self.metrics.get(self.iteration, {})
        return {
            "run": self.path,
            "status": self.status,
            "sentence": self.sentence,
            "scenario": self.name,
            "seeds": list(self.seeds),
            "iteration": self.iteration,
            "iterations": self.iterations,
            "seconds_left": self.seconds_left,
            "bids_per_second": self.bids_per_second,
            "revenue_floor": self.floor,
            "last": {str(seed): last[seed] for seed in sorted(last)},
            "violations": self.violations,
            "notes": list(self.notes),
        }

    @property
    def bids_per_second(self) -> float | None:
        """Candidate bids a second over the last iterations; None where no seconds are noted."""
        recent = [self.seconds[iteration] for iteration in sorted(self.seconds)[-_RECENT:]]
        spent = sum(seconds for seconds, _ in recent)
        return sum(bids for _, bids in recent) / spent if spent > 0 else None


class Following:
    """A run folder that is read again and again; each reading takes in what has come since. Threads may share it.

    Args:
        path: The folder, there or not yet.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock = threading.Lock()
        self._numbers = LoggedNumbers(path)
        self._manifest: dict[str, Any] = {}
        self._scenario: tuple[str, int, float] | None = None
        self._judged: tuple[Any, list[Row], str] = (None, [], "")

    def state(self) -> RunState:
        """Return the state of the run now. What is wrong in its folder stands in the notes."""
        with self._lock:
            try:
                return self._state()
            except InputError as error:
                sentence = "The run's folder cannot be read."
                return RunState(str(self.path), "unreadable", sentence, notes=(str(error),))

    def _state(self) -> RunState:
        path = str(self.path)
        if not os.path.lexists(self.path / "manifest.json"):
            return RunState(
                path, "not begun", "This run has not begun: its folder holds no manifest yet. The page waits for it."
            )
        run = Run(self.path)
        manifest = run.manifest()
        if manifest["seeds"] != self._manifest.get("seeds") or manifest["overrides"] != self._manifest.get("overrides"):
            # Another run has taken the folder.
            self._numbers, self._scenario = LoggedNumbers(self.path), None
        self._manifest = manifest
        name, iterations, floor = self._scenario = self._scenario or _facts(run)
        self._numbers.read(run.seeds)
        logged = {key: dict(own) for key, own in self._numbers.metrics.items() if set(own) >= set(run.seeds)}
        iteration = max(logged, default=0)
        seconds = dict(self._numbers.seconds)
        status, sentence = _status(run, iteration, iterations)
        found, problem = self._violations(run)
        recent = [seconds[key][0] for key in sorted(seconds)[-_RECENT:]]
        pace = float(np.mean(recent)) if recent else None
        is_going = status == "running" and pace is not None
        damaged = [
            f"{file}: {count} lines are none of this run and are left out" for file, count in self._numbers.damaged.items()
        ]
        quiet = _quiet(self.path, pace) if status in ("running", "evaluating") else ""
        return RunState(
            path=path,
            status=status,
            sentence=sentence,
            name=name,
            command=manifest["command"],
            seeds=run.seeds,
            iteration=iteration,
            iterations=iterations,
            seconds_left=(iterations - iteration) * pace if is_going and pace is not None else None,
            floor=floor,
            metrics=logged,
            seconds=seconds,
            violations=found,
            notes=tuple(note for note in (*damaged, problem, quiet) if note),
        )

    def _violations(self, run: Run) -> tuple[list[Row], str]:
        """Return which constraints the learned policy breaks on the test days, and why that is not known where it is not."""
        path = run.path / "outcomes.parquet"
        try:
            status = path.lstat()
        except OSError:
            return [], ""
        key = status.st_ino, status.st_mtime_ns, status.st_size
        if self._judged[0] != key:
            try:
                table = violations(run).filter(arm="learned").drop("arm").sort("constraint", "seed")
                scenario = run._scenario_of_old_run()
                rows = [{**row, "words": constraint_words(row["constraint"], [scenario])} for row in table.to_dicts()]
                self._judged = key, rows, ""
            except InputError as error:
                self._judged = key, [], str(error)
        return self._judged[1], self._judged[2]


def _facts(run: Run) -> tuple[str, int, float]:
    """Return the scenario's name, its iterations, and the revenue floor."""
    scenario = run._scenario_of_old_run()
    return scenario.name, scenario.train.iterations, scenario.platform.revenue_floor


def _status(run: Run, iteration: int, iterations: int) -> tuple[str, str]:
    stored = run.status
    if stored == "finished":
        return stored, "This run has finished."
    if stored == "interrupted":
        stopped = run.stopped
        why = "" if stopped is None else f" A callback ended it: {stopped}."
        return stored, f"This run was interrupted; auctionsim resume goes on with it.{why}"
    if stored == "failed":
        return stored, "This run has failed; its own command said why. auctionsim resume goes on from its last checkpoint."
    writer = writer_of(run.path)
    if writer is not None and writer.is_alive is False:
        words = f"This run was killed: {writer}, which was writing it, is gone. auctionsim resume goes on with it."
        return "killed", words
    if writer is None:
        # The folder is made a moment before its lock is taken, and a copy of a running run has no note.
        return "not begun" if iteration == 0 else "killed", (
            "This run has a folder, and no process is training it yet."
            if iteration == 0
            else "No process is writing this run, though it has not ended: it was killed, or this is a copy of it."
        )
    where = f"by {writer}" + (", which cannot be asked from here" if writer.is_alive is None else "")
    if 0 < iterations <= iteration:
        return "evaluating", f"Training is done, and the policy is being evaluated on the test days {where}."
    return "running", f"This run is being trained {where}."


def _quiet(path: Path, pace: float | None) -> str:
    """Return a remark if a run has logged nothing for long."""
    try:
        silent = time.time() - max((path / name).lstat().st_mtime for name in ("manifest.json", "metrics.jsonl"))
    except OSError:
        return ""
    if silent < max(_QUIET_SECONDS, _QUIET_ITERATIONS * (pace or 0.0)):
        return ""
    return f"nothing was logged for {silent:.0f} s: the process may hang, be paused, or its number may belong to another one"
