"""A Ray of our own stays on the loopback, ends in one line where it fails, and leaves nothing behind."""

from __future__ import annotations

import logging
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from auctionsim.errors import InputError, RunError
from auctionsim.jobs.distributed import cluster, connection
from auctionsim.jobs.distributed.cluster import RayPool, open_pool
from auctionsim.jobs.distributed.connection import _processes, own_ray
from auctionsim.jobs.distributed.tuner import TunePool
from auctionsim.runs import Run

from ...conftest import SMALL
from ..test_cluster import die_once, double, is_loopback
from ..test_cluster import pytestmark as ray_marks
from ..test_faults import descendants, started

pytestmark = [*ray_marks, pytest.mark.timeout(900)]

ENDS_WITHIN = 120.0
"""Seconds in which the processes of a Ray go once their driver has: after kill -9 two of them wait a minute for its servers."""

IN_A_NETWORK_OF_ITS_OWN = """
import fcntl, socket, struct, sys
# The loopback comes up, and gets a second address, which stands for a network.
with socket.socket() as asked:
    for request, data in ((0x8914, struct.pack("16sh", b"lo", 0x1)),
                          (0x8916, struct.pack("16sH2x4s8x", b"lo:1", socket.AF_INET, socket.inet_aton("10.9.9.9"))),
                          (0x8914, struct.pack("16sh", b"lo:1", 0x1))):
        fcntl.ioctl(asked, request, data)
if sys.argv[1] == "early":
    import ray
from auctionsim.jobs.distributed.cluster import RayPool, open_pool
with open_pool(1) as pool:
    pool.map(max, [(1, 2)])
    for name in ("tcp", "tcp6"):
        for line in open(f"/proc/net/{name}").read().splitlines()[1:]:
            words = line.split()
            if words[3] == "0A":
                print("listens", words[1].rsplit(":", 1)[0])
"""


