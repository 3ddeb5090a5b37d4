"""Bids, rank scores and prices of one auction under one policy, for the kernels; `auction/reference.py` states the formulas."""

from __future__ import annotations

from typing import Any

from auctionsim.auction.cuda.kernels.arguments import DeviceBids, DeviceRows, DeviceRules
from auctionsim.auction.cuda.kernels.device import device_function, on_device, plus, times
from auctionsim.auction.kernel import ties
from auctionsim.auction.kernel.arguments import CTR, CVR, ITEM_PRICE, N_FEATURES, QUALITY
from auctionsim.auction.kernel.prices import FIRST, GSP
from auctionsim.auction.outcome import CONVERSIONS, GMV

tie_key = on_device(ties.tie_key)


@device_function
def exact_bid(row: int, p: int, rows: DeviceRows, bids: DeviceBids) -> float:
    """Return the bid of a candidate, currency per click, before it is clipped; the order of sums is that of the CPU."""
    who = rows.advertiser[row]
    bid = times(bids.theta[who, p, 0], rows.features[row, 0])
    for f in range(1, N_FEATURES):
        bid = plus(bid, times(bids.theta[who, p, f], rows.features[row, f]))
    return bid


@device_function
def clipped(bid: float, rules: DeviceRules) -> float:
    """Return a bid within its bounds."""
    bid = rules.bid_floor if bid < rules.bid_floor else bid
    return rules.bid_cap if bid > rules.bid_cap else bid


@device_function
def price_per_click(slot: int, n_slots: int, quality: float, scores: Any, rules: DeviceRules) -> float:
    """Return the price per click of the winner of a slot, currency; `scores` `[n_slots + 1]` are in falling order."""
    reserve, effect = rules.reserve, rules.slot_effect
    if rules.pricing == GSP:
        return max(scores[slot + 1] / quality, reserve)
    if rules.pricing == FIRST:
        return scores[slot] / quality
    payment = times(effect[n_slots - 1], max(scores[n_slots] / quality, reserve))
    for k in range(slot, n_slots - 1):
        payment = plus(payment, times(plus(effect[k], -effect[k + 1]), max(scores[k + 1] / quality, reserve)))
    return payment / effect[slot]


@device_function
def clicks_of(row: int, slot: int, rows: DeviceRows, rules: DeviceRules) -> float:
    """Return the expected clicks of an auction on a candidate in a slot."""
    return times(rows.features[row, CTR], rules.slot_effect[slot])


@device_function
def gmv_of(row: int, slot: int, rows: DeviceRows, rules: DeviceRules) -> float:
    """Return the expected GMV of an auction for a candidate in a slot, currency."""
    conversions = times(clicks_of(row, slot, rows, rules), rows.features[row, CVR])
    return times(conversions, rows.features[row, ITEM_PRICE])


@device_function
def charge_in_units(row: int, slot: int, n_slots: int, scale: float, scores: Any, rows: DeviceRows, rules: DeviceRules) -> int:
    """Return what one auction charges the winner of a slot in expectation, or one click where clicks are drawn, in units."""
    price = price_per_click(slot, n_slots, rows.features[row, QUALITY], scores, rules)
    if not rules.is_sampled:
        price = times(price, clicks_of(row, slot, rows, rules))
    return round(times(price, scale))


@device_function
def outcome_in_units(row: int, slot: int, k: int, scale: float, rows: DeviceRows, rules: DeviceRules) -> int:
    """Return the expected clicks (k = 1), conversions (2) or GMV (3) of one auction in units."""
    amount = clicks_of(row, slot, rows, rules)
    if k >= CONVERSIONS:
        amount = times(amount, rows.features[row, CVR])
    if k >= GMV:
        amount = times(amount, rows.features[row, ITEM_PRICE])
    return round(times(amount, scale))
