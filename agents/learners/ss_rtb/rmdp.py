"""SS-RTB (Zhao et al. 2018): the learners `rmdp-dqn`, `m-rmdp-dqn` and `amdp-dqn`; docs/ss-rtb.md says which choices are ours.

One agent per controlled advertiser sets alpha for a step; the market bids alpha x pcvr in every auction. Each has a Q-network
of its own, learned by Algorithm 1 with three networks: train, episode (acts; the training network as it stood when the episode
began) and target. All agents' networks are one stack, all parallel copies of the day one replay.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray

from auctionsim import arithmetic
from auctionsim.agents.learners.base import Arrays, TaskBatch, learner_repr
from auctionsim.agents.learners.rl import stacked_mlp as mlp
from auctionsim.agents.learners.rl.replay_memory import add, empty_memory, sample
from auctionsim.agents.learners.schedules import lr_schedule
from auctionsim.agents.learners.ss_rtb.rmdp_day import Episode, Network, Rollout, rollout
from auctionsim.agents.learners.ss_rtb.rmdp_state import Scales, View
from auctionsim.agents.policies.base import DayPolicy, DayState
from auctionsim.agents.policies.keyword_bids import alpha_bids, base_alpha, keyword_cost, linear_alpha, marginal_value_of_spend
from auctionsim.auction.outcome import COST, GMV
from auctionsim.market.market import Market
from auctionsim.names.display import short_repr
from auctionsim.scenario import DqnSection, Scenario
from auctionsim.streams import stream
from auctionsim.traffic.steps import Steps, minutes_steps

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Plan:
    """All that follows from the market before anything is learned."""

    training: Market
    """The market with its rates realised."""
    scales: Scales
    grid: Array
    """Alpha of each action, `[learners, actions]`."""
    parts: NDArray[np.int64]
    """Steps of each hour at the level of auctions, `[24]`."""
    views: dict[int, View]
    """Views of the training days."""
    value_of_cost: Array
    """Marginal value of spend (lambda): GMV that one more unit of cost brings at `linear`, `[learners]`."""
    scale: Array
    """Mean GMV of a step under keyword bids, `[learners]`."""


class Rmdp:
    """The learners of SS-RTB; see the module's text."""

    Constants = DqnSection

    __repr__ = learner_repr

    def __init__(self, scenario: Scenario, constants: DqnSection) -> None:
        self._scenario, self._settings = scenario, constants
        self._is_auction_level = scenario.learner.algorithm == "amdp-dqn"
        self._cooperation = scenario.learner.cooperation if scenario.learner.algorithm == "m-rmdp-dqn" else 0.0
        self._is_priced = self._settings.shaping or self._settings.overspend == "lagrangian"
        # A plan is a pure function of its market and takes a second to make.
        self._plans: WeakKeyDictionary[Market, Plan] = WeakKeyDictionary()

    def start(self, market: Market) -> Arrays:
        """Draw networks from the seed, alike for train and target, with an empty replay buffer."""
        settings, plan = self._settings, self._plan(market)
        days = self._scenario.traffic.train_days
        inputs = len(plan.views[days[0]].features)
        sizes = (inputs, *settings.hidden_sizes, settings.alphas)
        train = mlp.as_arrays(mlp.random_parameters(stream(market.seed, "q-network"), len(market.learners), sizes))
        steps = len(plan.views[days[0]].steps)
        made = self._scenario.train.iterations * settings.num_envs * len(days)
        kept = max(1, min(-(-settings.buffer_size // steps), made))
        return {
            **mlp.flatten("train-", train),
            **mlp.flatten("target-", {name: value.copy() for name, value in train.items()}),
            **mlp.flatten("square-", {name: np.zeros_like(value) for name, value in train.items()}),
            **empty_memory(kept, steps, len(market.learners), inputs),
            "iteration": np.zeros(1, dtype=np.int64),
        }

    def ask(self, market: Market, state: Arrays) -> TaskBatch:
        """Return one task per training day: its parallel copies under the episode network."""
        plan, iteration, learner = self._plan(market), int(state["iteration"][0]), self._scenario.learner
        drawn = plan.training.traffic
        episodes = [
            Episode(
                day=day,
                num_envs=self._settings.num_envs,
                iteration=iteration,
                epsilon=max(0.0, 1 - iteration / (self._settings.exploration_fraction * self._scenario.train.iterations)),
                rates=(drawn.ctr, drawn.cvr),
                view=plan.views[day],
                grid=plan.grid,
                value_of_cost=plan.value_of_cost if self._is_priced else np.zeros_like(plan.value_of_cost),
                scale=plan.scale,
                cooperation=self._cooperation,
                is_mean=self._settings.public_reward == "mean",
                local_credit=learner.local_credit,
                overspend=self._settings.overspend,
            )
            for day in self._scenario.traffic.train_days
        ]
        return TaskBatch(rollout, mlp.unflatten("train-", state), episodes)

    def tell(self, market: Market, state: Arrays, results: Sequence[Rollout]) -> tuple[Arrays, Mapping[str, float]]:
        """Add the days to the replay buffer and take the gradient steps."""
        settings, iteration = self._settings, int(state["iteration"][0])
        memory = {name: value.copy() for name, value in state.items() if name.startswith("memory")}
        steps = memory["memory-action"].shape[1]
        before = int(memory["memory-written"][0]) * steps
        for one in results:
            add(memory, one.days)
        is_due = (
            before // settings.target_update_interval
            < int(memory["memory-written"][0]) * steps // settings.target_update_interval
        )
        train, square, losses = self._learn(market, state, memory, is_due)
        after = {
            **mlp.flatten("train-", train),
            **mlp.flatten("square-", square),
            **mlp.flatten("target-", mlp.unflatten("train-" if is_due else "target-", state)),
            **memory,
            "iteration": np.array([iteration + 1], dtype=np.int64),
        }
        return after, {"loss": losses, **_logged(self._plan(market), market, results)}

    def policy(self, market: Market, state: Arrays, measured: Market | None = None) -> RmdpPolicy:
        """Return the greedy policy (prediction mode), for days of `measured`, the market itself where None."""
        plan, measured, settings = self._plan(market), measured or market, self._settings
        days = measured.baseline
        targets = {day: keyword_cost(measured, day) for day in days}
        views = {
            day: View.of(
                measured,
                plan.scales,
                day,
                self._steps(measured, plan.parts, day),
                targets[day],
                auction_level=self._is_auction_level,
                waves=settings.time_waves,
            )
            for day in days
        }
        return RmdpPolicy(views, plan.grid, mlp.unflatten("train-", state))

    def replays_per_iteration(self, market: Market) -> int:  # noqa: ARG002  (as other learners)
        """Return the number of parallel copies of a day."""
        return self._settings.num_envs

    def _learn(self, market: Market, state: Arrays, memory: Arrays, is_due: bool) -> tuple[Network, Network, float]:
        settings, iteration = self._settings, int(state["iteration"][0])
        train, square = (mlp.as_tensors(mlp.unflatten(f"{name}-", state)) for name in ("train", "square"))
        target = mlp.as_tensors(mlp.unflatten("train-" if is_due else "target-", state))
        rng = stream(market.seed, "replay", iteration)
        rate, losses = lr_schedule(settings.learning_rate, iteration / self._scenario.train.iterations), 0.0
        with mlp.one_thread():
            for _ in range(settings.gradient_steps):
                batch = sample(memory, rng, settings.batch_size)
                train, square, loss = mlp.step(train, square, target, batch, gamma=settings.gamma, learning_rate=rate)
                losses += float(loss.mean()) / settings.gradient_steps
        return mlp.as_arrays(train), mlp.as_arrays(square), losses

    def _plan(self, market: Market) -> Plan:
        if market not in self._plans:
            self._plans[market] = self._make_plan(market)
        return self._plans[market]

    def _make_plan(self, market: Market) -> Plan:
        days, settings = self._scenario.traffic.train_days, self._settings
        training = market.with_realized_rates()
        scales = Scales.of(training)
        low, high = arithmetic.log(settings.alpha_range)
        grid = base_alpha(market)[:, None] * arithmetic.exp(np.linspace(low, high, settings.alphas))
        parts = np.maximum(np.mean([_mean_auctions(market, day) for day in days], axis=0) / settings.step_auctions, 1)
        parts = np.round(parts).astype(np.int64)
        views = {
            day: View.of(
                training,
                scales,
                day,
                self._steps(market, parts, day),
                keyword_cost(training, day),
                auction_level=self._is_auction_level,
                waves=settings.time_waves,
            )
            for day in days
        }
        alpha = linear_alpha(training, days[0])
        gmv_of_step = scales.hour[:, GMV] * 24 / len(views[days[0]].steps)
        return Plan(
            training,
            scales,
            grid,
            parts,
            views,
            marginal_value_of_spend(training, days[0], alpha),
            np.maximum(gmv_of_step, 1e-12),
        )

    def _steps(self, market: Market, parts: NDArray[np.int64], day: int) -> Steps:
        if self._is_auction_level:
            return Steps.from_parts(market.traffic, day, parts)
        return minutes_steps(market.traffic, day, self._settings.step_minutes)


@dataclass(frozen=True, eq=False)
class RmdpPolicy:
    """Bid every agent's best alpha for the state it sees."""

    views: dict[int, View]
    grid: Array
    network: Network

    __repr__ = short_repr

    def begin(self, market: Market, day: int, n_policies: int) -> DayPolicy:  # noqa: ARG002  (any number)
        """Bid alpha x pcvr for the controlled advertisers, in the steps that were trained; the others follow their rules."""
        view = self.views[day]

        def act(state: DayState) -> Array:
            action = mlp.greedy(self.network, view.state(state))
            return alpha_bids(market, np.take_along_axis(self.grid, action, axis=1))

        return DayPolicy(act, steps=view.steps)


def _mean_auctions(market: Market, day: int) -> Array:
    mean: Array = market.hourly_auctions(day)[:, market.learners].mean(axis=1)
    return mean


def _logged(plan: Plan, market: Market, results: Sequence[Rollout]) -> dict[str, float]:
    """Return ratios to the baseline on the training days: of the greedy copy, and of the platform over all copies."""
    days = list(plan.views)
    totals = np.sum([one.totals for one in results], axis=0)
    own = totals[market.learners, :, 0]
    wanted = sum(plan.views[day].target.sum() for day in days)
    hours = plan.scales.hour.sum(axis=0) * 24 * len(days)
    baseline = [market.baseline[day] for day in days]
    revenue = sum(outcome.cost.sum() for outcome in baseline)
    profit = sum(outcome.gmv.sum() for outcome in baseline) - revenue
    return {
        "greedy_cost_ratio": float(own[:, COST].sum() / wanted),
        "greedy_gmv_ratio": float(own[:, GMV].sum() / hours[GMV]),
        "revenue_ratio": float(totals[:, COST].sum(axis=0).mean() / revenue),
        "profit_ratio": float((totals[:, GMV] - totals[:, COST]).sum(axis=0).mean() / profit),
    }
