"""Replay the bids of a log's auctions and compare winners and charges with what the log says, under every mechanism.

Each auction is cleared on its own: budgets, throttling and frequency caps of the log's platform are not known. So the share of
winners that a replay reproduces says how much of the log the assumed mechanism explains.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from auctionsim.auction.reference import Placement, clear
from auctionsim.names.display import short_repr
from auctionsim.ratios import safe_ratio
from auctionsim.traffic.ingest.outcomes.observed import LoggedAuctions

PRICINGS = {"gsp": "gsp", "vcg": "vcg", "first": "first price"}
"""The pricing rules that are tried, with their words."""
RANKINGS = {1.0: "eCPM", 0.0: "bid"}
"""The rankings that are tried, by the exponent of pctr in the rank score."""
_LEAST_SHARE, _LEAST_TIMES = 0.01, 5
"""Share and number of clicks that are charged the lowest charge, from which on it is called the reserve."""


@dataclass(frozen=True)
class Candidate:
    """One assumed mechanism, and how well it reproduces the log."""

    pricing: str
    """One of `PRICINGS`."""
    squash: float
    """One of `RANKINGS`."""
    winners: float
    """Share of shown (auction, slot) pairs with the same winner; without slots, share of shown ads that are shown again."""
    charges: float
    """Mean charge of the replay over the log's, where the winner is the same; NaN where the log has no charges."""
    error: float
    """Mean absolute difference of the charges over the log's mean charge; NaN where the log has no charges."""

    __repr__ = short_repr

    @property
    def name(self) -> str:
        """Return the mechanism in words: `gsp, ranked by eCPM`."""
        return f"{PRICINGS[self.pricing]}, ranked by {RANKINGS[self.squash]}"


@dataclass(frozen=True)
class LogReplay:
    """The replay of a log's own bids under every mechanism."""

    candidates: tuple[Candidate, ...]
    """All mechanisms, the one that fits best first. By winners, then by charges."""
    auctions: int
    """Number of auctions that were replayed."""
    total: int
    """Number of auctions of the log in which an ad was shown among others."""
    per: str | None
    """Unit that is charged, `click` or `impression`; None if the log has no costs."""
    reserve: float
    """Reserve of the replay, currency per click: the log's, as far as it shows."""

    __repr__ = short_repr

    @property
    def best(self) -> Candidate:
        """Return the mechanism that fits best."""
        return self.candidates[0]

    def line(self) -> str:
        """Say in one line how well the best mechanism fits, and the others."""
        best = self.best
        if self.per is None:
            charges = f"charges not defined, as the log has no cost column ({RANKINGS[best.squash]} ranking"
        elif np.isnan(best.charges):
            charges = f"charges not defined, as no winner was charged ({RANKINGS[best.squash]} ranking"
        else:
            charges = f"charges {best.charges:.3f} of the log's, {best.error:.1%} off on average ({best.name}"
        charges += f", reserve {self.reserve:g}" if self.reserve else ""
        part = "" if self.auctions == self.total else f"; {self.auctions} of {self.total} auctions"
        return f"replay of the log's own bids: {best.winners:.1%} of the winners, {charges}; {self._others()}{part})"

    def _others(self) -> str:
        """Return the figures of the other ranking's winners and of the other pricing rules' charges."""
        best = self.best
        words = []
        if self.per is not None and not np.isnan(best.charges):
            same = [one for one in self.candidates if one.squash == best.squash and one is not best]
            words = ["charges by " + ", by ".join(f"{PRICINGS[one.pricing]} {one.charges:.3f}" for one in same)]
        other = next(one for one in self.candidates if one.squash != best.squash)
        return "; ".join([*words, f"winners ranked by {RANKINGS[other.squash]} {other.winners:.1%}"])


def find_reserve(auctions: LoggedAuctions) -> float:
    """Return the reserve that a log's charges per click show: the lowest charge, if one in a hundred clicks is charged it.

    Without a reserve the lowest charge is one of many different bids, or 0. With 1000 clicks, 30 of which are charged 0.05 and
    none less, the reserve is 0.05.
    """
    charge = auctions.charge[np.isfinite(auctions.charge)]
    if auctions.per != "click" or not len(charge):
        return 0.0
    lowest = float(charge.min())
    times = int((charge <= lowest * (1 + 1e-9)).sum())
    return lowest if times >= max(_LEAST_TIMES, _LEAST_SHARE * len(charge)) else 0.0


def replay_log(auctions: LoggedAuctions, slot_effect: Sequence[float], reserve: float | None = None) -> LogReplay:
    """Replay a log's own bids under every pricing rule and ranking.

    Args:
        auctions: A sample of the log's auctions.
        slot_effect: Click decay by slot, first 1.0, falling; as far as it is known. Lower slots have the last effect.
        reserve: Lowest bid and lowest price, currency per click; None for that which the charges show.
    """
    reserve = find_reserve(auctions) if reserve is None else reserve
    found = [_replayed(auctions, slot_effect, reserve, pricing, squash) for squash in RANKINGS for pricing in PRICINGS]
    # Where charges are not defined, the order of `PRICINGS` decides, so that the sort must be stable.
    order = sorted(found, key=lambda one: (-one.winners, one.error if one.error == one.error else 0.0))
    return LogReplay(tuple(order), len(auctions.weight), auctions.total, auctions.per, reserve)


def _replayed(auctions: LoggedAuctions, slot_effect: Sequence[float], reserve: float, pricing: str, squash: float) -> Candidate:
    """Replay all auctions under one mechanism."""
    shown_weight = same_weight = own = logged = off = 0.0
    for index, weight in enumerate(auctions.weight):
        rows = slice(auctions.start[index], auctions.start[index + 1])
        slot, charge, pctr = auctions.slot[rows], auctions.charge[rows], auctions.pctr[rows]
        shown = int((slot >= 0).sum())
        # Slots below the last candidate and the market's best change no price: each charges the reserve, in all what one would.
        slots = min(int(slot.max()) + 1, len(slot) + 1) if auctions.has_slots else shown
        effect = _effects(slot_effect, slots)
        placed = clear(
            auctions.bid[rows].tolist(),
            pctr.tolist(),
            slot_effect=effect,
            pricing=pricing,
            reserve=reserve,
            squash=squash,
            external_score=float(auctions.external_score[index]),
        )
        shown_weight += weight * shown
        for one in placed:
            if slot[one.candidate] < 0 or (auctions.has_slots and slot[one.candidate] != one.slot):
                continue
            same_weight += weight
            paid = float(charge[one.candidate])
            if paid == paid:
                price = _charge(one, pctr, effect, auctions.per)
                own, logged, off = own + weight * price, logged + weight * paid, off + weight * abs(price - paid)
    return Candidate(pricing, squash, safe_ratio(same_weight, shown_weight), safe_ratio(own, logged), safe_ratio(off, logged))


def _charge(placement: Placement, pctr: np.ndarray, effect: Sequence[float], per: str | None) -> float:
    """Return the charge for a click, or the expected one for an impression: price x pctr x effect of the slot."""
    return placement.price if per == "click" else placement.price * float(pctr[placement.candidate]) * effect[placement.slot]


def _effects(known: Sequence[float], slots: int) -> tuple[float, ...]:
    """Return the effects of so many slots; beyond the known ones the last is repeated."""
    return (*known[:slots], *[known[-1]] * max(slots - len(known), 0))
