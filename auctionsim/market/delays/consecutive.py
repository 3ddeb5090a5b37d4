"""Simulate days one after the other, so that conversions of one day's clicks may arrive on a later one."""

from __future__ import annotations

from collections.abc import Sequence

from auctionsim.market.delays.reports import ConversionLog
from auctionsim.market.market import Market
from auctionsim.market.policy import Policy
from auctionsim.market.simulate import Trajectory, simulate_day


def simulate_days(market: Market, days: Sequence[int], policy: Policy, *, n_policies: int = 1) -> tuple[Trajectory, ...]:
    """Simulate several days, in order.

    A day that follows the one before it begins with what is still to arrive of that one and of those before; after a gap it
    begins without. Budgets and bids begin anew every day. Without `[delays]` it is `simulate_day` for each day.

    Args:
        market: The market.
        days: Days of its traffic.
        policy: The policy that bids for everybody.
        n_policies: P, how many policies, or parallel copies of the days, run side by side.

    Raises:
        InputError: An argument is of another kind, or a policy returned what is no bid, as for `simulate_day`.
    """
    found: list[Trajectory] = []
    carried: ConversionLog | None = None
    for day in days:
        follows = bool(found) and day == found[-1].sim.day + 1
        found.append(simulate_day(market, day, policy, n_policies=n_policies, carried=carried if follows else None))
        carried = found[-1].sim.reported
    return tuple(found)