def test_ray_listens_on_the_loopback_also_where_it_was_imported_and_set_otherwise_before(tmp_path: Path):
    unshared = ["unshare", "-rn"]
    if subprocess.run([*unshared, "true"], capture_output=True, check=False).returncode != 0:
        pytest.skip("this machine gives no network namespace to its users")
    words = [*unshared, sys.executable, "-c", IN_A_NETWORK_OF_ITS_OWN, "early"]
    surroundings = {**os.environ, "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "1", "HOME": str(tmp_path)}
    ended = subprocess.run(words, env=surroundings, capture_output=True, text=True, timeout=600, check=False)
    listening = [line.split()[1] for line in ended.stdout.splitlines() if line.startswith("listens ")]
    assert ended.returncode == 0, ended.stderr
    assert len(listening) >= 3
    assert [address for address in listening if not is_loopback(address)] == []
    assert not [path for path in tmp_path.iterdir() if path.name != ".cache"]


def raise_wrong_input(_: int, item: int) -> None:
    raise InputError(f"item {item}: expected nothing")


def die(_: int, item: int) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def test_a_pool_raises_what_tasks_raise_and_leaves_no_process_variable_or_folder(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(cluster, "MOST_RETRIES", 1)
    variables = dict(os.environ)
    with own_ray(2) as ray:
        assert {name: value for name, value in os.environ.items() if "TOKEN" in name} == {}
        folder = Path(ray._private.worker._global_node.get_temp_dir_path())
        assert folder.parent.stat().st_mode & 0o777 == 0o700
        found = list(_processes(folder))
        assert len(found) >= 3
        pool = RayPool(ray, workers=2)
        with pytest.raises(InputError, match=r"^item 3: expected nothing$"):
            pool.map(raise_wrong_input, [(0, 3)])
        with pytest.raises(RunError, match="^ray: a task's worker was killed") as error:
            pool.map(die, [(0, 1)])
        assert "\n" not in str(error.value)
        assert pool.map(double, [(2, 5)]) == [10]
        # A raylet that is gone cannot end its workers.
        ray._private.worker._global_node.all_processes["raylet"][0].process.kill()
        with pytest.raises(RunError, match="^ray: "):
            pool.map(double, [(2, item) for item in range(100)])
    assert not list(_processes(folder))
    # Those of others are collected by the system in its time; what is left of them has no command line.
    assert not [pid for pid in found if command_of(pid)]
    assert not set(found) & set(descendants(os.getpid()))
    assert not folder.parent.exists()
    assert {name: os.environ.get(name) for name in variables} == variables


def test_a_ray_that_does_not_start_is_tried_again_and_then_one_line(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    tried = []

    def fail(_: object, **options: object) -> None:
        tried.append(options["_temp_dir"])
        raise Exception("The current node timed out during startup.\nThis could happen because ...")

    monkeypatch.setattr(connection, "_start", fail)
    wanted = r"^ray: expected to start, got: The current node timed out during startup\. \(--workers 0"
    with pytest.raises(RunError, match=wanted), open_pool(1):
        pass
    assert len(tried) == 3
    assert not Path(tried[0]).parent.exists()
    assert [record.message for record in caplog.records] == ["auctionsim: ray did not start in time; tried again"] * 2


def test_a_ray_that_the_user_is_connected_to_is_neither_used_nor_closed(monkeypatch: pytest.MonkeyPatch):
    import ray

    closed: list[bool] = []
    monkeypatch.setattr(ray, "is_initialized", lambda: True)
    monkeypatch.setattr(ray, "shutdown", lambda: closed.append(True))
    with pytest.raises(RunError, match="^ray: expected a process that is not connected to it, got one that is"), open_pool(1):
        pass
    assert not closed


@pytest.mark.long
def test_a_killed_worker_of_ray_tune_is_told_and_its_task_runs_again(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, tmp_path: Path
):
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    (tmp_path / "home").mkdir()
    with open_pool(2), caplog.at_level(logging.WARNING, logger="auctionsim"):
        assert TunePool().map(die_once, [(str(tmp_path / "died"), item) for item in range(3)]) == [0, 1, 2]
        with pytest.raises(InputError, match=r"^item 1: expected nothing$"):
            TunePool().map(raise_wrong_input, [(0, 1)])
    assert (tmp_path / "died").exists()
    lines = [record.message for record in caplog.records if record.name == "auctionsim"]
    assert lines == ["auctionsim: the worker of task 1 of this rung was lost; the task runs again"]
    # Ray's own would be .ray and ray_results; compiled code lies in .cache.
    # A worker reads this file and what it imports, matplotlib among it, whose folder is .config.
    assert {path.name for path in (tmp_path / "home").iterdir()} <= {".cache", ".config"}


def end_at_once(process: subprocess.Popen[bytes], _: list[int]) -> None:
    process.kill()


def interrupt(process: subprocess.Popen[bytes], _: list[int]) -> None:
    process.send_signal(signal.SIGINT)


def terminate(process: subprocess.Popen[bytes], _: list[int]) -> None:
    process.send_signal(signal.SIGTERM)


def kill_the_raylet(_: subprocess.Popen[bytes], below: list[int]) -> None:
    (raylet,) = (pid for pid in below if command_of(pid).endswith("raylet"))
    os.kill(raylet, signal.SIGKILL)


def command_of(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_text().split("\0")[0]
    except OSError:
        return ""


def marked(out: Path) -> list[int]:
    """The processes of the Ray of a run, by the folder that their environment names."""
    found = []
    for entry in Path("/proc").iterdir():
        try:
            if entry.name.isdecimal() and f"AUCTIONSIM_TEST_RUN={out}".encode() in (entry / "environ").read_bytes():
                found.append(int(entry.name))
        except OSError:
            continue
    return found


TERMINATED = """
import os, signal
from auctionsim.jobs.distributed.cluster import open_pool
from auctionsim.machine.signals import handled, interrupt
try:
    with handled(interrupt), open_pool(1):
        os.kill(os.getpid(), signal.SIGTERM)
except KeyboardInterrupt:
    print("in order")
"""


@pytest.mark.long
def test_starting_ray_leaves_the_handlers_of_signals_as_they_were():
    ended = subprocess.run([sys.executable, "-c", TERMINATED], capture_output=True, text=True, timeout=300, check=False)
    assert (ended.returncode, ended.stdout.strip()) == (0, "in order"), ended.stderr


@pytest.mark.parametrize(
    ("end", "code", "status"),
    [
        # Two of its servers wait for a minute.
        pytest.param(end_at_once, -signal.SIGKILL, "running", marks=pytest.mark.long),
        pytest.param(interrupt, 130, "interrupted", marks=pytest.mark.long),
        pytest.param(terminate, 130, "interrupted", marks=pytest.mark.long),
        (kill_the_raylet, 1, "failed"),
    ],
)
def test_nothing_is_left_of_ray_however_its_driver_ends(
    end: Callable[[subprocess.Popen[bytes], list[int]], None],
    code: int,
    status: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
):
    (tmp_path / "small.toml").write_text(SMALL)
    out = tmp_path / "run"
    monkeypatch.setenv("AUCTIONSIM_TEST_RUN", str(out))
    words = [sys.executable, "-m", "auctionsim", "train", str(tmp_path / "small.toml"), "--workers", "1", "--out", str(out)]
    with started([*words, "--set", "train.iterations=100000"], tmp_path / "messages.txt") as process:
        deadline = time.monotonic() + 300
        while not (out / "metrics.jsonl").exists():
            assert time.monotonic() < deadline, (tmp_path / "messages.txt").read_text()
            assert process.poll() is None, (tmp_path / "messages.txt").read_text()
            time.sleep(0.1)
        below = marked(out)
        assert len(below) > 3
        end(process, below)
        assert process.wait(timeout=120) == code, (tmp_path / "messages.txt").read_text()
    deadline = time.monotonic() + ENDS_WITHIN
    while left := marked(out):
        assert time.monotonic() < deadline, [command_of(pid) for pid in left]
        time.sleep(0.2)
    assert Run(out).status == status
    lines = [line for line in (tmp_path / "messages.txt").read_text().splitlines() if "iteration" not in line]
    if status == "failed":
        assert len(lines) == 1
        assert lines[0].startswith("ray: ")


@pytest.mark.long
def test_ray_answers_its_driver_before_it_starts_workers():
    # It waits for those that it starts ahead, and where one of them is killed it waits for ever.
    with open_pool(2) as pool:
        commands = [command_of(pid) for pid in descendants(os.getpid())]
        assert [one for one in commands if "default_worker" in one or one.startswith("ray::IDLE")] == []
        assert pool.map(double, [(2, 1), (2, 2)]) == [2, 4]


def test_a_loopback_address_is_told_from_others():
    assert is_loopback("0100007F")
    assert is_loopback("0000000000000000FFFF00000100007F")
    assert not is_loopback("00000000")
    assert not is_loopback(socket.inet_aton("10.9.9.9")[::-1].hex())
