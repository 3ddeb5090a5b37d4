"""Every advertiser learns a multiplier on the value of a click by trying multipliers of a grid, each for itself.

`q-learning`: one value per multiplier, `Q(a) <- Q(a) + rate (r + gamma max Q - Q(a))`, and random multipliers with a chance
that falls (the learners of Banchio and Skrzypacz 2022, arXiv 2202.05947, and Calvano et al. 2020, without memory of prices).
`exp3`: multipliers are drawn with probabilities that follow importance-weighted rewards, without regret against any sequence
(Auer, Cesa-Bianchi, Freund and Schapire 2002).

A trial lasts an hour of a training day; `learner.population` copies of the day are played at once, and what they bring is
learned in the order of hours and copies. The reward is the hour's profit as a share of the value of all the advertiser's
auctions of that hour. What more a trial teaches than its own reward is `feedback` (`counterfactuals.py`): with `own-wins` the
advertiser knows no rival's bid and no price that it did not pay. Where all multipliers are known, `q-learning` moves all of
their values at once (synchronous learning: Asker, Fershtman and Pakes 2022), and `exp3` is the hedge of Freund and Schapire.

The scenario names the class by its path, `auctionsim.agents.learners.bandits.multiplier_bandit:MultiplierBandit`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from auctionsim import arithmetic
from auctionsim.agents.learners.bandits.counterfactuals import FEEDBACKS, Feedback, check_feedback, known_rewards
from auctionsim.agents.learners.base import Arrays, TaskBatch, learner_repr
from auctionsim.agents.policies.base import Constant, DayPolicy, DayState, Policy
from auctionsim.auction.bid_formula import FEATURES
from auctionsim.market.market import Market
from auctionsim.market.simulate import simulate_day
from auctionsim.scenario import Regime, Scenario, Section
from auctionsim.scenario.base import Positive, Share
from auctionsim.streams import stream
from auctionsim.traffic.table import HOURS

Array = NDArray[np.float64]
Arms = NDArray[np.int64]

_VALUE = FEATURES.index("value")
_TINY = 1e-12


class BanditSection(Section):
    """Constants of `MultiplierBandit`."""

    rule: Literal["q-learning", "exp3"] = "q-learning"
    """The rule by which multipliers are drawn and rewards learned."""
    multipliers: Annotated[int, Field(ge=2, le=1000)] = 20
    """Multipliers of the grid, evenly from `largest` / `multipliers` up to `largest`."""
    largest: Positive = 1.0
    """The largest multiplier; 1 bids the value of a click."""
    rate: Annotated[float, Field(gt=0, le=1)] = 0.05
    """`q-learning`: step of Q towards the target. `exp3`: share of random multipliers, in the first trial and ever after."""
    gamma: Annotated[float, Field(ge=0, lt=1)] = 0.0
    """`q-learning`: discount of the next trial's value."""
    exploration_fraction: Annotated[float, Field(gt=0, le=1)] = 0.8
    """`q-learning`: share of the iterations over which the chance of a random multiplier falls from 1 to `epsilon_end`."""
    epsilon_end: Share = 0.02
    """`q-learning`: chance of a random multiplier from then on."""
    feedback: Feedback = "own-wins"
    """Rewards that a trial teaches. `own-wins`: its own reward. `winning-price`: in a second-price auction of one slot, also
    that of all lower multipliers. `least-winning-cost`: that of every multiplier. `[information]` must show it."""


@dataclass(frozen=True, eq=False)
class Played:
    """One task's result: what was tried on copies of a training day, and what it brought."""

    chosen: Arms
    """Index of the multiplier, `[24, learners, copies]`."""
    reward: Array
    """Profit of the hour over the value of the advertiser's auctions in it, `[24, learners, copies]`; 0 without auctions."""
    ratios: tuple[float, float]
    """The platform's revenue and all advertisers' profit over the baseline's, means over copies."""
    known: Array | None = None
    """Reward of every multiplier, NaN where the trial does not teach it, `[24, learners, multipliers, copies]`; None where each
    teaches its own alone."""


