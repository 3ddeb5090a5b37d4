"""Replay a day on the device for `auctionsim.replay`, and keep a table's traffic there between calls."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from auctionsim.auction.cuda.day import DeviceDay, run_day
from auctionsim.auction.cuda.traffic import DeviceTraffic
from auctionsim.auction.day import outcome_of_hours
from auctionsim.auction.outcome import Outcome
from auctionsim.auction.rules import Rules
from auctionsim.auction.sources import TrafficSource
from auctionsim.traffic.stored.store import StoredTraffic
from auctionsim.traffic.table import Traffic

_KEPT = "auction.cuda"
"""Key under which a table keeps its copy on the device."""


def replay_on_device(
    traffic: Traffic | StoredTraffic,
    source: TrafficSource,
    day: int,
    rules: Rules,
    theta: NDArray[np.float64],
    budgets: NDArray[np.float64],
    seed: int,
) -> Outcome:
    """Replay one day on the device; arguments are those of `auction.replay`, checked.

    Args:
        traffic: The traffic.
        source: The same in the form that is read.
        day: One of its days.
        rules: The auction's rules.
        theta: Coefficients over all features, `[advertisers, 4, P]` or `[24, advertisers, 4, P]`.
        budgets: Daily budgets, currency, `[advertisers, P]`.
        seed: Seed of the sampling noise.

    Returns:
        The day's outcome.

    Raises:
        InputError: There is no device, or the day does not fit into its memory.
    """
    device_day = DeviceDay(
        device_traffic(traffic, source, rules), day, rules, policies=theta.shape[-1], budgets=budgets, seed=seed
    )
    return replace(outcome_of_hours(run_day(device_day, theta), source.advertisers), effort=device_day.effort)


def device_traffic(
    traffic: Traffic | StoredTraffic, source: TrafficSource, rules: Rules, gpu: int = 0, *, has_candidacies: bool = False
) -> DeviceTraffic:
    """Return traffic on the device; a table's copy is kept as long as the table lives, for the rules of the last call.

    Args:
        traffic: The traffic.
        source: The same in the form that is read.
        rules: The auction's rules.
        gpu: Number of the device.
        has_candidacies: Whether local credit is to be summed.
    """
    if not isinstance(traffic, Traffic):
        return DeviceTraffic(source, rules.reserve, gpu, has_candidacies=has_candidacies)
    key = gpu, rules.squash, rules.outcomes, rules.reserve, rules.preranker, rules.bid_floor, rules.bid_cap, rules.rings
    kept_key, kept = traffic.derived.get(_KEPT, (None, None))
    if kept is None or kept_key != key or has_candidacies > kept.has_candidacies:
        # Given back before more is asked for.
        traffic.derived.pop(_KEPT, None)
        kept = DeviceTraffic(source, rules.reserve, gpu, has_candidacies=has_candidacies)
        traffic.derived[_KEPT] = key, kept
    return kept
