"""Run studies: many independent units (scenario, arm, seed), and one table and report over all of them.

A study that is killed at any moment continues when the same command is given again: the findings of a unit have a file of their
own, written whole or not at all.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field, replace
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules
from typing import Any, Protocol

import polars as pl

from auctionsim import __version__
from auctionsim.analysis.documents.sections import Note, Section, write_document
from auctionsim.errors import InputError, shown, unknown
from auctionsim.extras import expect_library
from auctionsim.files import expect_no_file, write_json, write_then_rename
from auctionsim.jobs import studies
from auctionsim.jobs.distributed.cluster import Pool
from auctionsim.locks import lock_until_exit
from auctionsim.outputs.temporary import remove_leftovers
from auctionsim.run_checks.records import checked_json

RESULTS_SCHEMA = {
    "study": pl.String, "scenario": pl.String, "arm": pl.String, "seed": pl.Int64,
    "split": pl.String, "metric": pl.String, "value": pl.Float64,
}  # fmt: skip
CURVES_SCHEMA = {
    "study": pl.String, "scenario": pl.String, "arm": pl.String, "seed": pl.Int64,
    "curve": pl.String, "x": pl.Float64, "y": pl.Float64,
}  # fmt: skip

VERSION_KEY = "study_version"
"""Key of plan.json that holds the version of a study that has versions."""


@dataclass(frozen=True)
class Options:
    """The user's choices, the same for every study."""

    seeds: tuple[int, ...]
    quick: bool = False
    """True for a short form that takes seconds and makes no claim."""
    data: str | None = None
    """The folder of the public files, for scenarios built from them."""
    entrants: tuple[str, ...] = ()
    """Entrants of the user's own, each as `package.module:Class`, for studies that take some."""
    folder: str = ""
    """The folder that their classes are looked for in first."""


@dataclass(frozen=True)
class Unit:
    """The smallest piece of a study: one arm of one scenario on one seed."""

    scenario: str
    arm: str
    seed: int

    @property
    def key(self) -> str:
        """Return the unit as a file name."""
        return f"{self.scenario}--{self.arm}--{self.seed}".replace("/", "_").replace(" ", "_")


@dataclass(frozen=True)
class Findings:
    """The results of one unit; metrics that are not defined are left out."""

    results: Sequence[tuple[str, str, float]]
    """Rows (split, metric, value), where split is `train` or `test`."""
    curves: Sequence[tuple[str, float, float]] = field(default=())
    """Rows (curve, x, y): learning curves, fronts, impulse responses."""


class Study(Protocol):
    """The protocol of a study; a module of `jobs/studies` defines one as `STUDY`.

    A study whose method was tuned on some seeds names a fresh one to begin with as `first_seed`; without it seeds begin at 0.
    One that needs a library of an extra names it in `libraries`, as `auctionsim/extras.py` does.
    One with `takes_entrants = True` measures `Options.entrants` too, one with `takes_data = True` what is in `Options.data`.
    One with `version(options)` states which figures may be compared: the version stands in plan.json and on the page, and a
    folder of another version is not continued.
    """

    title: str
    n_seeds: int
    """The default number of seeds."""

    def units(self, options: Options) -> Sequence[Unit]:
        """Return all units. The findings of one do not depend on the others, nor on their order."""

    def run(self, unit: Unit, options: Options) -> Findings:
        """Measure one unit, in any process. Pure: the same unit gives the same findings."""

    def sections(self, results: pl.DataFrame, curves: pl.DataFrame) -> list[Section]:
        """Return the document over all units, the verdict first.

        Args:
            results: All findings with the columns of `RESULTS_SCHEMA`.
            curves: All curves with the columns of `CURVES_SCHEMA`.
        """


def study_names() -> tuple[str, ...]:
    """Return the names of all studies without importing them."""
    return tuple(sorted(m.name.replace("_", "-") for m in iter_modules(studies.__path__) if m.name != "base"))


def find_study(name: str) -> Study:
    """Return the study with a name.

    Raises:
        InputError: No study has this name.
    """
    if name not in study_names():
        raise unknown("reproduce", name, study_names(), what="unknown study")
    path = f"{studies.__name__}.{name.replace('-', '_')}"
    module = import_module(path)
    study: Study = (import_module(f"{path}.study") if hasattr(module, "__path__") else module).STUDY
    return study


def expect_libraries(name: str, study: Study) -> None:
    """Check that the libraries are installed that a study needs.

    Raises:
        MissingExtra: One is not.
    """
    for library in getattr(study, "libraries", ()):
        expect_library(library, f"auctionsim reproduce {name}")


