"""Small tables of auctions for what-if questions."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from auctionsim.traffic.files import load_traffic
from auctionsim.traffic.stored.store import CELL_TYPES, ROW_TYPES
from auctionsim.traffic.stored.writer import store_traffic
from auctionsim.traffic.table import Traffic


def frame(
    n: int = 400, candidates: int = 3, advertisers: int = 6, days: int = 1, seed: int = 0, weight: int = 1
) -> pl.DataFrame:
    """Auctions with random rates, values and keyword bids."""
    rng = np.random.default_rng(seed)
    rows = n * days * candidates
    hour = np.concatenate([np.sort(rng.integers(0, 24, n)) for _ in range(days)])
    who = np.argsort(rng.random((n * days, advertisers)), axis=1)[:, :candidates]
    return pl.DataFrame(
        {
            "day": np.repeat(np.repeat(np.arange(days), n), candidates),
            "hour": np.repeat(hour, candidates),
            "cell": np.repeat(np.arange(n * days), candidates),
            "weight": np.repeat(rng.integers(1, weight + 1, n * days), candidates),
            "query": np.repeat(rng.integers(0, 5, n * days), candidates).astype(str),
            "advertiser": [f"shop {i}" for i in who.ravel()],
            "pctr": rng.uniform(0.02, 0.2, rows),
            "pcvr": rng.uniform(0.02, 0.2, rows),
            "item_price": rng.uniform(5, 40, rows),
            "manual_bid": rng.uniform(0.1, 1.0, rows),
        }
    )


def table(**options: int) -> Traffic:
    """The same as a traffic table."""
    return load_traffic(frame(**options))


def uniform_values(n: int, bidders: int = 2, seed: int = 0) -> Traffic:
    """Single auctions whose bidders bid their values of a click, uniform on [0, 1]; every shown ad is clicked."""
    rng = np.random.default_rng(seed)
    rows = n * bidders
    values = rng.random(rows)
    return load_traffic(
        {
            "day": [0] * rows,
            "hour": np.repeat(np.sort(rng.integers(0, 24, n)), bidders),
            "cell": np.repeat(np.arange(n), bidders),
            "weight": [1] * rows,
            "query": ["q"] * rows,
            "advertiser": [f"bidder {i}" for i in range(bidders)] * n,
            "pctr": [1.0] * rows,
            "pcvr": [1.0] * rows,
            "item_price": values,
            "manual_bid": values,
        }
    )


def store(folder: Path, traffic: Traffic) -> None:
    """Write a table as stored traffic."""
    starts, hours, when = traffic.cell_start, [], traffic.day * 24 + traffic.hour
    for moment in np.unique(when).tolist():
        cells = np.flatnonzero(when == moment)
        rows = slice(starts[cells[0]], starts[cells[-1] + 1])
        columns: dict[str, Any] = {name: getattr(traffic, name)[rows] for name in ROW_TYPES}
        columns |= {name: getattr(traffic, name)[cells] for name in CELL_TYPES if name != "size"}
        columns["size"] = np.diff(starts)[cells]
        hours.append((moment // 24, moment % 24, columns))
    store_traffic(folder, traffic.advertisers, traffic.queries, hours)
