"""Time two checkouts of auctionsim in turn, in one run: `python benchmarks/side_by_side.py OLD NEW [--policies 1 64 ...]`.

With `OLD NEW --report RUN ...` each round writes the report of these finished runs instead, in processor time, and it is said
whether both wrote the same bytes; with `OLD NEW --regret RUN` each round measures the regret of the run's learners on its
first seed, with `OLD NEW --verdict RUN` it judges whether they collude, and with `OLD NEW --generation SCENARIO` it trains two
generations.

Machines drift by the minute, so figures of two runs say little. Here each checkout has a process of its own, with the same
interpreter, that makes the same hour of traffic and then waits. Rounds alternate between the two; each round replays the hour
once, in processor time of one thread. Prints the median of the ratios, new over old, and the ratio of the shortest rounds.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from pathlib import Path

import numpy as np

WORKER = """
import sys, time
import numpy as np
from auctionsim import arithmetic
from auctionsim.auction.day import DayReplay
from auctionsim.auction.rules import Rules
from auctionsim.auction.sources import TableSource
from auctionsim.jobs.bench.engine import bench_traffic
from auctionsim.auction.bid_formula import FEATURES
auctions, candidates = int(sys.argv[1]), int(sys.argv[2])
traffic, sources = bench_traffic(auctions, candidates), {}
print("ready", flush=True)
for line in sys.stdin:
    policies, slots, pricing, outcomes = line.split()
    effect = (1.0, 0.8, 0.6)[: int(slots)]
    rules = Rules(effect, pricing, reserve=0.01, outcomes=outcomes)
    if line not in sources:
        sources = {line: TableSource(traffic, rules)}
    theta = arithmetic.uniform(np.random.default_rng([0, int(policies)]), 0.1, 1.0, (candidates, len(FEATURES), int(policies)))
    replay = DayReplay(sources[line], 0, rules, policies=int(policies))
    began = time.thread_time()
    replay.step(theta)
    print(time.thread_time() - began, flush=True)
"""

REPORTER = """
import hashlib, sys, tempfile, time
from pathlib import Path
from auctionsim.analysis.reports.report import write_report
from auctionsim.runs import Run
runs, out = [Run.open(Path(path)) for path in sys.argv[1:]], Path(tempfile.mkdtemp())
print("ready", flush=True)
for line in sys.stdin:
    began = time.process_time()
    write_report(runs, out)
    took, digest = time.process_time() - began, hashlib.sha256()
    for path in sorted(out.rglob("*.*")):
        digest.update(path.read_bytes())
    print(took, digest.hexdigest(), flush=True)
"""
AUDITOR = """
import hashlib, sys, time
from pathlib import Path
from auctionsim.agents.build import build_market
from auctionsim.agents.learners.registry import make_learner
from auctionsim.analysis.economics.no_regret.audit import regret_rows
from auctionsim.runs import Run
run = Run.open(Path(sys.argv[1]))
scenario, seed = run.scenario(), run.seeds[0]
market, learner = build_market(scenario, seed), make_learner(scenario)
state = run.load_checkpoint(run.last_checkpoint(), {one: learner.start(market) for one in run.seeds})[seed]
policy = learner.policy(market, state)
print("ready", flush=True)
for line in sys.stdin:
    began = time.process_time()
    rows = regret_rows(seed, market, policy, scenario.traffic.test_days)
    print(time.process_time() - began, hashlib.sha256(repr(rows.rows()).encode()).hexdigest(), flush=True)
"""
JUDGE = AUDITOR.replace(
    "from auctionsim.analysis.economics.no_regret.audit import regret_rows",
    "from auctionsim.analysis.economics.collusion import without_control\n"
    "from auctionsim.analysis.reports.run_collusion import evidence_rows",
).replace(
    "regret_rows(seed, market, policy, scenario.traffic.test_days)",
    "evidence_rows(seed, without_control(market, policy, scenario.traffic.test_days))",
)
TRAINER = """
import hashlib, sys, time
from auctionsim.agents.build import build_market
from auctionsim.agents.learners.registry import make_learner
from auctionsim.jobs.distributed.cluster import SerialPool
from auctionsim.jobs.training.generations import Generations
from auctionsim.scenario.file import load_scenario
scenario = load_scenario(sys.argv[1])
market, learner = build_market(scenario, 0), make_learner(scenario)
states, generations = {0: learner.start(market)}, Generations(learner, {0: market}, SerialPool())
print("ready", flush=True)
for line in sys.stdin:
    began = time.process_time()
    for _ in range(2):
        states, logged = generations.next(states)
    took, digest = time.process_time() - began, hashlib.sha256()
    for name in sorted(states[0]):
        digest.update(states[0][name].tobytes())
    print(took, digest.hexdigest(), flush=True)
