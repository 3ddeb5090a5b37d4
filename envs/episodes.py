"""Days under way side by side in one market: what the single and the vector environments share.

Copies on the same day and hour are policies of one replay, so that an hour costs one call of the engine however many copies
there are; copies on different days cost one call per day.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache, cached_property, partial
from pathlib import Path
from weakref import WeakValueDictionary

import numpy as np
from numpy.typing import NDArray

from auctionsim.agents.build import build_market
from auctionsim.auction.day import DayReplay
from auctionsim.auction.outcome import COST, OUTCOMES
from auctionsim.envs.days import Draw
from auctionsim.errors import InputError
from auctionsim.market.bidding import market_coefficients, starting_coefficients
from auctionsim.market.goals import training_goals
from auctionsim.market.market import Market
from auctionsim.market.observations import Scales, observe
from auctionsim.objectives import goals as obj
from auctionsim.objectives.fitness import day_charge
from auctionsim.scenario import Scenario
from auctionsim.scenario.file import load_scenario
from auctionsim.traffic.table import HOURS

Array = NDArray[np.float64]
# Fewer are replayed by one thread as fast as by two.
_COPIES_PER_THREAD = 32


@cache
def _pool(threads: int) -> ThreadPoolExecutor:
    return ThreadPoolExecutor(threads)


def _side_by_side(calls: Sequence[Callable[[], Array]], threads: int) -> list[Array]:
    """Their results in order. The calling thread takes the last one: to wait for a thread costs as much as Python's share."""
    if threads == 1 or len(calls) <= 1:
        return [call() for call in calls]
    others = [_pool(threads - 1).submit(call) for call in calls[:-1]]
    last = calls[-1]()
    return [*(other.result() for other in others), last]


# Environments are made by the dozen, and a generated market does not change: those in use are shared.
_in_use: WeakValueDictionary[str, Market] = WeakValueDictionary()


def market_of(scenario: Market | Scenario | str | Path) -> Market:
    """The market of a scenario, of a scenario file or of a built-in scenario; a market as it is."""
    if isinstance(scenario, Market):
        return scenario
    scenario = scenario if isinstance(scenario, Scenario) else load_scenario(scenario)
    if not scenario.traffic.is_synthetic or scenario.folder is not None:
        return build_market(scenario)
    key = scenario.model_dump_json()
    market = _in_use.get(key)
    if market is None:
        _in_use[key] = market = build_market(scenario)
    return market


@dataclass(frozen=True, eq=False)
class Hour:
    """What an hour brought to P copies of A agents."""

    rewards: Array
    """`[P, A]`."""
    objectives: Array
    """Clicks, conversions, GMV and profit, `[P, A, 4]`."""
    is_over: NDArray[np.bool_]
    """Whether the day ended with this hour, `[P]`."""


@dataclass(eq=False)
class _Group:
    """Copies that began the same day at the same time: one replay, or one for each thread."""

    replay: DayReplay
    members: NDArray[np.int64]
    """The copy of each lane."""
    is_live: NDArray[np.bool_]
    """Whether the lane's copy is still on this day; others were started anew and are replayed in vain."""

    @cached_property
    def place(self) -> slice | NDArray[np.int64]:
        """The members as a slice where they are evenly spaced, as copies seeded one after the other are: a view, no copy."""
        step = int(self.members[1] - self.members[0]) if len(self.members) > 1 else 1
        is_even = step > 0 and (np.diff(self.members) == step).all()
        return slice(int(self.members[0]), int(self.members[-1]) + 1, step) if is_even else self.members


