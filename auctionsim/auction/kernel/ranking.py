"""Ranking a cell for all policies: the sieve finds, double precision decides.

What is written is what `lanes.rank_exactly` would write, bit for bit. The sieve's order is trusted only where its scores lie
further apart than its error; where they do not (ties among them), or are outside its range, the block is ranked exactly.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from auctionsim.auction.kernel.arguments import QUALITY, Bids, Room, Rows, Terms, aligned
from auctionsim.auction.kernel.compiled import compiled, inlined
from auctionsim.auction.kernel.lanes import N_FEATURES, NARROW, rank_exactly
from auctionsim.auction.kernel.memory import of_row, take
from auctionsim.auction.kernel.sieve import exact_bid, sieve_3, sieve_3_wide, sieve_5, sieve_5_wide, sieve_9, write_row

_WIDE, _DEEP = 16, 8
# Coefficients in this range, and scores in that of `sieve.py`, lose nothing but rounding in single precision.
_LEAST, _MOST = 1e-18, 1e18
_FEWEST_PLACE_BITS, _MOST_PLACE_BITS = 4, 12
_LENIENT, _STRICT = 1.0 - 1e-6, 1.0 + 2e-6


def block_width(n_lanes: int, depth: int) -> int:
    """Policies that the sieve ranks at once: two registers side by side hide the latency of one; deep lists fill them."""
    return _WIDE if n_lanes % _WIDE == 0 and depth < _DEEP else NARROW


def make_bids(coefficients: NDArray[np.float64], is_in_play: NDArray[np.bool_], room: Room, *, is_clipped: bool) -> Bids:
    """Coefficients as the engine reads them.

    Args:
        coefficients: theta over `bids.FEATURES`, `[advertisers, 4, P]`.
        is_in_play: Who has budget left, `[advertisers, P]`.
        room: Made for as many slots and policies.
        is_clipped: Whether bids are clipped, which the sieve knows nothing of.
    """
    n_advertisers, n_features = coefficients.shape[:2]
    n_lanes = room.found.shape[1]
    lanes, theta = aligned((n_advertisers, n_features, n_lanes)), aligned((n_advertisers, n_lanes, n_features))
    width = block_width(n_lanes, room.found.shape[0] - 1)
    coarse = aligned((n_lanes // width, n_advertisers, n_features, width), np.float32)
    is_inside = _write_bids(np.ascontiguousarray(coefficients, dtype=np.float64), is_in_play, theta, lanes, coarse)
    return Bids(theta, lanes, coarse if is_inside and not is_clipped else np.zeros_like(coarse[:, :0]))


@compiled
def _write_bids(
    coefficients: NDArray[np.float64],
    is_in_play: NDArray[np.bool_],
    theta: NDArray[np.float64],
    lanes: NDArray[np.float64],
    coarse: NDArray[np.float32],
) -> bool:
    """Coefficients in the three orders of `Bids`; False where some are out of the sieve's range."""
    n_advertisers, n_features, n_policies = coefficients.shape
    n_lanes, width, n_outside = lanes.shape[2], coarse.shape[3], 0
    for a in range(n_advertisers):
        for f in range(n_features):
            for p in range(n_policies):
                value = coefficients[a, f, p] if is_in_play[a, p] else np.nan
                n_outside += (value > _MOST) | ((value < _LEAST) & (value != 0.0))
                lanes[a, f, p] = value
            lanes[a, f, n_policies:] = np.nan
            for block in range(n_lanes // width):
                for p in range(width):
                    coarse[block, a, f, p] = np.float32(lanes[a, f, block * width + p])
        for p in range(n_lanes):
            for f in range(n_features):
                theta[a, p, f] = lanes[a, f, p]
    return n_outside == 0


@inlined
def place_bits_of(n_rows: int) -> int:
    """How many bits the place of a row in its cell takes."""
    place_bits = _FEWEST_PLACE_BITS
    while (1 << place_bits) < n_rows:
        place_bits += 1
    return place_bits


@inlined
def can_sift(place_bits: int, bids: Bids) -> bool:
    """Whether the sieve can be used."""
    return bids.coarse.shape[1] > 0 and place_bits <= _MOST_PLACE_BITS


@inlined
def write_figures(first: int, last: int, rows: Rows, bids: Bids, terms: Terms, room: Room) -> None:
    """What the sieve reads of rows `first:last`, the rows of a run of cells, for all blocks of policies."""
    block_step = N_FEATURES * bids.coarse.shape[3]
    for row in range(first, last):
        i = row - first
        write_row(room.figures, i, rows.figures, row, terms.reserve, _LENIENT, _STRICT)
        room.offset[i] = take(rows.advertiser, row) * block_step


@inlined
def sift(at: int, n: int, place_bits: int, lane: int, bids: Bids, room: Room) -> None:
    """The sieve over a cell of n rows, whose figures begin at `at`, for the block of policies from `lane` on."""
    coarse, figures, offset, found = bids.coarse, room.figures, room.offset, room.found
    n_advertisers, width, n_lanes = coarse.shape[1], coarse.shape[3], found.shape[1]
    base = lane * n_advertisers * N_FEATURES
    if found.shape[0] == 3:
        if width == _WIDE:
            sieve_3_wide(coarse, figures, offset, base, at, n, place_bits, lane, n_lanes, found)
        else:
            sieve_3(coarse, figures, offset, base, at, n, place_bits, lane, n_lanes, found)
    elif found.shape[0] == 5:
        if width == _WIDE:
            sieve_5_wide(coarse, figures, offset, base, at, n, place_bits, lane, n_lanes, found)
        else:
            sieve_5(coarse, figures, offset, base, at, n, place_bits, lane, n_lanes, found)
    else:
        sieve_9(coarse, figures, offset, base, at, n, place_bits, lane, n_lanes, found)


@inlined
def rank_sifted(
    first: int, last: int, place_bits: int, lane: int, end: int, outside: float, rows: Rows, bids: Bids, terms: Terms,
    room: Room,
) -> None:  # fmt: skip
    """Rank rows `first:last`, which went through the sieve, and a score outside for policies `lane:end`."""
    for block in range(lane, end, NARROW):
        is_decided = True
        for p in range(block, min(block + NARROW, end)):
            is_decided &= _decide(first, p, place_bits, outside, rows, bids.theta, terms.reserve, room)
        if not is_decided:
            # The whole block at once: what is decided already comes out the same.
            rank_block(first, last, block, outside, rows, bids, terms, room)


@inlined
def rank_block(first: int, last: int, lane: int, outside: float, rows: Rows, bids: Bids, terms: Terms, room: Room) -> None:
    """Rank exactly, for the `NARROW` policies from `lane` on, into `room.best` and `room.winner`."""
    rank_exactly(
        bids.lanes, rows.figures, rows.advertiser, first, last, bids.lanes.shape[2], lane, terms.reserve,
        terms.bid_floor, terms.bid_cap, outside, room.best, room.winner,
    )  # fmt: skip


@inlined
def _decide(
    first: int, p: int, place_bits: int, outside: float, rows: Rows, theta: NDArray[np.float64], reserve: float, room: Room
) -> bool:
    """Write the exact scores of the candidates that the sieve found for policy p; False where it cannot tell who they are."""
    depth, n_lanes = room.found.shape[0] - 1, theta.shape[1]
    place = (1 << place_bits) - 1
    clear = take(room.found, depth * n_lanes + p)
    n_found = 0
    is_decided = True
    for level in range(depth):
        code = take(room.found, level * n_lanes + p)
        if code < 0:
            break
        row = first + (code & place)
        bid = exact_bid(theta, rows.figures, take(rows.advertiser, row) * n_lanes + p, row)
        is_decided &= (clear >> level) & 1 != 0 and bid >= reserve
        room.best[level, p] = of_row(rows.figures, row, QUALITY) * bid
        room.winner[level, p] = row
        n_found = level + 1
    below = n_found
    while below > 0 and room.best[below - 1, p] < outside:
        if below < depth:
            room.best[below, p] = room.best[below - 1, p]
            room.winner[below, p] = room.winner[below - 1, p]
        below -= 1
    if below < depth:
        room.best[below, p] = outside
        room.winner[below, p] = -2
    for level in range(n_found + 1, depth):
        room.best[level, p] = -1.0
        room.winner[level, p] = -1
    return is_decided
