"""Measure the coverage of the intervals of `auctionsim.whatif`: how often do they hold the truth?

Days are drawn from a pool of auctions, a Poisson number each, scaled by a lognormal factor from day to day. The truth is the
mean of 3,000 such days. Where there are budgets, some of them run dry.

    python benchmarks/whatif_coverage.py --draws 200
"""

from __future__ import annotations

import argparse
from dataclasses import replace

import numpy as np

from auctionsim.analysis.whatif.left_out import DealtDay
from auctionsim.analysis.whatif.replays import FIGURES, Replays, estimate
from auctionsim.analysis.whatif.winners import difference
from auctionsim.auction.sources import source_of
from auctionsim.jobs.whatif.change import read_changes
from auctionsim.jobs.whatif.changed import changed_market
from auctionsim.jobs.whatif.opened import open_source
from auctionsim.jobs.whatif.replaying import own_bids, replay_days
from auctionsim.market.policy import Constant
from auctionsim.traffic.files import load_traffic
from auctionsim.traffic.table import Traffic

AUCTIONS, CANDIDATES, ADVERTISERS = 200, 4, 6
CHANGE = "mechanism.reserve=0.5"


def pool(n: int = 20_000) -> Traffic:
    """Auctions to draw days from."""
    rng = np.random.default_rng(0)
    rows = n * CANDIDATES
    who = np.argsort(rng.random((n, ADVERTISERS)), axis=1)[:, :CANDIDATES]
    return load_traffic(
        {
            "day": np.zeros(rows, int), "hour": np.zeros(rows, int), "cell": np.repeat(np.arange(n), CANDIDATES),
            "weight": np.ones(rows, int), "query": ["q"] * rows, "advertiser": [f"shop {i}" for i in who.ravel()],
            "pctr": rng.lognormal(-3, 0.5, rows).clip(0, 1), "pcvr": rng.lognormal(-3, 0.8, rows).clip(0, 1),
            "item_price": rng.lognormal(3, 0.5, rows), "manual_bid": rng.lognormal(-0.7, 0.5, rows),
        }
    )  # fmt: skip


def drawn(source: Traffic, days: int, spread: float, rng: np.random.Generator) -> Traffic:
    """Days of auctions from the pool."""
    counts = rng.poisson(AUCTIONS * np.exp(rng.normal(-spread * spread / 2, spread, days)))
    chosen = rng.integers(len(source.weight), size=counts.sum())
    index = (chosen[:, None] * CANDIDATES + np.arange(CANDIDATES)).ravel()
    columns = ("advertiser", "pctr", "pcvr", "item_price", "keyword_bid", "ctr", "cvr")
    own = {name: getattr(source, name)[index] for name in columns}
    hour = np.concatenate([np.sort(rng.integers(0, 24, count)) for count in counts])
    return replace(
        source, day=np.repeat(np.arange(days), counts), hour=hour, weight=np.ones(len(chosen), dtype=np.int64),
        query=source.query[chosen], cell_start=np.arange(len(chosen) + 1) * CANDIDATES,
        market_ecpm=np.zeros(len(chosen)), **own,
    )  # fmt: skip


def replays_of(traffic: Traffic, budget: str, seed: int, *, with_intervals: bool = True) -> tuple[Replays, Replays]:
    """The replays with and without the change."""
    opened = open_source(traffic, base=[f"advertisers.0.budget={budget}"])
    market = opened.market
    (change,) = read_changes(opened, [CHANGE], [])
    days = {day: DealtDay(source_of(traffic, market.rules), day, seed) for day in traffic.days}
    changed = changed_market(market, change)
    return tuple(replay_days(one, Constant(own_bids(one)), days, with_intervals=with_intervals) for one in (changed, market))  # type: ignore[return-value]


def coverage(days: int, spread: float, budget: str, draws: int) -> dict[str, float]:
    """The share of intervals that hold the truth, by figure."""
    source = pool()
    many = drawn(source, 3000, spread, np.random.default_rng(1))
    changed, unchanged = replays_of(many, budget, 0, with_intervals=False)
    relative = lambda after, before: FIGURES["revenue"](after) / FIGURES["revenue"](before)  # noqa: E731
    truth = {
        name: float(difference(FIGURES[name], changed.market, unchanged.market).value[0]) / 3000
        for name in ("revenue", "profit")
    }
    truth["revenue of one"] = float(changed.sums[:, 4].mean())
    truth["ratio of revenues"] = float(changed.sums[:, 4].sum() / unchanged.sums[:, 4].sum())
    covered = dict.fromkeys(truth, 0)
    for seed in range(draws):
        after, before = replays_of(drawn(source, days, spread, np.random.default_rng([2, seed])), budget, seed)
        found = {name: difference(FIGURES[name], after.market, before.market) for name in ("revenue", "profit")}
        found["revenue of one"] = estimate(FIGURES["revenue"], after.market)
        found["ratio of revenues"] = estimate(relative, after.market, before.market)
        for name, one in found.items():
            scale = 1 if name.startswith("ratio") else days
            covered[name] += bool(one.low[0] <= truth[name] * scale <= one.high[0])
    return {name: count / draws for name, count in covered.items()}


def main() -> None:
    """Print the table of docs/what-if.md."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--draws", type=int, default=200)
    draws = parser.parse_args().draws
    print("| days | days differ by | budgets | revenue | change of revenue | change of profit | ratio of revenues |")
    print("|---|---|---|---:|---:|---:|---:|")
    for days, spread, budget in ((1, 0.0, "none"), (1, 0.0, "0.6"), (2, 0.2, "none"), (4, 0.2, "none"), (4, 0.2, "0.6")):
        found = coverage(days, spread, budget, draws)
        cells = [f"{found[name]:.1%}" for name in ("revenue of one", "revenue", "profit", "ratio of revenues")]
        print(f"| {days} | {spread:.0%} | {'some run dry' if budget != 'none' else 'none'} | {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()
