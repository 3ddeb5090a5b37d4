"""The state of an agent of SS-RTB before a step: <b, t, g> as 15 numbers (section 4.1); which 15 is ours (docs/ss-rtb.md).

b is the cost still to be spent, t the time, g what the last step brought. At the level of auctions (AMDP) g is the auction that
stands for the step, and t is fine enough to tell one hundred auctions from the next.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from auctionsim import arithmetic
from auctionsim.agents.policies.base import DayState
from auctionsim.agents.policies.keyword_bids import keyword_bids
from auctionsim.auction.outcome import CLICKS, CONVERSIONS, COST, GMV, IMPRESSIONS, Outcome
from auctionsim.market.market import Market
from auctionsim.ratios import safe_ratios
from auctionsim.traffic.steps import Steps, auctions_by_step, first_rows

Array = NDArray[np.float64]
State = NDArray[np.float32]

HOUR_FEATURES = (
    "time", "time_sin", "time_cos", "cost_left", "cost_pace", "impressions", "clicks", "conversions", "gmv", "cost",
    "ctr", "cvr", "cpc", "win_rate", "auctions",
)  # fmt: skip
"""`cost_left` is the share of the cost target not spent, `cost_pace` half of that over the share of the day left; what follows
describes the last step: amounts over the training day's mean step under keyword bids, rates over the rates there, squashed by
x / (1 + x); `win_rate` is impressions over auctions entered. All that follow are 0 before the first step."""
AUCTION_FEATURES = ("time", "cost_left", "cost_pace", "pctr", "pcvr", "item_price", "keyword_bid")
"""The paper's <b, t, auct>; the first auction of the step: logs over the advertiser's training means, halved; 0 where a step
has no auction of the advertiser."""
_WAVES = (1, 8, 64, 512)
WAVE_FEATURES = tuple(f"time_{phase}_{n}" for n in _WAVES for phase in ("sin", "cos"))
"""Time as phases of waves of 1, 8, 64 and 512 periods a day, after `time` where they are wanted: ours, not the paper's."""


@dataclass(frozen=True, eq=False)
class Scales:
    """Keyword bids on the training days, by which amounts are divided; nothing of the measured day."""

    hour: Array
    """Mean outcome of an hour, `[learners, 5]`."""
    auctions: Array
    """Mean auctions entered in an hour, `[learners]`."""
    row: Array
    """Means of pctr, pcvr, item_price and keyword_bid over the advertiser's rows, `[4, learners]`."""

    @classmethod
    def of(cls, market: Market) -> Scales:
        """Return the scales of a market."""
        days, learners = market.scenario.traffic.train_days, market.learners
        theta = keyword_bids(market).theta
        hour = np.mean([_totals(market.without_budgets().outcome(day, theta))[learners] for day in days], axis=0) / 24
        auctions = np.mean([market.hourly_auctions(day)[:, learners].mean(axis=0) for day in days], axis=0)
        rows = np.isin(market.traffic.row_day, list(days))
        return cls(hour, auctions, np.array([_row_means(market, column, rows) for column in _row_columns(market)]))


@dataclass(frozen=True, eq=False)
class View:
    """All that is known of a day before it begins, and how its state is made."""

    steps: Steps
    auctions: Array
    """Auctions entered by step, `[steps, learners]`; seen only after the step."""
    first: Array | None
    """Features of the step's first auction, `[steps, learners, 4]`, at the level of auctions; None otherwise."""
    scales: Scales
    target: Array
    """Cost that is to be spent, `[learners]`."""
    learners: NDArray[np.int64]
    has_waves: bool = True
    """Whether the state at the level of auctions holds `WAVE_FEATURES`."""

    @classmethod
    def of(
        cls, market: Market, scales: Scales, day: int, steps: Steps, target: Array, *, auction_level: bool, waves: bool = True
    ) -> View:
        """Return the view of a day."""
        auctions = auctions_by_step(market.traffic, day, steps)[:, market.learners]
        first = _first_auctions(market, scales, day, steps) if auction_level else None
        return cls(steps, auctions, first, scales, target, market.learners, waves)

    @property
    def features(self) -> tuple[str, ...]:
        """Return the names of the state's numbers."""
        if self.first is None:
            return HOUR_FEATURES
        return (AUCTION_FEATURES[0], *(WAVE_FEATURES if self.has_waves else ()), *AUCTION_FEATURES[1:])

    def state(self, day: DayState) -> State:
        """Return the state before the next step (or at the day's end), `[learners, P, features]`."""
        done = float(self.steps.share_done[day.steps_done])
        # A random day can cost many times the target, most of all of an ad that wins little.
        left = np.maximum(1 - day.cumulative[self.learners, COST] / np.maximum(self.target, 1e-12)[:, None], -2.0)
        pace = np.clip(left / max(1 - done, 1e-3), -2, 3) / 2
        features = _hour_state if self.first is None else _auction_state
        return np.stack(features(self, day, done, left, pace), axis=-1).astype(np.float32)


