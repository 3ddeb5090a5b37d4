"""Seconds of a generation of `macg-es` as auctions and advertisers grow: `python benchmarks/generation_cost.py`.

Prints processor seconds relative to the first size, measured in one run on one core.
"""

from __future__ import annotations

import time

from auctionsim.agents.learner import make_learner

from auctionsim.market.setup import build_market
from auctionsim.scenario_file import load_scenario

AUCTIONS = (25_000, 50_000, 100_000, 200_000)
ADVERTISERS = (50, 100, 200, 400)


def generation_seconds(auctions: int, advertisers: int) -> float:
    overrides = (f"traffic.auctions_per_day={auctions}", f"advertisers.0.count={advertisers}", "traffic.train_days=[0]")
    scenario = load_scenario("large", overrides=overrides)
    market, learner = build_market(scenario), make_learner(scenario)
    state = learner.start(market)
    seconds = []
    for _ in range(4):
        began = time.process_time()
        work = learner.ask(market, state)
        state, _ = learner.tell(market, state, [work.run(market, task) for task in work.tasks])
        seconds.append(time.process_time() - began)
    return min(seconds[1:])


def main() -> None:
    for label, sizes in (
        ("auctions a day, 100 advertisers", [(n, 100) for n in AUCTIONS]),
        ("advertisers, 50,000 auctions", [(50_000, n) for n in ADVERTISERS]),
    ):
        print(label)
        first = None
        for auctions, advertisers in sizes:
            spent = generation_seconds(auctions, advertisers)
            first = first or spent
            size = auctions if "auctions a day" in label else advertisers
            print(f"  {size:>7}: {spent:.3f} s, {spent / first:.2f} x the first")


if __name__ == "__main__":
    main()
