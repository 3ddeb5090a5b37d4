"""Write several reports side by side: each is the work of one core, and none needs another."""

from __future__ import annotations

import os
from collections.abc import Sequence
from contextlib import chdir
from pathlib import Path

from auctionsim.jobs.distributed.cluster import Pool, RayPool
from auctionsim.runs import Run


def write_reports(reports: Sequence[tuple[Sequence[Path], Path]], pool: Pool) -> list[Path]:
    """Write the same reports as one call of `write_report` each.

    Args:
        reports: The paths of each report's runs, and the folder to write it to; those that take longest are best first.
        pool: The pool that makes them; this process where its tasks may run on machines that do not see the folders.

    Returns:
        The paths of their pages, in the same order.

    Raises:
        InputError: A run has no evaluation, or a report names it twice.
        RunError: Ray lost a worker too often.
    """
    here = os.getcwd()
    tasks = [(here, tuple(runs), out) for runs, out in reports]
    if isinstance(pool, RayPool) and pool.shares_files:
        return pool.map(_written, tasks)
    return [_written(*task) for task in tasks]


def _written(folder: str, runs: tuple[Path, ...], out: Path) -> Path:
    # Here, since drawing is a matter of the workers: the process that asks them need not load what draws.
    from auctionsim.analysis.reports.report import write_report

    # A report names its runs as they were given, and a worker of Ray may stand in another folder.
    with chdir(folder):
        return write_report([Run.open(path) for path in runs], out)
