"""How `macg-es` and its bound scale with advertisers: `python benchmarks/macg_scale.py [--generations N] [SIZE ...]`.

A size is `ADVERTISERS:AUCTIONS:QUERIES`; by default 500, 2,000 and 10,000 advertisers on 200,000, 500,000 and 2,000,000
auctions a day. The market is `large` with one training and one test day, in one process. A row of a Markdown table is printed
as each size is done:

- the share of the gap between baseline and bound that total profit closes on the test day, at the start and after training;
- the platform's revenue there over the baseline's, and the share of advertisers with less profit than under the baseline
  (than 0.9 of it);
- seconds to draw the market, to fit the start, of a generation, and of everything; the peak of memory;
- the bound by multipliers (`bounds.large_days`), which has the profit floors too, over the closed form W* - R of the revenue
  floor alone, and its seconds.
"""

from __future__ import annotations

import argparse
import resource
import time

import numpy as np

from auctionsim.agents.build import build_market
from auctionsim.agents.learners.base import iterate
from auctionsim.agents.learners.registry import make_learner
from auctionsim.agents.policies.base import Policy
from auctionsim.auction.outcome import COST
from auctionsim.bounds.large_days import lagrangian_bound
from auctionsim.market.benchmarks import day_benchmarks
from auctionsim.market.market import Market
from auctionsim.market.simulate import simulate_day
from auctionsim.objectives.goals import day_totals, objective_vector
from auctionsim.scenario.file import load_scenario

SIZES = ("500:200000:5000", "2000:500000:10000", "10000:2000000:20000")
TEST_DAY, BOUND_STEPS = 1, 30
HEAD = (
    "advertisers", "auctions a day", "gap at start", "gap closed", "revenue", "under the baseline", "under 0.9 of it",
    "market, s", "start, s", "generation, s", "all, minutes", "memory, GB", "bound / closed form", "bound, s",
)  # fmt: skip


def market_of(size: str, generations: int, seed: int) -> Market:
    advertisers, auctions, queries = (int(part) for part in size.split(":"))
    overrides = (
        f"advertisers.0.count={advertisers}", f"traffic.auctions_per_day={auctions}", f"traffic.queries={queries}",
        "traffic.days=2", "traffic.train_days=[0]", f"traffic.test_days=[{TEST_DAY}]", f"train.iterations={generations}",
    )  # fmt: skip
    return build_market(load_scenario("large", overrides=overrides), seed)


def measured(market: Market, policy: Policy, bound: float) -> tuple[float, float, float, float]:
    """Return the gap closed, revenue over the baseline's, and the shares of advertisers under it and under 0.9 of it."""
    totals, baseline = day_totals(simulate_day(market, TEST_DAY, policy).outcome), day_totals(market.baseline[TEST_DAY])
    profit, usual = (objective_vector(one)[:, 3, 0] for one in (totals, baseline))
    closed = (profit.sum() - usual.sum()) / (bound - usual.sum())
    low = profit < np.where(usual > 0, 0.9, 1.1) * usual
    return closed, totals[:, COST].sum() / baseline[:, COST].sum(), (profit < usual).mean(), low.mean()


def row(size: str, generations: int, seed: int) -> list[str]:
    began = time.perf_counter()
    market = market_of(size, generations, seed)
    drawn = time.perf_counter()
    closed_form = day_benchmarks(market, TEST_DAY)[0].profit
    learner, fitting = make_learner(market.scenario), time.perf_counter()
    state = learner.start(market)
    fitted = time.perf_counter()
    at_start = measured(market, learner.policy(market, state), closed_form)[0]
    learning = time.perf_counter()
    for _ in range(generations):
        state, _ = iterate(learner, market, state)
    learned = time.perf_counter()
    found = measured(market, learner.policy(market, state), closed_form)
    ended = time.perf_counter()
    bound = lagrangian_bound(market, TEST_DAY, own_weight=0.0, global_weight=1.0, steps=BOUND_STEPS)
    seconds, memory = time.perf_counter() - ended, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    advertisers, auctions, _ = size.split(":")
    usual = objective_vector(day_totals(market.baseline[TEST_DAY]))[:, 3, 0].sum()
    measures = (f"{at_start:.1%}", f"{found[0]:.1%}", f"{found[1]:.4f}", f"{found[2]:.1%}", f"{found[3]:.1%}")
    times = (f"{drawn - began:.0f}", f"{fitted - fitting:.0f}", f"{(learned - learning) / generations:.2f}")
    everything = (f"{(ended - began) / 60:.1f}", f"{memory:.1f}", f"{bound.value * usual / closed_form:.4f}", f"{seconds:.0f}")
    return [f"{int(advertisers):,}", f"{int(auctions):,}", *measures, *times, *everything]


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.split(":")[0])
    parser.add_argument("sizes", nargs="*", default=SIZES, metavar="SIZE", help="ADVERTISERS:AUCTIONS:QUERIES")
    parser.add_argument("--generations", type=int, default=30)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    print(f"| {' | '.join(HEAD)} |\n|{'---:|' * len(HEAD)}", flush=True)
    for one in given.sizes:
        print(f"| {' | '.join(row(one, given.generations, given.seed))} |", flush=True)
