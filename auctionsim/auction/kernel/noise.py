"""Sampling noise of clicks and conversions: a counter-based random number generator.

A draw is a pure function of what it decides: the hour's key (seed, day, hour), the bucket's index in the hour, the auction's
index in the bucket, the candidate's index in the auction, and click or conversion. There is no generator state to advance
(compare Salmon, Moraes, Dror and Shaw 2011, "Parallel random numbers: as easy as 1, 2, 3"). So the same ad shown in the same
auction is clicked or not under every policy, in every order of replay and on any number of workers: common random numbers.
Each of the n auctions that a bucket of weight n stands for has a draw of its own.
"""

from __future__ import annotations

from hashlib import blake2b

import numpy as np

import auctionsim.arithmetic.scalars as scalars
from auctionsim.auction.kernel.compiled import inlined

CLICK, CONVERSION = 0, 1
OUTCOME_STREAM, PRERANKER_STREAM = "luck", "preranker"
_TURN = 2.0 * np.pi


def hour_rng_key(seed: int, day: int, hour: int, stream: str = OUTCOME_STREAM) -> np.uint64:
    """Return the key of an hour's draws; another stream has other ones."""
    # The text in the hash names the stream; any other word would change every sampled result.
    digest = blake2b(f"{stream} {seed} {day} {hour}".encode(), digest_size=8).digest()
    return np.uint64(int.from_bytes(digest, "little"))


@inlined
def uniform(key: np.uint64, bucket: int, auction: int, candidate: int, purpose: int) -> float:
    """Draw a uniform number from [0, 1).

    The indexes are folded into the key one after the other, each through the finalizer of SplitMix64 (Steele, Lea and Flood
    2014), which flips half of the output bits on average when one input bit changes. For example, whether candidate
    7 of auction 0 of bucket 3 is clicked depends on `mix(mix(mix(key + 3 g) + 0 g) + 14 g)`, g being SplitMix64's constant,
    and whether it converts on the same with 15.

    Args:
        key: The hour's key.
        bucket: Index of the bucket in the hour.
        auction: Index of the auction in the bucket.
        candidate: Index of the candidate in the auction.
        purpose: `CLICK` or `CONVERSION`.
    """
    state = _mixed(key + np.uint64(bucket) * np.uint64(0x9E3779B97F4A7C15))
    state = _mixed(state + np.uint64(auction) * np.uint64(0x9E3779B97F4A7C15))
    state = _mixed(state + np.uint64(2 * candidate + purpose) * np.uint64(0x9E3779B97F4A7C15))
    # The upper 53 bits, as many as a double's mantissa holds.
    return np.float64(state >> np.uint64(11)) * 2.0**-53


@inlined
def normal(key: np.uint64, bucket: int, advertiser: int) -> float:
    """Draw a standard normal number for an advertiser in an auction bucket (Box and Muller 1958).

    Args:
        key: A key of the hour, as from `hour_rng_key` with another stream's name.
        bucket: Index of the bucket in the hour.
        advertiser: Index of the advertiser.
    """
    state = _mixed(key + np.uint64(bucket) * np.uint64(0x9E3779B97F4A7C15))
    state = _mixed(state + np.uint64(advertiser) * np.uint64(0x9E3779B97F4A7C15))
    # From (0, 1], as the logarithm of 0 is infinite.
    radius = np.float64((state >> np.uint64(11)) + np.uint64(1)) * 2.0**-53
    angle = np.float64(_mixed(state) >> np.uint64(11)) * 2.0**-53
    return np.sqrt(-2.0 * scalars.log(radius)) * scalars.cos(_TURN * angle)


@inlined
def _mixed(state: np.uint64) -> np.uint64:
    state += np.uint64(0x9E3779B97F4A7C15)
    state = (state ^ (state >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    state = (state ^ (state >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return state ^ (state >> np.uint64(31))
