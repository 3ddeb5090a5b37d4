"""Two auto-bidders with a target on cost per value, as in the instances of Li and Tang (IJCAI 2024), in an A/B test.

Two queries are worth (2, 1) to one advertiser and (1, 2) to the other. Each maximizes value under cost <= target x value, and
bids a multiple alpha of its value, one for all auctions. With second prices, alpha rises from 1 to 2 for both: everybody wins
its own query at the price 2 x 1 = 2, its value. With first prices alpha is 1, and the price 1 x 2 = 2 again. The instance is
theirs, the experiment on it ours.

In a test by users an auto-bidder still has one alpha and one target for all its auctions, of both arms. With half of the
auctions in each arm, first prices in treatment make cost (alpha + 2 alpha) / 2 for a value of 2, so that alpha is 4/3: prices
of 4/3 in control and 8/3 in treatment, an effect of 4/3 where the truth is 0. A target that is 4 % higher in treatment moves
one alpha of both arms, so that the test sees no effect where the truth is 4 %. With the target split, each arm has an alpha of
its own.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from auctionsim import arithmetic
from auctionsim.analysis.experiments.estimates import Estimate, two_sample
from auctionsim.auction.arms.clear import Visits
from auctionsim.auction.arms.replay import ArmBids, ArmsReplay
from auctionsim.auction.bid_formula import FEATURES
from auctionsim.auction.outcome import COST, GMV
from auctionsim.auction.rules import Rules
from auctionsim.auction.sources import TableSource
from auctionsim.jobs.studies.experiment_bias.markets import identical_days
from auctionsim.streams import stream

Array = NDArray[np.float64]
VALUES = np.array([[2.0, 1.0], [1.0, 2.0]])
_ROUNDS, _STEP, _UNITS, _PER_HOUR = 40, 0.5, 40, 40
# With second prices (2, 2) is a saddle: what each pays is the other's bid, so that a difference of the two grows by half in a
# round. It begins with rounding, 1e-16, and is 1e-9 after 40 rounds, when all else has settled.
AUCTIONS = 24 * _PER_HOUR
"""Auctions of a day."""


@dataclass(frozen=True)
class TargetChange:
    """What differs between control and treatment."""

    pricing: tuple[str, str]
    """Pricing of control and of treatment."""
    target: float
    """Largest cost over value in treatment; 1 in control."""
    words: str


TARGET_CHANGES = {
    "first prices, auto-bidders": TargetChange(("gsp", "first"), 1.0, "Second prices in control, first prices in treatment."),
    "targets, auto-bidders": TargetChange(("first", "first"), 1.04, "First prices; targets are 4 % higher in treatment."),
}
"""The changes by name."""


def true_revenue(change: TargetChange) -> tuple[float, float]:
    """Return the revenue of a day with everybody in control, and with everybody in treatment."""
    n = AUCTIONS
    unit = np.arange(n) % 2
    found = [_settle(change, np.full(n, arm), unit, 2, is_split=True).sum() for arm in (0, 1)]
    return float(found[0]), float(found[1])


def run_test(change: TargetChange, seed: int, replicate: int, *, is_split: bool) -> Estimate:
    """Run one A/B test of revenue until bids have settled, half of the auctions in each arm.

    Args:
        change: The change.
        seed: Seed of the assignment.
        replicate: Number of the assignment.
        is_split: Whether each arm has a target and an alpha of its own.
    """
    rng = stream(seed, "experiment", "auto-bidders", replicate)
    is_treated = rng.permutation(_UNITS) < _UNITS // 2
    unit = rng.integers(_UNITS, size=AUCTIONS)
    revenue = _settle(change, is_treated[unit].astype(np.int64), unit, _UNITS, is_split=is_split)
    per_auction = (revenue / np.bincount(unit, minlength=_UNITS))[:, None]
    return two_sample(per_auction[~is_treated], per_auction[is_treated], AUCTIONS)


def _settle(change: TargetChange, arm: NDArray[np.int64], unit: NDArray[np.int64], n_units: int, *, is_split: bool) -> Array:
    """Repeat a day until the auto-bidders have settled, and return each unit's revenue of the last day, `[units]`."""
    traffic, rules = identical_days(VALUES, 1, _PER_HOUR), tuple(Rules(pricing=pricing) for pricing in change.pricing)
    sources = (TableSource(traffic, rules[0]), TableSource(traffic, rules[1]))
    visits = Visits(np.arange(AUCTIONS), np.ones(AUCTIONS, dtype=np.int64), arm, unit)
    alpha, targets = np.ones((2, 2)), np.array([[1.0], [change.target]])
    found = np.zeros(n_units)
    for _ in range(_ROUNDS):
        replay = ArmsReplay(sources, 0, (rules[0], rules[1]), visits, [np.full(2, np.inf)], n_units)
        bids = (_bids(alpha[0]), _bids(alpha[1]))
        while not replay.is_over:
            replay.step(bids)
        value, cost = replay.by_arm[:, :, GMV], replay.by_arm[:, :, COST]
        slack = targets * value - cost
        if not is_split:
            slack, value = slack.sum(axis=0, keepdims=True), value.sum(axis=0, keepdims=True)
        # An arm without auctions has no cost to aim at.
        alpha = alpha * arithmetic.exp(_STEP * slack / np.maximum(value, 1e-12))
        found = replay.by_unit[:, COST]
    return found


def _bids(alpha: Array) -> ArmBids:
    """Return bids of a multiple of the value of a click, from multiples `[advertisers]`."""
    theta = np.zeros((len(alpha), len(FEATURES), 1))
    theta[:, FEATURES.index("value"), 0] = alpha
    return ArmBids(theta)
