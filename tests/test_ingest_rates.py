"""Rates that a log lacks are estimated from earlier days."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from auctionsim import load_traffic
from auctionsim.market.ingest.database import Database, tell_nobody
from auctionsim.market.ingest.formats import LOG_COLUMNS
from auctionsim.market.ingest.rates import fill_rates

from .logs import (
    JOINED,
    impressions,
    ingest,
    tsv,
)


def test_missing_rates_come_from_earlier_days_and_shrink(tmp_path: Path, joined: Path):
    traffic = load_traffic(ingest(tmp_path, joined, "ipinyou"))
    # What happened on the last day does not change any rate: no row knows its own or a later day.
    changed = tmp_path / "changed.txt"
    rows = [row | {"click": 1} if row["timestamp"].startswith("20130608") else row for row in impressions()]
    changed.write_text(tsv(rows, JOINED, header=True))
    other = load_traffic(ingest(tmp_path, changed, "ipinyou", out="changed.parquet"))
    assert (other.pcvr == traffic.pcvr).all()
    assert other.cvr.sum() > traffic.cvr.sum()
    # By hand, for one row of the second day.
    i = int(np.flatnonzero(traffic.day == 1)[17])
    seen = traffic.day == 0
    rate = (traffic.cvr[seen].sum() + 0.5) / (seen.sum() + 1)
    for same in (traffic.advertiser, traffic.query, traffic.hour):
        seen &= same == same[i]
        rate = (traffic.cvr[seen].sum() + 100 * rate) / (seen.sum() + 100)
    assert traffic.pcvr[i] == pytest.approx(rate, rel=1e-12)


def test_rates_of_a_large_log_are_those_of_the_earlier_days(tmp_path: Path):
    # DuckDB 2.0.0 sums wrongly in windows over all rows (RANGE, several columns), from some 80,000 rows a day on.
    values = dict.fromkeys(LOG_COLUMNS, "NULL") | {
        "row": "i", "day": "i // 80000", "second": "hash(i) % 86400", "query": "'q' || hash(i + 1) % 500",
        "advertiser": "'a' || hash(i + 2) % 200", "ctr_trials": "1", "ctr_hits": "(hash(i + 3) % 100 < 5)::INTEGER",
        "cvr_trials": "1", "cvr_hits": "(hash(i + 4) % 100 < 5)::INTEGER",
    }  # fmt: skip
    log = ", ".join(f"{value} AS {name}" for name, value in values.items())
    database = Database(tmp_path, tell_nobody)
    database.run("SET threads = 1", "test")
    database.run(f"CREATE TABLE log AS SELECT {log} FROM range(160000) AS numbers(i)", "test")
    calibration = fill_rates(database)["pctr"]
    first, second = database.rows("SELECT sum(ctr_hits) FROM log GROUP BY day ORDER BY day")
    (foretold,) = database.row("SELECT sum(pctr) FROM rated WHERE day = 1")
    assert foretold == pytest.approx(first[0], rel=0.05)
    assert calibration == pytest.approx(foretold / second[0], rel=1e-9)
    database.close()
