"""Units of the accounts: counts and currency are summed as 64-bit integers, so that no sum depends on its order.

Floating-point sums depend on the order of their terms, so a day that is cleared by two threads would differ in the last digits
from one that is cleared by one. Integers do not. What one auction adds to an account is rounded once, to a whole number of
units, and is multiplied by the number of identical auctions after that: ten auctions one by one and a cell of weight 10 add the
same.

A unit is a power of two, so that scaling rounds nothing, and is chosen before a day begins. Let an auction add at most m <= 2^e
(the largest click-through rate of the day, say), and let there be at most n < 2^b auctions x slots. The unit is 2^(e + b - 61).
Then

- an auction adds at most m / unit <= 2^(61 - b) units, which `kernel.recording.to_units` rounds right up to 2^61;
- a day adds at most n x m / unit <= 2^61 units, and rounding at most n / 2 <= 2^55 more, as a table has at most 2^53 auctions
  and a page at most 7 slots: an int64 holds 2^63 and cannot overflow;
- an auction's amount is off by at most half a unit, m x 2^(b - 62), one way or the other: of a day of a million auctions by
  10^-13 of the largest amount, of one of 100 billion by 10^-8.

For example, a million auctions, b = 20, with click-through rates up to 0.1 <= 2^-3 have the unit 2^-44 = 5.7e-14 clicks. A
single auction has 2^-63: its figures are those that doubles give, to the last digit.

Outcomes have one unit each for a day. Charges have one for each advertiser and policy, since it is bids that bound them
(`charge_bounds`): a price is at most the winner's bid, and a bid at most theta . (the day's largest phi). Where an hour's
coefficients raise that bound, the unit is made coarser, never finer again on that day.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from auctionsim.auction.kernel.arguments import ChargeBounds
from auctionsim.auction.rules import Rules
from auctionsim.names.display import short_repr

TOTAL_BITS = 61
"""A day's total has at most 2^61 units."""
BOUNDED = ("pctr", "pcvr", "item_price", "keyword_bid", "ctr", "cvr", "market_ecpm")
"""Columns of the traffic whose smallest and largest elements bound what an auction adds to an account."""
NARROW_BITS = 50
"""Amounts of up to 2^50 units, the half unit of rounding included, are rounded in one go, larger ones in two."""
CHARGE_MARGIN = 1.0 + 2.0**-40
"""A price is a quotient of rank scores, rounded, so it may be above the bid by a part in 2^52."""
LEAST_EXPONENT, MOST_EXPONENT = -900, 960
"""Exponents of units stay between these, so that units and their inverses are finite doubles."""


@dataclass(frozen=True, eq=False)
class Largest:
    """The largest figures of a day's traffic, which bound what its auctions can add to an account."""

    auctions: int
    """Number of auctions, identical ones counted each."""
    ctr: float
    """Largest true click-through rate."""
    cvr: float
    """Largest true conversion rate of a click."""
    item_price: float
    """Largest value of a conversion, currency."""
    phi: NDArray[np.float64]
    """Largest bid features in absolute value, or bounds of them, `[4]`."""
    quality: float
    """Largest factor that turns a bid into a rank score, pctr^squash."""
    clicks_per_quality: float
    """Largest click-through rate over that factor; where clicks are drawn, largest 1 over that factor."""
    external_score: float
    """Largest rank score of competitors outside the simulation."""
    has_repeats: bool
    """Whether an advertiser is a candidate twice in one auction, and may so set its own price."""

    __repr__ = short_repr


def largest_of(
    auctions: int,
    columns: Mapping[str, tuple[float, float]],
    rules: Rules,
    *,
    phi: NDArray[np.float64] | None = None,
    ctr_per_quality: float | None = None,
    has_repeats: bool = False,
) -> Largest:
    """Return the largest figures of a day.

    Args:
        auctions: Number of its auctions.
        columns: Smallest and largest element of its columns `BOUNDED`.
        rules: The auction's rules.
        phi: Largest bid features, `[4]`, in place of those that the columns allow.
        ctr_per_quality: Largest true click-through rate over pctr^squash; None where true and predicted rates are equal.
        has_repeats: Whether an advertiser is a candidate twice in one auction.
    """
    most = {name: pair[1] for name, pair in columns.items()}
    if not 0 < columns["pctr"][0] <= most["pctr"]:  # A day without candidates.
        return Largest(auctions, 0.0, 0.0, 0.0, np.zeros(4), 0.0, 0.0, 0.0, has_repeats=False)
    own_phi = np.array([1.0, most["pcvr"], most["pcvr"] * most["item_price"], most["keyword_bid"]])
    ends = np.array(columns["pctr"])
    quality = rules.quality(ends)
    if rules.outcomes == "sampled":
        ctr_per_quality = float((1.0 / quality).max())
    elif ctr_per_quality is None:
        # x over x^squash rises or falls throughout, so one of the ends is the largest.
        ctr_per_quality = float((ends / quality).max())
    return Largest(
        auctions, most["ctr"], most["cvr"], most["item_price"], own_phi if phi is None else phi, float(quality.max()),
        ctr_per_quality, most["market_ecpm"], has_repeats,
    )  # fmt: skip


