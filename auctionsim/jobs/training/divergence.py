"""Tell that training diverged, in one line, before anything that no checkpoint can hold is written."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import numpy as np

from auctionsim.agents.learners.base import Arrays
from auctionsim.errors import RunError
from auctionsim.market.actions import NotFinite
from auctionsim.scenario import Scenario


@contextmanager
def reported_if_diverging(scenario: Scenario, iteration: int) -> Iterator[None]:
    """Tell that training diverged where what was learned makes no bids; the scenario was right, so it is no wrong input.

    Numpy's warnings of overflow are left out, since the one line says it.
    """
    try:
        with np.errstate(over="ignore", invalid="ignore"):
            yield
    except NotFinite as error:
        if scenario.classes:
            # It may be a rule or a learner of the user's own.
            raise
        raise _diverged(scenario, iteration, str(error)) from error


def expect_finite(scenario: Scenario, iteration: int, states: Mapping[int, Arrays]) -> None:
    """Refuse states that no checkpoint can hold, before one is written.

    Raises:
        RunError: A parameter is infinite or NaN.
    """
    for seed, state in states.items():
        for name, array in state.items():
            if not np.isfinite(array).all():
                raise _diverged(scenario, iteration, f"seed {seed}: array {name!r} holds NaN or infinity")


def _diverged(scenario: Scenario, iteration: int, reason: str) -> RunError:
    return RunError(
        f"{scenario.source}: training diverged in iteration {iteration}: {reason} (learner: smaller steps may help)"
    )
