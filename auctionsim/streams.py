"""Random streams keyed by purpose: the same key gives the same draws in any process, in any order, for any worker count."""

from __future__ import annotations

import hashlib

import numpy as np


def stream(seed: int, *key: int | str) -> np.random.Generator:
    """Make the random generator of one purpose, for example `stream(seed, "noise", iteration, pair)`.

    Args:
        seed: The scenario's seed, >= 0.
        key: The purpose of the draws, as words and whole numbers >= 0. Different keys give independent streams.

    Returns:
        A new generator. Two calls with the same arguments give the same draws.
    """
    return np.random.default_rng([seed, *(_entropy(part) for part in key)])


def _entropy(part: int | str) -> int:
    if isinstance(part, str):
        # Python's own hash() is salted per process, so workers would draw different numbers.
        return int.from_bytes(hashlib.blake2b(part.encode(), digest_size=8).digest(), "little")
    return part
