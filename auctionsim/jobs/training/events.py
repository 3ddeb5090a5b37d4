"""Write metrics as TensorBoard event files too, beside metrics.jsonl."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol


class Events(Protocol):
    """A writer of scalars."""

    def scalars(self, iteration: int, seed: int, values: Mapping[str, float | None]) -> None:
        """Write what a seed logged in an iteration; a value that is not defined, None, is left out."""


class _Writer:
    def __init__(self, writer: Any) -> None:
        self._writer = writer

    def scalars(self, iteration: int, seed: int, values: Mapping[str, float | None]) -> None:
        for name, value in values.items():
            if value is not None:
                self._writer.add_scalar(f"{name}/seed-{seed}", value, iteration)


@contextmanager
def event_files(folder: Path, after: int) -> Iterator[Events]:
    """Write events to `folder`; what it holds beyond iteration `after` is hidden, as resumed training writes it again."""
    from tensorboardX import SummaryWriter

    writer = SummaryWriter(logdir=str(folder), purge_step=after + 1)
    try:
        yield _Writer(writer)
    finally:
        writer.close()
