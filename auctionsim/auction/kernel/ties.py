"""Decide which rank scores are equal: those that agree to 13 significant decimal digits. One rule for every ranking.

A tie of the market need not be one of doubles. At pctr 0.3 a bid of 1 scores 0.3; at pctr 0.1 a bid of 3 scores 0.1 x 3 =
0.30000000000000004. Both are 0.3, so the first row is to win. Decimals are rounded, not bits: a score that is written with up
to 13 digits then lies in the middle of what rounds to it, and never at an edge, where one rounding more would split a tie. And
rounding, unlike a tolerance, makes an equivalence: if a equals b, and b equals c, a equals c.

Prices are computed from the scores as they are. Only the order of candidates follows the rule.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from auctionsim.auction.kernel.arguments import EXTERNAL, NOBODY, QUALITY
from auctionsim.auction.kernel.compiled import compiled, inlined
from auctionsim.auction.kernel.simd import MAX_RANKS, exact_bid, feature_at

TIE_DIGITS = 13
"""Significant digits to which scores are compared."""
CLEAR_RATIO = 1 + 2e-12
"""Ratio from which on two scores certainly differ: numbers that round to the same 13 digits lie within 1e-12 of each other."""
_WHOLE = 1.5 * 2.0**52
"""Doubles of this size are 1 apart."""
_LEAST, _LIMIT = float(f"1e{TIE_DIGITS - 1}"), float(f"1e{TIE_DIGITS}")


@inlined
def tie_key(score: float) -> float:
    """Return a score rounded to 13 significant digits: equal keys are a tie, and keys are ordered as scores are.

    0.3 and 0.30000000000000004 are scaled to 3000000000000.0 and 3000000000000.0005, and both become 3000000000000.0.
    The scaling needs no logarithm, whose last bit depends on the library. Each step is rounded and keeps the order.
    """
    if not 0.0 < score < np.inf:
        return score
    key, steps = score, 0
    while key < _LEAST:
        key *= 10.0
        steps += 1
    while key >= _LIMIT:
        key /= 10.0
        steps -= 1
    # To the nearest whole number, halves to even, by additions: they are the same on a processor and on a GPU.
    key = (key + _WHOLE) - _WHOLE
    while steps > 0:
        key /= 10.0
        steps -= 1
    while steps < 0:
        key *= 10.0
        steps += 1
    return key


@compiled
def _write_keys(scores: NDArray[np.float64], keys: NDArray[np.float64]) -> None:
    """Write the key of each score, `[n]` both."""
    for i in range(scores.shape[0]):
        keys[i] = tie_key(scores[i])


def tie_keys(scores: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the scores rounded to 13 significant digits, to be sorted or compared in their place, in the same shape.

    Args:
        scores: Rank scores; those <= 0, infinite or NaN stay as they are.
    """
    flat = np.ascontiguousarray(scores, dtype=np.float64).ravel()
    keys = np.empty_like(flat)
    _write_keys(flat, keys)
    return keys.reshape(np.shape(scores))


@inlined
def is_order_open(p: int, n_slots: int, scores: NDArray[np.float64]) -> bool:
    """Return whether the winners of policy p may be others by the rule of ties than by the scores as they are.

    `scores` are in falling order, `[MAX_RANKS, L]`. Equal doubles are in the order of rows already. What is open is a pair that
    is almost equal in the group of scores around the last slot or above, or a group that goes on below the last score kept.
    """
    for level in range(MAX_RANKS - 1):
        upper, lower = scores[level, p], scores[level + 1, p]
        if upper <= 0.0:
            return False
        if upper > lower * CLEAR_RATIO:
            if level + 1 >= n_slots:
                return False
        elif upper > lower:
            return True
    return scores[MAX_RANKS - 1, p] > 0.0


@compiled
def rank_ties(
    first: int,
    last: int,
    p: int,
    n_slots: int,
    theta: NDArray[np.float64],
    features: NDArray[np.float64],
    advertiser: NDArray[np.int64],
    reserve: float,
    floor: float,
    cap: float,
    external_score: float,
    winners: NDArray[np.int64],
) -> None:
    """Write the winners for policy p of rows `first:last` and the external competitor: ties to the lower row, external last.

    It rounds every score once for each slot, which is slow. So it is called only where `is_order_open`.
    """
    n_lanes, external_key = theta.shape[1], tie_key(external_score)
    above_key, above_row = np.inf, NOBODY
    is_external_placed = external_score <= 0.0
    for slot in range(n_slots):
        best_key, best_row = -1.0, NOBODY
        for row in range(first, last):
            bid = exact_bid(theta, features, advertiser[row] * n_lanes + p, row)
            # Comparisons with NaN are false, as `min` and `max` in compiled code might not be.
            bid = floor if bid < floor else bid
            bid = cap if bid > cap else bid
            if bid >= reserve:
                key = tie_key(feature_at(features, row, QUALITY) * bid)
                if key > best_key and (key < above_key or (key == above_key and row > above_row)):
                    best_key, best_row = key, row
        if not is_external_placed and external_key > best_key:
            best_key, best_row, is_external_placed = external_key, EXTERNAL, True
            # All rows of its key are above it.
            above_key, above_row = best_key, last
        else:
            above_key, above_row = best_key, best_row
        winners[slot, p] = best_row
