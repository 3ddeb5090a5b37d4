"""Solve position auctions in which an agency bids for some bidders (Decarolis, Goldmanis and Penta, Management Science 2020).

Written from the definition of the recursively stable agency equilibrium; the paper's proofs were not at hand.

The bidders outside the agency reply as in the lowest-revenue envy-free outcome: each bids so that it would be indifferent to
the slot above at its own bid, and no other slot is better for it. The agency chooses bids that bring its members most in all.
It must keep them: no member may earn less than where it leaves and the agency goes on without it. An agency of one is none.

- `vcg`: outsiders bid their values; a member bids the least that keeps the order of values, the highest member anything more.
- `gsp`: the agency chooses among all orders of bidders, and bids the least that no outsider would undercut.
- `gsp-constrained`: the agency bids as independent bidders of some values might, so that nobody sees its hand. Its best bids
  are the lowest envy-free ones for the bids of `vcg` as values, and payments are those of `vcg`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise, permutations
from typing import Any

import numpy as np
from numpy.typing import NDArray

from auctionsim.arguments import finite_vector, is_listing, one_of
from auctionsim.equilibria.position_auctions.envy_free import envy_free_bids, gsp_payments, vcg_payments
from auctionsim.errors import InputError, shown
from auctionsim.numbers import whole_number

Array = NDArray[np.float64]

RULES = ("vcg", "gsp", "gsp-constrained")
"""Mechanisms: VCG; generalized second price; the latter under an agency that hides among independent bidders."""
MOST_BIDDERS = 7
"""The search looks at all orders of the bidders: 5,040 for seven."""
_ROUNDING = 1e-9


@dataclass(frozen=True, eq=False)
class AgencyEquilibrium:
    """Bids from which no outsider gains by departing, and by which the agency keeps its members."""

    order: tuple[int, ...]
    """Bidder of each position, best first."""
    bids: Array
    """Bid of each bidder, currency per click, `[bidders]`. A member may bid as much as who is below it: the tie is its own."""
    payments: Array
    """Payment of each bidder, currency, `[bidders]`."""
    payoffs: Array
    """Payoff of each bidder, currency, `[bidders]`."""
    efficiency: float
    """Value of the allocation over that of the order of values, in (0, 1]."""
    exploitability: float
    """The most that an outsider gains by another bid, >= 0, computed from the bids."""

    @property
    def revenue(self) -> float:
        """Return what all bidders pay, currency."""
        return float(self.payments.sum())


@dataclass(frozen=True)
class _Auction:
    values: tuple[float, ...]
    clicks: tuple[float, ...]
    """Clicks of each position, 0 where there is no slot."""


def agency_equilibrium(values: Any, clicks: Any, members: Sequence[int], *, rule: str) -> AgencyEquilibrium | None:
    """Solve for the equilibrium of one auction under an agency.

    Args:
        values: Value of a click of each bidder, > 0, all different, `[bidders]`; 2 to 7 bidders.
        clicks: Clicks of each slot, > 0 and falling, `[slots]`.
        members: Different indices of the agency's members; fewer than two for competition.
        rule: One of `RULES`.

    Returns:
        The equilibrium; for values 5, 4, 3, 2, 1, clicks 20, 10, 5, 2 and members 0 and 2 a revenue of 86 under `vcg` and
        `gsp-constrained` and of 82 under `gsp`, where competition brings 96. None where `gsp` has no bids that keep all
        members: in an agency of three or more each of them may earn more outside, from the others' low bids.

    Raises:
        InputError: An argument is out of range.
    """
    one_of("rule", rule, RULES)
    auction = _checked(values, clicks)
    n = len(auction.values)
    if not is_listing(members):
        raise InputError(f"members: expected indices of {n} bidders, got {shown(members)}")
    agency = frozenset(whole_number("members", i, 0, below=n) for i in members)
    if len(agency) < len(members):
        raise InputError(f"members: expected different indices, got {shown(list(members))}")
    if rule == "vcg":
        order, bids = _truthful(auction, agency)
        gain = _gain_under_vcg(auction, order, bids, agency)
        return _result(auction, order, bids, vcg_payments(bids, auction.clicks), gain)
    if rule == "gsp-constrained" or len(agency) < 2:
        order, as_if = _truthful(auction, agency if len(agency) > 1 else frozenset())
        bids = envy_free_bids(as_if, auction.clicks)
        return _under_gsp(auction, order, bids, agency)
    return _stable(auction, agency, {})


def _checked(values: Any, clicks: Any) -> _Auction:
    """Return the auction with a click rate for every bidder's position."""
    value = finite_vector("values", values, "one per bidder").tolist()
    rate = finite_vector("clicks", clicks, "one per slot").tolist()
    if not 2 <= len(value) <= MOST_BIDDERS or min(value) <= 0 or len(set(value)) < len(value):
        raise InputError(f"values: expected 2 to {MOST_BIDDERS} different numbers > 0, got {shown(value)}")
    if not rate or min(rate) <= 0 or any(below >= above for above, below in pairwise(rate)):
        raise InputError(f"clicks: expected falling numbers > 0, got {shown(rate)}")
    if not max(value) * max(rate) * len(value) < math.inf:
        raise InputError(f"values: expected numbers whose products with clicks are finite, got {shown(value)}")
    return _Auction(tuple(value), tuple([*rate, *[0.0] * len(value)][: len(value)]))


