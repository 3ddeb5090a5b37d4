"""Say what a trial teaches of the multipliers that were not tried, from what the bidder is shown of its auctions.

Each auction's reward is `ctr (v - price)` by the predicted rates. Who sees the least winning cost c of every auction knows it
for each bid b: it would have won where `b > c`, at b in a first-price auction and at c in a second-price one. Who sees prices
of wins alone knows it for all bids up to its own in a second-price auction: what it won at c, any bid above c would have won,
and what it lost, any lower bid would have lost. Several slots need the whole landscape. Noise and rounding of `[information]`
blur c here; the reward of the multiplier that was tried is what was earned.
"""

from __future__ import annotations

from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from auctionsim.auction.bid_formula import FEATURES
from auctionsim.auction.budgets import exhausted_threshold
from auctionsim.errors import InputError, shown
from auctionsim.market.information.blur import blurred, key_of
from auctionsim.market.information.landscape import hour_landscape, of_rows, prices_at, slots_won
from auctionsim.market.information.prices import LEAST_WINNING_COST, WINNING_PRICE
from auctionsim.market.market import Market
from auctionsim.market.simulate import Trajectory
from auctionsim.scenario import Scenario
from auctionsim.traffic.table import HOURS

Array = NDArray[np.float64]
Feedback = Literal["own-wins", "winning-price", "least-winning-cost"]
FEEDBACKS: tuple[Feedback, ...] = get_args(Feedback)

_VALUE = FEATURES.index("value")
_TINY = 1e-12


def check_feedback(scenario: Scenario, feedback: Feedback) -> None:
    """Refuse feedback that a mechanism does not give.

    Raises:
        InputError: Prices of wins are to teach lower bids in a first-price auction, or with several slots.
    """
    rules, source = scenario.mechanism, f"{scenario.source}: learner.constants.feedback"
    hint = f"(choose {shown(FEEDBACKS[0])} or {shown(FEEDBACKS[2])})"
    if feedback != "winning-price":
        return
    if rules.pricing == "first":
        raise InputError(
            f"{source}: expected no 'winning-price' with pricing = 'first', where a winner pays its bid, got it {hint}"
        )
    if len(rules.slot_effect) > 1:
        raise InputError(f"{source}: expected one slot with 'winning-price', got {len(rules.slot_effect)} {hint}")


def known_rewards(
    run: Trajectory, market: Market, grid: Array, chosen: NDArray[np.int64], reward: Array, worth: Array, feedback: Feedback
) -> Array:
    """Return the reward of every multiplier in each hour, NaN where it is not known, `[24, learners, multipliers, copies]`.

    Args:
        run: The day as it went, in copies.
        market: The market, whose traffic is a table.
        grid: The multipliers on the value of a click, `[multipliers]`.
        chosen: Index of the multiplier that was tried, `[24, learners, copies]`.
        reward: Reward of that one, `[24, learners, copies]`.
        worth: Value of the advertiser's auctions, by which profit is divided, `[24, learners]`.
        feedback: Kind of feedback, see `FEEDBACKS`.
    """
    known = np.stack([_hour(run, market, grid, hour, worth[hour], feedback) for hour in range(HOURS)])
    arms = np.arange(len(grid))[np.newaxis, np.newaxis, :, np.newaxis]
    tried = chosen[:, :, np.newaxis]
    if feedback == "winning-price":
        known = np.where(arms > tried, np.nan, known)
    return np.where(arms == tried, reward[:, :, np.newaxis], known)


def _hour(run: Trajectory, market: Market, grid: Array, hour: int, worth: Array, feedback: Feedback) -> Array:
    """Return what every multiplier would have earned in an hour, `[learners, multipliers, copies]`."""
    day, rules, traffic = run.sim.day, market.rules, market.traffic
    left = run.budgets_left[hour - 1] if hour else np.repeat(market.first_budgets[:, np.newaxis], run.bids[0].shape[2], axis=1)
    is_in_play = left > exhausted_threshold(market.budgets[:, np.newaxis])
    found = hour_landscape(run.source, rules, day, hour, run.bids[hour], is_in_play)
    first, last = (int(traffic.cell_start[cell]) for cell in traffic.cells_of(day, hour))
    pctr, value = traffic.pctr[first:last], market.phi[first:last, _VALUE]
    earned = np.zeros((len(market.learners), len(grid), left.shape[1]))
    for k, learner in enumerate(market.learners.tolist()):
        rows = np.flatnonzero(found.advertiser == learner)
        if not len(rows) or worth[k] <= _TINY:
            continue
        own = of_rows(found, rows)
        rivals = _seen(market, own.rivals, own.quality, (day, hour), own.bucket, own.advertiser, feedback)
        bid = np.clip(grid * value[rows, np.newaxis], rules.bid_floor, rules.bid_cap)[:, :, np.newaxis]
        is_eligible = (bid >= rules.reserve) & own.is_in_play[:, np.newaxis]
        score = np.where(is_eligible, bid * own.quality[:, np.newaxis, np.newaxis], 0.0)
        slot = slots_won(score, rivals[:, :, np.newaxis])
        price = prices_at(slot, bid, rivals[:, :, np.newaxis], own.quality, rules)
        gain = np.array([*rules.slot_effect, 0.0])[slot] * (value[rows, np.newaxis, np.newaxis] - price)
        earned[k] = ((own.weight * pctr[rows])[:, np.newaxis, np.newaxis] * gain).sum(axis=0) / worth[k]
    return earned


def _seen(
    market: Market,
    rivals: Array,
    quality: Array,
    time: tuple[int, int],
    bucket: NDArray[np.int64],
    advertiser: NDArray[np.int64],
    feedback: Feedback,
) -> Array:
    """Return the rivals' scores as the bidder is shown them: blurred as costs per click, where the scenario says so."""
    information = market.information
    if information is None or (information.noise == 0 and information.rounding == 0):
        return rivals
    channel = WINNING_PRICE if feedback == "winning-price" else LEAST_WINNING_COST
    per_click = quality[:, np.newaxis, np.newaxis]
    key = key_of(market.seed, *time, channel)
    return blurred(rivals / per_click, information, key, bucket, advertiser) * per_click
