"""Compute the lowest-revenue envy-free bids of a generalized second-price auction, and what a position auction charges."""

from __future__ import annotations

from collections.abc import Sequence


def envy_free_bids(value: Sequence[float], slot_effect: Sequence[float]) -> list[float]:
    """Return the bids of the lowest-revenue envy-free outcome of one auction (Edelman et al. 2007, theorem 1).

    The auction is a generalized second-price auction. Each advertiser is indifferent between its slot and the one above at the
    price that its own bid sets there.

    Args:
        value: Value per click times quality of each advertiser, in descending order.
        slot_effect: Click-through rate of each slot, of any scale, in descending order.

    Returns:
        Each advertiser's bid times quality. The first is its value; any bid above the second would do.
    """
    effect = [*slot_effect, *([0.0] * max(0, len(value) - len(slot_effect)))]
    bids = list(value)
    for k in range(len(value) - 1, 0, -1):
        below = bids[k + 1] if k + 1 < len(value) else 0.0
        if effect[k] > 0:
            bids[k] = value[k] - effect[k] / effect[k - 1] * (value[k] - below)
    return bids


def gsp_payments(bids: Sequence[float], slot_effect: Sequence[float]) -> list[float]:
    """Return what each position pays in a generalized second-price auction: its clicks at the next bid.

    Args:
        bids: Bid of each position, best first, `[positions]`.
        slot_effect: Clicks of each position, 0 where there is no slot, `[positions]`.
    """
    return [clicks * below for clicks, below in zip(slot_effect, [*bids[1:], 0.0], strict=True)]


def vcg_payments(bids: Sequence[float], slot_effect: Sequence[float]) -> list[float]:
    """Return what each position pays in a VCG auction: the clicks that those below lose by it, each at its bid.

    Args:
        bids: Bid of each position, best first, `[positions]`.
        slot_effect: Clicks of each position, 0 where there is no slot, `[positions]`.
    """
    paid, lost = [0.0] * len(bids), 0.0
    for k in range(len(bids) - 2, -1, -1):
        lost += (slot_effect[k] - slot_effect[k + 1]) * bids[k + 1]
        paid[k] = lost
    return paid
