"""Time the solvers of equilibria on random markets of 12 to 500 advertisers, and print the precision that each one proves.

Usage: python benchmarks/equilibria.py [--advertisers 12 48 100 500] [--goods 2]
Processor seconds, since other work on the machine adds to any other clock. The first market warms up compiled code.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from functools import partial

import numpy as np
from numpy.typing import NDArray

from auctionsim.equilibria import Autobidders, autobidding_equilibria, fppe, sppe, throttling_equilibrium
from auctionsim.errors import RunError
from auctionsim.streams import stream

Array = NDArray[np.float64]


def autobidding(values: Array, starts: int = 5) -> float:
    """Return the exploitability of the first equilibrium that one of several starts leads to; infinity if none does."""
    market, rng = Autobidders(values), stream(0, "benchmark-starts")
    for _ in range(starts):
        path = autobidding_equilibria(market, [1 + rng.random(len(values))], rounds=60)[0]
        if path.ending == "equilibrium":
            return market.exploitability(path.last)
    return np.inf


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--advertisers", type=int, nargs="+", default=[12, 48, 100, 500])
    parser.add_argument("--goods", type=int, default=2, help="goods per advertiser")
    parser.add_argument("--largest-program", type=int, default=24, help="advertisers up to which SPPE is tried")
    given = parser.parse_args()
    fppe([(1.0, 2.0)], [1.0])
    print(f"{'advertisers':>11} {'goods':>6} {'solver':>12} {'seconds':>8} {'precision':>10}")
    for n in given.advertisers:
        m = given.goods * n
        values = stream(0, "benchmark-equilibria", n, m).random((n, m))
        budgets = values.sum(axis=1) / n
        solvers: dict[str, Callable[[], float]] = {
            "fppe": partial(lambda v, b: fppe(v, b).gap, values, budgets),
            "throttling": partial(lambda v, b: throttling_equilibrium(v, b).gap, values, budgets),
            "autobidding": partial(autobidding, values),
        }
        if n <= given.largest_program:
            solvers["sppe"] = partial(lambda v, b: sppe(v, b).violation, values, budgets)
        for name, solve in solvers.items():
            began = time.process_time()
            try:
                precision = f"{solve():>10.1e}"
            except RunError as error:
                precision = str(error)
            print(f"{n:>11} {m:>6} {name:>12} {time.process_time() - began:>8.2f} {precision}", flush=True)


if __name__ == "__main__":
    main()
