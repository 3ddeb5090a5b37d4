"""Run a day of a market under a policy: the one loop over a day's steps.

Whatever bids by what happens is a `Policy` and runs here. Four kinds of loops stay outside. `auction.day.run_day` replays
coefficients that are given before the day, in a room that knows no market. `envs.AuctionVectorEnv.step` and its siblings
replay one hour when their caller asks for it. The rollouts of learners (`agents/learners`: policy gradient, clusters, SS-RTB)
and the study of SS-RTB's eta keep what every single step brought. `jobs.distributed.day_in_pieces` shares hours out.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from auctionsim.arguments import instance_of, one_number_of, with_methods
from auctionsim.auction.day import outcome_of_hours
from auctionsim.auction.outcome import OBSERVED, Outcome
from auctionsim.auction.parallel.threads import MOST_DAY_THREADS, POLICIES_OF_A_THREAD, threads_for
from auctionsim.auction.sources import TrafficSource
from auctionsim.errors import InputError
from auctionsim.market.actions import action_arrays, check_bids
from auctionsim.market.day import MarketDay
from auctionsim.market.delays.reports import LATE, ConversionLog
from auctionsim.market.market import Market
from auctionsim.market.policy import Action, DayPolicy, DayState, Participation, Policy
from auctionsim.market.size import expect_copies
from auctionsim.names.display import short_repr
from auctionsim.numbers import whole_number
from auctionsim.objectives.goals import day_totals
from auctionsim.traffic.steps import Steps
from auctionsim.traffic.table import HOURS

Array = NDArray[np.float64]
Intervention = Callable[[int, Array], None]
"""`intervene(hour, coefficients)` may write to the coefficients `[advertisers, 4, P]` before they are bid with."""


@dataclass(frozen=True, eq=False)
class Trajectory:
    """A day as it went, for P policies side by side."""

    outcome: Outcome
    """Outcomes by hour, arrays `[24, advertisers, P]`; a step counts in the hour in which it began."""
    sim: MarketDay
    """The day at its end."""
    steps: Steps | None
    """The steps in which it ran; hours where None."""
    step_hours: tuple[int, ...]
    """Hour in which each step began."""
    bids: tuple[Array, ...]
    """Coefficients of each step, those of rules included, `[advertisers, 4, P]`."""
    shares: tuple[Array | None, ...]
    """Shares of auctions entered in each step, those of rules included, `[advertisers, P]`; None for all."""
    budgets_left: tuple[Array, ...]
    """Currency left after each step, `[advertisers, P]`."""

    __repr__ = short_repr

    @property
    def source(self) -> TrafficSource:
        """Return the traffic with the bid features that were bid on."""
        return self.sim.source

    @property
    def rewarded(self) -> Array:
        """Return the day's totals that learners are paid by, `[advertisers, 5, P]`: what came, or `delays.rewards` of it."""
        return day_totals(self.outcome) if self.sim.reported is None else self.sim.rewarded

    @property
    def phi(self) -> Array | None:
        """Return the bid features of every row of the table, `[rows, 4]`; None where it is not in memory."""
        phi: Array | None = getattr(self.source, "phi", None)
        return phi

    @property
    def coefficients(self) -> Array:
        """Return the coefficients of each hour, `[24, advertisers, 4, P]`.

        Of several steps in an hour the last one's count; a step that is longer fills its hours.
        """
        return self._by_hour(self.bids)

    @property
    def budget_left(self) -> Array:
        """Return the currency left at the end of each hour, infinite without a budget, `[24, advertisers, P]`."""
        return self._by_hour(self.budgets_left)

    def _by_hour(self, by_step: Sequence[Array]) -> Array:
        """Return arrays of the steps as one array with an axis of 24 hours in front."""
        n_policies = self.outcome.cost.shape[-1]
        found = np.empty((HOURS, *by_step[0].shape[:-1], n_policies))
        ends = (*self.step_hours[1:], HOURS)
        for begin, end, array in zip(self.step_hours, ends, by_step, strict=True):
            found[begin : max(end, begin + 1)] = array
        return found


