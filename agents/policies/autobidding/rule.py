"""`target-cpa`, `target-roas`, `max-value`: the one controller behind the three names, which reads goals from the scenario."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from auctionsim.agents.policies.autobidding.estimates import Estimates
from auctionsim.agents.policies.autobidding.pacing import N_ROWS, MirrorDescent, Pacer, Period, Steps
from auctionsim.agents.policies.autobidding.pid_selector import PidSelector
from auctionsim.agents.policies.autobidding.task import Task, spent
from auctionsim.agents.policies.pacing.plan import hourly_share, planned_spend
from auctionsim.auction.bid_formula import FEATURES
from auctionsim.market.market import Market
from auctionsim.market.policy import DayPolicy, DayState, Participation
from auctionsim.traffic.table import HOURS

Array = NDArray[np.float64]

_LEAST_USUAL = 0.1
"""Least usual spend, as a share of that under the baseline: who spends next to nothing must not jump when it spends again."""


class Autobidder:
    """Bid one multiple of the value of every click, found hour by hour by `autobid.method`.

    A target binds the sums of a day: single bids are above it where others are below. The planned spend of an hour is its share
    of the budget that is left, in proportion to the auctions to come. The first multipliers of a day come from rehearsals:
    training days that are played one after the other by all value maximizers together, while learners bid by the baseline, and
    of whose second half the mean state counts. So every day begins alike, and nothing comes from the days that are judged.

    Args:
        market: The market.
        advertisers: Indices of the advertisers that follow the rule, `[n]`.
    """

    def __init__(self, market: Market, advertisers: NDArray[np.int64]) -> None:
        self._share = hourly_share(market, advertisers)
        self._task = Task.of(market, advertisers)
        settings = [market.groups[i].autobid for i in advertisers.tolist()]
        self._methods = [one.method for one in settings]
        self._estimates = Estimates([(one.estimate, one.window) for one in settings])
        self._steps = Steps(np.array([one.step for one in settings]), np.array([one.budget_step for one in settings]))
        self._usual = self._task.hourly_spend
        self._first = np.zeros((N_ROWS, len(advertisers)))
        self._rehearse(market, advertisers, np.array([one.rehearsals for one in settings]))

    def begin(self, market: Market, day: int, n_policies: int) -> DayPolicy:  # noqa: ARG002  (other rules use them)
        """Begin a day with the multipliers of the rehearsals."""
        return DayPolicy(self._start(np.repeat(self._first[:, :, None], n_policies, axis=2)).act)

    def _start(self, state: Array) -> PacedDay:
        """Begin a day with a state, `[N_ROWS, n, P]`."""
        parts: list[tuple[NDArray[np.int64], Pacer]] = []
        for method in dict.fromkeys(self._methods):
            who = np.array([i for i, own in enumerate(self._methods) if own == method])
            task, usual, steps = self._task.part(who), self._usual[who], Steps(*(one[who] for one in self._steps))
            if method == "pid":
                parts.append((who, PidSelector(task, usual, steps.budget, state[:, who])))
            else:
                parts.append((who, MirrorDescent(method, task, steps, usual, state[:, who])))
        return PacedDay(self._task, self._share, parts, self._estimates)

    def _rehearse(self, market: Market, advertisers: NDArray[np.int64], rehearsals: NDArray[np.int64]) -> None:
        """Play training days, and keep the mean state and the usual spend of the second half of them."""
        days, least = market.scenario.traffic.train_days, _LEAST_USUAL * self._task.hourly_spend
        found = Rehearsed(self._first, self._usual)
        # Those with a rule keep it; everybody else bids by the baseline.
        rivals = market.fixed[:, :, None].copy()
        rivals[market.learners] = market.static(market.scenario.platform.baseline)[market.learners]
        for k in range(int(rehearsals.max(initial=0))):
            day, sim = self._start(found.state[:, :, None]), market.day(days[k % len(days)])
            states = []
            while not sim.is_over:
                theta = rivals.copy()
                bids = day.act(sim.state.of(advertisers))
                theta[advertisers] = bids.coefficients
                entered = np.ones((len(theta), 1))
                entered[advertisers] = bids.share
                sim.step(theta, None if (entered == 1.0).all() else entered)
                states.append(day.state)
            day.observe(sim.state.of(advertisers))
            usual = np.maximum(spent(sim.cumulative[advertisers])[:, 0] / HOURS, least)
            found.add(day.state[:, :, 0], np.mean(states, axis=0)[:, :, 0], usual, k, rehearsals)
            self._usual = found.usual
        self._first, self._usual = found.mean_state, found.mean_usual


class Rehearsed:
    """What rehearsals found so far.

    Args:
        state: The state before them, `[N_ROWS, n]`.
        usual: Usual hourly spend before them, currency, `[n]`.
    """

    def __init__(self, state: Array, usual: Array) -> None:
        self.state, self.usual = state, usual
        self.mean_state, self.mean_usual = state, usual
        self._days = np.zeros(len(usual))

    def add(self, state: Array, mean: Array, usual: Array, k: int, rehearsals: NDArray[np.int64]) -> None:
        """Add the k-th day of those who have more rehearsals than k; means are over the second half of them.

        Args:
            state: State at the day's end, `[N_ROWS, n]`.
            mean: Mean state over its hours, `[N_ROWS, n]`.
            usual: Spend of an hour, `[n]`.
            k: Number of the day, from 0.
            rehearsals: Number of days of each advertiser, `[n]`.
        """
        plays = k < rehearsals
        self.state, self.usual = np.where(plays, state, self.state), np.where(plays, usual, self.usual)
        counts = plays & (2 * k + 1 >= rehearsals)
        self._days = self._days + counts
        part = np.where(counts, 1.0 / np.maximum(self._days, 1.0), 0.0)
        self.mean_state = self.mean_state + part * (mean - self.mean_state)
        self.mean_usual = self.mean_usual + part * (usual - self.mean_usual)


class PacedDay:
    """A day of value maximizers: what was planned, and the pacers of each method.

    Args:
        task: The goals of the n advertisers.
        share: Each hour's share of what is left, `[24, n]`.
        parts: Indices among the n, and their pacer.
        estimates: Estimates by which the n count conversions that are late.
    """

    def __init__(self, task: Task, share: Array, parts: list[tuple[NDArray[np.int64], Pacer]], estimates: Estimates) -> None:
        self._task, self._share, self._parts, self._estimates = task, share[:, :, None], parts, estimates
        self._planned: dict[int, tuple[Array, Array]] = {}

    def act(self, state: DayState) -> Participation:
        """Learn from the last hour reported, plan the next, and bid."""
        self.observe(state)
        share, cost = self._share[state.hour], spent(state.cumulative)
        missing = np.maximum(self._task.least_spend[:, None] - self._for_least(cost), 0.0)
        self._planned[state.steps_done] = self._task.pooled(planned_spend(share, state.budget_left)), share * missing
        theta, entered = np.zeros((len(share), len(FEATURES), state.n_policies)), np.ones((len(share), state.n_policies))
        for who, pacer in self._parts:
            theta[who], entered[who] = pacer.bids(missing[who] > 0)
        return Participation(theta, entered)

    def observe(self, state: DayState) -> None:
        """Learn from the last hour reported, whose end the state is."""
        if state.reported - 1 not in self._planned:
            return
        planned, least = self._planned[state.reported - 1]
        cost, judged = spent(state.last_step), self._estimates.step(state)
        # What a target is held by is of the clicks that the estimate judges, whenever they were paid for.
        earned = self._task.earned(judged) + (cost - spent(judged))
        common, for_least = self._task.pooled(cost), self._for_least(cost)
        for who, pacer in self._parts:
            pacer.observe(Period(cost[who], common[who], earned[:, who], planned[who], for_least[who], least[who]))

    def _for_least(self, cost: Array) -> Array:
        """Return the cost that counts for the least spend, `[n, P]`: of all who share it where it is common."""
        return np.where(self._task.has_common_least[:, None], self._task.pooled(cost), cost)

    @property
    def state(self) -> Array:
        """State of all pacers, `[N_ROWS, n, P]`."""
        n_policies = self._parts[0][1].state.shape[2]
        found = np.zeros((N_ROWS, self._share.shape[1], n_policies))
        for who, pacer in self._parts:
            found[:, who] = pacer.state
        return found
