"""Random streams keyed by meaning: the same key gives the same draws in any process, order or worker count."""

from __future__ import annotations

import hashlib

import numpy as np


def stream(seed: int, *key: int | str) -> np.random.Generator:
    """The generator of one purpose, for example `stream(seed, "noise", iteration, pair)`.

    Args:
        seed: The scenario's seed, at least 0.
        key: What the draws are for. Words and numbers; different keys give independent streams.

    Returns:
        A fresh generator. Two calls with the same arguments give the same draws.
    """
    return np.random.default_rng([seed, *(_entropy(part) for part in key)])


def _entropy(part: int | str) -> int:
    if isinstance(part, str):
        # Python's own hash() is salted by process, so it would tear workers apart.
        return int.from_bytes(hashlib.blake2b(part.encode(), digest_size=8).digest(), "little")
    return part
