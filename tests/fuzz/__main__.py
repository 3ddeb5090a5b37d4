"""Fuzz the targets, each in child processes: `make fuzz MINUTES=10 TARGET=scenarios SEED=3`."""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from . import corpus
from .base import REPOSITORY, all_targets
from .child import keep

_ENVIRONMENT = {"OMP_NUM_THREADS": "1", "NUMBA_NUM_THREADS": "1", "RAY_USAGE_STATS_ENABLED": "0", "MPLBACKEND": "Agg"}
# A child that ends by itself is started again, but a target in which every case ends it is given up.
_MOST_ENDS = 25
_QUICK_SEED = 1


@dataclass
class Tally:
    """What came of one target."""

    name: str
    executed: int = 0
    ended: int = 0
    """Children that a signal, a limit or an error of the fuzzer ended."""
    findings: int = 0
    seconds: float = 0.0
    """What its children's cases took, without preparations."""


def child(message: dict[str, Any], **options: Any) -> subprocess.CompletedProcess[str]:
    """Run a child process on a message, with few threads."""
    words = [sys.executable, "-m", f"{__package__}.child", json.dumps(message)]
    return subprocess.run(
        words, cwd=REPOSITORY, env=os.environ | _ENVIRONMENT, capture_output=True, text=True, check=False, **options
    )


def fuzz_target(name: str, out: Path, seed: int, seconds: float, cases: int) -> Tally:
    """Fuzz one target for a time, or for a number of cases, and start its child again where a case ended it."""
    folder = out / name
    folder.mkdir(parents=True, exist_ok=True)
    tally, known, used = Tally(name), set[str](), 0.0
    while used < seconds and tally.executed < cases and tally.ended < _MOST_ENDS:
        message = {
            "target": name, "out": str(folder), "seed": seed + 1_000_000 * tally.ended, "known": sorted(known),
            "seconds": seconds - used, "cases": cases - tally.executed,
        }  # fmt: skip
        for left in ("counts.json", "current.json"):
            (folder / left).unlink(missing_ok=True)
        begun = time.monotonic()
        done = child(message)
        # A child that was ended could not say how long its preparation took; that is part of its time then.
        counts = _counts(folder, time.monotonic() - begun)
        tally.executed, used = tally.executed + int(counts["executed"]), used + counts["seconds"]
        if done.returncode == 0:
            break
        tally.ended += 1
        current = folder / "current.json"
        found = f"the process ended with {done.returncode}: {_place(done.stderr)}"
        keep(folder, name, json.loads(current.read_text()) if current.exists() else {}, found, done.stderr)
        known = {json.loads(path.read_text())["found"] for path in _findings(folder)}
    tally.findings, tally.seconds = len(_findings(folder)), used
    return tally


def main() -> int:
    """Read the command line, fuzz, print a line per target; the exit code is 1 where anything was found."""
    targets = all_targets()
    parser = argparse.ArgumentParser(prog="make fuzz", description=__doc__)
    parser.add_argument("--minutes", type=float, default=10.0, help="minutes for each target (default: 10)")
    parser.add_argument("--cases", type=int, default=10**9, help="most cases for each target (default: as time allows)")
    parser.add_argument(
        "--target", action="append", choices=list(targets), help="one target; may be given again (default: all)"
    )
    parser.add_argument("--seed", type=int, default=None, help="first seed (default: drawn, and printed)")
    parser.add_argument("--jobs", type=int, default=2, help="targets fuzzed at once (default: 2)")
    parser.add_argument("--out", type=Path, default=None, help="folder for findings (default: a new one among temporary files)")
    parser.add_argument("--quick", action="store_true", help="a fixed seed and number of cases, about a minute in all")
    parser.add_argument("--keep", nargs="+", type=Path, metavar="FILE", help="add findings to the corpus and exit")
    parser.add_argument("--replay", nargs="*", help="run cases of the corpus again, or files of findings (default: the corpus)")
    given = parser.parse_args()
    if given.keep:
        print("\n".join(sorted({corpus.add(path) for path in given.keep})))
        return 0
    out = given.out or Path(tempfile.mkdtemp(prefix="auctionsim-fuzz-"))
    if given.replay is not None:
        done = child({"replay": given.replay, "out": str(out.resolve())})
        print(done.stdout, done.stderr[-4000:], sep="")
        return int(done.returncode != 0 or "FOUND" in done.stdout)
    drawn = _QUICK_SEED if given.quick else int.from_bytes(os.urandom(4))
    seed = drawn if given.seed is None else given.seed
    names = given.target or list(targets)
    print(f"seed {seed}, {given.minutes:g} minutes for each of {', '.join(names)}; findings in {out}", flush=True)

    def one(name: str) -> Tally:
        cases = min(given.cases, targets[name].quick) if given.quick else given.cases
        tally = fuzz_target(name, out.resolve(), seed, 60 * given.minutes, cases)
        counted = f"{tally.findings} findings, {tally.ended} processes ended"
        print(f"{name:12s} {tally.executed:7d} cases in {tally.seconds:4.0f} s, {counted}", flush=True)
        return tally

    with ThreadPoolExecutor(given.jobs) as pool:
        tallies = list(pool.map(one, names))
    for path in [path for name in names for path in _findings(out / name)]:
        print(f"{path}: {json.loads(path.read_text())['found']}")
    return int(any(tally.findings or tally.ended for tally in tallies))


def _counts(folder: Path, seconds: float) -> dict[str, float]:
    """Return how many cases a child ran in how many seconds; where it was ended, as far as that is known."""
    counts = folder / "counts.json"
    return json.loads(counts.read_text()) if counts.exists() else {"executed": 1, "seconds": seconds}


def _findings(folder: Path) -> list[Path]:
    """Return the files of findings in the folder of a target."""
    return sorted(path for path in folder.glob("*.json") if path.stem not in ("counts", "current"))


def _place(text: str) -> str:
    """Return the innermost line of our code in what `faulthandler` or a traceback left, or the last line."""
    ours = [line.strip() for line in text.splitlines() if f'"{REPOSITORY}/' in line and "/tests/" not in line]
    frames = [line for line in ours if line.startswith("File ")]
    return frames[0] if frames else (text.strip().splitlines() or ["nothing said"])[-1]


if __name__ == "__main__":
    sys.exit(main())
