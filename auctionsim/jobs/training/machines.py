"""Tell where a run is computed on machines whose arithmetic differs in what its learner depends on.

The market, the rules and evolution strategies give the same bytes everywhere (docs/reliability.md); torch's networks give them
on one kind of processor only. A difference is told in one line. It is no error, and never silent.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping

from auctionsim.agents.learners.fingerprint import fingerprint, parts
from auctionsim.jobs.distributed.cluster import Pool
from auctionsim.runs import Run

_log = logging.getLogger("auctionsim")
_NAMES = {"own": "auctionsim's own arithmetic", "numpy": "numpy", "torch": "torch"}


def compare_machines(run: Run, pool: Pool, algorithm: str) -> None:
    """Compare this machine's arithmetic with that of the pool's nodes and of the machine that began the run.

    A difference is told in one line, and the manifest keeps the fingerprint of the machine that began the run.

    Args:
        run: The run folder.
        pool: The pool that computes the run.
        algorithm: The learner's name, `learner.algorithm`.
    """
    needed = parts(algorithm)
    here = fingerprint(needed)
    there = pool.on_each_node(fingerprint, needed)
    silent = sorted(node for node, found in there.items() if found is None)
    if silent:
        _log.warning(
            f"auctionsim: {len(silent)} of {len(there)} nodes ({', '.join(silent)}) are busy, so whether their arithmetic is "
            "this machine's is not known (docs/reliability.md)"
        )
    unlike = {node: which for node, found in there.items() if found and (which := _differing(here, found))}
    if unlike:
        what = ", ".join(dict.fromkeys(_NAMES[part] for which in unlike.values() for part in which))
        nodes = ", ".join(sorted(unlike))
        _log.warning(
            f"auctionsim: {len(unlike)} of {len(there)} nodes ({nodes}) round {what} otherwise than this machine, so "
            f"{algorithm} gives other bytes than on one machine (docs/reliability.md)"
        )
    began = run.arithmetic
    if began is None:
        run.note_arithmetic(here)
    elif which := _differing(here, began):
        what = ", ".join(_NAMES[part] for part in which)
        _log.warning(
            f"auctionsim: {run.path}: begun on a machine that rounds {what} otherwise than this one, so {algorithm} goes on "
            "with other bytes than it would there (docs/reliability.md)"
        )


def _differing(one: Mapping[str, str], other: Mapping[str, str]) -> list[str]:
    return [part for part in one if part in other and one[part] != other[part]]
