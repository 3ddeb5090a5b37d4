"""Drop candidates before the auction, as the pre-ranker of a cascade does: it keeps the top M of N by a noisy score.

**The score.** Candidate i has `s_i = pctr_i^squash b_i exp(noise z)`: the rank score of its keyword bid b_i, which is clipped
and compared with the reserve as every bid is (0 below the reserve), times an error. With `score = "pctr"` it is
`pctr_i exp(noise z)`, the prediction alone. Of equal scores, those that agree to 13 significant digits, the lower row is kept,
as the auction ranks.

**The error.** z is standard normal, a pure function of seed, day, hour, bucket and advertiser. The identical auctions of a
bucket have one error, since a model predicts the same from the same features. An advertiser has the same error whoever else is
a candidate. Nothing is stored, and threads, workers and chunks meet the same draws.

**No bid of a policy enters.** Platforms pre-rank by a coarse eCPM, the rate of a light model times the bid (Wang, Zhao, Jiang,
Zhou, Zhu and Gai 2020, "COLD"). The bid here is the keyword bid, which an index holds before the day. So the candidates do not
depend on what agents do within the day: an advertiser's chance of a slot never falls with its bid, truthful bidding stays
dominant under VCG, and one mask serves all policies. Budgets do not enter either: who has none left keeps its place among the
M, as in an index that is not up to date.

**The mask.** A dropped candidate's row gets the index of an advertiser that does not exist, whose bids are NaN
(`kernel/rank.make_bids`), and its features stay where they are: eight bytes a row, no copy of the traffic, and no further
branch in the kernel.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from auctionsim.arithmetic import scalars
from auctionsim.auction.kernel.compiled import compiled, inlined
from auctionsim.auction.kernel.noise import PRERANKER_STREAM, hour_rng_key, normal
from auctionsim.auction.kernel.simd import element_at
from auctionsim.auction.kernel.ties import CLEAR_RATIO, tie_key
from auctionsim.auction.rules import PreRanker

Array = NDArray[np.float64]

_MOST = np.int64(np.float64(np.inf).view(np.int64))
"""Infinity, read as a whole number."""


class PreRanking:
    """Drops the candidates of an hour.

    Args:
        preranker: The pre-ranker.
        n_advertisers: Number A of advertisers.
        max_candidates: Candidates in the largest bucket.
    """

    def __init__(self, preranker: PreRanker, n_advertisers: int, max_candidates: int) -> None:
        self._preranker, self._nobody = preranker, n_advertisers
        self._memory = np.empty(max(max_candidates, 1))

    def drop(
        self, time: tuple[int, int], first_index: int, start: NDArray[np.int64], scores: Array, who: NDArray[np.int64]
    ) -> None:
        """Write A as the advertiser of every candidate that is dropped.

        Args:
            time: Day and hour.
            first_index: Index in the hour of the first bucket.
            start: First row of each bucket, from 0, and the number of rows, `[buckets + 1]`.
            scores: Scores without errors, `[rows]`; written over.
            who: Advertiser of each row, `[rows]`; written to.
        """
        key = hour_rng_key(self._preranker.seed, *time, PRERANKER_STREAM)
        one, own = self._memory, self._preranker
        _drop(key, own.keep, own.noise, first_index, start, scores, self._nobody, one, one.view(np.int64), who)


@inlined
def noisy(score: float, noise: float, key: np.uint64, bucket: int, advertiser: int) -> float:
    """Return a score with its error, `score exp(noise z)`."""
    return score * scalars.exp(noise * normal(key, bucket, advertiser))


@compiled
def _drop(
    key: np.uint64, keep: int, noise: float, first_index: int, start: NDArray[np.int64], scores: Array, nobody: int, one: Array,
    bits: NDArray[np.int64], who: NDArray[np.int64],
) -> None:  # fmt: skip
    """Drop all but the best `keep` candidates of each bucket; the last of equal ones first.

    `one` is memory for the scores of a bucket, `[candidates]`, and `bits` the same memory, read as whole numbers: these are in
    the order of the scores, which are >= 0.
    """
    for bucket in range(start.shape[0] - 1):
        first, n = start[bucket], start[bucket + 1] - start[bucket]
        if n <= keep:
            continue
        # Two loops: in one, the compiler would draw the errors and throw them away.
        if noise > 0.0:
            for i in range(n):
                one[i] = noisy(scores[first + i], noise, key, first_index + bucket, who[first + i])
        else:
            for i in range(n):
                one[i] = scores[first + i]
        least, kept = _threshold(bits, n, keep)
        if kept == keep and _is_clear(bits, n, least):
            for i in range(n):
                who[first + i] = who[first + i] if bits[i] >= least else nobody
            continue
        # Scores that almost tie with the last that is kept: the rule of ties decides.
        for i in range(n):
            one[i] = tie_key(one[i])
        least, kept = _threshold(bits, n, keep)
        too_many = kept - keep
        for i in range(n - 1, -1, -1):
            is_kept = bits[i] >= least
            if is_kept and too_many > 0 and bits[i] == least:
                is_kept, too_many = False, too_many - 1
            if not is_kept:
                who[first + i] = nobody


@inlined
def _threshold(bits: NDArray[np.int64], n: int, keep: int) -> tuple[int, int]:
    """Return a threshold that `keep` values reach, or the next more where equal ones leave no other, and how many do.

    By halving, since to count is one vector instruction for several values, and to sort is a branch that goes either way. Where
    more than `keep` reach the threshold it is the value of those that are too many.
    """
    low, high = element_at(bits, 0), element_at(bits, 0)
    for i in range(n):
        low, high = min(low, element_at(bits, i)), max(high, element_at(bits, i))
    # All reach `low`, more than `keep`; none reaches `high`.
    high, reached = high + 1, n
    while high - low > 1:
        middle = low + (high - low) // 2
        count = 0
        for i in range(n):
            count += element_at(bits, i) >= middle
        if count == keep:
            return middle, count
        if count > keep:
            low, reached = middle, count
        else:
            high = middle
    return low, reached


@inlined
def _is_clear(bits: NDArray[np.int64], n: int, least: int) -> bool:
    """Return whether the values from the threshold on differ from those below it by more than a tie may."""
    kept, dropped = _MOST, 0
    for i in range(n):
        # Without a branch, which would go either way.
        value = element_at(bits, i)
        is_kept = value >= least
        kept = min(kept, value if is_kept else _MOST)
        dropped = max(dropped, 0 if is_kept else value)
    return bool(np.int64(kept).view(np.float64) > np.int64(dropped).view(np.float64) * CLEAR_RATIO)
