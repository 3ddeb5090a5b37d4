"""Slots of a results page: how many are supported, and what their click effects must satisfy."""

from __future__ import annotations

from itertools import pairwise
from math import inf

MAX_SLOTS = 7
"""The most slots that the engine's kernels hold in registers."""


def slot_effect_problem(effect: tuple[float, ...], most: float = MAX_SLOTS) -> tuple[str, object] | None:
    """Check slot effects: click-through rates by slot relative to the first, `1 = effect[0] >= effect[1] >= ... > 0`.

    Args:
        effect: The effects, best slot first.
        most: The most slots that are allowed.

    Returns:
        What was expected and what was given instead, for a message; None if the effects are valid.
    """
    if not 1 <= len(effect) <= most:
        return f"1 to {most} slots" if most < inf else "one slot or more", len(effect)
    if effect[0] != 1.0:
        return "1.0 for the first slot", effect[0]
    for above, below in pairwise(effect):
        if below > above:
            return "numbers that do not rise", below
        if not below > 0:
            return "numbers > 0", below
    return None