def simulate_day(
    market: Market,
    day: int,
    policy: Policy,
    *,
    n_policies: int = 1,
    intervene: Intervention | None = None,
    local_credit: bool = False,
    carried: ConversionLog | None = None,
    device: str = "cpu",
    threads: int | None = None,
) -> Trajectory:
    """Run a day from its first to its last step under a policy.

    Args:
        market: The market, with its budgets and rules.
        day: A day of its traffic.
        policy: The policy that bids for everybody; NaN coefficients leave an advertiser to its rule.
        n_policies: P, how many policies, or parallel copies of the day, run side by side.
        intervene: Function that may change the coefficients of a step before they are bid with.
        local_credit: Whether to sum, for each advertiser, profit and cost of the auctions that it is a candidate in.
        carried: Reports of the days before, whose conversions may still arrive (`market.delays.consecutive`); none where None.
        device: Device that clears the auctions, `cpu`, `cuda` or `cuda:N` (docs/gpu.md); it never changes a result.
        threads: Number of threads that share the auctions; it never changes a result. Where None, a day of a million candidates
            and more is cleared on all cores, unless there are many policies, which one thread clears nearly as fast as one.

    Returns:
        The day as it went.

    Raises:
        InputError: An argument is of another kind, or the day is none of the market's; or the policy returned an array of
            another shape, a coefficient that is negative or not finite, or a share outside [0, 1]. NaN is only for advertisers
            that have a rule. Or there is no such device, or it cannot clear what the policy bids on.
    """
    instance_of("market", market, Market, "a Market (auctionsim.build_market)")
    day, n_policies = one_number_of("day", day, market.source.days), whole_number("n_policies", n_policies, 1)
    if n_policies > 1:
        # One copy cannot be made fewer.
        expect_copies("n_policies", n_policies, len(market.advertisers))
    with_methods("policy", policy, ("begin",), "a policy with a method begin(market, day, n_policies)")
    actor, name = policy.begin(market, day, n_policies), type(policy).__name__
    source, steps, always = (getattr(actor, one, None) for one in ("source", "steps", "always"))
    threads = _threads_for(market, day, n_policies) if threads is None else whole_number("threads", threads, 1)
    threads = min(threads, MOST_DAY_THREADS)
    sim = market.day(
        day, n_policies, local_credit=local_credit, source=source, steps=steps, carried=carried, device=device, threads=threads
    )
    is_ruled = market.is_ruled if market.rule_policies else None
    # To look at a day takes as long as clearing it where the day is short, and whoever always does the same needs no look.
    known = None if always is None else action_arrays(always, sim.coefficients.shape, name)
    is_repeated = known is not None and intervene is None and is_ruled is None
    hours = np.zeros((HOURS, *sim.last_step.shape))
    reported = None if sim.reported is None else np.zeros((len(OBSERVED), HOURS, *sim.budget_left.shape))
    step_hours: list[int] = []
    bids: list[Array] = []
    shares: list[Array | None] = []
    budgets_left: list[Array] = []
    while not sim.is_over:
        hour = sim.hour
        theta, share = known or action_arrays(actor.act(sim.state), sim.coefficients.shape, name)
        if intervene is not None:
            theta = np.array(theta)
            intervene(hour, theta)
        is_as_before = bool(bids) and (is_repeated or np.array_equal(theta, bids[-1]))
        if share is not None or not is_as_before:
            check_bids(theta, share, name, market.advertisers, is_ruled)
        hours[hour] += sim.step(theta, share)
        if reported is not None:
            reported[:, hour] = sim.observed_step[:, LATE].swapaxes(0, 1)
        step_hours.append(hour)
        # Copies, since a policy may write to what it returned; one for all steps where nothing changes.
        bids.append(bids[-1] if is_as_before else sim.coefficients.copy())
        shares.append(None if sim.participation is None else sim.participation.copy())
        budgets_left.append(sim.budget_left)
    outcome = outcome_of_hours(hours, market.advertisers)
    if reported is not None:
        outcome = replace(outcome, **dict(zip(OBSERVED, reported, strict=True)))
    return Trajectory(outcome, sim, steps, tuple(step_hours), tuple(bids), tuple(shares), tuple(budgets_left))


def _threads_for(market: Market, day: int, n_policies: int) -> int:
    """Return the number of threads on which a day is cleared fastest."""
    if n_policies >= POLICIES_OF_A_THREAD:
        return 1
    return threads_for(market.source.candidates_on(day))


@dataclass(frozen=True, eq=False)
class Recorded:
    """Bid as on a day that was run, whatever happens: rivals that do not react."""

    trajectory: Trajectory

    __repr__ = short_repr

    def begin(self, market: Market, day: int, n_policies: int) -> DayPolicy:  # noqa: ARG002  (bids of one fit any number)
        """Repeat the bids of each step, on the same bid features.

        Raises:
            InputError: Another day was recorded.
        """
        if day != self.trajectory.sim.day:
            raise InputError(f"day: expected {self.trajectory.sim.day}, which was recorded, got {day}")

        def act(state: DayState) -> Action:
            theta, share = self.trajectory.bids[state.steps_done], self.trajectory.shares[state.steps_done]
            return theta if share is None else Participation(theta, share)

        return DayPolicy(act, self.trajectory.source, self.trajectory.steps)
