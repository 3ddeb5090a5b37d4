"""Measure what a training and its report take, part by part: `python benchmarks/training_costs.py [SCENARIO]`.

The training runs in one process under Python's profiler, in processor time. That slows Python by up to a half, and compiled
code not at all. Parts that hold others are counted with them. A short training before it compiles what there is to compile.
"""

from __future__ import annotations

import argparse
import contextlib
import cProfile
import io
import pstats
import sys
import tempfile
import time
from pathlib import Path

from auctionsim.cli import main as auctionsim

PARTS = {
    "building the market": "build_market",
    "iterations": "from_iteration",
    "evaluation": "write_learned",
    "of it the verdict on collusion": "without_control",
    "of that the cartel benchmark": "cartel_totals",
    "of it regret": "regret_rows",
    "report": "write_report",
    "of it figures": "save_figure",
}
"""Names of the functions whose time, with all that they call, is printed."""
ENGINE = "replay_buckets"


def main() -> None:
    """Print the parts in processor seconds."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("scenario", nargs="?", default="large", help="a scenario (default: large)")
    parser.add_argument("--iterations", type=int, default=25, help="iterations (default: 25)")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        run(args.scenario, 1, Path(folder, "short"))
        profile = cProfile.Profile(time.process_time)
        began = time.process_time()
        profile.runcall(run, args.scenario, args.iterations, Path(folder, "run"))
        total = time.process_time() - began
    times: dict[str, float] = {}
    engine = 0.0
    for (_, _, name), (_, _, own, cumulative, _) in pstats.Stats(profile).stats.items():  # type: ignore[attr-defined]
        times[name] = max(times.get(name, 0.0), cumulative)
        engine += own if name == ENGINE else 0.0
    for words, name in PARTS.items():
        print(f"{words:34}{times[name]:8.1f} s")
    print(f"{'everything':34}{total:8.1f} s")
    print(f"{'of it in the engine':34}{engine:8.1f} s")
    print(f"torch is {'' if 'torch' in sys.modules else 'not '}imported")


def run(scenario: str, iterations: int, out: Path) -> None:
    """Train and report, without their output."""
    words = ["train", scenario, "--workers", "0", "--set", f"train.iterations={iterations}", "--out", str(out)]
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        if auctionsim(words):
            raise RuntimeError(f"training {scenario} failed")


if __name__ == "__main__":
    main()
