"""The luck of sampled outcomes: uniform draws that are a function of what they are for, not of when they are drawn.

A draw is keyed by (seed, day, hour), the cell's place in the hour, the auction's place in the cell and the candidate's place in
the auction. So the same ad shown in the same auction is clicked or not whatever the policy, the order of replay, the number of
workers and the other policies beside it. Each of the n auctions that a cell of weight n stands for has a draw of its own.
"""

from __future__ import annotations

from hashlib import blake2b

import numpy as np

from auctionsim.auction.kernel.compiled import inlined

CLICK, CONVERSION = 0, 1


def hour_key(seed: int, day: int, hour: int) -> np.uint64:
    """The key of an hour's draws."""
    digest = blake2b(f"luck {seed} {day} {hour}".encode(), digest_size=8).digest()
    return np.uint64(int.from_bytes(digest, "little"))


@inlined
def uniform(key: np.uint64, cell: int, auction: int, candidate: int, purpose: int) -> float:
    """A uniform draw from [0, 1).

    The four places are folded into the key one after the other, each through the finaliser of SplitMix64 (Steele, Lea and
    Flood 2014), which changes half of the output bits on average when one input bit changes.

    Args:
        key: Of the hour.
        cell: The cell's place in the hour.
        auction: The auction's place in the cell.
        candidate: The candidate's place in the auction.
        purpose: `CLICK` or `CONVERSION`.
    """
    state = _mixed(key + np.uint64(cell) * np.uint64(0x9E3779B97F4A7C15))
    state = _mixed(state + np.uint64(auction) * np.uint64(0x9E3779B97F4A7C15))
    state = _mixed(state + np.uint64(2 * candidate + purpose) * np.uint64(0x9E3779B97F4A7C15))
    return np.float64(state >> np.uint64(11)) * 2.0**-53


@inlined
def _mixed(state: np.uint64) -> np.uint64:
    state += np.uint64(0x9E3779B97F4A7C15)
    state = (state ^ (state >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    state = (state ^ (state >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return state ^ (state >> np.uint64(31))
