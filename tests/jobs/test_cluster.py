"""Ray changes nothing: any number of workers writes the same bytes; nothing listens beyond the loopback."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import auctionsim
from auctionsim.jobs.distributed.cluster import RayPool, open_pool
from auctionsim.jobs.distributed.connection import own_ray
from auctionsim.jobs.training.train import train

from ..conftest import SMALL
from .test_runs import contents, new_run, nothing

# One test process runs them all: each starts a Ray of its own. Ray leaves sockets and processes to the garbage collector.
pytestmark = [
    pytest.mark.ray,
    pytest.mark.xdist_group("ray"),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
    pytest.mark.filterwarnings("ignore:Tip. In future versions of Ray:FutureWarning"),
]


def double(shared: int, item: int) -> int:
    return shared * item


def die_once(marker: str, item: int) -> int:
    path = Path(marker)
    if item == 1 and not path.exists():
        path.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return item


def listening_addresses() -> set[str]:
    """Local addresses of all listening TCP sockets, as /proc has them in hexadecimal."""
    lines = [line.split() for name in ("tcp", "tcp6") for line in Path(f"/proc/net/{name}").read_text().splitlines()[1:]]
    return {line[1].rsplit(":", 1)[0] + ":" + line[9] for line in lines if line[3] == "0A"}


def is_loopback(address: str) -> bool:
    packed = bytes.fromhex(address)
    # Words of four bytes in the machine's order; a mapped IPv4 address stands in the last word.
    words = [packed[i : i + 4][::-1] for i in range(0, len(packed), 4)]
    return words[-1][0] == 127 or b"".join(words) == socket.inet_pton(socket.AF_INET6, "::1")


def total(shared: np.ndarray, item: int) -> float:
    return float(shared.sum()) + item


@pytest.mark.long
def test_what_the_object_store_has_no_room_for_comes_back():
    room = 80 * 2**20
    with own_ray(2, object_store_memory=room) as ray:
        pool = RayPool(ray, workers=2)
        arrays = [np.full(2_500_000, float(k)) for k in range(8)]
        shared = [pool.put(array) for array in arrays]
        assert sum(array.nbytes for array in arrays) > 1.5 * room
        for _ in range(2):
            got = pool.map(total, [(one, 1) for one in shared])
            assert got == [array.sum() + 1 for array in arrays]
        # Some were written to disk to make room, and read again.
        spilled = Path(ray._private.worker._global_node.get_session_dir_path()).glob("ray_spilled_objects*/*")
        assert any(path.stat().st_size > 1_000_000 for path in spilled)


# One worker and more than there are cores take a Ray each.
@pytest.mark.parametrize("counts", [(0, 2), pytest.param((0, 1, 4), marks=pytest.mark.long)])
def test_any_number_of_workers_writes_the_same_bytes(tmp_path: Path, counts: tuple[int, ...]):
    written = []
    for workers in counts:
        run = new_run(tmp_path / str(workers), "train.iterations=3")
        with open_pool(workers) as pool:
            train(run, pool, nothing)
        written.append(contents(run))
    assert all(own == written[0] for own in written)
    assert any(name.endswith(".safetensors") for name in written[0])


@pytest.mark.long
def test_a_pool_is_its_own_beside_another_one():
    code = (
        "import warnings; warnings.simplefilter('ignore')\n"
        "from operator import mul\n"
        "from auctionsim.jobs.distributed.cluster import open_pool\n"
        "with open_pool(1) as pool: print(pool.map(mul, [(pool.put(3), 4)]))"
    )
    with open_pool(1) as pool:
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
        assert done.stdout.strip() == "[12]", done.stderr
        assert pool.map(double, [(pool.put(2), 5)]) == [10]


def test_a_pool_keeps_order_survives_a_killed_worker_and_listens_on_the_loopback_only(tmp_path: Path):
    before = listening_addresses()
    with open_pool(2) as pool:
        shared = pool.put(3)
        assert pool.map(double, [(shared, item) for item in range(20)]) == [3 * item for item in range(20)]
        marker = pool.put(str(tmp_path / "died"))
        assert pool.map(die_once, [(marker, item) for item in range(4)]) == [0, 1, 2, 3]
        assert (tmp_path / "died").exists()
        opened = {address.rsplit(":", 1)[0] for address in listening_addresses() - before}
    assert opened
    assert all(is_loopback(address) for address in opened)


@pytest.mark.long
def test_a_file_of_the_current_folder_stands_in_for_no_library_of_a_worker(tmp_path: Path):
    for name in ("polars", "numba", "auctionsim", "safetensors"):
        (tmp_path / f"{name}.py").write_text("open('ran', 'w')\nraise ImportError")
    (tmp_path / "s.toml").write_text(SMALL)
    root = str(Path(auctionsim.__file__).parents[1])
    words = ["-P", "-m", "auctionsim", "train", "s.toml", "--set", "train.iterations=1", "--workers", "1", "--out", "run"]
    environment = {**os.environ, "PYTHONPATH": root}
    done = subprocess.run([sys.executable, *words], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert not (tmp_path / "ran").exists()
