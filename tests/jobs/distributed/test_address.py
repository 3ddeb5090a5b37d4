"""An address that is no Ray cluster ends in one line within seconds, before anything is written."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from auctionsim.cli import main
from auctionsim.errors import InputError, RunError
from auctionsim.jobs.distributed import address
from auctionsim.jobs.distributed.address import Address, expect_ray, parse_address

Answer = Callable[[socket.socket], None]


def answer_as_web_server(connection: socket.socket) -> None:
    connection.recv(1000)
    connection.sendall(b"HTTP/1.0 400 Bad request syntax\r\n\r\n")


def say_nothing(connection: socket.socket) -> None:
    while connection.recv(1000):
        pass


def hang_up(connection: socket.socket) -> None:
    connection.close()


def answer_slowly(connection: socket.socket) -> None:
    """Send one byte at a time, so that no single wait is long."""
    for _ in range(8):
        connection.sendall(b"\0")
        time.sleep(0.2)


def answer_as_ray(connection: socket.socket) -> None:
    connection.sendall(bytes((0, 0, 6, 4, 0, 0, 0, 0, 0)) + bytes((0, 3, 0, 0, 0, 100)))


@contextmanager
def served(answer: Answer) -> Iterator[Address]:
    """A server on a port of its own that gives one answer to everybody."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            while True:
                try:
                    connection, _ = server.accept()
                    with connection:
                        answer(connection)
                except ConnectionError:
                    continue
                except OSError:
                    return

        threading.Thread(target=serve, daemon=True).start()
        port = server.getsockname()[1]
        yield Address(f"127.0.0.1:{port}", "127.0.0.1", port)
        server.shutdown(socket.SHUT_RDWR)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("é..b:1", "not a name that can be looked up"),
        (f"{'a' * 64}.org:1", "not a name that can be looked up"),
        ("a b:1", "not a name that can be looked up"),
        ("a/b:1", "not a name that can be looked up"),
        ("a\x00b:1", "not a name that can be looked up"),
        ("http://head:8265", "the scheme 'http', not ray"),
        ("rya://head:10001", "the scheme 'rya', not ray"),
        ("ray://head", "no host and port"),
        ("head", "no host and port"),
        ("atuo", "no host and port (did you mean 'auto'?)"),
        ("", "no host and port"),
        (":6379", "no host and port"),
        ("head:", "no host and port"),
        ("head:0", "the port '0', not a number >= 1 and <= 65535"),
        ("head:65536", "the port '65536', not a number >= 1 and <= 65535"),
        ("head:-1", "the port '-1', not a number >= 1 and <= 65535"),
        ("head:²", "the port '²', not a number >= 1 and <= 65535"),
        ("head:" + "9" * 5000, "not a number >= 1 and <= 65535"),
        ("::1:6379", "an address of version 6 without [brackets]"),
    ],
)
def test_a_malformed_address_is_refused_by_its_part(text: str, reason: str):
    with pytest.raises(InputError, match="^--address: expected auto, HOST:PORT or ray://HOST:PORT, got ") as error:
        parse_address(text)
    assert reason in str(error.value)
    assert "\n" not in str(error.value)


def test_an_address_is_read_in_its_parts():
    assert parse_address("auto") is None
    assert parse_address("head:6379") == Address("head:6379", "head", 6379)
    assert parse_address("ray://bücher.example:10001") == Address("ray://bücher.example:10001", "bücher.example", 10001)
    assert parse_address("[::1]:6379") == Address("[::1]:6379", "::1", 6379)


@pytest.mark.parametrize("answer", [answer_as_web_server, hang_up])
def test_a_server_that_is_no_ray_is_wrong_usage(answer: Answer, capsys: pytest.CaptureFixture[str], tmp_path: Path):
    with served(answer) as found:
        began = time.monotonic()
        assert main(["train", "three-arms", "--address", found.text, "--out", str(tmp_path / "run")]) == 2
        assert time.monotonic() - began < 30
    message = capsys.readouterr().err
    assert message.startswith("--address: expected a Ray cluster that answers (auto, HOST:PORT or ray://HOST:PORT), got ")
    assert message.count("\n") == 1
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("answer", [say_nothing, answer_slowly])
def test_a_server_that_does_not_answer_in_time_fails(answer: Answer, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(address, "ANSWER_SECONDS", 0.5)
    with (
        served(answer) as found,
        pytest.raises(RunError, match=r"^--address: expected a Ray cluster that answers .* no answer"),
    ):
        expect_ray(found)


def test_a_server_that_speaks_as_ray_does_passes():
    with served(answer_as_ray) as found:
        expect_ray(found)


def test_an_address_where_nobody_listens_fails(capsys: pytest.CaptureFixture[str], tmp_path: Path):
    for text in ("127.0.0.1:1", "nobody.invalid:6379"):
        assert main(["train", "three-arms", "--address", text, "--out", str(tmp_path / "run")]) == 1
        message = capsys.readouterr().err
        assert message.startswith("--address: expected a Ray cluster that answers")
        assert message.count("\n") == 1
    assert not (tmp_path / "run").exists()
