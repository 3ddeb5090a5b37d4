"""The faults of the matrix: each starts a command in a folder and lets something go wrong."""

from __future__ import annotations

import os
import re
import shlex
import signal
import subprocess
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from .commands import ENVIRONMENT, python

SECONDS = 600
"""The longest that a command may take on a machine with much else to do."""

_PROGRESS = re.compile(r": iteration |^next: |: rung |: Trials: |\d trials|: \d+/\d+  | of about |: \d+%$|: \d+ experiments$")


@dataclass(frozen=True)
class Ended:
    """How a command ended."""

    code: int
    """The exit code; minus the signal's number where one ended it."""
    errors: str
    """What it wrote to stderr, as far as that could be read."""

    @property
    def lines(self) -> list[str]:
        """The lines of stderr without progress and the next command."""
        return [line for line in self.errors.splitlines() if not _PROGRESS.search(line)]


@dataclass(frozen=True)
class Fault:
    """A fault and the ways in which it is tried."""

    name: str
    tries: tuple[Callable[[Sequence[str], Path, float], Ended], ...]
    """Run the words of a command in a folder, given the seconds that it takes undisturbed."""


def undisturbed(words: Sequence[str], folder: Path) -> Ended:
    """Run a command to its end."""
    return _shell(shlex.join(python(*words)), folder)


def signalled(number: signal.Signals, share: float) -> Callable[[Sequence[str], Path, float], Ended]:
    """Send a signal after a share of the time that the command takes."""

    def run(words: Sequence[str], folder: Path, seconds: float) -> Ended:
        process = subprocess.Popen(
            python(*words), cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, env={**os.environ, **ENVIRONMENT}
        )
        time.sleep(share * seconds)
        process.send_signal(number)
        _, errors = process.communicate(timeout=SECONDS)
        return Ended(process.returncode, errors.decode(errors="replace"))

    return run


def full_disk(kilobytes: int) -> Callable[[Sequence[str], Path, float], Ended]:
    """Run the command on a small file system of its own, which has this much room beyond the files it begins with."""

    def run(words: Sequence[str], folder: Path, _: float) -> Ended:
        used = sum(-(-path.stat().st_size // 4096) * 4 + 4 for path in folder.rglob("*")) + 4
        small, command = folder.with_name(f"{folder.name}-small"), shlex.join(python(*words))
        small.mkdir()
        script = (
            f"mount -t tmpfs -o size={used + kilobytes}k tmpfs {small} && cp -a {folder}/. {small} && cd {small} || exit 99; "
            f"{command} >/dev/null; code=$?; rm -rf {folder}; cp -a {small} {folder}; exit $code"
        )
        return _shell(shlex.join(["unshare", "-rm", "bash", "-c", script]), folder.parent)

    return run


def limited(megabytes: int) -> Callable[[Sequence[str], Path, float], Ended]:
    """Limit the address space."""

    def run(words: Sequence[str], folder: Path, _: float) -> Ended:
        return _shell(f"ulimit -v {megabytes * 1024}; {shlex.join(python(*words))} >/dev/null", folder)

    return run


def streams(redirection: str) -> Callable[[Sequence[str], Path, float], Ended]:
    """Redirect, close or break the command's streams."""

    def run(words: Sequence[str], folder: Path, _: float) -> Ended:
        return _shell(f"{shlex.join(python(*words))} {redirection}", folder)

    return run


def can_mount() -> bool:
    """Return whether this user may mount a small file system in a namespace of its own."""
    words = ["unshare", "-rm", "mount", "-t", "tmpfs", "-o", "size=4k", "tmpfs", "/mnt"]
    try:
        return subprocess.run(words, capture_output=True, timeout=60).returncode == 0
    except OSError:
        return False


KILLED = Fault("killed", (signalled(signal.SIGKILL, 0.5), signalled(signal.SIGKILL, 0.9)))
STOPPED = Fault("interrupt", (signalled(signal.SIGINT, 0.6), signalled(signal.SIGINT, 0.9)))
ENDED = Fault("SIGTERM, SIGHUP", (signalled(signal.SIGTERM, 0.7), signalled(signal.SIGHUP, 0.8)))
FULL = Fault("full disk", (full_disk(0), full_disk(40), full_disk(120)))
UNHEARD = Fault("stderr closed or full", (streams(">/dev/null 2>&-"), streams(">/dev/null 2>/dev/full")))
LOST = Fault("stdout closed or full", (streams(">&-"), streams(">/dev/full")))
BROKEN = Fault("broken pipe", (streams("| true; exit ${PIPESTATUS[0]}"),))
MEMORY = Fault("memory limit", (limited(500), limited(1000), limited(1400)))
FAULTS = (KILLED, STOPPED, ENDED, FULL, UNHEARD, LOST, BROKEN, MEMORY)


def _shell(script: str, folder: Path) -> Ended:
    done = subprocess.run(
        ["bash", "-c", script],
        cwd=folder,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        env={**os.environ, **ENVIRONMENT},
        timeout=SECONDS,
    )
    return Ended(done.returncode, done.stderr.decode(errors="replace"))
