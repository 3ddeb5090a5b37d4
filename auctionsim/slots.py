"""Slots of a results page: how many there may be, and what their click effects must satisfy."""

from __future__ import annotations

from itertools import pairwise

MAX_SLOTS = 7
"""As many as the engine keeps apart in registers."""


def slot_effect_problem(effect: tuple[float, ...]) -> tuple[str, object] | None:
    """What is expected of slot effects and does not hold, and what came instead; None where they are right."""
    if not 1 <= len(effect) <= MAX_SLOTS:
        return f"1 to {MAX_SLOTS} slots", len(effect)
    if effect[0] != 1.0:
        return "1.0 for the first slot", effect[0]
    for above, below in pairwise(effect):
        if below > above:
            return "numbers that do not rise", below
        if not below > 0:
            return "numbers above 0", below
    return None