class MultiplierBandit:
    """A learner; see the module's text."""

    Constants = BanditSection

    __repr__ = learner_repr

    def __init__(self, scenario: Scenario, constants: BanditSection) -> None:
        self._scenario, self._settings = scenario, constants
        check_feedback(scenario, constants.feedback)

    @property
    def needs(self) -> Regime:
        """The regime of `[information]` that shows the feedback: upper slots were won at other bids than the last one."""
        own = self._settings.feedback
        return "full" if own != "own-wins" and len(self._scenario.mechanism.slot_effect) > 1 else own

    @property
    def needs_auctions(self) -> bool:
        """Whether it needs the figures of single auctions."""
        return self._settings.feedback != "own-wins"

    def start(self, market: Market) -> Arrays:
        """Return values of 0 for every multiplier: nothing is known.

        Raises:
            InputError: Conversions are late, or what others bid is to teach and traffic is larger than memory.
        """
        market.expect_no_delays("multiplier bandits")
        if self._settings.feedback != "own-wins":
            # Single auctions are looked at, which a table alone has.
            _ = market.traffic
        n, k = len(market.learners), self._settings.multipliers
        return {"values": np.zeros((n, k)), "trials": np.zeros(1, dtype=np.int64), "iteration": np.zeros(1, dtype=np.int64)}

    def ask(self, market: Market, state: Arrays) -> TaskBatch:
        """Return one task per training day, with what each copy tries in each hour."""
        settings, iteration = self._settings, int(state["iteration"][0])
        probability = self._probability(state)
        edges = np.cumsum(probability, axis=1)[:, np.newaxis, :-1]
        shape = (HOURS, len(market.learners), self._scenario.learner.population)
        tasks = []
        for day in self._scenario.traffic.train_days:
            draws = stream(market.seed, "bandit", iteration, day).random(shape)
            tasks.append((day, (draws[..., np.newaxis] >= edges).sum(axis=-1)))
        shared = {"grid": grid_of(settings), "feedback": np.array(FEEDBACKS.index(settings.feedback))}
        return TaskBatch(play, shared, tasks)

    def tell(self, market: Market, state: Arrays, results: Sequence[Played]) -> tuple[Arrays, Mapping[str, float]]:  # noqa: ARG002
        """Learn from the trials, hour by hour and copy by copy."""
        values = state["values"].copy()
        chosen, reward = (np.concatenate([getattr(one, name) for one in results]) for name in ("chosen", "reward"))
        learn = self._q_learning if self._settings.rule == "q-learning" else self._exp3
        if self._settings.feedback == "own-wins":
            learn(values, chosen, reward, self._probability(state))
        else:
            known = np.concatenate([one.known for one in results if one.known is not None])
            self._learn_known(values, known, self._probability(state))
        after = {
            "values": values,
            "trials": state["trials"] + chosen.shape[0] * chosen.shape[2],
            "iteration": state["iteration"] + 1,
        }
        revenue, profit = np.mean([one.ratios for one in results], axis=0).tolist()
        return after, {"revenue_ratio": revenue, "profit_ratio": profit, "reward": float(reward.mean())}

    def policy(self, market: Market, state: Arrays) -> Policy:
        """Return the multiplier of the largest value, the smallest of equal ones; of `exp3` it is the likeliest."""
        best = grid_of(self._settings)[state["values"].argmax(axis=1)]
        return Constant(_coefficients(market, best[:, np.newaxis]))

    def replays_per_iteration(self, market: Market) -> int:  # noqa: ARG002  (as other learners)
        """Return the number of parallel copies of a day."""
        return self._scenario.learner.population

    def _probability(self, state: Arrays) -> Array:
        """Return the probability of each multiplier, `[learners, multipliers]`."""
        settings, values = self._settings, state["values"]
        k = settings.multipliers
        if settings.rule == "exp3":
            # The rate that fits the trials so far, as where their number is not known beforehand; a trial that teaches every
            # multiplier is worth k of the others.
            trials = float(state["trials"][0]) + k
            per_trial = 1 if settings.feedback == "least-winning-cost" else k
            scaled = values * np.sqrt(arithmetic.log(float(k)) / (per_trial * trials))
            weight = arithmetic.exp(scaled - scaled.max(axis=1, keepdims=True))
            return (1 - settings.rate) * weight / weight.sum(axis=1, keepdims=True) + settings.rate / k
        done = int(state["iteration"][0]) / (settings.exploration_fraction * self._scenario.train.iterations)
        epsilon = max(settings.epsilon_end, 1 - (1 - settings.epsilon_end) * done)
        probability = np.full(values.shape, epsilon / k)
        probability[np.arange(len(values)), values.argmax(axis=1)] += 1 - epsilon
        return probability

    def _q_learning(self, values: Array, chosen: Arms, reward: Array, probability: Array) -> None:  # noqa: ARG002  (as exp3)
        rate, gamma, who = self._settings.rate, self._settings.gamma, np.arange(len(values))
        for hour, hourly in zip(chosen, reward, strict=True):
            for arm, gain in zip(hour.T, hourly.T, strict=True):
                target = gain + gamma * values.max(axis=1) if gamma else gain
                values[who, arm] += rate * (target - values[who, arm])

    def _learn_known(self, values: Array, known: Array, probability: Array) -> None:
        """Learn from trials that teach several multipliers, `[trials, learners, multipliers, copies]`."""
        is_known, gamma = np.isfinite(known), self._settings.gamma
        if self._settings.rule == "exp3":
            # The chance that a multiplier is learned of: of itself or a higher one, or 1.
            is_all = self._settings.feedback == "least-winning-cost"
            chance = np.ones_like(probability) if is_all else np.cumsum(probability[:, ::-1], axis=1)[:, ::-1]
            values += (np.where(is_known, known, 0.0) / chance[:, :, np.newaxis]).sum(axis=(0, 3))
            return
        for hour, learned in zip(known, is_known, strict=True):
            for copy in range(hour.shape[2]):
                target = hour[:, :, copy] + (gamma * values.max(axis=1, keepdims=True) if gamma else 0.0)
                values += np.where(learned[:, :, copy], self._settings.rate * (target - values), 0.0)

    def _exp3(self, values: Array, chosen: Arms, reward: Array, probability: Array) -> None:
        # All trials of an iteration were drawn with the same probabilities, so their order does not matter.
        who = np.arange(len(values))[np.newaxis, :, np.newaxis]
        np.add.at(values, (np.broadcast_to(who, chosen.shape), chosen), reward / probability[who, chosen])