def run_study(
    name: str, options: Options, pool: Pool, out: Path, command: str, report: Callable[[int, int, Unit, float], None]
) -> Path:
    """Measure the units that are missing, then write results.parquet, curves.parquet, table.md and the report.

    Args:
        name: The name of the study.
        options: The user's choices.
        pool: The pool that computes units.
        out: The folder to write to: new, or of this study with these options.
        command: The command line, for the report.
        report: Called after every unit with the units done, the number of units, the unit, and its seconds.

    Returns:
        The path of the report's index.html.

    Raises:
        InputError: `out` holds something else.
        MissingExtra: The study needs a library that is not installed.
    """
    study = find_study(name)
    expect_libraries(name, study)
    plan = plan_of(name, options)
    lock_plan(out, plan)
    units = list(study.units(options))
    missing = [unit for unit in units if not _findings_path(out, unit).exists()]
    done = len(units) - len(missing)
    # Workers may run in another folder, so a relative path is resolved for them; the plan keeps it as given.
    theirs = options if options.data is None else replace(options, data=os.path.abspath(options.data))
    for index, (findings, seconds) in pool.each(_measure, [(None, (name, unit, theirs)) for unit in missing]):
        unit = missing[index]
        done += 1
        stored = {"results": list(findings.results), "curves": list(findings.curves), "seconds": round(seconds, 3)}
        write_json(_findings_path(out, unit), stored)
        report(done, len(units), unit, seconds)
    found = {unit: _stored(_findings_path(out, unit)) for unit in units}
    results = _table(name, found, "results", RESULTS_SCHEMA)
    curves = _table(name, found, "curves", CURVES_SCHEMA)
    for table, file in ((results, "results"), (curves, "curves")):
        write_then_rename(out / f"{file}.parquet", table.write_parquet)
    stated = [Note(f"Version {plan[VERSION_KEY]} of this study.")] if VERSION_KEY in plan else []
    if options.quick:
        stated = [Note("A short form, made with --quick: small markets and few seeds. It supports no claim."), *stated]
    return write_document(study.title, [command], [*stated, *study.sections(results, curves)], out)


def plan_of(name: str, options: Options) -> dict[str, Any]:
    """Return the plan of a study: its name, the package's version, the study's own where it has one, and the options."""
    chosen = asdict(options)
    if not options.entrants:
        # Plans of earlier versions have no such keys.
        chosen = {key: value for key, value in chosen.items() if key not in ("entrants", "folder")}
    version = getattr(find_study(name), "version", None)
    own = {} if version is None else {VERSION_KEY: version(options)}
    return {"study": name, "version": __version__, **own, **chosen}


def lock_plan(out: Path, plan: dict[str, Any]) -> None:
    """Write the plan of a job to plan.json in a new folder, or check that a folder has this very plan and can be continued.

    Raises:
        InputError: The folder holds another plan, or other files and no plan, or another process is writing it.
    """
    plan = json.loads(json.dumps(plan))
    path = out / "plan.json"
    expect_no_file(out, "a new or empty folder", " (choose another with --out)")
    remove_leftovers(out)
    if not path.exists() and out.exists() and any(entry.name != ".lock" for entry in out.iterdir()):
        raise InputError(f"{out}: expected a new or empty folder, got one that holds files (choose another with --out)")
    out.mkdir(parents=True, exist_ok=True)
    # Locked before it is looked at again: two commands that start together must not both find it empty.
    lock_until_exit(out, "job")
    if not path.exists():
        write_json(path, plan)
        return
    try:
        before = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError):
        before = None
    if before != plan:
        differs = [key for key in plan if not isinstance(before, dict) or before.get(key) != plan[key]]
        raise InputError(f"{path}: expected the plan of this very command, got another {differs[0]} (choose another --out)")


def _measure(_: None, task: tuple[str, Unit, Options]) -> tuple[Findings, float]:
    """Return a unit's findings and the seconds they took."""
    name, unit, options = task
    began = time.monotonic()
    findings = find_study(name).run(unit, options)
    return findings, time.monotonic() - began


def _findings_path(out: Path, unit: Unit) -> Path:
    return out / "parts" / f"{unit.key}.json"


def _table(name: str, found: dict[Unit, Any], what: str, schema: dict[str, Any]) -> pl.DataFrame:
    """Return one table of all units: their `results` or their `curves`."""
    rows = [(name, unit.scenario, unit.arm, unit.seed, *row) for unit, stored in found.items() for row in stored[what]]
    try:
        return pl.DataFrame(rows, schema=schema, orient="row")
    except (pl.exceptions.PolarsError, TypeError, ValueError, OverflowError) as error:
        reason = shown(str(error).splitlines()[0])
        raise InputError(
            f"{name}: parts: expected rows of {', '.join(schema)}, got others: {reason} (remove the parts)"
        ) from error


def _stored(path: Path) -> dict[str, list[Any]]:
    """Return the findings of a unit that were kept on disk.

    Raises:
        InputError: The file holds something else.
    """
    stored = checked_json(path, path.read_bytes())
    is_right = isinstance(stored, dict) and all(isinstance(stored.get(key), list) for key in ("results", "curves"))
    if not is_right or not all(isinstance(row, list) for key in ("results", "curves") for row in stored[key]):
        raise InputError(f"{path}: expected a unit's results and curves, got {shown(stored)} (remove it to measure again)")
    found: dict[str, list[Any]] = stored
    return found
