"""The run folder: the only interface between jobs and analysis.

    scenario.toml    the scenario as the user wrote it        metrics.jsonl     one line per iteration and seed
    resolved.json    every key with its value                 outcomes.parquet  evaluation rows
    manifest.json    version, command, seeds, status          benchmarks.parquet  what each test day could bring
    provenance.json  origin of the traffic                    report/index.html
    timing.jsonl     one line per iteration: seconds, which differ from run to run
    checkpoints/NNNNNN/seed-S.safetensors

Every file is written to a temporary name and renamed. None is a pickle, and none is read as one: arrays are safetensors.
"""

from __future__ import annotations

import errno
import json
import re
import shlex
import shutil
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Self

import polars as pl

from auctionsim import __version__, arguments
from auctionsim.checkpoints import Arrays, expect_like, load_state, save_state
from auctionsim.errors import InputError, RenamedWarning, shown
from auctionsim.files import (
    append_text,
    expect_new_folder,
    folder_then_rename,
    json_text,
    write_json,
    write_text,
    write_then_rename,
)
from auctionsim.machine.date import source_date
from auctionsim.machine.disk import FULL, overwrite
from auctionsim.machine.parquet import read_parquet
from auctionsim.names.kinds import MISSING, SCENARIO, UNKNOWN
from auctionsim.outputs.temporary import remove_leftovers
from auctionsim.outputs.together import OutputsTogether
from auctionsim.run_checks.entries import expect_kinds, expect_no_link_outside
from auctionsim.run_checks.kept_scenario import digest_of, expect_kept
from auctionsim.run_checks.metric_rows import MetricRows
from auctionsim.run_checks.old_names import with_current_names
from auctionsim.run_checks.records import checked_json, checked_manifest, checked_metrics, checked_notes
from auctionsim.run_checks.tables import checked_table, expect_same_days
from auctionsim.scenario import Scenario
from auctionsim.scenario.file import BUILTIN, kind_with_names, parse_scenario, read_scenario

_CHECKPOINT = re.compile(r"[0-9]{6,18}")
Status = Literal["running", "finished", "failed", "interrupted"]


