"""Serve two read-only answers over the loopback: the page of a run, and its blocks as JSON.

A browser on this machine may be led here by any page of the web, and other users of the machine reach the loopback as well. So
an answer needs a random token in the path, compared in constant time; the Host header of this very address, which a page that
rebinds its own name does not send; and the method GET. Nothing of a request names a file.
"""

from __future__ import annotations

import errno
import hmac
import json
import secrets
import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

from auctionsim.analysis.live.page import blocks, whole_page
from auctionsim.analysis.live.shell import content_policy
from auctionsim.analysis.live.state import Following
from auctionsim.errors import InputError

_HOST = "127.0.0.1"
_TOKEN_BYTES = 24
_SECONDS = 10
"""Seconds that a request may take to come in."""
_AT_ONCE = 16
"""Requests that are answered at a time; more are turned away."""


class Watch(socketserver.ThreadingTCPServer):
    """The server of one run's page.

    Args:
        folder: The run folder, there or not yet.
        port: Port of the loopback; 0 for a free one.

    Raises:
        InputError: The port is in use, or this user may not have it.
    """

    daemon_threads = True
    allow_reuse_address = True

    def __init__(self, folder: Path, port: int = 0) -> None:
        self.following = Following(folder)
        self.token = secrets.token_urlsafe(_TOKEN_BYTES)
        self._free = threading.BoundedSemaphore(_AT_ONCE)
        try:
            super().__init__((_HOST, port), _Request)
        except OSError as error:
            if error.errno not in (errno.EADDRINUSE, errno.EACCES):
                raise
            reason = "one in use" if error.errno == errno.EADDRINUSE else "one that only root may have"
            raise InputError(f"port {port}: expected a free port of {_HOST}, got {reason} (0 takes any free one)") from error

    @property
    def port(self) -> int:
        """Return the port."""
        return int(self.server_address[1])

    @property
    def url(self) -> str:
        """Return the page's address, its token included."""
        return f"http://{_HOST}:{self.port}/{self.token}/"

    def process_request(self, request: Any, client_address: Any) -> None:
        """Answer a request in a thread of its own, unless too many are being answered."""
        if not self._free.acquire(blocking=False):
            self.shutdown_request(request)
            return
        super().process_request(request, client_address)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        """Answer a request, and make room for another."""
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._free.release()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing of a browser that has gone away in the midst of an answer."""


class _Request(BaseHTTPRequestHandler):
    timeout = _SECONDS
    server: Watch

    def do_GET(self) -> None:
        """Answer with the page, or with its blocks."""
        hosts = self.headers.get_all("Host") or []
        if len(hosts) != 1 or hosts[0].strip() not in (f"{_HOST}:{self.server.port}", f"localhost:{self.server.port}"):
            self._answer(HTTPStatus.FORBIDDEN, "expected the Host header of this address\n", "text/plain")
            return
        token, what = self._path()
        if not hmac.compare_digest(token.encode("utf-8", "surrogateescape"), self.server.token.encode()):
            what = None
        if what == "":
            self._answer(HTTPStatus.OK, whole_page(self.server.following.state()), "text/html")
        elif what == "live":
            state = self.server.following.state()
            found = {"sentence": state.sentence, "blocks": blocks(state)}
            self._answer(HTTPStatus.OK, json.dumps(found), "application/json")
        else:
            self._answer(HTTPStatus.NOT_FOUND, "expected the address that auctionsim watch printed\n", "text/plain")

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:  # noqa: ARG002
        """Refuse what is no GET request. The words of the request are not repeated."""
        self.close_connection = True
        is_method = code == HTTPStatus.NOT_IMPLEMENTED
        status = HTTPStatus.METHOD_NOT_ALLOWED if is_method else HTTPStatus(code)
        self._answer(status, f"{status.phrase}\n", "text/plain")

    def version_string(self) -> str:
        """Return the name of the server, without versions."""
        return "auctionsim"

    def log_message(self, *_: Any) -> None:
        """Log nothing: addresses hold the token."""

    def _path(self) -> tuple[str, str | None]:
        """Return the token of the path and what follows it: nothing, `live`, or None for anything else."""
        parts = self.path.split("/")
        return (parts[1], parts[2]) if len(parts) == 3 and parts[0] == "" else ("", None)

    def _answer(self, status: HTTPStatus, text: str, kind: str) -> None:
        body = text.encode("utf-8", "backslashreplace")
        self.send_response(status)
        for name, value in (
            ("Content-Type", f"{kind}; charset=utf-8"),
            ("Content-Length", str(len(body))),
            ("Content-Security-Policy", content_policy()),
            ("Cache-Control", "no-store"),
            ("Referrer-Policy", "no-referrer"),
            ("X-Content-Type-Options", "nosniff"),
            ("Cross-Origin-Resource-Policy", "same-origin"),
            *([("Allow", "GET")] if status == HTTPStatus.METHOD_NOT_ALLOWED else []),
        ):
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)


@contextmanager
def served(folder: Path, port: int = 0) -> Iterator[Watch]:
    """Serve the page of a run from a thread until the context ends.

    Args:
        folder: The run folder, there or not yet.
        port: Port of the loopback; 0 for a free one.

    Yields:
        The server.

    Raises:
        InputError: The port is in use.
    """
    with Watch(folder, port) as server:
        thread = threading.Thread(target=server.serve_forever, name="watch", daemon=True)
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()
