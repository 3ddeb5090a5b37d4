"""The learner `maab`: temperature-weighted rewards, bar agents, mean agents (Wen et al., WSDM 2022, arXiv 2106.06224).

Mean agents: one Q-network per group of the scenario sees the mean of its members and sets a multiplier b in [0, 5];
advertiser k then bids b times the group's mean keyword bid times `v_k / mean v`, v its value of a click. Temperature: what
all groups earn, r_tot, is shared as `a_i = softmax(b_i / tau)`: to the highest bidder for tau towards 0, evenly for large
tau. Bar agents set a bid floor b' to each group in training: `z = 1[b >= b']`, the group learns from `z a r_tot`, its bar
agent from `z p`, p what the group pays, so that groups cannot agree on low bids. All learn by Q-learning on their own.

Ours: a step is an hour, so shares and floors are the hour's, not an auction's; `v_k / mean v` is not cut at 3, which
coefficients cannot express; the first copy of a day plays without exploring, to show progress.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from auctionsim import arithmetic
from auctionsim.agents.learners.base import Arrays, TaskBatch, learner_repr
from auctionsim.agents.learners.grouped.clusters import (
    INPUTS,
    ClusterDays,
    ClusterPolicy,
    Clusters,
    by_group,
    coefficients,
    logged,
    simulate,
)
from auctionsim.agents.learners.rl import stacked_mlp as mlp
from auctionsim.agents.learners.rl.replay_memory import NON_TERMINAL, TERMINAL, Days, add, empty_memory, sample
from auctionsim.agents.learners.rl.rollout import Floats
from auctionsim.agents.learners.schedules import lr_schedule
from auctionsim.agents.policies.base import Policy
from auctionsim.auction.bid_formula import FEATURES
from auctionsim.market.market import Market
from auctionsim.scenario import MaabSection, Scenario
from auctionsim.streams import stream
from auctionsim.traffic.table import HOURS

Array = NDArray[np.float64]
Network = dict[str, Floats]


@dataclass(frozen=True, eq=False)
class Episode:
    """One task: parallel copies of a training day under the networks as they stand."""

    day: int
    num_envs: int
    iteration: int
    epsilon: float


class Maab:
    """The learner `maab`; see the module's text."""

    Constants = MaabSection

    __repr__ = learner_repr

    def __init__(self, scenario: Scenario, constants: MaabSection) -> None:
        self._scenario, self._settings = scenario, constants

    def start(self, market: Market) -> Arrays:
        """Draw networks from the seed, alike for train and target, with an empty replay buffer."""
        settings, scenario = self._settings, self._scenario
        agents = len(by_group(market)) * (2 if settings.bid_floors else 1)
        sizes = (INPUTS, *settings.hidden_sizes, settings.n_actions)
        train = mlp.as_arrays(mlp.random_parameters(stream(market.seed, "maab-network"), agents, sizes))
        days = scenario.train.iterations * scenario.learner.population * len(scenario.traffic.train_days)
        return {
            **mlp.flatten("train-", train),
            **mlp.flatten("target-", {name: value.copy() for name, value in train.items()}),
            **mlp.flatten("square-", {name: np.zeros_like(value) for name, value in train.items()}),
            **empty_memory(min(settings.buffer_size, days), HOURS, agents, INPUTS),
            "iteration": np.zeros(1, dtype=np.int64),
        }

    def ask(self, market: Market, state: Arrays) -> TaskBatch:  # noqa: ARG002  (a learner may need the market)
        """Return one task per training day."""
        settings, iteration = self._settings, int(state["iteration"][0])
        done = iteration / (settings.exploration_fraction * self._scenario.train.iterations)
        epsilon = max(settings.epsilon_end, 1.0 - (1.0 - settings.epsilon_end) * done)
        num_envs, network = self._scenario.learner.population, mlp.unflatten("train-", state)
        days = self._scenario.traffic.train_days
        return TaskBatch(rollout, network, [Episode(day, num_envs, iteration, epsilon) for day in days])

    def tell(self, market: Market, state: Arrays, results: Sequence[ClusterDays]) -> tuple[Arrays, Mapping[str, float]]:
        """Add the days to the replay buffer and take the gradient steps."""
        settings, iteration = self._settings, int(state["iteration"][0])
        memory = {name: value.copy() for name, value in state.items() if name.startswith("memory")}
        before = int(memory["memory-written"][0])
        for played in results:
            add(memory, shared_rewards(played, self._multipliers, settings.temperature))
        is_due = before // settings.target_update_interval < int(memory["memory-written"][0]) // settings.target_update_interval
        train, square = (mlp.as_tensors(mlp.unflatten(f"{name}-", state)) for name in ("train", "square"))
        target = mlp.as_tensors(mlp.unflatten("train-" if is_due else "target-", state))
        rng = stream(market.seed, "maab-replay", iteration)
        rate = lr_schedule(settings.learning_rate, iteration / self._scenario.train.iterations)
        agents, losses = len(train["bias-0"]), 0.0
        # Bid floors learn twice as often (the source's choice): they chase the groups.
        slices = [slice(0, agents), slice(agents // 2, agents)] if settings.bid_floors else [slice(0, agents)]
        with mlp.one_thread():
            for _ in range(settings.gradient_steps):
                for who in slices:
                    batch = sample(memory, rng, settings.batch_size)
                    train, square, loss = _step(train, square, target, batch, who, rate, settings)
                    losses += loss / (settings.gradient_steps * len(slices))
        after = {
            **mlp.flatten("train-", mlp.as_arrays(train)),
            **mlp.flatten("square-", mlp.as_arrays(square)),
            **mlp.flatten("target-", mlp.unflatten("train-" if is_due else "target-", state)),
            **memory,
            "iteration": np.array([iteration + 1], dtype=np.int64),
        }
        return after, {"loss": losses, **logged(list(results))}

    def policy(self, market: Market, state: Arrays) -> Policy:
        """Return every group's best multiplier; bid floors serve training only."""
        clusters = by_group(market)
        network = {name: value[: len(clusters)] for name, value in mlp.unflatten("train-", state).items()}

        def act(observed: Floats) -> NDArray[np.int64]:
            return _best(network, observed)

        return ClusterPolicy(clusters, act, lambda chosen: _bids(market, clusters, self._multipliers[chosen]))

    def replays_per_iteration(self, market: Market) -> int:  # noqa: ARG002  (as other learners)
        """Return the number of parallel copies of a day."""
        return self._scenario.learner.population

    @property
    def _multipliers(self) -> Array:
        return np.linspace(0.0, self._settings.max_multiplier, self._settings.n_actions)


def rollout(market: Market, network: Network, episode: Episode) -> ClusterDays:
    """Simulate parallel copies of a day with exploration; chosen are the groups' actions, then their bar agents'."""
    clusters = by_group(market)
    settings = market.scenario.learner.maab
    multipliers = np.linspace(0.0, settings.max_multiplier, settings.n_actions)
    rng = stream(market.seed, "maab-explore", episode.iteration, episode.day)

    def act(observed: Floats) -> NDArray[np.int64]:
        both = np.concatenate([observed, observed], axis=1) if settings.bid_floors else observed
        chosen = _best(network, both)
        is_random = rng.random(chosen.shape) < episode.epsilon
        is_random[0] = False
        return np.where(is_random, rng.integers(settings.n_actions, size=chosen.shape), chosen)

    return simulate(
        market,
        episode.day,
        episode.num_envs,
        clusters,
        act,
        lambda chosen: _bids(market, clusters, multipliers[chosen[:, : len(clusters)]]),
    )


def shared_rewards(played: ClusterDays, multipliers: Array, temperature: float) -> Days:
    """Return parallel copies of a day as transitions: `z a r_tot` for the groups, and `z p` for bar agents where there are any.

    Args:
        played: Days with the actions chosen, `[copies, 24, C]`, or `[copies, 24, 2 C]` with bid floors.
        multipliers: Multiplier of each action.
        temperature: tau of the softmax.
    """
    groups = played.objective.shape[2]
    bid = multipliers[played.chosen[:, :, :groups]]
    reward = softmax(bid, temperature) * played.objective.sum(axis=2, keepdims=True)
    observed = played.observed
    if played.chosen.shape[2] > groups:
        passes = bid >= multipliers[played.chosen[:, :, groups:]]
        reward = np.concatenate([passes * reward, passes * played.payment], axis=2)
        observed = np.concatenate([observed, observed], axis=2)
    kind = np.full(played.chosen.shape, NON_TERMINAL, dtype=np.uint8)
    kind[:, -1] = TERMINAL
    return Days(observed.astype(np.float16), played.chosen.astype(np.uint16), reward.astype(np.float32), kind)


def softmax(values: Array, temperature: float) -> Array:
    """Return shares along the last axis that grow with the values; all to the largest for a temperature towards 0.

    For example values [0, 2] at temperature 2 give [0.27, 0.73].
    """
    scaled = arithmetic.exp((values - values.max(axis=-1, keepdims=True)) / temperature)
    return scaled / scaled.sum(axis=-1, keepdims=True)


def _bids(market: Market, clusters: Clusters, multiplier: Array) -> Array:
    """Return everybody's coefficients for multipliers `[P, C]`."""
    mean = dict(zip(FEATURES, market.mean_features[market.learners].T, strict=True))
    theta = np.zeros((len(market.learners), len(multiplier)))
    for k, own in enumerate(clusters):
        bid, value = float(mean["keyword_bid"][own].mean()), float(mean["value"][own].mean())
        # Without keyword bids to start from, a multiplier of 1 bids the value itself.
        theta[own] = multiplier[:, k] * (bid / value if bid > 0 and value > 0 else 1.0)
    return coefficients(market, {"value": theta})


def _best(network: Network, observed: Floats) -> NDArray[np.int64]:
    """Return the best actions `[P, agents]` for observations `[P, agents, 15]`."""
    return mlp.greedy(network, np.ascontiguousarray(observed.transpose(1, 0, 2))).T


def _step(
    train: mlp.Parameters, square: mlp.Parameters, target: mlp.Parameters, batch: mlp.Batch, who: slice, rate: float,
    settings: MaabSection,
) -> tuple[mlp.Parameters, mlp.Parameters, float]:  # fmt: skip
    """Take a gradient step of some agents; the others stand still."""
    part = mlp.Batch(**{name: getattr(batch, name)[who] for name in mlp.Batch.__dataclass_fields__})
    of_train, of_square, of_target = ({name: value[who] for name, value in one.items()} for one in (train, square, target))
    moved, squares, loss = mlp.step(of_train, of_square, of_target, part, gamma=settings.gamma, learning_rate=rate)
    return _replaced(train, moved, who), _replaced(square, squares, who), float(loss.mean())


def _replaced(parameters: mlp.Parameters, part: mlp.Parameters, who: slice) -> mlp.Parameters:
    after = {name: value.clone() for name, value in parameters.items()}
    for name, value in part.items():
        after[name][who] = value.detach()
    return after
