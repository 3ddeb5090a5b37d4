"""Compare the bytes of everything that promises to be equal on every processor: here, and as an older processor computes it.

    python benchmarks/golden_bytes.py            # exit 1 where a digest differs
    python benchmarks/golden_bytes.py --digests  # this processor's digests only, to be compared with another machine's

The older processor is emulated in a process of its own: numpy without its code beyond AVX2, numba's code for any processor, the
C library without AVX2 and fused multiplication, and BLAS for a processor of 2008.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

MARKET = """
name = "golden"
[traffic]
auctions_per_day = 400
queries = 15
candidates = 6
drift = 0.1
ctr_noise = 0.1
cvr_noise = 0.1
train_days = [0, 1]
test_days = [2]
[mechanism]
reserve = 0.01
squash = 0.8
[[advertisers]]
group = "seller"
count = 4
profit_floor = 1.0
[learner]
own_weight = 0.3
population = 8
[train]
iterations = 2
"""
RULES = ("pid", "dual-pacing", "ortb", "throttle", "linear", "timetable", "uscb-oracle")
LEARNERS = {
    "macg-es": (),
    "hourly network": ('learner.policy="contextual"',),
    "network of the auction": ('learner.policy="free"',),
    "openai-es": ('learner.algorithm="openai-es"', "learner.sigma_end=0.05"),
    "cma-es": ('learner.algorithm="cma-es"',),
}
RULE = """
[[advertisers]]
group = "{0}"
controller = "{0}"
count = 2
budget = "baseline*0.5"
"""
KINDS_OF_OUTCOME = ("rotation by hour, first", "paced within budgets of 0.6")
_BEYOND_AVX2 = ("X86_V4", "AVX512F", "AVX512CD", "AVX512_SKX", "AVX512_CLX", "AVX512_CNL", "AVX512_ICL", "AVX512_SPR")
_FILES = ("outcomes.parquet", "benchmarks.parquet", "collusion.parquet", "punishment.parquet", "regret.parquet",
          "metrics.jsonl")  # fmt: skip


def main() -> None:
    """Print the digests of both, or this process's alone."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--digests", action="store_true", help="print this processor's digests as JSON")
    if parser.parse_args().digests:
        print(json.dumps(dict(digests()), indent=1))
        return
    here, there = (_in_a_process(variables) for variables in ({}, older_processor()))
    differing = [name for name in here if here[name] != there.get(name)]
    for name, found in here.items():
        print(f"{'DIFFERS' if name in differing else 'same':8}{found[:12]}  {name}")
    print(f"{len(here) - len(differing)} of {len(here)} have the same bytes on an emulated older processor")
    sys.exit(1 if differing else 0)


def older_processor() -> dict[str, str]:
    """The environment of a process that computes as an AVX2 machine with another C library and BLAS would."""
    from numpy._core._multiarray_umath import __cpu_dispatch__, __cpu_features__

    # Only what this machine and this build of numpy have may be named.
    off = [name for name in _BEYOND_AVX2 if name in __cpu_dispatch__ and __cpu_features__.get(name)]
    return {
        "NPY_DISABLE_CPU_FEATURES": " ".join(off),
        "NUMBA_CPU_NAME": "generic",
        "NUMBA_CPU_FEATURES": "",
        "GLIBC_TUNABLES": "glibc.cpu.hwcaps=-AVX2,-FMA,-FMA4,-AVX512F",
        "OPENBLAS_CORETYPE": "Nehalem",
    }


def digests() -> Iterator[tuple[str, str]]:
    """Name and digest of everything that is compared."""
    from auctionsim import load_scenario
    from auctionsim.agents.build import build_market

    with tempfile.TemporaryDirectory() as folder:
        market = Path(folder, "golden.toml")
        market.write_text(MARKET)
        table = build_market(load_scenario(market)).traffic
        yield "generated traffic", _digest(table.pctr, table.pcvr, table.item_price, table.keyword_bid)
        for name, settings in LEARNERS.items():
            yield from _trained(name, market, settings)
        market.write_text(MARKET.partition("[[advertisers]]")[0] + "".join(map(RULE.format, RULES)))
        yield from _trained("rules", market, ())
    yield "environment", _environment()
    for name in KINDS_OF_OUTCOME:
        yield f"evidence: {name}", _evidence(name)


def _trained(name: str, market: Path, settings: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    """Train and evaluate, with bound, collusion index and punishment; digest the files of the run folder."""
    from auctionsim import load_scenario
    from auctionsim.jobs.training.train import train
    from auctionsim.runs import Run

    scenario = load_scenario(market, overrides=settings)
    run = Run.create(
        market.parent / name.replace(" ", "-"), scenario, market.read_text(), seeds=(0,), command="", overrides=settings
    )
    train(run)
    paths = [run.path / file for file in _FILES] + sorted(run.path.glob("checkpoints/*/*"))[-1:]
    for path in paths:
        if path.exists():
            yield f"{name}: {path.name}", hashlib.sha256(path.read_bytes()).hexdigest()


def _environment() -> str:
    """Play a day of random actions; digest observations and rewards."""
    import numpy as np

    from auctionsim.envs import AuctionVectorEnv

    env = AuctionVectorEnv("three-arms", num_envs=2)
    seen, _ = env.reset(seed=0)
    found, rng = [seen], np.random.default_rng(0)
    for _ in range(24):
        action = 2 * rng.random(np.shape(env.action_space.sample())) - 1
        seen, reward, *_ = env.step(action.astype(np.float32))
        found += [seen, reward]
    return _digest(*found)


def _evidence(name: str) -> str:
    """Draw a labeled outcome and judge it; digest the numbers of the verdict."""
    from auctionsim.analysis.economics.collusion import judge_auctions
    from auctionsim.analysis.economics.outcome_library.kinds import drawn, kinds
    from auctionsim.analysis.economics.outcome_library.markets import TUNING

    outcome = drawn(next(kind for kind in kinds() if kind.name == name), TUNING, 7)
    verdict = judge_auctions(outcome.auctions, outcome.control)
    return hashlib.sha256(repr((outcome.auctions.bid.tobytes(), verdict)).encode()).hexdigest()


def _digest(*arrays: object) -> str:
    import numpy as np

    return hashlib.sha256(b"".join(np.ascontiguousarray(array).tobytes() for array in arrays)).hexdigest()


def _in_a_process(variables: dict[str, str]) -> dict[str, str]:
    command = [sys.executable, __file__, "--digests"]
    done = subprocess.run(command, env={**os.environ, **variables}, stdout=subprocess.PIPE, text=True, check=True)
    found: dict[str, str] = json.loads(done.stdout)
    return found


if __name__ == "__main__":
    main()
