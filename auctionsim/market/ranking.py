"""Ranking a cell for all policies: the sieve finds, double precision decides.

What is written is what `lanes.rank_exactly` would write, bit for bit. The sieve's order is trusted only where its scores lie
further apart than its error; where they do not (ties among them), or are outside its range, the block is ranked exactly.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from auctionsim.market.arguments import Bids, Room, Rows, Terms, aligned
from auctionsim.market.compiled import inlined
from auctionsim.market.lanes import N_FEATURES, NARROW, rank_exactly
from auctionsim.market.memory import take
from auctionsim.market.sieve import exact_bid, sieve_3, sieve_3_wide, sieve_5, sieve_5_wide, sieve_9, write_row

_WIDE = 16
# Coefficients in this range, and scores in the other, lose nothing but rounding in single precision.
_LEAST, _MOST = 1e-18, 1e18
_LEAST_SCORE = int(np.float32(1e-12).view(np.int32))
_MOST_SCORE = int(np.float32(1e30).view(np.int32))
# In units of the last bit that the place leaves to a score: one is lost to cutting it off and half to rounding, on both sides.
_CLEARLY_AHEAD = 3
_FEWEST_PLACE_BITS, _MOST_PLACE_BITS = 4, 12
UNDECIDED = np.int32(-1)
_LENIENT = 1.0 - 1e-6


def make_bids(coefficients: NDArray[np.float64], is_in_play: NDArray[np.bool_], n_lanes: int, *, is_clipped: bool) -> Bids:
    """Coefficients as the engine reads them.

    Args:
        coefficients: theta over `bids.FEATURES`, `[advertisers, 4, P]`.
        is_in_play: Who has budget left, `[advertisers, P]`.
        n_lanes: `engine.padded(P)`.
        is_clipped: Whether bids are clipped, which the sieve knows nothing of.
    """
    n_advertisers, n_features, n_policies = coefficients.shape
    lanes = aligned((n_advertisers, n_features, n_lanes))
    lanes[:, :, n_policies:] = np.nan
    lanes[:, :, :n_policies] = np.where(is_in_play[:, None, :], coefficients, np.nan)
    theta = aligned((n_advertisers, n_lanes, n_features))
    theta[...] = lanes.transpose(0, 2, 1)
    with np.errstate(invalid="ignore"):
        is_outside = ((lanes < _LEAST) & (lanes != 0.0)) | (lanes > _MOST)
    coarse = aligned((0 if is_clipped or is_outside.any() else n_advertisers, n_features, n_lanes), np.float32)
    coarse[...] = lanes[: len(coarse)]
    return Bids(theta, lanes, coarse)


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
    return bids.coarse.shape[0] > 0 and place_bits <= _MOST_PLACE_BITS


@inlined
def rank(first: int, last: int, outside: float, rows: Rows, bids: Bids, terms: Terms, n_policies: int, room: Room) -> None:
    """Rank rows `first:last` and a score outside for every policy, into `room.best` and `room.winner`."""
    place_bits = place_bits_of(last - first)
    n_undecided = n_policies
    is_sifted = can_sift(place_bits, bids)
    if is_sifted:
        sift(first, last, place_bits, rows, bids, terms, room)
        n_undecided = 0
        for p in range(n_policies):
            if not _decide(first, p, place_bits, outside, rows, bids.theta, terms.reserve, room):
                room.found[0, p] = UNDECIDED
                n_undecided += 1
    if n_undecided > 0:
        for lane in range(0, bids.lanes.shape[2], NARROW):
            is_needed = not is_sifted
            for p in range(lane, min(lane + NARROW, n_policies)):
                is_needed |= room.found[0, p] == UNDECIDED
            if is_needed:
                # The whole block at once: what is decided already comes out the same.
                rank_block(first, last, lane, outside, rows, bids, terms, room)


@inlined
def rank_block(first: int, last: int, lane: int, outside: float, rows: Rows, bids: Bids, terms: Terms, room: Room) -> None:
    """Rank exactly, for the policies from `lane` on."""
    rank_exactly(
        bids.lanes, rows.phi, rows.quality, rows.advertiser, first, last, bids.lanes.shape[2], lane, terms.reserve,
        terms.bid_floor, terms.bid_cap, outside, room.best, room.winner,
    )  # fmt: skip


@inlined
def sift(first: int, last: int, place_bits: int, rows: Rows, bids: Bids, terms: Terms, room: Room) -> None:
    """The sieve over one cell, all policies."""
    coarse, n, kept_bits = bids.coarse, last - first, -(1 << place_bits)
    n_lanes = coarse.shape[2]
    for i in range(n):
        row = first + i
        write_row(room.figures, i, rows.quality[row], rows.phi, row)
        room.figures[i, N_FEATURES] = np.float32(rows.quality[row] * terms.reserve * _LENIENT)
        room.offset[i] = rows.advertiser[row] * (N_FEATURES * n_lanes)
    figures, offset, found = room.figures, room.offset, room.found
    is_wide = n_lanes % _WIDE == 0
    for lane in range(0, n_lanes, _WIDE if is_wide else NARROW):
        if found.shape[0] == 3:
            if is_wide:
                sieve_3_wide(coarse, figures, offset, n, n_lanes, lane, kept_bits, found)
            else:
                sieve_3(coarse, figures, offset, n, n_lanes, lane, kept_bits, found)
        elif found.shape[0] == 5:
            if is_wide:
                sieve_5_wide(coarse, figures, offset, n, n_lanes, lane, kept_bits, found)
            else:
                sieve_5(coarse, figures, offset, n, n_lanes, lane, kept_bits, found)
        else:
            for narrow in range(lane, lane + (_WIDE if is_wide else NARROW), NARROW):
                sieve_9(coarse, figures, offset, n, n_lanes, narrow, kept_bits, found)


@inlined
def _decide(
    first: int, p: int, place_bits: int, outside: float, rows: Rows, theta: NDArray[np.float64], reserve: float, room: Room
) -> bool:
    """Write the exact scores of the candidates that the sieve found for policy p; False where it cannot tell who they are."""
    depth, n_lanes = room.found.shape[0] - 1, theta.shape[1]
    place = (1 << place_bits) - 1
    n_found = 0
    is_decided = True
    for level in range(depth):
        code = take(room.found, level * n_lanes + p)
        if code < 0:
            break
        row = first + (code & place)
        bid = exact_bid(theta, rows.phi, take(rows.advertiser, row) * n_lanes + p, row)
        is_decided &= is_clear(code, take(room.found, (level + 1) * n_lanes + p), place_bits) and bid >= reserve
        room.best[level, p] = take(rows.quality, row) * bid
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


@inlined
def is_clear(code: int, next_code: int, place_bits: int) -> bool:
    """Whether a score of the sieve is in its range and surely above the next one."""
    is_ahead = (code >> place_bits) - (next_code >> place_bits) >= _CLEARLY_AHEAD
    return is_ahead and code >= _LEAST_SCORE and code <= _MOST_SCORE
