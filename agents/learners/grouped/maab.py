"""The learner `maab`: temperature-weighted reward sharing, bar agents, mean agents (Wen et al., WSDM 2022, arXiv 2106.06224).

Mean agents: one Q-network per group of the scenario sees the mean of its members and sets a multiplier b in [0, 5];
advertiser k then bids b times the group's mean keyword bid times `v_k / mean v`, v its value of a click. Temperature: what
all groups earn, r_tot, is shared as `a_i = softmax(b_i / tau)`: to the highest bidder for tau towards 0, evenly for large
tau. Bar agents set a bar b' to each group in training: `z = 1[b >= b']`, the group learns from `z a r_tot`, its bar from `z
p`, p what the group pays, so that groups cannot agree on low bids. All learn by Q-learning on their own.

Ours: a step is an hour, so shares and bars are the hour's, not an auction's; `v_k / mean v` is not cut at 3, which
coefficients cannot express; the first copy of a day plays without exploring, to show progress.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from auctionsim.agents.learners.base import Arrays, Work
from auctionsim.agents.learners.es.strategy import falling_rate
from auctionsim.agents.learners.grouped.clusters import (
    INPUTS,
    ClusterDays,
    ClusterPolicy,
    Clusters,
    by_group,
    coefficients,
    logged,
    play,
)
from auctionsim.agents.learners.rl import stacked_mlp as qnet
from auctionsim.agents.learners.rl.replay_memory import GOES_ON, LAST, Days, draw, empty_memory, remember
from auctionsim.agents.learners.rl.rollout import Floats
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
    """One task: copies of a training day under the networks as they stand."""

    day: int
    copies: int
    iteration: int
    epsilon: float


class Maab:
    """The learner `maab`; see the module's text."""

    def __init__(self, scenario: Scenario) -> None:
        self._scenario = scenario
        self._settings = scenario.learner.maab

    def start(self, market: Market) -> Arrays:
        """Networks drawn from the seed, alike for train and target, and an empty memory."""
        settings, scenario = self._settings, self._scenario
        agents = len(by_group(market)) * (2 if settings.bars else 1)
        sizes = (INPUTS, *settings.hidden, settings.levels)
        train = qnet.as_arrays(qnet.random_parameters(stream(market.seed, "maab-network"), agents, sizes))
        days = scenario.train.iterations * scenario.learner.population * len(scenario.traffic.train_days)
        return {
            **qnet.prefixed("train-", train),
            **qnet.prefixed("target-", {name: value.copy() for name, value in train.items()}),
            **qnet.prefixed("square-", {name: np.zeros_like(value) for name, value in train.items()}),
            **empty_memory(min(settings.replay_days, days), HOURS, agents, INPUTS),
            "iteration": np.zeros(1, dtype=np.int64),
        }

    def ask(self, market: Market, state: Arrays) -> Work:  # noqa: ARG002  (a learner may need the market)
        """One task per training day."""
        settings, iteration = self._settings, int(state["iteration"][0])
        done = iteration / (settings.exploration * self._scenario.train.iterations)
        epsilon = max(settings.last_epsilon, 1.0 - (1.0 - settings.last_epsilon) * done)
        copies, network = self._scenario.learner.population, qnet.of_prefix("train-", state)
        return Work(live, network, [Episode(day, copies, iteration, epsilon) for day in self._scenario.traffic.train_days])

    def tell(self, market: Market, state: Arrays, results: Sequence[ClusterDays]) -> tuple[Arrays, Mapping[str, float]]:
        """Remember the days and take the gradient steps."""
        settings, iteration = self._settings, int(state["iteration"][0])
        memory = {name: value.copy() for name, value in state.items() if name.startswith("memory")}
        before = int(memory["memory-written"][0])
        for played in results:
            remember(memory, shared_rewards(played, self._multipliers, settings.temperature))
        is_due = before // settings.target_every < int(memory["memory-written"][0]) // settings.target_every
        train, square = (qnet.as_tensors(qnet.of_prefix(f"{name}-", state)) for name in ("train", "square"))
        target = qnet.as_tensors(qnet.of_prefix("train-" if is_due else "target-", state))
        rng = stream(market.seed, "maab-replay", iteration)
        rate = falling_rate(settings.learning_rate, iteration / self._scenario.train.iterations)
        agents, losses = len(train["bias-0"]), 0.0
        # Bars learn twice as often (the source's choice): they chase the groups.
        slices = [slice(0, agents), slice(agents // 2, agents)] if settings.bars else [slice(0, agents)]
        with qnet.one_thread():
            for _ in range(settings.updates):
                for who in slices:
                    train, square, loss = _step(train, square, target, draw(memory, rng, settings.batch), who, rate, settings)
                    losses += loss / (settings.updates * len(slices))
        after = {
            **qnet.prefixed("train-", qnet.as_arrays(train)),
            **qnet.prefixed("square-", qnet.as_arrays(square)),
            **qnet.prefixed("target-", qnet.of_prefix("train-" if is_due else "target-", state)),
            **memory,
            "iteration": np.array([iteration + 1], dtype=np.int64),
        }
        return after, {"loss": losses, **logged(list(results))}

    def policy(self, market: Market, state: Arrays) -> Policy:
        """Every group's best multiplier; no bars."""
        clusters = by_group(market)
        network = {name: value[: len(clusters)] for name, value in qnet.of_prefix("train-", state).items()}

        def act(observed: Floats) -> NDArray[np.int64]:
            return _best(network, observed)

        return ClusterPolicy(clusters, act, lambda chosen: _bids(market, clusters, self._multipliers[chosen]))

    @property
    def _multipliers(self) -> Array:
        return np.linspace(0.0, self._settings.max_multiplier, self._settings.levels)


def live(market: Market, network: Network, episode: Episode) -> ClusterDays:
    """Play copies of a day with exploration; chosen are the groups' levels, then their bars'."""
    clusters = by_group(market)
    settings = market.scenario.learner.maab
    multipliers = np.linspace(0.0, settings.max_multiplier, settings.levels)
    rng = stream(market.seed, "maab-explore", episode.iteration, episode.day)

    def act(observed: Floats) -> NDArray[np.int64]:
        both = np.concatenate([observed, observed], axis=1) if settings.bars else observed
        chosen = _best(network, both)
        is_random = rng.random(chosen.shape) < episode.epsilon
        is_random[0] = False
        return np.where(is_random, rng.integers(settings.levels, size=chosen.shape), chosen)

    return play(
        market,
        episode.day,
        episode.copies,
        clusters,
        act,
        lambda chosen: _bids(market, clusters, multipliers[chosen[:, : len(clusters)]]),
    )


def shared_rewards(played: ClusterDays, multipliers: Array, temperature: float) -> Days:
    """Copies of a day as transitions: `z a r_tot` for the groups and, where there are bars, `z p` for these.

    Args:
        played: With levels chosen, `[copies, 24, C]` or `[copies, 24, 2 C]` with bars.
        multipliers: Of each level.
        temperature: tau of the softmax.
    """
    groups = played.objective.shape[2]
    bid = multipliers[played.chosen[:, :, :groups]]
    scaled = np.exp((bid - bid.max(axis=2, keepdims=True)) / temperature)
    reward = scaled / scaled.sum(axis=2, keepdims=True) * played.objective.sum(axis=2, keepdims=True)
    observed = played.observed
    if played.chosen.shape[2] > groups:
        passes = bid >= multipliers[played.chosen[:, :, groups:]]
        reward = np.concatenate([passes * reward, passes * played.payment], axis=2)
        observed = np.concatenate([observed, observed], axis=2)
    kind = np.full(played.chosen.shape, GOES_ON, dtype=np.uint8)
    kind[:, -1] = LAST
    return Days(observed.astype(np.float16), played.chosen.astype(np.uint16), reward.astype(np.float32), kind)


def _bids(market: Market, clusters: Clusters, multiplier: Array) -> Array:
    """Everybody's coefficients for multipliers `[P, C]`."""
    mean = dict(zip(FEATURES, market.mean_features[market.learners].T, strict=True))
    theta = np.zeros((len(market.learners), len(multiplier)))
    for k, own in enumerate(clusters):
        bid, value = float(mean["keyword_bid"][own].mean()), float(mean["value"][own].mean())
        # Without keyword bids to start from, a multiplier of 1 bids the value itself.
        theta[own] = multiplier[:, k] * (bid / value if bid > 0 and value > 0 else 1.0)
    return coefficients(market, {"value": theta})


def _best(network: Network, observed: Floats) -> NDArray[np.int64]:
    """`[P, agents]` for `[P, agents, 15]`."""
    return qnet.greedy(network, np.ascontiguousarray(observed.transpose(1, 0, 2))).T


def _step(
    train: qnet.Parameters, square: qnet.Parameters, target: qnet.Parameters, batch: qnet.Batch, who: slice, rate: float,
    settings: MaabSection,
) -> tuple[qnet.Parameters, qnet.Parameters, float]:  # fmt: skip
    """A gradient step of some agents; the others stand still."""
    part = qnet.Batch(**{name: getattr(batch, name)[who] for name in qnet.Batch.__dataclass_fields__})
    of_train, of_square, of_target = ({name: value[who] for name, value in one.items()} for one in (train, square, target))
    moved, squares, loss = qnet.step(of_train, of_square, of_target, part, gamma=settings.gamma, learning_rate=rate)
    return _replaced(train, moved, who), _replaced(square, squares, who), float(loss.mean())


def _replaced(parameters: qnet.Parameters, part: qnet.Parameters, who: slice) -> qnet.Parameters:
    after = {name: value.clone() for name, value in parameters.items()}
    for name, value in part.items():
        after[name][who] = value.detach()
    return after