def grid_of(settings: BanditSection) -> Array:
    """Return the multipliers, `[multipliers]`; for example 0.05, 0.1, ... 1."""
    return settings.largest * np.arange(1, settings.multipliers + 1) / settings.multipliers


def play(market: Market, shared: Arrays, task: tuple[int, Arms]) -> Played:
    """Play copies of a training day with the multipliers that are tried in each hour; a task is the day and `[24, n, P]`."""
    day, chosen = task
    run = simulate_day(market, day, _Tried(shared["grid"][chosen]), n_policies=chosen.shape[2])
    outcome, learners = run.outcome, market.learners
    worth = market.hourly_features(day)[:, learners, _VALUE] * market.hourly_auctions(day)[:, learners]
    profit = outcome.profit[:, learners]
    reward = np.divide(profit, worth[:, :, np.newaxis], out=np.zeros_like(profit), where=worth[:, :, np.newaxis] > _TINY)
    baseline = market.baseline[day]
    ratios = [
        float(getattr(outcome, name).sum() / chosen.shape[2] / max(float(getattr(baseline, name).sum()), _TINY))
        for name in ("revenue", "profit")
    ]
    feedback = FEEDBACKS[int(shared["feedback"])]
    known = None if feedback == "own-wins" else known_rewards(run, market, shared["grid"], chosen, reward, worth, feedback)
    return Played(chosen, reward, (ratios[0], ratios[1]), known)


@dataclass(frozen=True, eq=False)
class _Tried:
    """Bid each hour the multipliers that its copies try."""

    multipliers: Array
    """Multiplier on the value of a click, `[24, learners, P]`."""

    def begin(self, market: Market, day: int, n_policies: int) -> DayPolicy:  # noqa: ARG002  (as many as copies)
        """Begin the day."""

        def act(state: DayState) -> Array:
            return _coefficients(market, self.multipliers[state.hour])

        return DayPolicy(act)


def _coefficients(market: Market, multipliers: Array) -> Array:
    """Return everybody's coefficients where the learners bid multiples of the value, `[learners, P]` of them."""
    theta = np.repeat(market.fixed[:, :, np.newaxis], multipliers.shape[1], axis=2)
    theta[market.learners, _VALUE] = multipliers
    return theta
