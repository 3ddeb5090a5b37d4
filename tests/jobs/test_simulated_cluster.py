"""A cluster of several nodes on this machine: the same bytes as in one process, also where a node is lost on the way."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from auctionsim.agents.build import build_market
from auctionsim.cli import main
from auctionsim.jobs.distributed.cluster import SerialPool, open_pool
from auctionsim.jobs.training.train import Progress, train
from auctionsim.market.market import Market

from .test_cluster import pytestmark as ray_marks
from .test_runs import contents, new_run, nothing

pytestmark = ray_marks


@pytest.fixture(scope="module")
def cluster() -> Iterator[Any]:
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    os.environ["RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER"] = "0"
    from ray._private import ray_constants
    from ray.cluster_utils import Cluster

    # Ray reads the variable when it is imported; it keeps the servers on the loopback.
    ray_constants.ENABLE_RAY_CLUSTER = False

    node = {"num_cpus": 1, "node_ip_address": "127.0.0.1", "object_store_memory": 100 * 2**20}
    made = Cluster(initialize_head=True, head_node_args={**node, "include_dashboard": False})
    made.second = made.add_node(**node)
    yield made
    made.shutdown()


def where_traffic_lies(market: Market, _: int) -> tuple[str, bool, str]:
    """The node, whether the rates can be written to, and what memory they are in."""
    import ray

    time.sleep(1.0)
    address = market.traffic.pctr.ctypes.data
    for line in Path("/proc/self/maps").read_text().splitlines():
        first, last = (int(edge, 16) for edge in line.split()[0].split("-"))
        if first <= address < last:
            return ray.get_runtime_context().get_node_id(), market.traffic.pctr.flags.writeable, line.split(maxsplit=5)[-1]
    raise AssertionError("rates in no mapped memory")


@pytest.mark.long
def test_nodes_share_traffic_and_change_nothing(tmp_path: Path, cluster: Any):
    alone = new_run(tmp_path / "alone", seeds=(0,))
    train(alone, SerialPool(), nothing)
    together = new_run(tmp_path / "together", seeds=(0,))
    # Large enough for the object store, which keeps what is under 100 kB inside the task.
    market = build_market(new_run(tmp_path / "larger", "traffic.auctions_per_day=20000").scenario(), 0)
    with open_pool("auto", cluster.address) as pool:
        train(together, pool, nothing)
        handle = pool.put(market)
        seen = pool.map(where_traffic_lies, [(handle, i) for i in range(6)])
    assert contents(together) == contents(alone)
    assert len({node for node, _, _ in seen}) == 2
    for _, is_writeable, memory in seen:
        assert not is_writeable
        assert "plasma" in memory or "/dev/shm" in memory


@pytest.mark.long
def test_a_node_lost_on_the_way_changes_nothing(tmp_path: Path, cluster: Any):
    alone = new_run(tmp_path / "alone", seeds=(0,))
    train(alone, SerialPool(), nothing)
    broken = new_run(tmp_path / "broken", seeds=(0,))

    def lose(progress: Progress) -> None:
        if progress.iteration == 2:
            cluster.remove_node(cluster.second, allow_graceful=False)

    with open_pool(3, cluster.address) as pool:
        train(broken, pool, lose)
    assert contents(broken) == contents(alone)


def test_a_cluster_that_does_not_answer_is_an_error_of_one_line(capsys: pytest.CaptureFixture[str], tmp_path: Path):
    out = tmp_path / "run"
    assert main(["train", "three-arms", "--address", "127.0.0.1:1", "--out", str(out)]) == 1
    message = capsys.readouterr().err.strip()
    assert message.startswith("--address: expected a Ray cluster that answers")
    assert "127.0.0.1:1" in message
    assert main(["train", "three-arms", "--address", "auto", "--workers", "0", "--out", str(out)]) == 2
    assert not out.exists()
