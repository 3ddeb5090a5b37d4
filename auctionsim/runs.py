"""The run folder: the only interface between jobs and analysis.

    scenario.toml    the scenario as the user wrote it        metrics.jsonl     one line per iteration and seed
    resolved.json    every key with its value                 outcomes.parquet  evaluation rows
    manifest.json    version, command, seeds, status          benchmarks.parquet  what each test day could bring
    provenance.json  origin of the traffic                    report/index.html
    checkpoints/NNNNNN/seed-S.safetensors

Every file is written to a temporary name and renamed. No pickle is written or read: arrays are safetensors.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import polars as pl

from auctionsim import __version__
from auctionsim.checkpoints import Arrays, expect_like, load_state, save_state
from auctionsim.errors import InputError, shown
from auctionsim.files import expect_new_folder, part_of, remove_leftovers, write_json, write_text, write_then_rename
from auctionsim.run_checks import checked_json, checked_manifest, checked_metrics, checked_table
from auctionsim.scenario import Scenario
from auctionsim.scenario.file import parse_scenario, read_scenario

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
    ) -> Run:
        """Make a run folder; it appears with its first three files or not at all.

        Raises:
            InputError: `path` exists and is not an empty folder, or cannot be written.
        """
        expect_new_folder(path)
        part = part_of(path)
        try:
            part.mkdir(parents=True)
            run = cls(part)
            write_text(part / "scenario.toml", text)
            write_json(part / "resolved.json", json.loads(scenario.model_dump_json()))
            folder = None if scenario.folder is None else str(scenario.folder.resolve())
            run._write_manifest(
                {
                    "version": __version__,
                    "command": command,
                    "seeds": list(seeds),
                    "status": "running",
                    "overrides": list(overrides),
                    "scenario_folder": folder,
                }
            )
            if path.exists():
                path.rmdir()
            part.rename(path)
        except OSError as error:
            shutil.rmtree(part, ignore_errors=True)
            raise InputError(f"{path}: expected a folder that can be written, got {error.strerror}") from error
        return cls(path)

    @classmethod
    def open(cls, path: str | Path) -> Run:
        """An existing run folder.

        Raises:
            InputError: The folder or its manifest is missing or not ours.
        """
        run = cls(Path(path))
        run.manifest()
        return run

    def manifest(self) -> dict[str, Any]:
        """Version, command, seeds, status."""
        place = self.path / "manifest.json"
        if not place.is_file():
            raise InputError(f"{self.path}: expected a run folder with manifest.json, got none")
        return checked_manifest(place, checked_json(place, place.read_bytes()))

    def _write_manifest(self, manifest: dict[str, Any]) -> None:
        write_json(self.path / "manifest.json", manifest)

    @property
    def status(self) -> Status:
        """running, finished, failed or interrupted."""
        status: Status = self.manifest()["status"]
        return status

    def set_status(self, status: Status) -> None:
        """Change the status."""
        self._write_manifest({**self.manifest(), "status": status})

    @property
    def seeds(self) -> tuple[int, ...]:
        """The run's seeds."""
        return tuple(self.manifest()["seeds"])

    def scenario(self) -> Scenario:
        """The run's scenario, overrides applied."""
        place = self.path / "scenario.toml"
        manifest = self.manifest()
        if not place.is_file():
            raise InputError(f"{place}: expected the run's scenario, got no such file")
        folder = manifest["scenario_folder"]
        text, _ = read_scenario(place)
        return parse_scenario(
            text, str(place), overrides=manifest["overrides"], folder=None if folder is None else Path(folder)
        )

    def save_checkpoint(self, iteration: int, states: dict[int, Arrays], *, keep: int = 2) -> None:
        """Write the states of all seeds after `iteration`; the folder appears whole. Older ones than the last `keep` go."""
        folder = self.path / "checkpoints" / f"{iteration:06d}"
        if not folder.exists():
            part = part_of(folder)
            try:
                part.mkdir(parents=True)
                for seed, arrays in states.items():
                    save_state(part / f"seed-{seed}.safetensors", arrays)
                part.rename(folder)
            finally:
                shutil.rmtree(part, ignore_errors=True)
        self._drop_checkpoints(keep)

    def _drop_checkpoints(self, keep: int) -> None:
        for old in self.checkpoints()[:-keep]:
            shutil.rmtree(self.path / "checkpoints" / f"{old:06d}")

    def tidy(self, *, keep: int = 2) -> None:
        """Remove what a killed process left half done: files it was writing, checkpoints it was removing."""
        for folder in (self.path, self.path / "checkpoints", self.path / "report"):
            remove_leftovers(folder)
        self._drop_checkpoints(keep)

    def checkpoints(self) -> list[int]:
        """Iterations of the checkpoints, ascending."""
        folder = self.path / "checkpoints"
        return sorted(int(entry.name) for entry in folder.iterdir() if entry.name.isdecimal()) if folder.is_dir() else []

    def last_checkpoint(self) -> int:
        """Iteration of the newest checkpoint.

        Raises:
            InputError: There is none.
        """
        found = self.checkpoints()
        if not found:
            raise InputError(f"{self.path}: expected a checkpoint, got none (run: auctionsim resume {self.path})")
        return found[-1]

    def load_checkpoint(self, iteration: int, like: Mapping[int, Arrays] | None = None) -> dict[int, Arrays]:
        """The states of all seeds.

        Args:
            iteration: Of the checkpoint.
            like: For each seed a state of the learner it is meant for, whose arrays have the same names, shapes and types.

        Raises:
            InputError: A file is missing, is not a checkpoint of ours, or not one of that learner.
        """
        folder = self.path / "checkpoints" / f"{iteration:06d}"
        states = {}
        for seed in self.seeds:
            place = folder / f"seed-{seed}.safetensors"
            states[seed] = load_state(place)
            if like is not None:
                expect_like(place, states[seed], like[seed])
        return states

    def append_metrics(self, rows: list[dict[str, Any]]) -> None:
        """Add lines to metrics.jsonl."""
        with (self.path / "metrics.jsonl").open("a", encoding="utf-8") as file:
            file.writelines(json.dumps(row, sort_keys=True) + "\n" for row in rows)

    def metrics(self) -> list[dict[str, Any]]:
        """The lines of metrics.jsonl; a last line cut off by a killed process is left out."""
        place = self.path / "metrics.jsonl"
        if not place.is_file():
            return []
        try:
            lines = place.read_text(encoding="utf-8").split("\n")
        except UnicodeDecodeError as error:
            byte = error.object[error.start]
            raise InputError(f"{place}: expected UTF-8 text, got byte {byte:#04x} at {error.start}") from error
        return checked_metrics(place, lines[:-1])

    def cut_metrics(self, iteration: int) -> None:
        """Drop the lines after `iteration`, as a resumed run starts again from its checkpoint."""
        kept = [row for row in self.metrics() if row["iteration"] <= iteration]
        write_text(self.path / "metrics.jsonl", "".join(json.dumps(row, sort_keys=True) + "\n" for row in kept))

    def write_provenance(self, notes: dict[str, str]) -> None:
        """Write provenance.json: where the traffic comes from, what is measured, what supposed."""
        write_json(self.path / "provenance.json", notes)

    def provenance(self) -> dict[str, str]:
        """What `write_provenance` wrote; empty where nothing was."""
        place = self.path / "provenance.json"
        if not place.is_file():
            return {}
        notes = checked_json(place, place.read_bytes())
        if not isinstance(notes, dict):
            raise InputError(f"{place}: expected an object of notes, got {shown(notes)}")
        return {str(key): str(text) for key, text in notes.items()}

    def write_table(self, name: str, table: pl.DataFrame) -> None:
        """Write `name`.parquet."""
        write_then_rename(self.path / f"{name}.parquet", lambda part: table.write_parquet(part))

    def table(self, name: str) -> pl.DataFrame:
        """Read `name`.parquet.

        Raises:
            InputError: The run was not evaluated yet, or the file is not such a table.
        """
        place = self.path / f"{name}.parquet"
        if not place.is_file():
            raise InputError(f"{place}: expected the run's evaluation, got no such file (run: auctionsim evaluate {self.path})")
        try:
            table = pl.read_parquet(place, glob=False)
        except (pl.exceptions.PolarsError, pl.exceptions.PanicException, OSError) as error:
            raise InputError(f"{place}: expected a Parquet table, got {shown(str(error).splitlines()[0])}") from error
        return checked_table(place, table, self.seeds)

    def optional_table(self, name: str) -> pl.DataFrame | None:
        """Read `name`.parquet; None where it was never written."""
        return self.table(name) if (self.path / f"{name}.parquet").is_file() else None
