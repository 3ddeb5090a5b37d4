"""Follow a run on a page of this machine: progress, revenue against the floor, profit, constraints, throughput.

The page is served to this machine alone, under an address that nobody can guess. It reads the run folder and writes nothing.
Ctrl-C ends the page; the run goes on. With --json the state is printed once, and no page is served.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from auctionsim.commands import _common
from auctionsim.commands._flags import expect_no_others
from auctionsim.console import Console

_SECONDS_ASLEEP = 0.5

EXAMPLE = "auctionsim watch runs/mine"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments."""
    parser.add_argument("run", type=_common.path_text, help="a run folder, of a run that has ended, goes on, or has not begun")
    parser.add_argument(
        "--port", type=_common.port, default=0, help="port of 127.0.0.1, 0 to 65535; 0 takes any free one (default: 0)"
    )
    _common.add_never_code(parser)


def run(arguments: argparse.Namespace, console: Console) -> int:
    """Serve the page until Ctrl-C, or print the state."""
    import threading

    from auctionsim.analysis.live.folder import expect_followable
    from auctionsim.analysis.live.state import Following
    from auctionsim.jobs.watch.server import served

    path = Path(arguments.run)
    expect_followable(path)
    if arguments.json:
        expect_no_others(arguments, {"run"}, "--json, which serves no page")
        state = Following(path).state()
        console.result(state.sentence, state.as_dict())
        return 0
    with served(path, arguments.port) as server:
        try:
            # Whoever reads the address may end the page before the sentence under it is said.
            console.result(server.url, {"url": server.url})
            console.say(f"{path}: {server.following.state().sentence} Ctrl-C ends the page and leaves the run alone.")
            stop = threading.Event()
            # Not for ever at once: a signal may reach another thread, and only a thread that wakes handles it.
            while not stop.wait(_SECONDS_ASLEEP):
                pass
        except KeyboardInterrupt:
            console.say(f"{path}: the page has ended; the run is as it was")
            raise
    return 0
