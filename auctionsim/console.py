"""Output of the command line: results on stdout, everything else on stderr."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from auctionsim.names.text import visible

if TYPE_CHECKING:
    from auctionsim.jobs.training.train import Progress

_SECONDS_BETWEEN_LINES = 10.0


def make_unbreakable(*streams: Any) -> None:
    r"""Let text streams write what their encoding lacks as an escape, as `\xfc` for an umlaut on an ASCII terminal.

    A finished job must not end in a traceback because of its name.
    """
    for stream in streams:
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")


class Console:
    """The only object that prints.

    Args:
        as_json: Whether results are printed as one JSON object instead of text.
    """

    def __init__(self, *, as_json: bool = False) -> None:
        self._as_json = as_json

    def say(self, text: str) -> None:
        """Print a remark on stderr."""
        print(visible(text), file=sys.stderr, flush=True)

    def result(self, text: str, value: dict[str, Any]) -> None:
        """Print the command's result on stdout: `text` for people, or `value` as JSON for scripts."""
        print(json.dumps(value, sort_keys=True) if self._as_json else visible(text), flush=True)

    def next_command(self, command: str) -> None:
        """Print the next useful command on stderr."""
        self.say(f"next: {command}")

    @contextmanager
    def training(self, title: str) -> Iterator[TrainingProgress]:
        """Show the progress of a training job: a bar on a terminal, a line every 10 seconds elsewhere.

        Args:
            title: The name of the job.

        Yields:
            A progress callback, to be called after every iteration.
        """
        progress: TrainingProgress = _Bar(title) if sys.stderr.isatty() else _Lines(title)
        try:
            yield progress
        finally:
            progress.close()

    @contextmanager
    def steps(self) -> Iterator[Callable[[str, float], None]]:
        """Show the progress of a job that runs in steps: a bar on a terminal, a line every 10 seconds elsewhere.

        Yields:
            A progress callback, to be called with the step's name and the share of it that is done, 0 to 1.
        """
        if not sys.stderr.isatty():
            last = time.monotonic()

            def line(what: str, share: float) -> None:
                nonlocal last
                now = time.monotonic()
                if now - last >= _SECONDS_BETWEEN_LINES:
                    last = now
                    self.say(f"{what}: {share:.0%}")

            yield line
            return
        from rich.console import Console as RichConsole
        from rich.markup import escape
        from rich.progress import Progress as RichProgress

        with RichProgress(console=RichConsole(stderr=True), transient=True) as bar:
            task = bar.add_task("", total=1.0)
            yield lambda what, share: bar.update(task, description=escape(visible(what)), completed=share)


class TrainingProgress:
    """A progress callback that shows iteration, revenue ratio, profit ratio and auctions per second.

    Args:
        title: The name of the job.
    """

    def __init__(self, title: str) -> None:
        self._title = visible(title)
        self._began = time.monotonic()
        self._auctions = 0

    def __call__(self, progress: Progress) -> None:
        """Record an iteration and update the display."""
        self._auctions += progress.auctions
        self._show(progress)

    def close(self) -> None:
        """End the display."""

    def _show(self, progress: Progress) -> None:
        raise NotImplementedError

    def _rate(self) -> str:
        return f"{self._auctions / max(time.monotonic() - self._began, 1e-9) / 1e6:.1f} M auctions/s"


class _Lines(TrainingProgress):
    def __init__(self, title: str) -> None:
        super().__init__(title)
        self._last = self._began

    def _show(self, progress: Progress) -> None:
        now = time.monotonic()
        if now - self._last < _SECONDS_BETWEEN_LINES and progress.iteration < progress.iterations:
            return
        self._last = now
        print(
            f"{self._title}: iteration {progress.iteration}/{progress.iterations}  {_ratios(progress)}  {self._rate()}",
            file=sys.stderr,
            flush=True,
        )


class _Bar(TrainingProgress):
    def __init__(self, title: str) -> None:
        super().__init__(title)
        from rich.console import Console as RichConsole
        from rich.markup import escape
        from rich.progress import BarColumn, TextColumn, TimeRemainingColumn
        from rich.progress import Progress as RichProgress

        columns = (
            TextColumn("{task.description}"),
            BarColumn(),
            TextColumn("{task.completed:.0f}/{task.total:.0f}  {task.fields[ratios]}"),
            TimeRemainingColumn(),
        )
        self._bar = RichProgress(*columns, console=RichConsole(stderr=True))
        self._bar.start()
        self._task = self._bar.add_task(escape(visible(title)), total=1, ratios="")

    def _show(self, progress: Progress) -> None:
        ratios = f"{_ratios(progress)}  {self._rate()}"
        self._bar.update(self._task, completed=progress.iteration, total=progress.iterations, ratios=ratios)

    def close(self) -> None:
        self._bar.stop()


def _ratios(progress: Progress) -> str:
    pairs = (("revenue", progress.revenue_ratio), ("profit", progress.profit_ratio))
    return "  ".join(f"{name} {'not defined' if ratio is None else f'{ratio:.3f}'}" for name, ratio in pairs)
