"""Run cases: `python -m tests.mutations stored|tables FIRST_SEED CASES`. What is neither a result nor an InputError is printed.

Each case is a seed.
"""

from __future__ import annotations

import sys
import tempfile
import traceback
import warnings
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from random import Random

import numpy as np

from auctionsim import load_traffic, open_traffic, replay
from auctionsim.errors import InputError

from . import stored, tables


def run_stored(day: Path, case: Path, seed: int) -> str:
    """Open a mutated day, and replay it; in some cases mutate it once more in between."""
    rng = Random(seed)
    stored.copy(day, case)
    late = rng.random() < 0.3
    said = "late" if late else stored.mutate(case, rng)
    opened = open_traffic(case, verify=rng.random() < 0.5)
    if late:
        said = f"after opening: {stored.mutate(case, rng)}"
    for one in opened.days:
        expect_sound(
            replay(opened, day=one, coefficients=np.ones((len(opened.advertisers), 1, 2)), budgets=rng.choice((None, 0.5)))
        )
        opened.auctions_on(one)
    opened.table()
    return said


def run_tables(folder: Path, case: Path, seed: int) -> str:
    """Load a mutated table, and replay it."""
    case.mkdir(exist_ok=True)
    path, said = tables.write_mutated(case, Random(seed))
    try:
        table = load_traffic(path)
    finally:
        path.unlink()
    for one in table.days:
        expect_sound(replay(table, day=one, coefficients=np.ones((len(table.advertisers), 1, 2))))
    return said


def expect_sound(outcome: object) -> None:
    """Check that the outcome's sums are finite and not negative."""
    for name in ("impressions", "clicks", "conversions", "gmv", "cost"):
        values = getattr(outcome, name)
        assert np.isfinite(values).all(), f"{name} is not finite"
        assert (values >= 0).all(), f"{name} is negative"


def run_cases(what: str, folder: Path, seeds: Iterable[int]) -> Counter[str]:
    """Run the cases of some seeds, and print what failed; return how they ended.

    Args:
        what: `stored` or `tables`.
        folder: An empty folder but for `day`, where `stored.write_day` has written.
        seeds: The cases.
    """
    run = {"stored": run_stored, "tables": run_tables}[what]
    ends: Counter[str] = Counter()
    for seed in seeds:
        (folder / "number").write_text(str(seed))
        try:
            run(folder / "day", folder / "case", seed)
            ends["sound"] += 1
        except InputError as error:
            ends["refused" if str(error).count("\n") == 0 else "more than one line"] += 1
        except Exception as error:
            where = traceback.extract_tb(error.__traceback__)
            ours = [f"{Path(frame.filename).name}:{frame.lineno}" for frame in where if "auctionsim" in frame.filename]
            ends["failed"] += 1
            print(f"{what} {seed}: {type(error).__name__}: {str(error)[:150]!r} at {ours[-2:]}", flush=True)
    return ends


def main(what: str, first: int, count: int) -> int:
    """Run the cases of some seeds; return the number of those that failed."""
    warnings.simplefilter("error")
    with tempfile.TemporaryDirectory() as place:
        stored.write_day(Path(place, "day"))
        ends = run_cases(what, Path(place), range(first, first + count))
    print(dict(ends), flush=True)
    return ends.total() - ends["sound"] - ends["refused"]


if __name__ == "__main__":
    sys.exit(min(main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3])), 100))
