"""Time the solvers of equilibria on random markets of 12 to 500 advertisers, and print the precision that each one proves.

Usage: python benchmarks/equilibria.py [--advertisers 12 48 100 500] [--goods 2]
Processor seconds, since other work on the machine adds to any other clock. The first market warms up compiled code.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from typing import Any

import numpy as np

from auctionsim.equilibria import Autobidders, autobidding_equilibria, fppe, sppe, throttling_equilibrium
from auctionsim.errors import RunError
from auctionsim.streams import stream


def timed(solve: Callable[[], Any]) -> tuple[Any, float]:
    """Return what a solver found, and the processor seconds that it took."""
    began = time.process_time()
    found = solve()
    return found, time.process_time() - began


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--advertisers", type=int, nargs="+", default=[12, 48, 100, 500])
    parser.add_argument("--goods", type=int, default=2, help="goods per advertiser")
    parser.add_argument("--largest-program", type=int, default=100, help="advertisers up to which SPPE is tried")
    given = parser.parse_args()
    fppe([(1.0, 2.0)], [1.0])
    print(f"{'advertisers':>11} {'goods':>6} {'solver':>12} {'seconds':>8} {'precision':>10}")
    for n in given.advertisers:
        m = given.goods * n
        values = stream(0, "benchmark-equilibria", n, m).random((n, m))
        budgets = values.sum(axis=1) / n
        rows: list[tuple[str, Callable[[], Any], Callable[[Any], float]]] = [
            ("fppe", lambda: fppe(values, budgets), lambda found: found.gap),
            ("throttling", lambda: throttling_equilibrium(values, budgets), lambda found: found.gap),
        ]
        market = Autobidders(values)
        start = np.ones(n)
        rows.append((
            "autobidding",
            lambda: autobidding_equilibria(market, [start])[0],
            lambda found: market.exploitability(found.last) if found.ending == "equilibrium" else np.inf,
        ))  # fmt: skip
        if n <= given.largest_program:
            rows.append(("sppe", lambda: sppe(values, budgets, seconds=60), lambda found: found.violation))
        for name, solve, precision in rows:
            try:
                found, seconds = timed(solve)
            except RunError as error:
                print(f"{n:>11} {m:>6} {name:>12} {error}")
                continue
            print(f"{n:>11} {m:>6} {name:>12} {seconds:>8.2f} {precision(found):>10.1e}", flush=True)


if __name__ == "__main__":
    main()