def count_bits(largest: Largest, rules: Rules) -> int:
    """Return b: a day has less than 2^b auctions x slots."""
    return (largest.auctions * len(rules.slot_effect)).bit_length()


def are_wide(largest: Largest, rules: Rules) -> bool:
    """Return whether one auction may add 2^51 units or more to an account."""
    return TOTAL_BITS - count_bits(largest, rules) > NARROW_BITS


def outcome_scales(largest: Largest, rules: Rules) -> NDArray[np.float64]:
    """Return how many units an impression, a click, a conversion and a unit of GMV are, `[4]`, powers of two."""
    bits = count_bits(largest, rules)
    if rules.outcomes == "sampled":
        most = (1.0, 1.0, largest.item_price)
    else:
        most = (largest.ctr, largest.ctr * largest.cvr, largest.ctr * largest.cvr * largest.item_price)
    return np.append(1.0, scales(np.array(most), bits))


def scales(amounts: NDArray[np.float64], bits: int) -> NDArray[np.float64]:
    """Return how many units 1 is where an auction adds up to these amounts, of which a day adds up to 2^`bits`."""
    exponent = np.where(amounts > 0, np.frexp(amounts)[1] + bits - TOTAL_BITS, LEAST_EXPONENT)
    return np.ldexp(1.0, -np.clip(exponent, LEAST_EXPONENT, MOST_EXPONENT))


def kernel_bounds(largest: Largest, rules: Rules) -> ChargeBounds:
    """Return what bounds charges besides the bids, as the kernel reads it; `kernel.ledger.write_scales` computes with it."""
    most_clicks = _most_clicks(largest, rules)
    return ChargeBounds(
        rules.bid_floor, rules.bid_cap, most_clicks, _is_set_by_rivals(largest, rules), largest.quality, largest.external_score,
        largest.clicks_per_quality, rules.reserve * most_clicks, count_bits(largest, rules),
    )  # fmt: skip


def bid_bounds(coefficients: NDArray[np.float64], largest: Largest, rules: Rules) -> NDArray[np.float64]:
    """Return what the bids of a step are at most, currency per click, `[A, P]`, from its coefficients `[A, 4, P]`."""
    bound = np.zeros((coefficients.shape[0], coefficients.shape[2]))
    for f, most in enumerate(largest.phi):
        bound += np.abs(coefficients[:, f]) * most
    return np.minimum(np.maximum(bound, rules.bid_floor), rules.bid_cap)


def charge_bounds(bid_bounds: NDArray[np.float64], largest: Largest, rules: Rules) -> NDArray[np.float64]:
    """Return what one auction charges at most, currency, `[A, P]`, from the bounds of bids.

    A price is at most the winner's bid. Under gsp and vcg it is also at most what another's rank score asks for: who bids a
    million per click to win everything pays what its rivals bid, and its unit is as fine as theirs.
    """
    most_clicks = _most_clicks(largest, rules)
    own = bid_bounds * most_clicks
    if _is_set_by_rivals(largest, rules) and len(bid_bounds):
        highest = bid_bounds.max(axis=0)
        second = np.partition(bid_bounds, -2, axis=0)[-2] if len(bid_bounds) > 1 else np.zeros_like(highest)
        rivals = np.where(bid_bounds < highest, highest, second)
        score = np.maximum(rivals * largest.quality, largest.external_score)
        own = np.minimum(own, np.maximum(score * largest.clicks_per_quality, rules.reserve * most_clicks))
    return own * CHARGE_MARGIN


def _most_clicks(largest: Largest, rules: Rules) -> float:
    """Return how many clicks an auction charges at most."""
    return 1.0 if rules.outcomes == "sampled" else largest.ctr


def _is_set_by_rivals(largest: Largest, rules: Rules) -> bool:
    """Return whether a price is at most what another's rank score asks for."""
    return rules.pricing != "first" and not largest.has_repeats
