"""Let one member of an agency bid in each auction, and the others withdraw: the oldest form of collusion, a bidding ring.

Which member bids is known before the auction: the one with the highest rank score of its keyword bid, or of its value. No bid
of a policy enters, so that the candidates are the same for all policies, threads and workers. Of equal scores, those that agree
to 13 significant digits, the lower row bids, as the auction ranks. A member that withdraws gets the index of an advertiser that
does not exist, as a candidate that the pre-ranker dropped (`auction/preranking.py`). The agency chooses among the members whom
the pre-ranker kept.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from auctionsim.arithmetic.groups import first_of_each
from auctionsim.auction.kernel.ties import tie_keys
from auctionsim.auction.rules import Ring

Array = NDArray[np.float64]


def withdraw_members(
    rings: tuple[Ring, ...], start: NDArray[np.int64], quality: Array, keyword_bid: Array, value: Array, who: NDArray[np.int64],
    n_advertisers: int,
) -> None:  # fmt: skip
    """Write A as the advertiser of every row whose member withdraws.

    Args:
        rings: The rings, no advertiser in two of them.
        start: First row of each auction bucket, from 0, and the number of rows, `[buckets + 1]`.
        quality: Factor that turns a bid into a rank score, `[rows]`.
        keyword_bid: Keyword bids, currency per click, `[rows]`.
        value: Values of a click, currency, `[rows]`.
        who: Advertiser of each row, A for none, `[rows]`; written to.
        n_advertisers: Number A of advertisers.
    """
    bucket = np.repeat(np.arange(len(start) - 1), np.diff(start))
    for ring in rings:
        is_member = np.zeros(n_advertisers + 1, dtype=bool)
        is_member[list(ring.members)] = True
        rows = np.flatnonzero(is_member[who])
        if not len(rows):
            continue
        score = tie_keys((quality * (value if ring.score == "value" else keyword_bid))[rows])
        own, position = np.unique(bucket[rows], return_inverse=True)
        most = np.full(len(own), -np.inf)
        np.maximum.at(most, position, score)
        best = np.flatnonzero(score == most[position])
        bids = np.zeros(len(rows), dtype=bool)
        bids[first_of_each(best, position)] = True
        who[rows[~bids]] = n_advertisers
