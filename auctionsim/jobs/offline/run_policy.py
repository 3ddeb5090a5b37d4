"""Load the policy of a run's checkpoint, and say which one it was, so that the same can be loaded when the run has gone on."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from auctionsim.agents.build import build_market
from auctionsim.agents.learners.registry import make_learner
from auctionsim.checkpoints import expect_like
from auctionsim.errors import InputError
from auctionsim.market.market import Market
from auctionsim.market.policy import Policy
from auctionsim.runs import Run


@dataclass(frozen=True)
class Checkpoint:
    """Which checkpoint of a run a policy was loaded from."""

    iteration: int
    sha256: str
    """SHA-256 of the file of the market's seed, in hexadecimal digits."""


def policy_of_run(market: Market, opened: Run, wanted: Checkpoint | None = None) -> tuple[Policy, Checkpoint]:
    """Return the policy of a run's checkpoint, and which one that is.

    Args:
        market: The market that it bids in, of the same seed, advertisers and learners.
        opened: The run.
        wanted: The checkpoint; the last where None.

    Raises:
        InputError: The run is of another market, or was trained elsewhere; or the checkpoint is gone or is another one now.
    """
    opened.expect_trained_here("export")
    if market.seed not in opened.seeds:
        raise InputError(f"{opened.path}: expected a run with seed {market.seed}, got one of {list(opened.seeds)}")
    own = build_market(opened.scenario(), market.seed)
    if own.advertisers != market.advertisers or not np.array_equal(own.learners, market.learners):
        raise InputError(f"{opened.path}: expected a run of the same advertisers and learners, got others")
    iteration = opened.last_checkpoint() if wanted is None else _kept(opened, wanted)
    file = opened.state_file(iteration, market.seed)
    learner, state = make_learner(opened.scenario()), opened.load_checkpoint(iteration)[market.seed]
    expect_like(file, state, learner.start(own))
    found = Checkpoint(iteration, _digest(file))
    if wanted is not None and found != wanted:
        raise InputError(
            f"{file}: expected the checkpoint whose policy was logged, SHA-256 {wanted.sha256[:12]}..., got "
            f"{found.sha256[:12]}..."
        )
    return learner.policy(own, state), found


def _kept(opened: Run, wanted: Checkpoint) -> int:
    """Return the iteration of a checkpoint that must still be there."""
    kept = opened.checkpoints()
    if wanted.iteration not in kept:
        raise InputError(
            f"{opened.path}: expected the checkpoint of iteration {wanted.iteration}, whose policy was logged, got those of "
            f"{kept} (the run trained on; export again)"
        )
    return wanted.iteration


def _digest(file: Path) -> str:
    """Return the SHA-256 of a file, in hexadecimal digits."""
    return hashlib.sha256(file.read_bytes()).hexdigest()
