"""How much the two estimates of missing rates tell of the days they were not made from: `python benchmarks/ingest_rates.py`.

Draws logs whose log odds of a click add up from advertiser, query, hour and a little of advertiser with query, estimates their
rates by both methods, and prints log loss over that of one rate for all (lower is better), beside that of the true rates.
"""

from __future__ import annotations

import tempfile
import time
from pathlib import Path

import numpy as np

from auctionsim.traffic.ingest.database import Database, no_progress
from auctionsim.traffic.ingest.formats.base import LOG_COLUMNS
from auctionsim.traffic.ingest.rates.estimate import METHODS, fill_rates

# Days, impressions a day, advertisers, queries.
SIZES = ((4, 20_000, 40, 300), (4, 20_000, 200, 2000), (8, 100_000, 100, 1000), (5, 400_000, 1000, 5000))


def drawn_log(days: int, per_day: int, advertisers: int, queries: int) -> dict[str, np.ndarray]:
    draw = np.random.default_rng(0)
    n = days * per_day
    advertiser, second = draw.integers(advertisers, size=n), draw.integers(86400, size=n)
    query = np.minimum((draw.pareto(1.0, size=n) * queries / 20).astype(int), queries - 1)
    hour = 0.3 * np.sin(np.arange(24) / 24 * 2 * np.pi)
    odds = -3.5 + 0.8 * draw.standard_normal(advertisers)[advertiser] + 0.8 * draw.standard_normal(queries)[query]
    odds += hour[second // 3600] + 0.3 * draw.standard_normal((advertisers, queries))[advertiser, query]
    rate = 1 / (1 + np.exp(-odds))
    day = np.repeat(np.arange(days), per_day)
    return {"row": np.arange(n), "day": day, "second": second, "a": advertiser, "q": query, "rate": rate,
            "hit": (draw.random(n) < rate).astype(float)}  # fmt: skip


def as_database(folder: str, log: dict[str, np.ndarray]) -> Database:
    database = Database(Path(folder), no_progress)
    database.run("SET threads = 1", "drawing")
    values = dict.fromkeys(LOG_COLUMNS, "NULL") | {
        "row": "row", "day": "day", "second": "second", "query": "'q' || q", "advertiser": "'a' || a", "pcvr": "0",
        "ctr_trials": "1", "ctr_hits": "hit",
    }  # fmt: skip
    database.run("CREATE TABLE drawn (row BIGINT, day BIGINT, second INTEGER, a BIGINT, q BIGINT, hit DOUBLE)", "drawing")
    database.append("drawn", {name: log[name] for name in ("row", "day", "second", "a", "q", "hit")})
    database.run(f"CREATE TABLE log AS SELECT {', '.join(f'{v} AS {k}' for k, v in values.items())} FROM drawn", "drawing")
    return database


def true_entropy(log: dict[str, np.ndarray]) -> float:
    later = log["day"] > 0
    rate, hit = log["rate"][later], log["hit"][later]
    loss = -(hit * np.log(rate) + (1 - hit) * np.log(1 - rate)).mean()
    mean = hit.mean()
    return float(loss / -(mean * np.log(mean) + (1 - mean) * np.log(1 - mean)))


if __name__ == "__main__":
    for size in SIZES:
        log = drawn_log(*size)
        print("{} days of {} impressions, {} advertisers, {} queries: true rates {:.4f}".format(*size, true_entropy(log)))
        for method in METHODS:
            with tempfile.TemporaryDirectory() as folder:
                database, began = as_database(folder, log), time.monotonic()
                found = fill_rates(database, method)["pctr"]
                seconds = time.monotonic() - began
                database.close()
            print(f"  {method:<10} {found.entropy:.4f}  predicted {found.predicted / found.hits:.3f} of seen  {seconds:.0f} s")
