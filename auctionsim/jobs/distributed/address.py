"""Check the address of a Ray cluster before Ray is asked to join it: Ray waits for minutes, and says why in many lines.

Two steps, each bounded: the address is read (a host that can be looked up, a port), and then asked whether a server that speaks
gRPC answers there, as every server of Ray does. Such a server begins with its HTTP/2 settings (RFC 9113, 3.4). So one small
message tells a web server, a silent one and a Ray apart.
"""

from __future__ import annotations

import os
import socket
import time
from dataclasses import dataclass

from auctionsim.errors import InputError, RunError, shown, suggestion

ANSWER_SECONDS = 10.0
"""The longest that a server may take to accept a connection and answer."""

_WANTED = "a Ray cluster that answers (auto, HOST:PORT or ray://HOST:PORT)"
_PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
_HEADER_BYTES, _SETTINGS = 9, 4


@dataclass(frozen=True)
class Address:
    """An address in its parts."""

    text: str
    """The address as it was given."""
    host: str
    port: int


def parse_address(text: str) -> Address | None:
    """Return the host and port of an address; None for `auto`, which Ray looks up.

    Raises:
        InputError: It is neither `auto` nor HOST:PORT nor ray://HOST:PORT.
    """
    if text == "auto":
        return None
    scheme, mark, named = text.rpartition("://")
    if mark and scheme != "ray":
        raise _malformed(text, f"the scheme {shown(scheme)}, not ray{suggestion(text, ['ray://'])}")
    host, _, port = named.rpartition(":")
    if host.startswith("[") and host.endswith("]"):
        host = host[1:-1]
    elif ":" in host:
        raise _malformed(text, "an address of version 6 without [brackets]")
    if not host or not port:
        near = suggestion(text, ["auto"]) if not mark else ""
        raise _malformed(text, f"no host and port{near}")
    # 1 to 65535: longer numbers are never computed.
    if not (port.isascii() and port.isdecimal() and len(port) <= 5 and 1 <= int(port) <= 65535):
        raise _malformed(text, f"the port {shown(port)}, not a number >= 1 and <= 65535")
    _expect_name(text, host)
    return Address(text, host, int(port))


def expect_ray(address: Address) -> None:
    """Ask whether a server of Ray's kind answers at an address.

    Raises:
        InputError: Something else answers.
        RunError: Nothing answers in `ANSWER_SECONDS`.
    """
    deadline = time.monotonic() + ANSWER_SECONDS
    try:
        with socket.create_connection((address.host, address.port), timeout=ANSWER_SECONDS) as connection:
            # A cluster with certificates speaks no plain text.
            if os.environ.get("RAY_USE_TLS", "0").lower() not in ("1", "true"):
                _expect_settings(address, connection, deadline)
    except OSError as error:
        raise no_answer(address.text, str(error)) from error


def no_answer(text: str, reason: str) -> RunError:
    """Make the error for an address at which nothing answers."""
    return RunError(f"--address: expected {_WANTED}, got {shown(text)}: {reason}")


def no_ray(text: str, reason: str) -> InputError:
    """Make the error for an address at which something else than a Ray cluster answers, or none that can be joined."""
    return InputError(f"--address: expected {_WANTED}, got {shown(text)}: {reason}")


def _malformed(text: str, reason: str) -> InputError:
    return InputError(f"--address: expected auto, HOST:PORT or ray://HOST:PORT, got {shown(text)}: {reason}")


def _expect_name(text: str, host: str) -> None:
    """Check that a host's name can be looked up at all.

    Raises:
        InputError: It cannot.
    """
    try:
        host.encode("idna")
    except UnicodeError as error:
        raise _malformed(text, f"the host {shown(host)}, not a name that can be looked up") from error
    if any(mark.isspace() or not mark.isprintable() or mark in "/?#@\\" for mark in host):
        raise _malformed(text, f"the host {shown(host)}, not a name that can be looked up")


def _expect_settings(address: Address, connection: socket.socket, deadline: float) -> None:
    """Greet a server, and expect the settings with which a gRPC server begins.

    Raises:
        InputError: It answers otherwise, or closes the connection.
        OSError: It does not answer in time.
    """
    # Our own settings are empty: a header of 9 bytes with length 0, type SETTINGS, no flags, stream 0.
    connection.sendall(_PREFACE + bytes((0, 0, 0, _SETTINGS, 0, 0, 0, 0, 0)))
    begun = b""
    while len(begun) < _HEADER_BYTES:
        left = deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError(f"no answer in {ANSWER_SECONDS:.0f} s")
        connection.settimeout(left)
        try:
            more = connection.recv(_HEADER_BYTES - len(begun))
        except TimeoutError as error:
            raise TimeoutError(f"no answer in {ANSWER_SECONDS:.0f} s") from error
        except ConnectionError:
            more = b""
        if not more:
            raise no_ray(address.text, "the server there closes the connection, so it is no Ray")
        begun += more
    is_settings = begun[3] == _SETTINGS and begun[5:9] == bytes(4) and not begun[4]
    if not is_settings:
        raise no_ray(address.text, f"another server answers there, with {shown(begun.decode('latin-1'))}")
