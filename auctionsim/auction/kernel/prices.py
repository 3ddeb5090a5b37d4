"""Price the winners of a ranked bucket, and count what happens to all bids.

`auction/reference.py` states the formulas of the pricing rules and their sources.
"""

from __future__ import annotations

import numpy as np

from auctionsim.auction.kernel.arguments import CTR, QUALITY, Auction
from auctionsim.auction.kernel.compiled import inlined
from auctionsim.auction.kernel.simd import MAX_RANKS, exact_bid, feature_at
from auctionsim.auction.outcome import LEAST_WINNING_COST, PARTICIPATED, WINNING_PRICE

GSP, FIRST, VCG = range(3)
PRICINGS = ("gsp", "first", "vcg")
"""Names of the pricing rules, in the order of their numbers."""
LAST_FAST_PRICING = VCG
"""Rules up to this one have a fast path for one slot, `settle.settle_one_slot`, where vcg charges what gsp does. A rule added
after it takes the general path: it needs its name above and a branch in `price_per_click`, nothing else in the kernel."""


@inlined
def price_per_click(slot: int, p: int, quality: float, auction: Auction) -> float:
    """Return the price per click of the winner of a slot under policy p, currency."""
    rules, scores = auction.rules, auction.workspace.scores
    if rules.pricing == GSP:
        per_click = max(scores[slot + 1, p] / quality, rules.reserve)
    elif rules.pricing == FIRST:
        per_click = scores[slot, p] / quality
    else:
        effect = rules.slot_effect
        n_slots = effect.shape[0]
        payment = effect[n_slots - 1] * max(scores[n_slots, p] / quality, rules.reserve)
        # A bound that is known at compile time, and a break: LLVM then leaves the loop as it is. It unrolled
        # `range(slot, n_slots - 1)` four times, for two passes with three slots, and mispredicted branches around it: in one
        # layout of the machine code the whole replay took a third longer.
        for k in range(slot, MAX_RANKS - 1):
            if k >= n_slots - 1:
                break
            payment += (effect[k] - effect[k + 1]) * max(scores[k + 1, p] / quality, rules.reserve)
        per_click = payment / effect[slot]
    return per_click


@inlined
def expected_charge(slot: int, p: int, row: int, auction: Auction) -> float:
    """Return the expected charge of one auction to the winner of a slot, currency: price x CTR x slot effect."""
    features = auction.candidates.features
    per_click = price_per_click(slot, p, feature_at(features, row, QUALITY), auction)
    return per_click * (feature_at(features, row, CTR) * auction.rules.slot_effect[slot])


@inlined
def count_details(first: int, last: int, p: int, n_auctions: int, auction: Auction) -> None:
    """Count what happens to all bids in `n_auctions` identical auctions of a ranked bucket under policy p.

    An advertiser participates in an auction with an eligible bid. If its ad is shown, its price per click is added to the
    winning prices; if not, the price per click at which it could have won the last slot, at least the reserve, is added to the
    least winning costs. Settling needs none of this, and visiting every candidate once more for every policy takes several
    times as long as ranking, so it is counted on demand only.
    """
    candidates, rules, workspace = auction.candidates, auction.rules, auction.workspace
    details, theta = auction.accounts.details, auction.bids.theta
    n_slots, n_lanes = rules.slot_effect.shape[0], theta.shape[1]
    for row in range(first, last):
        who, quality = candidates.advertiser[row], feature_at(candidates.features, row, QUALITY)
        bid = min(max(exact_bid(theta, candidates.features, who * n_lanes + p, row), rules.bid_floor), rules.bid_cap)
        # `min` and `max` may turn a NaN bid into a bound, so the coefficient is asked.
        if not np.isnan(theta[who, p, 0]) and bid >= rules.reserve:
            details[who, p, PARTICIPATED] += n_auctions
            is_shown = False
            for slot in range(n_slots):
                if workspace.winners[slot, p] == row:
                    is_shown = True
                    details[who, p, WINNING_PRICE] += n_auctions * price_per_click(slot, p, quality, auction)
            if not is_shown:
                needed = max(workspace.scores[n_slots - 1, p] / quality, rules.reserve)
                details[who, p, LEAST_WINNING_COST] += n_auctions * needed
