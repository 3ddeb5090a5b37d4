"""Clear many auctions at once in numpy, by the rules of `auction/reference.py`, and find best responses in each."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from auctionsim.auction.rules import Rules
from auctionsim.names.display import short_repr

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Cleared:
    """The slots of cleared auctions: arrays `[auctions, slots]`."""

    column: NDArray[np.int64]
    """Position of the shown candidate in its auction; -1 where a slot is empty or the external competitor's."""
    price: Array
    """Price per click, currency; 0 where nobody is shown."""
    clicks: Array
    """Expected clicks over all identical auctions; 0 where nobody is shown."""

    __repr__ = short_repr

    @property
    def cost(self) -> Array:
        """Return what each slot is charged, currency."""
        return self.price * self.clicks

    @property
    def revenue(self) -> Array:
        """Return the platform's revenue of each auction, currency `[auctions]`."""
        return np.asarray(self.cost.sum(axis=1))

    def advertiser(self, who: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the advertiser in each slot, -1 where there is none."""
        found = np.take_along_axis(who, np.maximum(self.column, 0), axis=1)
        return np.where(self.column >= 0, found, -1)

    def welfare(self, value: Array) -> Array:
        """Return the value of the clicks of each auction, currency `[auctions]`."""
        return np.asarray((np.take_along_axis(value, np.maximum(self.column, 0), axis=1) * self.clicks).sum(axis=1))

    def profits(self, who: NDArray[np.int64], value: Array, n: int) -> Array:
        """Return each advertiser's value of clicks less cost, currency `[advertisers]`."""
        gain = np.take_along_axis(value, np.maximum(self.column, 0), axis=1) * self.clicks - self.cost
        return sums_by(self.advertiser(who), gain, n)


def sums_by(who: NDArray[np.int64], amount: Array, n: int) -> Array:
    """Return the sum of an amount over each of n advertisers, `[advertisers]`; index -1 is left out."""
    return np.asarray(np.bincount(who.ravel() + 1, amount.ravel(), minlength=n + 1)[1:], dtype=np.float64)


def cleared(bid: Array, quality: Array, clicks: Array, is_in: Mask, external: Array, rules: Rules) -> Cleared:
    """Clear auctions.

    Args:
        bid: Bids, currency per click, `[auctions, candidates]`; the next three arrays likewise.
        quality: Factor from a bid to its rank score.
        clicks: Expected clicks in the first slot.
        is_in: True for candidates that take part.
        external: Rank score of the external competitor, 0 for none, `[auctions]`.
        rules: The auction's rules.
    """
    n, slots = bid.shape[1], len(rules.slot_effect)
    score = np.where(is_in & (bid >= rules.reserve), quality * bid, -1.0)
    # The external competitor stands last, since it ranks below equal scores; empty columns stand for "nobody".
    empty = np.full((len(bid), slots + 1), -1.0)
    score = np.hstack([score, np.where(external > 0, external, -1.0)[:, None], empty])
    order = np.argsort(-score, axis=1, kind="stable")[:, : slots + 1]
    ranked = np.maximum(np.take_along_axis(score, order, axis=1), 0.0)
    is_shown = (np.take_along_axis(score, order, axis=1) >= 0) & (order < n)
    column = np.where(is_shown, order, 0)[:, :slots]
    own_quality, own_bid = (np.take_along_axis(values, column, axis=1) for values in (quality, bid))
    price = np.where(is_shown[:, :slots], prices(ranked[:, 1:], own_quality, own_bid, rules), 0.0)
    effect = np.array(rules.slot_effect)
    own_clicks = np.where(is_shown[:, :slots], np.take_along_axis(clicks, column, axis=1) * effect, 0.0)
    return Cleared(np.where(is_shown[:, :slots], order[:, :slots], -1), price, own_clicks)


def prices(below: Array, quality: Array, bid: Array, rules: Rules) -> Array:
    """Return the price per click of each slot's candidate.

    Args:
        below: Rank score of the next candidate below each slot, 0 for none, `[..., slots]`.
        quality: Quality of the candidate in each slot, `[..., slots]`.
        bid: Its bid, `[..., slots]`.
        rules: The auction's rules.
    """
    if rules.pricing == "first":
        return bid
    if rules.pricing == "gsp":
        return np.asarray(np.maximum(below / quality, rules.reserve))
    effect = np.array([*rules.slot_effect, 0.0])
    slots, found = len(rules.slot_effect), np.zeros_like(below)
    for k in range(slots):
        for j in range(k, slots):
            found[..., k] += (effect[j] - effect[j + 1]) * np.maximum(below[..., j] / quality[..., k], rules.reserve)
        found[..., k] /= effect[k]
    return found


def profit_at(bids: Array, quality: Array, value: Array, clicks: Array, rivals: Array, rules: Rules) -> tuple[Array, Array]:
    """Return what one advertiser would gain and pay at other bids, its rivals being frozen.

    Args:
        bids: Bids to try in each of its auctions, currency per click, `[auctions, tries]`.
        quality: Its factor from a bid to a rank score, `[auctions]`.
        value: Its value of a click, currency, `[auctions]`.
        clicks: Its expected clicks in the first slot, `[auctions]`.
        rivals: The best rivals' rank scores, falling, 0 for none, `[auctions, slots]`.
        rules: The auction's rules.

    Returns:
        Profit and cost over all auctions, currency, `[tries]` each.
    """
    slots, score, is_eligible = len(rules.slot_effect), bids * quality[:, None], bids >= rules.reserve
    wide = np.repeat(quality[:, None], slots, axis=1)
    of_slot = prices(rivals, wide, wide, rules) if rules.pricing != "first" else None
    own, price = np.zeros_like(bids), bids if of_slot is None else np.zeros_like(bids)
    # Slot by slot, since an array of tries and slots together takes several times as long.
    is_above = np.ones_like(is_eligible)
    for k, effect in enumerate(rules.slot_effect):
        loses = rivals[:, k, None] > score
        is_shown = is_eligible & is_above & ~loses
        is_above = loses
        np.copyto(own, (clicks * effect)[:, None], where=is_shown)
        if of_slot is not None:
            np.copyto(price, of_slot[:, k, None], where=is_shown)
    return np.asarray((own * (value[:, None] - price)).sum(axis=0)), np.asarray((own * price).sum(axis=0))
