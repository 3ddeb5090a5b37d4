"""Simulate days side by side in one market: what the single, the vector and the torch environments share.

The copies' hours are cleared by an engine, on the processor or elsewhere. Rewards, costs and observations are computed where
the engine's arrays are: in numpy, or by the same functions in arrays of another library that follow numpy's protocols.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from auctionsim.auction.bid_formula import FEATURES
from auctionsim.auction.outcome import OUTCOMES
from auctionsim.envs.episode_sampler import EpisodeSeed
from auctionsim.errors import InputError
from auctionsim.market.actor import DayState
from auctionsim.market.bidding import coefficients_with, starting_coefficients
from auctionsim.market.copies.hour_formulas import observed, scored, violated
from auctionsim.market.copies.parallel_days import ParallelDays
from auctionsim.market.copies.relocated import on_processor
from auctionsim.market.copies.terms import DayTerms
from auctionsim.market.information.common import common_features
from auctionsim.market.information.shown import without_rivals
from auctionsim.market.market import Market
from auctionsim.objectives.costs import limits_of
from auctionsim.objectives.penalties import PENALTIES, reward_price
from auctionsim.traffic.table import HOURS

Array = NDArray[np.float64]


class Engine(Protocol):
    """Clears the hours of P copies of days in one market, each copy on a day and in an hour of its own.

    Arrays are numpy's, or any that follow numpy's protocols and stay where they are, on a GPU for example.
    """

    @property
    def prices(self) -> Array:
        """Return the prices that bidders may see, of numpy: see `ParallelDays.prices`."""

    def begin(self, copies: NDArray[np.int64], days: NDArray[np.int64], noise_seeds: Sequence[int]) -> None:
        """Begin a day from midnight in some copies, wherever they were: see `ParallelDays.begin`."""

    def stop(self, copies: NDArray[np.int64]) -> None:
        """Stop some copies before the end of their day."""

    def step(self, coefficients: Any) -> tuple[Any, Any]:
        """Clear the next hour of every copy on a day; return its totals and the budgets left: see `ParallelDays.step`."""


@dataclass(frozen=True, eq=False)
class HourResult:
    """Rewards, objectives and costs of one hour, for the A agents of P environments."""

    rewards: Array
    """Rewards, `[P, A]`."""
    objectives: Array
    """Clicks, conversions, GMV and profit, `[P, A, 4]`."""
    costs: Array
    """Costs of the constraints, `[P, A, C]` (`objectives.costs`); 0 where no day is being replayed."""
    is_over: NDArray[np.bool_]
    """Whether the day ended with this hour, `[P]`."""


class BatchedDays:
    """P environments in one market, each on a day and in an hour of its own.

    Args:
        market: The market.
        bid_model: Bid model whose coefficients the actions multiply, a key of `bid_formula.BID_MODELS`.
        num_envs: P, the number of environments.
        threads: Number of threads over which environments on the same day are split; it never changes a result.
        penalty: Shape of the penalty, one of `penalties.PENALTIES`.
        engine: Engine that clears the hours; one on the processor where None, the only one that uses `threads`.
        home: Function that puts an array of numpy where the engine's arrays are.
        formulas: Function that makes a formula of `hour_formulas` quick where they are.

    Raises:
        InputError: The market has no learner, or the penalty is unknown.
    """

    def __init__(
        self,
        market: Market,
        bid_model: str,
        num_envs: int,
        threads: int = 1,
        *,
        penalty: str = PENALTIES[0],
        engine: Engine | None = None,
        home: Callable[[Any], Any] = on_processor,
        formulas: Callable[[Callable[..., Any]], Callable[..., Any]] = on_processor,
    ) -> None:
        if not len(market.learners):
            raise InputError(f"{market.scenario.source}: advertisers: expected one whose controller is 'learner', got none")
        settings = market.scenario.learner
        price = reward_price(penalty, settings)
        self.market = market
        self.hour = np.full(num_envs, HOURS)
        """Hours replayed of each environment's day, `[P]`, of numpy; 24 where no day is being replayed."""
        self.day = np.zeros(num_envs, dtype=np.int64)
        """Day of each environment, `[P]`, of numpy."""
        n_advertisers = len(market.advertisers)
        self.cumulative = home(np.zeros((n_advertisers, len(OUTCOMES), num_envs)))
        """Impressions, clicks, conversions, GMV and cost of the day so far, `[advertisers, 5, P]`."""
        self.last_step = np.zeros_like(self.cumulative)
        """The same of the last hour. With `[delays]` both hold the conversions and GMV that arrived."""
        self._rewarded: tuple[Any, Any] | None = None
        """Totals that learners are paid by, of the last hour and so far, `[advertisers, 5, P]` each; None for the above."""
        self.coefficients = home(np.zeros((n_advertisers, len(FEATURES), num_envs)))
        """Coefficients of the last hour over `bid_formula.FEATURES`, `[advertisers, 4, P]`; NaN where a rule bids."""
        self._home = home
        self._engine: Engine = ParallelDays(market, num_envs, threads) if engine is None else engine
        self._is_running = np.zeros(num_envs, dtype=bool)
        self._model = bid_model
        self._start, self._fixed = home(starting_coefficients(market, bid_model)), home(market.fixed)
        self._learners, self._budgets = home(market.learners), home(market.first_budgets)
        self._budget_left = home(np.zeros((n_advertisers, num_envs)))
        information = market.information
        self._reports: deque[tuple[Any, Any]] = deque(maxlen=1 if information is None else information.delay + 1)
        common = common_features(information)
        self._common = None if common is None else home(common)
        self._scored = formulas(partial(scored, learners=self._learners, settings=settings, price=price))
        self._observed = formulas(partial(observed, learners=self._learners))
        self._violated = formulas(partial(violated, learners=self._learners))
        self._known: dict[int, DayTerms] = {}
        self._limits: Any = None

    def begin(self, envs: NDArray[np.int64], episodes: Sequence[EpisodeSeed]) -> None:
        """Begin a day from midnight in some environments, wherever they were.

        Args:
            envs: Indices of the environments, `[E]`.
            episodes: The episode of each of them, E; their days are training or test days (`checked_day`).
        """
        days = np.array([episode.day for episode in episodes])
        seeds = [episode.noise_seed for episode in episodes] if self.is_noisy else [0] * len(episodes)
        self.begin_days(envs, days, seeds)

    @property
    def is_noisy(self) -> bool:
        """Return whether seeds of noise are used, which take time to draw: sampled outcomes and throttled rules alone do."""
        return self.market.rules.outcomes == "sampled" or bool(self.market.rule_policies)

    def begin_days(self, envs: NDArray[np.int64], days: NDArray[np.int64], noise_seeds: Sequence[int]) -> None:
        """Begin given days from midnight in some environments.

        Args:
            envs: Indices of the environments, `[E]`.
            days: Training or test day of each of them, `[E]`.
            noise_seeds: Seed of the sampling noise of each of them, E.
        """
        self.day[envs], self.hour[envs], self._is_running[envs] = days, 0, True
        self._engine.begin(envs, days, noise_seeds)
        # New arrays, since the engine may go on with the old ones.
        begun = np.zeros(len(self.hour), dtype=bool)
        begun[envs] = True
        is_new = self._home(begun)
        self.cumulative = np.where(is_new, 0.0, self.cumulative)
        self.last_step = np.where(is_new, 0.0, self.last_step)
        if self._rewarded is not None:
            self._rewarded = np.where(is_new, 0.0, self._rewarded[0]), np.where(is_new, 0.0, self._rewarded[1])
        self._budget_left = np.where(is_new, self._budgets[:, None], self._budget_left)
        held = self._reports or [(self._budget_left, self.last_step)]
        before = [(np.where(is_new, self._budget_left, left), np.where(is_new, 0.0, last)) for left, last in held]
        self._reports.clear()
        self._reports.extend(before)
        self._resolve()

    def stop(self, envs: NDArray[np.int64]) -> None:
        """Stop some environments before the end of their day.

        Args:
            envs: Indices of the environments.
        """
        self._is_running[envs] = False
        self._engine.stop(envs)

    def step(self, log_multipliers: Any) -> HourResult:
        """Replay the next hour of every environment that is on a day; the others get zeros.

        Args:
            log_multipliers: Logs of the factors on the starting coefficients, `[P, A, coefficients of the bid model]`.

        Returns:
            Rewards, objectives and costs of the hour, and which days ended with it.
        """
        theta = coefficients_with(self._fixed, self._learners, log_multipliers, self._start, self._model)
        self.coefficients = theta
        was_running = self._replay(theta)
        is_over = was_running & (self.hour == HOURS)
        rewards, objectives, costs = self._scored(
            self._terms,
            *(self._rewarded or (self.last_step, self.cumulative)),
            self._home(is_over) if is_over.any() else None,
            None if was_running.all() else self._home(was_running),
        )
        return HourResult(rewards, objectives, costs, is_over)

    def observations(self) -> NDArray[np.float32]:
        """Return the observations of all agents, in [-1, 1], `[P, A, 15]`."""
        found: NDArray[np.float32] = self._observed(self._terms, self._home(self.hour), *self.reported)
        return found

    @property
    def reported(self) -> tuple[Any, Any]:
        """Return what bidders were told last: budgets left `[advertisers, P]`, and totals of an hour `[advertisers, 5, P]`."""
        return self._reports[0]

    def as_common(self, observations: Any) -> Any:
        """Return observations `[..., 15]` with 0 in place of what agents may not know of each other."""
        return observations if self._common is None else observations * self._common

    def prices(self) -> Array | None:
        """Return the prices that agents may see, `[P, A, 2]`, 0 for none; None without `[information]`."""
        if self.market.information is None:
            return None
        found: Array = self._home(self._engine.prices[self.market.learners].transpose(2, 0, 1).copy())
        return found

    def violations(self) -> Array:
        """Return how far the day so far is beyond each limit, `[P, A, C]`: relative and signed, > 0 where it is violated."""
        found: Array = self._violated(self._terms, self.cumulative)
        return found

    def limits(self) -> Array:
        """Return the limits of the day, each in its own unit, `[P, A, C]`; infinite where there is none."""
        if self._limits is None:
            self._limits = limits_of(self._terms.goals, self._learners, len(self.hour))
        return self._limits.copy()

    def state(self) -> DayState:
        """Return what a policy of the market may look at, where all environments are in the same hour of one day.

        Raises:
            InputError: Reports are late.
        """
        self.market.expect_no_late_reports("logged datasets")
        arrays = self._budget_left.copy(), self.last_step.copy(), self.cumulative.copy()
        for array in arrays:
            array.flags.writeable = False
        state = DayState(int(self.day[0]), int(self.hour[0]), int(self.hour[0]), *arrays)
        return without_rivals(state, self.market.information, self.market.is_controlled)

    def _replay(self, theta: Any) -> NDArray[np.bool_]:
        """Replay an hour with coefficients `[advertisers, 4, P]`; return which environments were on a day."""
        was_running = self._is_running.copy()
        self.last_step, self._budget_left = self._engine.step(theta)
        self._reports.append((self._budget_left, self.last_step))
        self.cumulative = self.cumulative + self.last_step
        # An engine elsewhere knows no delays.
        paid = getattr(self._engine, "rewarded", None)
        if paid is not None:
            self._rewarded = paid, paid if self._rewarded is None else self._rewarded[1] + paid
        self.hour = self.hour + was_running
        self._is_running &= self.hour < HOURS
        return was_running

    def _resolve(self) -> None:
        """Look up goals, scales and cost rates of the days that the environments are on."""
        days, index = np.unique(self.day, return_inverse=True)
        for day in days.tolist():
            if day not in self._known:
                self._known[day] = DayTerms.of(self.market, day, self._home)
        self._limits = None
        self._terms = DayTerms.of_copies([self._known[day] for day in days.tolist()], self._home(index))