def _hour_state(view: View, day: DayState, done: float, left: Array, pace: Array) -> list[Array]:
    flat = np.ones_like(left)
    time = [done * flat, arithmetic.sin(2 * np.pi * done) * flat, arithmetic.cos(2 * np.pi * done) * flat]
    if day.steps_done == 0:
        return [*time, left, pace, *[0 * flat] * 10]
    last = day.last_step[view.learners]
    span = 24 * (done - float(view.steps.share_done[day.steps_done - 1]))
    mean, auctions = view.scales.hour[:, :, None] * span, view.auctions[day.steps_done - 1][:, None]
    amounts = [_squashed(_ratio(last[:, k], mean[:, k])) for k in (IMPRESSIONS, CLICKS, CONVERSIONS, GMV, COST)]
    rates = [
        _squashed(_ratio(_ratio(last[:, above], last[:, below]), _ratio(mean[:, above], mean[:, below])))
        for above, below in ((CLICKS, IMPRESSIONS), (CONVERSIONS, CLICKS), (COST, CLICKS))
    ]
    win_rate = _ratio(last[:, IMPRESSIONS], auctions)
    seen = _squashed(_ratio(auctions, view.scales.auctions[:, None] * span)) * flat
    return [*time, left, pace, *amounts, *rates, win_rate, seen]


def _auction_state(view: View, day: DayState, done: float, left: Array, pace: Array) -> list[Array]:
    assert view.first is not None
    flat = np.ones_like(left)
    periods = _WAVES if view.has_waves else ()
    waves = [f(2 * np.pi * done * n) * flat for n in periods for f in (arithmetic.sin, arithmetic.cos)]
    # At the day's end there is no auction; the last one's is as good as any, for nothing follows.
    first = view.first[min(day.steps_done, len(view.first) - 1)]
    return [done * flat, *waves, left, pace, *(first[:, k : k + 1] * flat for k in range(4))]


def _first_auctions(market: Market, scales: Scales, day: int, steps: Steps) -> Array:
    rows = first_rows(market.traffic, day, steps)[:, market.learners]
    logs = [
        np.where((rows >= 0) & (column[rows] > 0), arithmetic.log(np.maximum(column[rows], 1e-12) / mean), 0.0) / 2
        for column, mean in zip(_row_columns(market), np.maximum(scales.row, 1e-12), strict=True)
    ]
    return np.stack(logs, axis=-1)


def _row_columns(market: Market) -> list[Array]:
    traffic = market.traffic
    return [traffic.pctr, traffic.pcvr, traffic.item_price, traffic.keyword_bid]


def _row_means(market: Market, column: Array, rows: NDArray[np.bool_]) -> Array:
    n, who = len(market.advertisers), market.traffic.advertiser[rows]
    return (np.bincount(who, column[rows], minlength=n) / np.maximum(np.bincount(who, minlength=n), 1))[market.learners]


def _totals(outcome: Outcome) -> Array:
    amounts = (outcome.impressions, outcome.clicks, outcome.conversions, outcome.gmv, outcome.cost)
    return np.stack([amount[:, :, 0].sum(axis=0) for amount in amounts], axis=1)


def _squashed(ratio: Array) -> Array:
    return ratio / (1 + ratio)


def _ratio(above: Array, below: Array) -> Array:
    """Return 0 where there is nothing to divide by: a rate of no impressions."""
    return safe_ratios(above, below, 0.0)


__all__ = ["AUCTION_FEATURES", "HOUR_FEATURES", "WAVE_FEATURES", "Scales", "View"]
