"""Hours split into shards: every auction once, no budget exceeded, and exact where no budget runs out."""

from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from auctionsim.auction.day import DayReplay, run_day
from auctionsim.auction.outcome import OUTCOMES, Outcome
from auctionsim.auction.rules import Rules
from auctionsim.auction.shards import sync_windows
from auctionsim.auction.sources import StoreSource, TableSource, TrafficSource
from auctionsim.cli import main
from auctionsim.jobs.distributed.cluster import SerialPool
from auctionsim.jobs.distributed.sharded_day import replay_sharded
from auctionsim.scenario import TrafficSection
from auctionsim.traffic.generator import query_names, stream_traffic
from auctionsim.traffic.profile import load_profile
from auctionsim.traffic.store import open_traffic
from auctionsim.traffic.store_writer import store_traffic

ADVERTISERS = 8
RULES = Rules(reserve=0.01, slot_effect=(1.0, 0.6), pricing="gsp")


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> TrafficSource:
    """A stored day of about 20,000 auctions in chunks of some hundreds."""
    section = TrafficSection(auctions_per_day=20_000, queries=20, candidates=4, train_days=(0,), test_days=(1,), days=2)
    parts = stream_traffic(section, load_profile("plain", None), ADVERTISERS, 0, (0,))
    small = (
        (
            day,
            hour,
            {
                name: array[cut[0] : cut[1]] if name in ("size", "weight", "query", "market_ecpm") else array[cut[2] : cut[3]]
                for name, array in columns.items()
            },
        )
        for day, hour, columns in parts
        for cut in cuts(columns["size"], 300)
    )
    names = tuple(f"advertiser-{i}" for i in range(ADVERTISERS))
    folder = tmp_path_factory.mktemp("day") / "stored"
    store_traffic(folder, names, query_names(section), small)
    return StoreSource(open_traffic(folder), RULES)


def cuts(size: np.ndarray, cells: int) -> list[tuple[int, int, int, int]]:
    row = np.append(0, np.cumsum(size))
    edges = [*range(0, len(size), cells), len(size)]
    return [(a, b, int(row[a]), int(row[b])) for a, b in pairwise(edges)]


def theta() -> np.ndarray:
    bids = np.zeros((ADVERTISERS, 4, 2))
    bids[:, 3] = np.linspace(0.8, 1.2, 2)
    return bids


def exact(source: TrafficSource, budgets: np.ndarray) -> Outcome:
    return run_day(DayReplay(source, 0, RULES, policies=2, budgets=budgets), lambda _: theta())


def split(source: TrafficSource, budgets: np.ndarray, shards: int, sync: int) -> Outcome:
    return replay_sharded(SerialPool(), source, 0, RULES, theta(), budgets, shards=shards, sync=sync)


def assert_same(one: Outcome, other: Outcome) -> None:
    for name in OUTCOMES:
        np.testing.assert_allclose(getattr(one, name), getattr(other, name), rtol=1e-9, atol=1e-12)


@settings(max_examples=200, deadline=None)
@given(st.lists(st.integers(1, 50), max_size=80), st.integers(1, 9), st.integers(1, 500))
def test_sync_windows_hold_every_bucket_once_in_order(weights: list[int], shards: int, sync: int):
    found = list(sync_windows(np.array(weights, dtype=np.int64), shards, sync))
    buckets = [index for window in found for a, b in window for index in range(a, b)]
    assert buckets == list(range(len(weights)))
    assert all(1 <= len(window) <= shards for window in found)


@pytest.mark.parametrize(("shards", "sync"), [(1, 500), (3, 100_000), (5, 333)])
def test_without_budgets_shards_change_nothing(source: TrafficSource, shards: int, sync: int):
    free = np.full((ADVERTISERS, 2), np.inf)
    assert_same(split(source, free, shards, sync), exact(source, free))


def test_one_shard_is_exact_whatever_runs_out(source: TrafficSource):
    budgets = 0.4 * exact(source, np.full((ADVERTISERS, 2), np.inf)).cost.sum(axis=0)
    for sync in (100, 7_000):
        assert_same(split(source, budgets, 1, sync), exact(source, budgets))


def test_no_budget_is_exceeded_and_small_windows_are_nearly_exact(source: TrafficSource):
    budgets = 0.4 * exact(source, np.full((ADVERTISERS, 2), np.inf)).cost.sum(axis=0)
    whole = exact(source, budgets).clicks.sum(axis=0)
    off = {}
    for sync in (100, 20_000):
        outcome = split(source, budgets, 4, sync)
        assert (outcome.cost.sum(axis=0) <= budgets * (1 + 1e-12)).all()
        off[sync] = float(np.abs(outcome.clicks.sum(axis=0) / whole - 1).mean())
    assert off[100] < 0.01
    assert off[100] < off[20_000] < 0.1


def test_a_part_of_an_hour_reads_the_same_buckets_stored_as_in_memory(source: TrafficSource):
    table = TableSource(source._stored.table(), RULES)  # type: ignore[attr-defined]
    hour = 13
    np.testing.assert_array_equal(source.weights(0, hour), table.weights(0, hour))
    n = len(source.weights(0, hour))
    assert n > 600, "several chunks"
    for within in ((0, n), (0, 1), (299, 301), (300, 600), (17, n - 5), (n - 1, n)):
        rows = {}
        for name, one in (("stored", source), ("table", table)):
            found = []
            for chunk in one.chunks(0, hour, within):
                for bucket in range(chunk.first_bucket, chunk.last_bucket):
                    part = slice(int(chunk.buckets.start[bucket]), int(chunk.buckets.start[bucket + 1]))
                    index = chunk.first_index + bucket - chunk.first_bucket
                    found.append((index, *(array[part].tobytes() for array in chunk.candidates)))
            rows[name] = found
        assert [row[0] for row in rows["stored"]] == list(range(*within))
        assert rows["stored"] == rows["table"]


def test_bench_tells_how_far_shards_are_from_exact(source: TrafficSource, capsys: pytest.CaptureFixture[str]):
    folder: Path = source._stored.folder  # type: ignore[attr-defined]
    command = ["bench", "--day", str(folder), "--shards", "1", "4", "--sync", "100", "5000", "--json"]
    assert main(command) == 0
    rows = json.loads(capsys.readouterr().out)["deviations"]
    assert [(row["shards"], row["sync"]) for row in rows] == [(1, 100), (4, 100), (1, 5000), (4, 5000)]
    assert rows[0]["clicks"] == pytest.approx(0, abs=1e-9)
    assert rows[3]["clicks"] > rows[1]["clicks"] > 0
    assert all(row["most_spent"] <= 1 + 1e-9 for row in rows)
    assert main(["bench", "--shards", "2"]) == 2
    assert main(["bench", "--day", str(folder), "--shards", "2", "--budget", "0"]) == 2
