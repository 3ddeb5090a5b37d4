"""Measure a part of every committed table again: `python benchmarks/check_results.py [STUDY...]` (`make check-results`).

    python benchmarks/check_results.py                      # every table of docs/results
    python benchmarks/check_results.py maab-game --seeds 2  # one of them, the first two seeds

A study's findings are a function of its scenario, arm and seed. So the first seed of every scenario and arm tells whether the
code as it is now still makes the table: each figure must come out to the last bit. Seconds are not compared, and torch's
learners round by the processor (docs/reliability.md). Where a figure differs, the study is to be made again (`make result
STUDY=...`). Exits with 1 if one does.
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

import polars as pl

from auctionsim.errors import InputError
from auctionsim.jobs.distributed.cluster import open_pool
from auctionsim.jobs.studies.base import Options, Unit, find_study

RESULTS = Path(__file__).resolve().parent.parent / "docs" / "results"
SHOWN = 5
"""The number of figures that differ of which each study prints the first."""

Key = tuple[str, str, int, str, str]


def table_of(name: str) -> dict[Key, float]:
    """Return a committed table: (scenario, arm, seed, split, metric) to value."""
    rows = pl.read_parquet(RESULTS / f"{name}.parquet").select("scenario", "arm", "seed", "split", "metric", "value").rows()
    return {(scenario, arm, seed, split, metric): value for scenario, arm, seed, split, metric, value in rows}


def chosen(name: str, table: dict[Key, float], seeds: int, data: Path | None) -> tuple[list[Unit], Options]:
    """Return the units to measure: the first seeds that the table has of each scenario and arm."""
    options = Options(tuple(sorted({seed for _, _, seed, *_ in table})), data=None if data is None else str(data))
    measured_before = {key[:3] for key in table}
    kept = {one for one in find_study(name).units(options) if (one.scenario, one.arm, one.seed) in measured_before}
    taken: dict[tuple[str, str], list[Unit]] = {}
    for unit in sorted(kept, key=lambda u: (u.scenario, u.arm, u.seed)):
        taken.setdefault((unit.scenario, unit.arm), []).append(unit)
    return [unit for units in taken.values() for unit in units[:seeds]], options


def measured(_: None, task: tuple[str, Unit, Options]) -> list[tuple[str, str, float]]:
    """Measure one unit again, in any process."""
    name, unit, options = task
    return list(find_study(name).run(unit, options).results)


def differences(table: dict[Key, float], unit: Unit, rows: list[tuple[str, str, float]]) -> tuple[int, list[str]]:
    """Return the number of figures compared, and one line for each that differs, is new, or is gone."""
    now = {(unit.scenario, unit.arm, unit.seed, split, metric): value for split, metric, value in rows}
    before = {key: value for key, value in table.items() if key[:3] == (unit.scenario, unit.arm, unit.seed)}
    lines = []
    for key in sorted(now.keys() | before.keys()):
        if "seconds" in key[4]:
            continue
        was, now_is = before.get(key), now.get(key)
        is_equal = was is not None and now_is is not None and (was == now_is or (was != was and now_is != now_is))
        if not is_equal:
            lines.append(f"{', '.join(map(str, key))}: {was!r} in the table, {now_is!r} now")
    return len(now.keys() | before.keys()), lines


def check(name: str, seeds: int, data: Path | None, workers: int | str) -> bool:
    """Compare one study's table, print what was found, and return whether all figures agree."""
    table = table_of(name)
    units, options = chosen(name, table, seeds, data)
    began, figures, lines = time.monotonic(), 0, []
    try:
        with open_pool(workers) as pool:
            for index, rows in pool.each(measured, [(None, (name, unit, options)) for unit in units]):
                compared, found = differences(table, units[index], rows)
                figures += compared
                lines += found
    except InputError as error:
        print(f"not measured  {name}: {error}")
        return True
    scenarios = {key[:2] for key in table}
    left = f", {len(scenarios) - len(units) // seeds} arms not measured" if len(units) < len(scenarios) * seeds else ""
    verdict = "differs" if lines else "agrees" if units else "not measured"
    seconds = time.monotonic() - began
    print(f"{verdict}  {name}: {figures} figures of {len(units)} units, {len(lines)} differ{left}, {seconds:.0f} s")
    for line in lines[:SHOWN]:
        print(f"  {line}")
    sys.stdout.flush()
    return not lines


def main() -> int:
    """Check the tables and return the exit code."""
    parser = argparse.ArgumentParser(description="Measure a part of every committed table again.")
    names = sorted(path.stem for path in RESULTS.glob("*.parquet"))
    parser.add_argument("studies", nargs="*", metavar="STUDY", help="a committed study (default: all)")
    parser.add_argument("--seeds", type=int, default=1, help="seeds of each scenario and arm (default: 1)")
    parser.add_argument("--data", type=Path, help="folder of the public files (default: leave out what needs them)")
    parser.add_argument("--workers", default="0", help="Ray workers, or auto (default: 0, in this process)")
    given = parser.parse_args()
    workers = given.workers if given.workers == "auto" else int(given.workers)
    unknown = [name for name in given.studies if name not in names]
    if unknown:
        parser.error(f"expected a study of docs/results ({', '.join(names)}), got {unknown[0]!r}")
    found = [check(name, given.seeds, given.data, workers) for name in given.studies or names]
    return 0 if all(found) else 1


if __name__ == "__main__":
    sys.exit(main())