@dataclass(frozen=True)
class Run:
    """A run folder."""

    path: Path

    @classmethod
    def create(
        cls,
        path: Path,
        scenario: Scenario,
        text: str,
        *,
        seeds: tuple[int, ...],
        command: str,
        overrides: tuple[str, ...] = (),
        started_in: Path | None = None,
        learner: str | None = None,
    ) -> Self:
        """Make a run folder; it appears with its first three files or not at all.

        Args:
            path: The folder, new or empty.
            scenario: The scenario, overrides applied.
            text: The scenario as the user wrote it.
            seeds: The seeds to train.
            command: The command, for the reader.
            overrides: Items that replace values of the text, as of `--set`.
            started_in: Folder in which the user's own classes may lie; the current one where None.
            learner: Name of what learned outside; None where the run is trained here.

        Raises:
            InputError: `path` exists and is not an empty folder, or cannot be written.
        """
        # Whoever calls has looked before, and has built markets since.
        expect_new_folder(path, " (choose another, or go on with that run, which another process may have just begun)")
        try:
            with folder_then_rename(path) as part:
                run = cls(part)
                write_text(part / "scenario.toml", text)
                write_json(part / "resolved.json", json.loads(scenario.model_dump_json()))
                folder = None if scenario.folder is None else str(scenario.folder.resolve())
                if scenario.given is not None:
                    # Its traffic is in memory: the folder keeps it, and the paths of the scenario start from the folder.
                    scenario.given.write(part)
                    folder = "."
                manifest = {
                    "version": __version__,
                    "command": command,
                    "seeds": list(seeds),
                    # Until somebody trains it: who is stopped before that must leave nothing that seems to run.
                    "status": "interrupted",
                    "overrides": list(overrides),
                    "scenario_digest": digest_of(part),
                    "scenario_folder": folder,
                    "started_in": str((started_in or Path.cwd()).resolve()),
                }
                # No clock is read, since the same seed gives the same bytes.
                manifest |= {} if (date := source_date()) is None else {"date": date}
                run._write_manifest(manifest if learner is None else {**manifest, "source": "outside", "learner": learner})
        except OSError as error:
            if error.errno in FULL or error.errno == errno.EIO:
                raise OSError(error.errno, error.strerror, str(path)) from error
            raise InputError(f"{path}: expected a folder that can be written, got {error.strerror}") from error
        return cls(path)

    @classmethod
    def open(cls, path: str | Path) -> Self:
        """Open an existing run folder.

        Raises:
            InputError: The folder or its manifest is missing or not ours, a link in the folder leads out of it, or a folder has
                the name of one of its files, or a file that of a folder.
        """
        run = cls(arguments.path("path", path))
        run.manifest()
        expect_no_link_outside(run.path)
        expect_kinds(run.path)
        return run

    def manifest(self) -> dict[str, Any]:
        """Return version, command, seeds, status and where it was started."""
        path = self.path / "manifest.json"
        if not path.is_file():
            raise InputError(f"{self.path}: expected a run folder with manifest.json, got {_other_than_run(self.path)}")
        return checked_manifest(path, checked_json(path, path.read_bytes()))

    @property
    def arithmetic(self) -> dict[str, str] | None:
        """Return digests of the arithmetic of the machine that began to train the run; None where none were noted."""
        return self.manifest().get("arithmetic")

    def note_arithmetic(self, digests: dict[str, str]) -> None:
        """Keep digests of this machine's arithmetic in the manifest."""
        self._write_manifest({**self.manifest(), "arithmetic": digests})

    @property
    def warnings(self) -> tuple[str, ...]:
        """Return the warnings of `auctionsim check` that held when the run was trained or evaluated, a line each."""
        return tuple(self.manifest().get("warnings", ()))

    def note_warnings(self, warnings: Sequence[str]) -> None:
        """Keep warnings in the manifest, where there are any or were others."""
        manifest = self.manifest()
        if list(warnings) != manifest.get("warnings", []):
            kept = {"warnings": list(warnings)} if warnings else {}
            self._write_manifest({key: value for key, value in manifest.items() if key != "warnings"} | kept)

    def _write_manifest(self, manifest: dict[str, Any]) -> None:
        write_json(self.path / "manifest.json", manifest)

    @property
    def status(self) -> Status:
        """The status: running, finished, failed or interrupted."""
        status: Status = self.manifest()["status"]
        return status

    def set_status(self, status: Status, *, stopped: str | None = None) -> None:
        """Change the status. Where the disk is full, the manifest is written in place: its longer text fits into its block.

        Args:
            status: The status.
            stopped: Why a callback ended the training early; None where none did.
        """
        manifest = {key: value for key, value in self.manifest().items() if key != "stopped"} | {"status": status}
        manifest |= {} if stopped is None else {"stopped": stopped}
        try:
            self._write_manifest(manifest)
        except OSError as error:
            if error.errno not in FULL:
                raise
            overwrite(self.path / "manifest.json", json_text(manifest).encode())

    @property
    def stopped(self) -> str | None:
        """Why a callback ended the training early; None where none did."""
        return self.manifest().get("stopped")

    @property
    def seeds(self) -> tuple[int, ...]:
        """The run's seeds."""
        return tuple(self.manifest()["seeds"])

    def scenario(self) -> Scenario:
        """Return the run's scenario, overrides applied."""
        path = self.path / "scenario.toml"
        manifest = self.manifest()
        if not path.is_file():
            raise InputError(f"{path}: expected the run's scenario, got no such file")
        # A folder of "." is the run's own; all others are absolute.
        folder, started_in = (
            None if path is None else self.path / path for path in (manifest["scenario_folder"], manifest.get("started_in"))
        )
        text, _ = read_scenario(path)
        with warnings.catch_warnings(record=True) as renamed:
            warnings.simplefilter("always", RenamedWarning)
            scenario = parse_scenario(text, str(path), overrides=manifest["overrides"], folder=folder)
        if renamed:
            # One line for all: nobody is to edit the scenario of a run.
            message = f"{path}: {len(renamed)} names are of an older version; they work until version 0.3"
            warnings.warn(message, RenamedWarning, stacklevel=2)
        return scenario.with_source(str(path), folder, started_in)

    def expect_scenario_kept(self, scenario: Scenario) -> None:
        """Refuse to go on with a run whose scenario was edited since it began.

        Args:
            scenario: The run's scenario, as `scenario` returns it.

        Raises:
            InputError: It was; the message names the first key.
        """
        expect_kept(self.path, self.manifest().get("scenario_digest"), scenario)

    def _scenario_of_old_run(self) -> Scenario:
        """Return the scenario without the warning of old names, which is for those who ask for the scenario itself."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", RenamedWarning)
            return self.scenario()

    def expect_trained_here(self, what: str) -> None:
        """Refuse a run that was trained outside: it has no checkpoints to go on from.

        Args:
            what: Purpose for which it was opened, for the message.

        Raises:
            InputError: The run was written by `auctionsim.write_run`.
        """
        manifest = self.manifest()
        if manifest.get("source") == "outside":
            raise InputError(
                f"{self.path}: expected a run trained by auctionsim to {what}, got one trained outside by "
                f"{shown(manifest.get('learner', 'unknown'))} (report and compare show it)"
            )

    def checkpoint_folder(self, iteration: int) -> Path:
        """Return the folder of an iteration's checkpoint, there or not."""
        return self.path / "checkpoints" / f"{iteration:06d}"

    def state_file(self, iteration: int, seed: int) -> Path:
        """Return the file of a seed's state in an iteration's checkpoint, there or not."""
        return self.checkpoint_folder(iteration) / f"seed-{seed}.safetensors"

    def save_checkpoint(self, iteration: int, states: dict[int, Arrays], *, keep: int = 2) -> None:
        """Write the states of all seeds after `iteration`; the folder appears whole. Older ones than the last `keep` go."""
        folder = self.checkpoint_folder(iteration)
        if not folder.exists():
            with folder_then_rename(folder) as part:
                for seed, arrays in states.items():
                    save_state(part / self.state_file(iteration, seed).name, arrays)
        self._drop_checkpoints(keep)

    def _drop_checkpoints(self, keep: int) -> None:
        for old in self.checkpoints()[:-keep]:
            shutil.rmtree(self.checkpoint_folder(old))

    def tidy(self, *, keep: int = 2) -> None:
        """Remove what a killed process left half done: files it was writing, checkpoints it was removing."""
        for folder in (self.path, self.path / "checkpoints", self.path / "report"):
            remove_leftovers(folder)
        self._drop_checkpoints(keep)

    def checkpoints(self) -> list[int]:
        """Return the iterations of the checkpoints, ascending."""
        folder = self.path / "checkpoints"
        names = [entry.name for entry in folder.iterdir() if entry.is_dir()] if folder.is_dir() else []
        return sorted(int(name) for name in names if _CHECKPOINT.fullmatch(name) and f"{int(name):06d}" == name)

    def last_checkpoint(self) -> int:
        """Return the iteration of the newest checkpoint.

        Raises:
            InputError: There is none.
        """
        found = self.checkpoints()
        if not found:
            raise InputError(f"{self.path}: expected a checkpoint, got none (run: auctionsim resume {self.path})")
        return found[-1]

    def load_checkpoint(self, iteration: int, like: Mapping[int, Arrays] | None = None) -> dict[int, Arrays]:
        """Return the states of all seeds.

        Args:
            iteration: Iteration of the checkpoint.
            like: For each seed a state of the learner it is meant for, whose arrays have the same names, shapes and types.

        Raises:
            InputError: A file is missing, is not a checkpoint of ours, or not one of that learner.
        """
        states = {}
        for seed in self.seeds:
            path = self.state_file(iteration, seed)
            states[seed] = load_state(path)
            if like is not None:
                expect_like(path, states[seed], like[seed])
        return states

    def append_metrics(self, rows: list[dict[str, Any]]) -> None:
        """Add lines to metrics.jsonl."""
        append_text(self.path / "metrics.jsonl", "".join(json.dumps(row, sort_keys=True) + "\n" for row in rows))

    def metrics(self) -> MetricRows:
        """Return the rows of metrics.jsonl; a last line cut off by a killed process is left out."""
        path = self.path / "metrics.jsonl"
        if not path.is_file():
            return MetricRows()
        try:
            lines = path.read_text(encoding="utf-8").split("\n")
        except UnicodeDecodeError as error:
            byte = error.object[error.start]
            raise InputError(f"{path}: expected UTF-8 text, got byte {byte:#04x} at {error.start}") from error
        return MetricRows(checked_metrics(path, lines[:-1], self.manifest()["seeds"]))

    def cut_metrics(self, iteration: int) -> None:
        """Drop the lines after `iteration`, as a resumed run starts again from its checkpoint."""
        kept = [row for row in self.metrics() if row["iteration"] <= iteration]
        write_text(self.path / "metrics.jsonl", "".join(json.dumps(row, sort_keys=True) + "\n" for row in kept))

    def write_provenance(self, notes: dict[str, str]) -> None:
        """Write provenance.json: where the traffic comes from, what is measured, what assumed."""
        write_json(self.path / "provenance.json", notes)

    def provenance(self) -> dict[str, str]:
        """Return what `write_provenance` wrote; nothing where nothing was."""
        path = self.path / "provenance.json"
        if not path.is_file():
            return {}
        return checked_notes(path, checked_json(path, path.read_bytes()))

    def write_evaluation(self, notes: dict[str, str], tables: Mapping[str, pl.DataFrame]) -> None:
        """Write provenance.json and the tables of an evaluation, all of them or none.

        Args:
            notes: The notes, as of `write_provenance`.
            tables: Each table by its name.
        """
        contents: dict[str, Callable[[Path], object]] = {
            "provenance.json": lambda part: part.write_text(json_text(notes), encoding="utf-8"),
            **{f"{name}.parquet": table.write_parquet for name, table in tables.items()},
        }
        with OutputsTogether() as outputs:
            for name in contents:
                outputs.reserve(self.path / name)
            for name, write in contents.items():
                outputs.write(self.path / name, write)
            outputs.finish()

    def write_table(self, name: str, table: pl.DataFrame) -> None:
        """Write `name`.parquet."""
        write_then_rename(self.path / f"{name}.parquet", lambda part: table.write_parquet(part))

    def table(self, name: str) -> pl.DataFrame:
        """Read `name`.parquet.

        Raises:
            InputError: The run was not evaluated yet, or the file is not such a table.
        """
        path = self.path / f"{name}.parquet"
        if not path.is_file():
            raise InputError(f"{path}: expected the run's evaluation, got no such file (run: auctionsim evaluate {self.path})")
        table = checked_table(path, read_parquet(path)[0], self.seeds)
        outcomes = self.path / "outcomes.parquet"
        if name == "benchmarks" and outcomes.is_file():
            expect_same_days(path, table, _days(outcomes))
        return with_current_names(table, self._scenario_of_old_run)

    def optional_table(self, name: str) -> pl.DataFrame | None:
        """Read `name`.parquet; None where it was never written."""
        return self.table(name) if (self.path / f"{name}.parquet").is_file() else None


def _days(outcomes: Path) -> list[int]:
    """Return the days of outcomes.parquet, which is checked where it is read whole."""
    table, _ = read_parquet(outcomes)
    return table["day"].unique().to_list() if "day" in table.columns else []


def _other_than_run(path: Path) -> str:
    """Return what is where a run folder was expected, the end of a message."""
    kind = kind_with_names(path)
    if kind == MISSING:
        return "no such folder"
    if kind in (SCENARIO, BUILTIN):
        return f"{kind} (auctionsim train {shlex.quote(str(path))} makes a run)"
    return "none" if path.is_dir() and kind in UNKNOWN else kind
