"""Output of the command line: results on stdout, everything else on stderr.

Remarks and progress may get lost, as `machine.stdio` guards stderr; only a result that cannot be printed is an error.
"""

from __future__ import annotations

import errno
import json
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from auctionsim.machine.stdio import LostOutput, print_result
from auctionsim.names.text import visible

if TYPE_CHECKING:
    from auctionsim.jobs.training.train import Progress

_SECONDS_BETWEEN_LINES = 10.0


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

    def result(self, text: str, value: dict[str, Any], *, kept: Path | None = None) -> None:
        """Print the command's result on stdout: `text` for people, or `value` as JSON for scripts.

        Args:
            text: The result for people.
            value: The result for scripts.
            kept: The file or folder that holds the result too, so that only a remark is lost with the text; None where stdout
                is its only place. JSON is always a result.

        Raises:
            LostOutput: The result cannot be printed and is kept nowhere.
        """
        try:
            print_result((json.dumps(value, sort_keys=True) if self._as_json else visible(text)) + "\n")
        except LostOutput as error:
            if kept is None or self._as_json:
                raise
            if error.errno != errno.EPIPE:
                self.say(f"stdout: {error.strerror}; the result is in {kept}")

    def warn(self, source: str, warnings: Iterable[str]) -> None:
        """Print what is valid in a scenario and yet makes figures meaningless on stderr, a line each."""
        for warning in warnings:
            self.say(f"{source}: warning: {warning}")

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
    """A progress callback that shows iteration, revenue ratio, profit ratio, cells and bids a second, and the time left.

    A cell counts once in every replay, whatever its weight, since that is what is computed.

    Args:
        title: The name of the job.
    """

    def __init__(self, title: str) -> None:
        self._title = visible(title)
        self._began = time.monotonic()
        self._done = self._cells = self._bids = 0

    def __call__(self, progress: Progress) -> None:
        """Record an iteration and update the display."""
        self._done += 1
        self._cells += progress.cells
        self._bids += progress.bids
        self._show(progress)

    def close(self) -> None:
        """End the display."""

    def _show(self, progress: Progress) -> None:
        raise NotImplementedError

    def _rate(self) -> str:
        seconds = max(time.monotonic() - self._began, 1e-9)
        return f"{_short(self._cells / seconds)} cells/s  {_short(self._bids / seconds)} bids/s"

    def _left(self, progress: Progress) -> str:
        """Return the time left if the iterations to come take as long as those that this display has seen."""
        seconds = (time.monotonic() - self._began) / self._done * (progress.iterations - progress.iteration)
        minutes, rest = divmod(round(seconds), 60)
        return f"{minutes // 60}:{minutes % 60:02}:{rest:02} left"


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
            f"{self._title}: iteration {progress.iteration}/{progress.iterations}  {_ratios(progress)}  {self._rate()}  "
            f"{self._left(progress)}",
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


def _short(number: float) -> str:
    """Return a number with its thousands, millions or billions as a letter: `12.3 M`."""
    for size, letter in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if number >= size:
            return f"{number / size:.1f} {letter}"
    return f"{number:.1f}"


def _ratios(progress: Progress) -> str:
    pairs = (("revenue", progress.revenue_ratio), ("profit", progress.profit_ratio))
    return "  ".join(f"{name} {'not defined' if ratio is None else f'{ratio:.3f}'}" for name, ratio in pairs)
