"""Studies: many independent units (scenario, arm, seed), each kept when done, and one table and report over all.

A study killed at any moment goes on where it stood when the same command is given again: a unit's results lie in a file of
their own, whole or not at all.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules
from typing import Any, Protocol

import polars as pl

from auctionsim import __version__
from auctionsim.analysis.documents.sections import Section, write_document
from auctionsim.errors import InputError, unknown
from auctionsim.files import write_json, write_then_rename
from auctionsim.jobs import studies
from auctionsim.jobs.distributed.cluster import Pool

RESULTS_SCHEMA = {
    "study": pl.String, "scenario": pl.String, "arm": pl.String, "seed": pl.Int64,
    "split": pl.String, "metric": pl.String, "value": pl.Float64,
}  # fmt: skip
CURVES_SCHEMA = {
    "study": pl.String, "scenario": pl.String, "arm": pl.String, "seed": pl.Int64,
    "curve": pl.String, "x": pl.Float64, "y": pl.Float64,
}  # fmt: skip


@dataclass(frozen=True)
class Options:
    """What a user may choose of any study."""

    seeds: tuple[int, ...]
    quick: bool = False
    """A short form in seconds that makes no claim."""
    data: str | None = None
    """Folder of the public files, for scenarios made from them."""


@dataclass(frozen=True)
class Unit:
    """The smallest thing that is measured at once."""

    scenario: str
    arm: str
    seed: int

    @property
    def key(self) -> str:
        """Its file name."""
        return f"{self.scenario}--{self.arm}--{self.seed}".replace("/", "_").replace(" ", "_")


@dataclass(frozen=True)
class Findings:
    """What a unit measured; undefined measures are left out."""

    results: Sequence[tuple[str, str, float]]
    """(split, metric, value), split `train` or `test`."""
    curves: Sequence[tuple[str, float, float]] = field(default=())
    """(curve, x, y): learning curves, fronts, impulse responses."""


class Study(Protocol):
    """What a module of `jobs/studies` offers as `STUDY`."""

    title: str
    n_seeds: int
    """How many seeds unless the user says otherwise."""

    def units(self, options: Options) -> Sequence[Unit]:
        """All units; their results do not depend on each other, nor on the order."""

    def run(self, unit: Unit, options: Options) -> Findings:
        """Measure one unit, in any process. Pure: the same unit gives the same findings."""

    def sections(self, results: pl.DataFrame, curves: pl.DataFrame) -> list[Section]:
        """The document over all units; the verdict first."""


def study_names() -> tuple[str, ...]:
    """Names of all studies; imports none of them."""
    return tuple(sorted(m.name.replace("_", "-") for m in iter_modules(studies.__path__) if m.name != "base"))


def find_study(name: str) -> Study:
    """The study of a name.

    Raises:
        InputError: There is none.
    """
    if name not in study_names():
        raise unknown("reproduce", name, study_names(), what="unknown study")
    path = f"{studies.__name__}.{name.replace('-', '_')}"
    module = import_module(path)
    study: Study = (import_module(f"{path}.study") if hasattr(module, "__path__") else module).STUDY
    return study


def run_study(
    name: str, options: Options, pool: Pool, out: Path, command: str, report: Callable[[int, int, Unit, float], None]
) -> Path:
    """Measure what is missing, then write results.parquet, curves.parquet, table.md and the report.

    Args:
        name: Of the study.
        options: The user's choices.
        pool: Where units are computed.
        out: Folder; of this study with these options, or new.
        command: The command line, for the report.
        report: Told after every unit: how many are done, of how many, which, and its seconds.

    Returns:
        The report's page.

    Raises:
        InputError: `out` holds something else.
    """
    study = find_study(name)
    claim(out, {"study": name, "version": __version__, **asdict(options)})
    units = list(study.units(options))
    missing = [unit for unit in units if not _part(out, unit).exists()]
    done = len(units) - len(missing)
    for index, (findings, seconds) in pool.each(_measure, [(None, (name, unit, options)) for unit in missing]):
        unit = missing[index]
        done += 1
        write_json(
            _part(out, unit), {"results": list(findings.results), "curves": list(findings.curves), "seconds": round(seconds, 3)}
        )
        report(done, len(units), unit, seconds)
    parts = {unit: json.loads(_part(out, unit).read_text(encoding="utf-8")) for unit in units}
    results = _table(name, parts, "results", RESULTS_SCHEMA)
    curves = _table(name, parts, "curves", CURVES_SCHEMA)
    for table, file in ((results, "results"), (curves, "curves")):
        write_then_rename(out / f"{file}.parquet", table.write_parquet)
    return write_document(study.title, [command], study.sections(results, curves), out)


def _measure(_: None, task: tuple[str, Unit, Options]) -> tuple[Findings, float]:
    import time

    name, unit, options = task
    began = time.monotonic()
    findings = find_study(name).run(unit, options)
    return findings, time.monotonic() - began


def _part(out: Path, unit: Unit) -> Path:
    return out / "parts" / f"{unit.key}.json"


def claim(out: Path, plan: dict[str, Any]) -> None:
    """Begin a study in a new folder, or go on with the same one."""
    plan = json.loads(json.dumps(plan))
    path = out / "plan.json"
    if path.exists():
        try:
            before = json.loads(path.read_text(encoding="utf-8"))
        except ValueError:
            before = None
        if before != plan:
            differs = [key for key in plan if not isinstance(before, dict) or before.get(key) != plan[key]]
            raise InputError(f"{path}: expected the plan of this very command, got another {differs[0]} (choose another --out)")
        return
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise InputError(f"{out}: expected a new or empty folder, got one that holds files (choose another with --out)")
    write_json(path, plan)


def _table(name: str, parts: dict[Unit, Any], what: str, schema: dict[str, Any]) -> pl.DataFrame:
    rows = [(name, unit.scenario, unit.arm, unit.seed, *row) for unit, part in parts.items() for row in part[what]]
    return pl.DataFrame(rows, schema=schema, orient="row")
