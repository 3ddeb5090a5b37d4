"""Show the progress of a training: a bar in a notebook, one line that is written over on a terminal, lines elsewhere."""

from __future__ import annotations

import html
import sys
import time
from typing import Any

from auctionsim.jobs.training.callbacks import Callback, End, Iteration, Start

_SECONDS_BETWEEN_LINES = 10.0
_SHOWN = ("revenue_ratio", "profit_ratio", "fitness")


class ProgressBar(Callback):
    """A callback that shows iteration, revenue and profit over the baseline's on training days, and the time left.

    Example:
        auctionsim.train("three-arms", callbacks=[auctionsim.ProgressBar()])
    """

    def __init__(self) -> None:
        self._first = self._last = 0
        self._began = self._shown_at = 0.0
        self._display: Any = None

    def __repr__(self) -> str:
        return "ProgressBar()"

    def on_start(self, start: Start) -> None:
        """Show an empty bar."""
        self._first, self._last = start.iteration, start.iterations
        self._began, self._shown_at = time.monotonic(), -_SECONDS_BETWEEN_LINES
        self._display = _notebook_display()
        self._show(start.iteration, f"{start.scenario.name}: {start.iteration}/{start.iterations}")

    def on_iteration(self, iteration: Iteration) -> None:
        """Show how far training is."""
        done, total = iteration.iteration, iteration.iterations
        names = [name for name in _SHOWN if name in next(iter(iteration.metrics.values()), {})]
        means = ((name, iteration.mean(name)) for name in names)
        ratios = "  ".join(f"{name} {'not defined' if mean is None else f'{mean:.3f}'}" for name, mean in means)
        seconds = (time.monotonic() - self._began) / max(done - self._first, 1) * (total - done)
        minutes, rest = divmod(round(seconds), 60)
        text = f"{iteration.run.path.name}: {done}/{total}  {ratios}  {minutes}:{rest:02} left"
        self._show(done, text, is_last=done == total)

    def on_end(self, end: End) -> None:
        """End the line, and say how training ended."""
        if self._display is not None:
            self._display.update(_html(f"{end.status} after iteration {end.iteration}", end.iteration, self._last))
        elif sys.stderr.isatty():
            print(file=sys.stderr, flush=True)

    def _show(self, done: int, text: str, *, is_last: bool = False) -> None:
        if self._display is not None:
            self._display.update(_html(text, done, self._last))
        elif sys.stderr.isatty():
            print(f"\r{text}\x1b[K", end="", file=sys.stderr, flush=True)
        elif is_last or time.monotonic() - self._shown_at >= _SECONDS_BETWEEN_LINES:
            self._shown_at = time.monotonic()
            print(text, file=sys.stderr, flush=True)


def _notebook_display() -> Any:
    """Return a place of the notebook's output that can be updated; None outside of notebooks."""
    # Whoever runs a notebook has imported IPython; nobody else needs it.
    ipython = sys.modules.get("IPython")
    shell = None if ipython is None else ipython.get_ipython()
    if shell is None or not hasattr(shell, "kernel"):
        return None
    return sys.modules["IPython.display"].display(_html("", 0, 1), display_id=True)


def _html(text: str, done: int, total: int) -> Any:
    """Return a bar with a text beside it, for IPython to show."""
    bar = f"<progress value='{done}' max='{max(total, 1)}' aria-label='training'></progress> {html.escape(text)}"
    return sys.modules["IPython.display"].HTML(bar)
