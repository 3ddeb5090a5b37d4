"""Replay the days of a market as it stands: everybody's own bids, whole days and days without a part of their auctions."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from auctionsim.analysis.whatif.left_out import BUDGET_SHARE, GROUPS, DealtDay
from auctionsim.analysis.whatif.replays import Replays
from auctionsim.auction.outcome import CONVERSIONS, OUTCOMES, Outcome
from auctionsim.auction.parallel.threads import in_threads, threads_for
from auctionsim.auction.sources import known_outcomes, unknown_reason
from auctionsim.errors import InputError
from auctionsim.market.market import Market
from auctionsim.market.policy import DayPolicy, Policy
from auctionsim.market.simulate import simulate_day

Array = NDArray[np.float64]


def own_bids(market: Market) -> Array:
    """Return everybody's own bids as coefficients `[advertisers, 4, 1]`: the baseline's of learners, NaN where a rule bids."""
    is_learner = market.is_controlled[:, None]
    return np.where(is_learner, market.static(market.scenario.platform.baseline)[:, :, 0], market.fixed)[:, :, None]


def unknown_note(known: Array) -> list[str]:
    """Return a sentence on what the traffic does not know, if there is something."""
    what = "Conversions, welfare and profit" if np.isnan(known[CONVERSIONS]) else "Welfare and profit"
    return [f"{what} are not defined: {reason}."] if (reason := unknown_reason(known)) else []


def replay_days(
    market: Market,
    policy: Policy,
    dealt: dict[int, DealtDay],
    *,
    with_intervals: bool = True,
    progress: Callable[[], None] = lambda: None,
) -> Replays:
    """Replay days of a market.

    Args:
        market: The market.
        policy: The policy that bids for everybody, `Constant(own_bids(market))` for everybody's own bids.
        dealt: The groups of auctions of each day that is replayed, by day.
        with_intervals: Whether to replay each day without each group of its auctions too.
        progress: Function that is called after each day.
    """
    whole, sums, without = [], [], []
    for day, groups in dealt.items():
        outcome = simulate_day(market, day, policy).outcome
        whole.append(_totals(outcome))
        sums.append([float(getattr(outcome, name).sum()) for name in OUTCOMES])
        if with_intervals:
            without.append(_without_each_group(market, day, policy, groups))
        progress()
    known = known_outcomes(market.traffic_source, dealt)
    return Replays(np.stack(whole) * known, np.array(sums) * known, np.stack(without) * known if with_intervals else None)


def _without_each_group(market: Market, day: int, policy: Policy, groups: DealtDay) -> Array:
    """Return the outcomes of a day without each group of its auctions, `[groups, advertisers, 5]`."""
    smaller = replace(market, budgets=market.budgets * BUDGET_SHARE)

    def run(block: slice) -> list[Array]:
        which: Sequence[int] = range(GROUPS)[block]
        return [_totals(simulate_day(smaller, day, _OnPart(policy, groups, group), threads=1).outcome) for group in which]

    # The groups are dealt by the first thread that asks, from a stream of their own: whoever is first deals the same.
    blocks = in_threads(GROUPS, threads_for(market.source.candidates_on(day)), run)
    return np.stack([one for block in blocks for one in block])


@dataclass(frozen=True, eq=False)
class _OnPart:
    """Bid by a policy on a day without a group of its auctions."""

    policy: Policy
    groups: DealtDay
    group: int

    def begin(self, market: Market, day: int, n_policies: int) -> DayPolicy:
        """Begin the day with the policy's own bid features, where it has some."""
        actor = self.policy.begin(market, day, n_policies)
        source = getattr(actor, "source", None) or market.traffic_source
        if getattr(actor, "steps", None) is not None:
            raise InputError(
                f"{market.scenario.source}: expected a policy that acts hour by hour, whose days can be resampled, got one of "
                f"{type(self.policy).__name__} (--no-intervals)"
            )
        return DayPolicy(actor.act, self.groups.without(source, self.group))


def _totals(outcome: Outcome) -> Array:
    """Return the outcomes of a day, `[advertisers, 5]`."""
    return np.stack([getattr(outcome, name)[:, :, 0].sum(axis=0) for name in OUTCOMES], axis=1)
