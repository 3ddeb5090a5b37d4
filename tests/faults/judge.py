"""Try one command under one fault, and judge how it ends: exit code, lines, status, leftovers, and the bytes after going on."""

from __future__ import annotations

import hashlib
import json
import shutil
import time
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from . import faults
from .commands import Command
from .faults import Ended, Fault, undisturbed

_HASHED = (".parquet", ".csv", ".toml", ".safetensors", ".jsonl", ".npy")
_INTERRUPTED = 130


@dataclass
class Trial:
    """A command, undisturbed once and then under faults, each time in a fresh copy of the folder it begins with."""

    command: Command
    begin: Path
    """The folder of `commands.prepare`."""
    work: Path
    """A folder for the copies."""

    @cached_property
    def undisturbed(self) -> tuple[dict[str, str], float]:
        """Hashes of what the command writes, and the seconds it takes."""
        folder, began = self._copy("undisturbed"), time.monotonic()
        ended = undisturbed(self.command.words, folder)
        seconds = time.monotonic() - began
        if ended.code:
            raise AssertionError(f"{self.command.name}: {ended}")
        found = hashes(folder)
        shutil.rmtree(folder)
        return found, seconds

    def failures(self, fault: Fault, kind: Fault | None = None) -> list[list[str]]:
        """Return what is wrong with each try of a fault; an empty list where nothing is.

        Args:
            fault: The tries.
            kind: The fault by whose rules they are judged, one of `faults.FAULTS`; the fault itself where None.
        """
        return [self._failures(fault, kind or fault, index) for index in range(len(fault.tries))]

    def _failures(self, fault: Fault, kind: Fault, index: int) -> list[str]:
        wanted, seconds = self.undisturbed
        folder = self._copy(f"{fault.name.replace(' ', '-')}-{index}")
        ended = fault.tries[index](self.command.words, folder, seconds)
        wrong = [*_wrong_end(self.command, kind, ended), *_wrong_status(folder, kind, ended)]
        if kind not in (faults.KILLED, faults.MEMORY):
            wrong += [f"left {path}" for path in _hidden(folder)]
        if ended.code != 0:
            wrong += self._wrong_after(folder, wanted)
        elif hashes(folder) != wanted:
            wrong.append("other bytes")
        shutil.rmtree(folder)
        return [f"{self.command.name}, {fault.name} {index}: {text}" for text in wrong]

    def _wrong_after(self, folder: Path, wanted: dict[str, str]) -> Iterator[str]:
        """Go on after a fault, and compare with the undisturbed command."""
        if not self.command.outputs:
            return
        words = self.command.words if self.command.go_on is None else self.command.go_on(folder)
        if self.command.name in ("fit", "ingest", "init", "bench", "export-dataset", "learn-offline"):
            # They never write over a file: what there is must be whole, and is removed.
            found = hashes(folder)
            yield from (f"half of {name}" for name in found if found[name] != wanted.get(name))
            for name in self.command.outputs:
                path = folder / name
                shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
        ended = undisturbed(words, folder)
        if ended.code:
            yield f"cannot go on: {ended.code} {ended.lines[-1:]}"
        elif hashes(folder) != wanted:
            yield "other bytes after going on"
        yield from (f"still left {path}" for path in _hidden(folder))

    def _copy(self, name: str) -> Path:
        folder = self.work / f"{self.command.name}-{name}"
        shutil.copytree(self.begin, folder)
        return folder


def hashes(folder: Path) -> dict[str, str]:
    """Return a hash of each file of results in a folder, by its name. Event files, seconds and pages differ from run to run."""
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.suffix in _HASHED
        and path.name != "timing.jsonl"
        and not any(part.startswith(".") for part in path.relative_to(folder).parts)
    }


def _hidden(folder: Path) -> list[str]:
    """Temporary files and folders that were left."""
    return [str(path.relative_to(folder)) for path in folder.rglob(".*")]


def _wrong_end(command: Command, fault: Fault, ended: Ended) -> Iterator[str]:
    """Judge the exit code and the lines of stderr."""
    if "Traceback" in ended.errors:
        yield f"a traceback: {ended.lines[-1:]}"
    codes = {
        faults.KILLED: (0, -9),
        faults.STOPPED: (0, _INTERRUPTED, -2),
        faults.ENDED: (0, _INTERRUPTED, -15, -1),
        faults.FULL: (0, 1),
        faults.UNHEARD: (0,),
        faults.LOST: (0,) if command.is_kept else (1,),
        faults.BROKEN: (0,) if command.is_kept else (0, 1),
        faults.MEMORY: (0, 1),
    }[fault]
    if ended.code not in codes:
        yield f"exit {ended.code} {ended.lines[-1:]}"
    if ended.code == 1 and fault is not faults.BROKEN:
        ending = {faults.FULL: ": No space left on device", faults.LOST: "auctionsim: stdout: "}
        wanted = ending.get(fault, "auctionsim: expected more memory")
        if len(ended.lines) != 1 or wanted not in ended.lines[0]:
            yield f"expected one line with {wanted!r}, got {ended.lines[-3:]}"
    if fault is faults.BROKEN and ended.lines:
        yield f"expected no line, got {ended.lines}"
    if ended.code == _INTERRUPTED and ended.lines[-1:] != ["interrupted"]:
        yield f"expected the line 'interrupted', got {ended.lines[-3:]}"


def _wrong_status(folder: Path, fault: Fault, ended: Ended) -> Iterator[str]:
    """Judge the status of every run in the folder: none may be called running by a process that could still write."""
    may_run = fault in (faults.KILLED, faults.MEMORY) or ended.code < 0
    for path in sorted(folder.rglob("manifest.json")):
        status = json.loads(path.read_text(encoding="utf-8"))["status"]
        if status == "running" and not may_run:
            yield f"{path.parent.name} is running"
        if ended.code == _INTERRUPTED and status == "failed":
            yield f"{path.parent.name} is failed after an interrupt"