class Episodes:
    """P copies of a market, each on a day and an hour of its own.

    Args:
        market: The market.
        bid_model: What the log multipliers multiply.
        copies: P.
        threads: Copies on the same day are split over this many threads; never changes a result.
    """

    def __init__(self, market: Market, bid_model: str, copies: int, threads: int = 1) -> None:
        if not len(market.learners):
            raise InputError(f"{market.scenario.source}: advertisers: expected one whose controller is 'learner', got none")
        self.market = market
        self.hour = np.full(copies, HOURS)
        self.day = np.zeros(copies, dtype=np.int64)
        n_advertisers = len(market.advertisers)
        self.totals = np.zeros((n_advertisers, len(OUTCOMES), copies))
        """Of the day so far, `[advertisers, 5, P]`."""
        self.last = np.zeros_like(self.totals)
        """Of the last hour, likewise."""
        self._threads = threads
        self._model = bid_model
        self._start = starting_coefficients(market, bid_model)
        self._budget_left = np.zeros((n_advertisers, copies))
        self._groups: list[_Group] = []
        self._known: dict[int, tuple[obj.Goals, Scales]] = {}

    def start(self, copies: NDArray[np.int64], draws: Sequence[Draw]) -> None:
        """Start a day in some copies, from midnight, whatever they were doing.

        Raises:
            InputError: A day is neither of the scenario's training nor of its test days.
        """
        days = np.array([draw.day for draw in draws])
        for day in np.unique(days).tolist():
            if day not in self.market.baseline:
                raise InputError(f"options['day']: expected one of {sorted(self.market.baseline)}, got {day}")
        self.stop(copies)
        self.day[copies], self.hour[copies] = days, 0
        self.totals[:, :, copies] = 0.0
        self.last[:, :, copies] = 0.0
        self._budget_left[:, copies] = self.market.budgets[:, None]
        # Only who samples or throttles asks for luck.
        by_luck = self.market.rules.outcomes == "sampled" or bool(self.market.rule_policies)
        luck = dict(zip(copies.tolist(), (draw.luck if by_luck else 0 for draw in draws), strict=True))
        for day in np.unique(days).tolist():
            of_day = copies[days == day]
            for members in np.array_split(of_day, min(self._threads, -(-len(of_day) // _COPIES_PER_THREAD))):
                replay = self.market.day(day, len(members), noise_seeds=[luck[copy] for copy in members.tolist()])
                self._groups.append(_Group(replay, members, np.ones(len(members), dtype=bool)))
        self._measure()

    def stop(self, copies: NDArray[np.int64]) -> None:
        """Take copies off their day before its end."""
        for group in self._groups:
            group.is_live &= ~np.isin(group.members, copies)
        self._groups = [group for group in self._groups if group.is_live.any()]

    def step(self, log_multipliers: Array) -> Hour:
        """Replay the next hour of every copy that is on a day; the others get zeros.

        Args:
            log_multipliers: `[P, A, coefficients of the bid model]`.
        """
        theta = market_coefficients(self.market, log_multipliers, self._start, self._model)
        was_under_way = self._replay(theta)
        settings = self.market.scenario.learner
        reward = obj.running_score(self.last, self._goals, settings)
        is_over = was_under_way & (self.hour == HOURS)
        if is_over.any():
            reward = reward - np.where(is_over, day_charge(self.totals, self._goals, settings), 0.0)
        learners = self.market.learners
        return Hour(reward[learners].T.copy(), obj.objective_vector(self.last)[learners].transpose(2, 0, 1).copy(), is_over)

    def observations(self) -> NDArray[np.float32]:
        """What the agents see, `[P, A, 15]`."""
        learners = self.market.learners
        revenue = obj.of_all(self.last[:, COST])
        return observe(self._scales, self.hour, self._budget_left[learners], self.last[learners], revenue)

    def _replay(self, theta: Array) -> NDArray[np.bool_]:
        """An hour of every group; returns which copies were on a day."""
        was_under_way = np.zeros(len(self.hour), dtype=bool)
        if len(self._groups) != 1 or not self._groups[0].is_live.all() or len(self._groups[0].members) < len(self.hour):
            self.last = np.zeros_like(self.last)
            calls = [partial(group.replay.step, theta[:, :, group.place]) for group in self._groups]
            for group, totals in zip(self._groups, _side_by_side(calls, self._threads), strict=True):
                copies, budget_left = group.place, group.replay.budget_left
                if not group.is_live.all():
                    copies, totals, budget_left = (
                        group.members[group.is_live], totals[:, :, group.is_live], budget_left[:, group.is_live],
                    )  # fmt: skip
                self.last[:, :, copies] = totals
                self._budget_left[:, copies] = budget_left
                was_under_way[copies] = True
        else:
            (group,) = self._groups
            self.last, self._budget_left = group.replay.step(theta), group.replay.budget_left.copy()
            was_under_way[:] = True
        self.totals = self.totals + self.last
        self.hour = self.hour + was_under_way
        self._groups = [group for group in self._groups if not group.replay.is_over]
        return was_under_way

    def _measure(self) -> None:
        """Goals and scales of the days the copies are on."""
        days, index = np.unique(self.day, return_inverse=True)
        known = [self._of_day(day) for day in days.tolist()]
        if len(known) == 1:
            self._goals, self._scales = known[0]
        else:
            self._goals = obj.goals_of_policies([goals for goals, _ in known], index)
            self._scales = Scales.of_policies([scales for _, scales in known], index)

    def _of_day(self, day: int) -> tuple[obj.Goals, Scales]:
        if day not in self._known:
            market = self.market
            self._known[day] = (training_goals(market, day), Scales.of(market, day, market.learners))
        return self._known[day]
