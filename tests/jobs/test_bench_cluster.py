"""What `bench --cluster` and `bench --soak` tell is measured, and adds up."""

from __future__ import annotations

import numpy as np
import pytest

from auctionsim.jobs.bench import cluster as bench_cluster
from auctionsim.jobs.bench.cluster import cluster_figures, memory_of_family, soak
from auctionsim.jobs.distributed.cluster import SerialPool


def test_a_generation_is_measured_with_the_driver_s_share_and_bytes(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(bench_cluster, "_SCENARIO", ("three-arms", ("traffic.auctions_per_day=500", "traffic.weight=1")))
    found = cluster_figures(SerialPool(), 1)
    assert 0 < found["driver_share"] < 1
    assert 0.2 < found["speed_up"] < 5
    by_policy = {row["policy"]: row for row in found["bytes"]}
    small, large = by_policy["formula"], by_policy["contextual, 64 units"]
    assert small["parameters"] == 3 * 500 < large["parameters"]
    # Tasks name their pairs, the update is rank differences, and what comes back are scores of candidates, whatever the policy.
    for what in ("tasks", "scalars", "to_driver"):
        assert small[what] == large[what]
    assert large["state"] > 3 * 8 * large["parameters"] > 50 * large["scalars"]


def test_memory_of_a_process_grows_with_what_it_holds():
    before = memory_of_family()
    held = np.ones(20_000_000)
    assert 100e6 < memory_of_family() - before < 400e6
    del held


def test_a_soak_reports_as_it_goes(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(bench_cluster, "_SOAK_EVERY", 0.5)
    told: list[tuple[float, float, float]] = []
    rows = soak(SerialPool(), 0.05, lambda *row: told.append(row))
    assert rows == told
    assert len(rows) >= 2
    assert all(per_second > 0 and megabytes > 10 for _, per_second, megabytes in rows)
