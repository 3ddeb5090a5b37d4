"""Make the bids of one hour that carry out a choice of winners and prices among cooperating advertisers.

The choice follows docs/macg-theory.md, section 4: an auction goes to the largest score, num - den x payment. The mechanism
gives it to the highest bid, and the runner-up sets the price. So the cooperating advertiser with the largest score bids enough
to win, the one with the second largest bids the price that the winner is meant to pay, and the others stay out.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from auctionsim.auction.kernel.arguments import QUALITY
from auctionsim.auction.kernel.compiled import compiled

Array = NDArray[np.float64]

CLICK, CONVERSION, GMV, PAYMENT, PRICE = range(5)
WORTH_COLUMNS = 5
"""Columns of `Choice.worth`."""

_PCVR, _VALUE, _KEYWORD_BID = 1, 2, 3
_ABOVE, _BELOW = 1.001, 0.9999
"""Factors on a price that the winner bids above, and that the runner-up bids below, so that rounding makes no tie."""


class Choice(NamedTuple):
    """Terms by which winners and prices are chosen in one hour; A advertisers.

    `write_bids` reads `may_bid` and `stands` of one advertiser more, who does not bid: of candidates that a pre-ranker dropped.
    """

    may_bid: NDArray[np.bool_]
    """Whether a learner bids for the advertiser and it has budget left, `[A]`."""
    stands: NDArray[np.bool_]
    """Whether a fixed rule bids for the advertiser and it has budget left, `[A]`."""
    fixed: Array
    """Coefficients of the fixed rules, `[A, 4]`; 0 for learners."""
    worth: Array
    """Terms of each learner, `[A, WORTH_COLUMNS]`, all >= 0: the worth of a click, of a conversion and of a unit of GMV, the
    cost of a unit of payment, and the price per click that it is meant to pay where somebody can set it."""
    others: float
    """Worth of a unit of a self-bidder's profit, >= 0."""
    revenue: float
    """Worth of a unit of the platform's revenue, >= 0."""
    pressure: float
    """Share of its bid up to which a self-bidder's price is raised, in [0, 1]."""
    reserve: float
    bid_cap: float
    """Currency per click."""


@compiled
def write_bids(
    start: NDArray[np.int64], advertiser: NDArray[np.int64], pctr: Array, external_score: Array, choice: Choice, features: Array
) -> None:
    """Write the learners' bids of some auctions into the column of the keyword bid.

    Args:
        start: First row of each auction bucket, and the number of rows, `[buckets + 1]`.
        advertiser: Advertiser of each row, `[rows]`.
        pctr: Predicted click-through rate of each row, `[rows]`.
        external_score: Best rank score of competitors outside the simulation, `[buckets]`.
        choice: Terms of the choice.
        features: `Candidates.features` of the rows, `[rows, CANDIDATE_COLUMNS]`; column 3 of the learners' rows is written.
    """
    worth = choice.worth
    for bucket in range(len(start) - 1):
        first, last = start[bucket], start[bucket + 1]
        # The best and second best of the bids that nobody here controls.
        top, given, next_given = -1, external_score[bucket], 0.0
        for row in range(first, last):
            i = advertiser[row]
            if choice.stands[i]:
                bid = 0.0
                for k in range(4):
                    bid += choice.fixed[i, k] * features[row, k]
                score = features[row, QUALITY] * bid
                if bid >= choice.reserve and score > given:
                    top, given, next_given = row, score, given
                elif bid >= choice.reserve and score > next_given:
                    next_given = score
        best, second, best_score, second_score = -1, -1, -np.inf, -np.inf
        for row in range(first, last):
            i = advertiser[row]
            if choice.may_bid[i]:
                features[row, _KEYWORD_BID] = 0.0
                price = max(given / features[row, QUALITY], choice.reserve)
                gain = worth[i, CLICK] + worth[i, CONVERSION] * features[row, _PCVR] + worth[i, GMV] * features[row, _VALUE]
                score = pctr[row] * (gain - worth[i, PAYMENT] * price)
                if price * _ABOVE > choice.bid_cap:
                    score = -np.inf
                if score > best_score:
                    best, second, best_score, second_score = row, best, score, best_score
                elif score > second_score:
                    second, second_score = row, score
        if best < 0:
            continue
        # Alike for all learners: else a learner that becomes the best might value its rival more, and bid less than before.
        rival_score = 0.0
        if top >= 0:
            bid = given / features[top, QUALITY]
            price = max(next_given / features[top, QUALITY], choice.reserve)
            price += choice.pressure * (bid - price)
            profit = features[top, _VALUE] - price
            rival_score = pctr[top] * (choice.others * profit + choice.revenue * price)
        if best_score > 0.0 and best_score >= rival_score:
            target = max(given, features[best, QUALITY] * max(worth[advertiser[best], PRICE], choice.reserve))
            highest = target
            if second >= 0:
                features[second, _KEYWORD_BID] = min(target * _BELOW / features[second, QUALITY], choice.bid_cap)
                # As runner-up it would bid what the other is meant to pay. The bid may not fall when it comes to be the winner.
                highest = max(target, features[second, QUALITY] * max(worth[advertiser[second], PRICE], choice.reserve))
            features[best, _KEYWORD_BID] = min(highest * _ABOVE / features[best, QUALITY], choice.bid_cap)
        else:
            features[best, _KEYWORD_BID] = min(choice.pressure * given * _BELOW / features[best, QUALITY], choice.bid_cap)
