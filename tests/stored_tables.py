"""Write a traffic table as stored traffic."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from auctionsim.traffic.stored.store import CELL_TYPES, ROW_TYPES, StoredTraffic
from auctionsim.traffic.stored.writer import store_traffic
from auctionsim.traffic.table import Traffic


def store_table(traffic: Traffic, folder: Path) -> StoredTraffic:
    """Store all hours of a table."""
    starts, hours = traffic.cell_start, []
    when = traffic.day * 24 + traffic.hour
    for moment in np.unique(when):
        cells = np.flatnonzero(when == moment)
        rows = slice(starts[cells[0]], starts[cells[-1] + 1])
        columns: dict[str, Any] = {name: getattr(traffic, name)[rows] for name in ROW_TYPES}
        columns |= {name: getattr(traffic, name)[cells] for name in CELL_TYPES if name != "size"}
        columns["size"] = np.diff(starts)[cells]
        hours.append((int(moment) // 24, int(moment) % 24, columns))
    return store_traffic(folder, traffic.advertisers, traffic.queries, hours)