"""


class Side:
    """A process that measures with the code of one checkout."""

    def __init__(self, checkout: Path, worker: str, *arguments: str) -> None:
        environment = {**os.environ, "PYTHONPATH": str(checkout), "OMP_NUM_THREADS": "1"}
        command = [sys.executable, "-c", worker, *arguments]
        self._process = subprocess.Popen(
            command, env=environment, cwd=checkout, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self._read()

    def _read(self) -> str:
        assert self._process.stdout is not None
        line = self._process.stdout.readline().strip()
        if not line:
            raise SystemExit("a side ended early: see its message above")
        return line

    def seconds(self, case: str) -> float:
        """Measure a case once."""
        return float(self.measured(case)[0])

    def measured(self, case: str) -> list[str]:
        """Measure a case once; return the seconds, and the digest of what was made where there is one."""
        assert self._process.stdin is not None
        self._process.stdin.write(case + "\n")
        self._process.stdin.flush()
        return self._read().split()

    def close(self) -> None:
        """End the process."""
        self._process.communicate()


def compare_jobs(name: str, sides: list[Side], rounds: int) -> None:
    """Time a job of both sides in turn, after a first time that does not count, and print the ratios and if bytes are equal."""
    first = [side.measured("")[1] for side in sides]
    found = np.array([[side.seconds("") for side in sides] for _ in range(rounds)])
    same = "the same bytes" if first[0] == first[1] else "other bytes"
    ratio, shortest = np.median(found[:, 1] / found[:, 0]), found[:, 1].min() / found[:, 0].min()
    old, new = np.median(found, axis=0)
    print(
        f"{name}: {old:.2f} s, now {new:.2f} s; new over old: median {ratio:.3f}, shortest {shortest:.3f}; {same}", flush=True
    )
    for side in sides:
        side.close()


def main() -> None:
    """Read the command line, time all cases and print a line for each."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("old", type=Path)
    parser.add_argument("new", type=Path)
    parser.add_argument("--policies", type=int, nargs="+", default=[1, 8, 64])
    parser.add_argument("--auctions", type=int, default=20_000)
    parser.add_argument("--candidates", type=int, default=48)
    parser.add_argument("--rounds", type=int, default=30)
    parser.add_argument("--report", type=Path, nargs="+", metavar="RUN", help="finished runs whose report is written")
    parser.add_argument("--regret", type=Path, metavar="RUN", help="a finished run whose learners' regret is measured")
    parser.add_argument("--verdict", type=Path, metavar="RUN", help="a finished run that is judged")
    parser.add_argument("--generation", metavar="SCENARIO", help="a scenario, two generations of which are trained")
    given = parser.parse_args()
    checkouts = [checkout.resolve() for checkout in (given.old, given.new)]
    jobs = {"report": (REPORTER, given.report), "regret": (AUDITOR, given.regret), "verdict": (JUDGE, given.verdict)}
    words = {
        name: (worker, [str(run.resolve()) for run in (asked if isinstance(asked, list) else [asked])])
        for name, (worker, asked) in jobs.items()
        if asked
    }
    if given.generation:
        words["two generations"] = TRAINER, [given.generation]
    for name, (worker, arguments) in words.items():
        compare_jobs(name, [Side(one, worker, *arguments) for one in checkouts], given.rounds)
    if words:
        return
    sides = [Side(checkout, WORKER, str(given.auctions), str(given.candidates)) for checkout in checkouts]
    kinds = [(1, "gsp", "expected"), (3, "gsp", "expected"), (3, "vcg", "expected"), (1, "gsp", "sampled")]
    for slots, pricing, outcomes in kinds:
        for policies in given.policies:
            case = f"{policies} {slots} {pricing} {outcomes}"
            for side in sides:
                side.seconds(case)
            found = np.array([[side.seconds(case) for side in sides] for _ in range(given.rounds)])
            ratio, shortest = np.median(found[:, 1] / found[:, 0]), found[:, 1].min() / found[:, 0].min()
            name = f"{policies:3d} policies  {slots} slots  {pricing}  {outcomes}"
            print(f"{name:42s} new over old: median {ratio:.3f}, shortest {shortest:.3f}", flush=True)
    for side in sides:
        side.close()


if __name__ == "__main__":
    main()