def _truthful(auction: _Auction, agency: frozenset[int]) -> tuple[tuple[int, ...], list[float]]:
    """Return the order of values and the bids under VCG: values, and of the agency's members the least that keeps the order."""
    by_value = sorted(range(len(auction.values)), key=lambda i: -auction.values[i])
    n_slots = sum(rate > 0 for rate in auction.clicks)
    # A member without a slot bids nothing, so that whoever is next prices the last slot.
    order = (*by_value[:n_slots], *sorted(by_value[n_slots:], key=lambda i: i in agency))
    bids, highest = [0.0] * len(order), 0.0
    top = min((order.index(i) for i in agency), default=-1)
    for k in range(len(order) - 1, -1, -1):
        i = order[k]
        if i in agency and k != top:
            bids[k] = highest if k < n_slots else 0.0
        else:
            bids[k] = auction.values[i]
        highest = max(highest, bids[k])
    return order, bids


def _stable(
    auction: _Auction, agency: frozenset[int], known: dict[frozenset[int], AgencyEquilibrium | None]
) -> AgencyEquilibrium | None:
    """Return the equilibrium of the generalized second-price auction that brings most to members and keeps them."""
    if agency in known:
        return known[agency]
    if len(agency) < 2:
        known[agency] = _competition(auction)
        return known[agency]
    # Where an agency without it could not keep its own members, it breaks up.
    outside = {i: (_stable(auction, agency - {i}, known) or _competition(auction)).payoffs[i] for i in agency}
    best: AgencyEquilibrium | None = None
    for order in permutations(range(len(auction.values))):
        bids = _least_bids(auction, order, agency)
        if bids is None:
            continue
        found = _under_gsp(auction, order, bids, agency)
        keeps = all(found.payoffs[i] >= alone - _ROUNDING for i, alone in outside.items())
        if keeps and (best is None or _total(found, agency) > _total(best, agency) + _ROUNDING):
            best = found
    known[agency] = best
    return best


def _competition(auction: _Auction) -> AgencyEquilibrium:
    """Return the lowest-revenue envy-free outcome of the generalized second-price auction."""
    order, values = _truthful(auction, frozenset())
    bids = envy_free_bids(values, auction.clicks)
    return _under_gsp(auction, order, bids, frozenset())


def _total(found: AgencyEquilibrium, agency: frozenset[int]) -> float:
    return float(sum(found.payoffs[i] for i in agency))


def _least_bids(auction: _Auction, order: tuple[int, ...], agency: frozenset[int]) -> list[float] | None:
    """Return the least bids of an order's positions to which no outsider objects; None where there are none.

    From the last position up: what a bid must be at least depends on those below it alone, and grows with them.
    """
    bids, clicks = [0.0] * len(order), auction.clicks
    for k in range(len(order) - 1, -1, -1):
        i, below = order[k], bids[k + 1] if k + 1 < len(order) else 0.0
        # An outsider at m < position must not want position k at this bid.
        least = below
        for m in range(k + 1, len(order)):
            j = order[m]
            if j not in agency and clicks[k] > 0:
                price = bids[m + 1] if m + 1 < len(order) else 0.0
                value = auction.values[j]
                least = max(least, value - clicks[m] / clicks[k] * (value - price))
        if i in agency:
            bids[k] = least
            continue
        own = auction.values[i]
        if k > 0 and clicks[k - 1] > 0:
            own -= clicks[k] / clicks[k - 1] * (own - below)
        if own < least - _ROUNDING:
            return None
        bids[k] = own
    return bids if _gain(auction, order, bids, agency) <= _ROUNDING else None


def _gain(auction: _Auction, order: tuple[int, ...], bids: Sequence[float], agency: frozenset[int]) -> float:
    """Return the most that an outsider gains by another position: one above at its bidder's bid, one below at its price."""
    clicks, prices, most = auction.clicks, [*bids[1:], 0.0], 0.0
    for k, i in enumerate(order):
        if i in agency:
            continue
        value = auction.values[i]
        now = clicks[k] * (value - prices[k])
        for m in range(len(order)):
            if m != k:
                most = max(most, clicks[m] * (value - (bids[m] if m < k else prices[m])) - now)
    return most


def _gain_under_vcg(auction: _Auction, order: tuple[int, ...], bids: Sequence[float], agency: frozenset[int]) -> float:
    """Return the most that an outsider gains by another position, for which it pays what it costs those whom it moves down."""
    clicks, most = auction.clicks, 0.0
    for k, i in enumerate(order):
        if i in agency:
            continue
        others = [*bids[:k], *bids[k + 1 :]]
        harm = [bid * (above - below) for bid, (above, below) in zip(others, pairwise(clicks), strict=True)]
        payoffs = [rate * auction.values[i] - math.fsum(harm[m:]) for m, rate in enumerate(clicks)]
        most = max(most, max(payoffs) - payoffs[k])
    return most


def _under_gsp(auction: _Auction, order: tuple[int, ...], bids: Sequence[float], agency: frozenset[int]) -> AgencyEquilibrium:
    """Return the equilibrium of bids by position in the generalized second-price auction."""
    return _result(auction, order, bids, gsp_payments(bids, auction.clicks), _gain(auction, order, bids, agency))


def _result(
    auction: _Auction, order: tuple[int, ...], bids: Sequence[float], paid: Sequence[float], gain: float
) -> AgencyEquilibrium:
    """Return the equilibrium of bids and payments by position."""
    position = np.argsort(order)
    own, payments = np.asarray(bids)[position], np.asarray(paid)[position]
    won, values = np.asarray(auction.clicks)[position], np.asarray(auction.values)
    best = float((np.sort(values)[::-1] * np.asarray(auction.clicks)).sum())
    gained = won * values
    return AgencyEquilibrium(order, own, payments, gained - payments, float(gained.sum()) / best, gain)
