"""Proximal policy optimisation (Schulman et al. 2017) for many advertisers: the learners `ippo` and `mappo`.

`ippo`: every advertiser has an actor and a value network of its own and sees its own observation (de Witt et al. 2020).
`mappo`: one actor for all, told apart by what they observe and three figures of their own, and one value network that sees
everybody's observations and gives everybody's value (Yu et al. 2022).

Actions are normal around the actor's output, log multipliers on the starting coefficients of the bid formula; what is
evaluated is the mean. An iteration plays every training day in `learner.population` parallel copies.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from auctionsim import arithmetic
from auctionsim.agents.learners.adam import adam_direction
from auctionsim.agents.learners.base import Arrays, TaskBatch, learner_repr
from auctionsim.agents.learners.rl.rollout import Floats, Trajectory, coefficients_of, observations_of, roll_out
from auctionsim.agents.learners.rl.stacked_mlp import as_arrays, as_tensors, one_thread, random_parameters, unflatten, values
from auctionsim.agents.policies.base import DayPolicy, DayState, Policy
from auctionsim.agents.policies.hourly_network import static_inputs
from auctionsim.auction.bid_formula import BID_MODELS
from auctionsim.extras import missing_extra
from auctionsim.market.market import Market
from auctionsim.market.observations import FEATURES, Scales
from auctionsim.names.display import short_repr
from auctionsim.scenario import PpoSection, Scenario
from auctionsim.streams import stream

try:
    import torch
except ImportError as error:
    raise missing_extra("torch", __name__) from error

Array = NDArray[np.float64]

_ACTIONS = len(BID_MODELS["macg"])
_STATIC = 3
_EPSILON = 1e-5
"""Adam's, as usual for PPO."""
_NETWORKS = ("actor", "critic", "spread")


@dataclass(frozen=True, eq=False)
class Episode:
    """One task: parallel copies of a training day, played by the actors as they stand."""

    day: int
    iteration: int


class Ppo:
    """The learners `ippo` and `mappo`; see the module's text."""

    Constants = PpoSection

    __repr__ = learner_repr

    def __init__(self, scenario: Scenario, constants: PpoSection) -> None:
        self._scenario, self._constants = scenario, constants
        self._is_shared = scenario.learner.algorithm == "mappo"

    def start(self, market: Market) -> Arrays:
        """Draw networks whose bids are close to the starting ones."""
        settings, n = self._constants, len(market.learners)
        n_actors = 1 if self._is_shared else n
        actor = (len(FEATURES) + _STATIC, *settings.hidden_sizes, _ACTIONS)
        critic = (
            (n * len(FEATURES), *settings.hidden_sizes, n) if self._is_shared else (len(FEATURES), *settings.hidden_sizes, 1)
        )
        networks = {
            "actor": as_arrays(random_parameters(stream(market.seed, "ppo-actor"), n_actors, actor)),
            "critic": as_arrays(random_parameters(stream(market.seed, "ppo-critic"), n_actors, critic)),
            "spread": {"log_std": np.full((n_actors, 1, _ACTIONS), arithmetic.log(settings.init_std), dtype=np.float32)},
        }
        flat = {f"{network}/{name}": array for network, arrays in networks.items() for name, array in arrays.items()}
        moments = {f"{kind}/{name}": np.zeros_like(array) for kind in ("first", "second") for name, array in flat.items()}
        return {**flat, **moments, "iteration": np.zeros(1, dtype=np.int64), "steps": np.zeros(1, dtype=np.int64)}

    def ask(self, market: Market, state: Arrays) -> TaskBatch:  # noqa: ARG002  (a learner may need the market)
        """Return one task per training day."""
        shared = {name: array for name, array in state.items() if name.startswith(("actor/", "spread/"))}
        iteration = int(state["iteration"][0])
        return TaskBatch(play_episode, shared, [Episode(day, iteration) for day in self._scenario.traffic.train_days])

    def tell(self, market: Market, state: Arrays, results: Sequence[Trajectory]) -> tuple[Arrays, Mapping[str, float]]:
        """Take some epochs of clipped policy and value steps over everything that was played."""
        settings = self._constants
        with one_thread():
            batch = _batch(market, results, state, settings, is_shared=self._is_shared)
            after, loss = _epochs(state, batch, settings)
        after["iteration"] = state["iteration"] + 1
        logged = {
            "revenue_ratio": float(np.mean([one.revenue.mean() for one in results])),
            "profit_ratio": float(np.mean([one.profit.mean() for one in results])),
            "reward": float(np.mean([one.rewards.sum(axis=0).mean() for one in results])),
            "loss": loss,
            "std": float(arithmetic.exp(after["spread/log_std"]).mean()),
        }
        return after, logged

    def policy(self, market: Market, state: Arrays) -> Policy:  # noqa: ARG002  (as other learners)
        """Return the actors' means."""
        return _Greedy(unflatten("actor/", state))

    def replays_per_iteration(self, market: Market) -> int:  # noqa: ARG002  (as other learners)
        """Return the number of parallel copies of a day."""
        return self._scenario.learner.population


def play_episode(market: Market, shared: Arrays, episode: Episode) -> Trajectory:
    """Play parallel copies of a day with the actors' noise; `shared` is the actors' and their spread's part of the state."""
    actor, log_std = unflatten("actor/", shared), shared["spread/log_std"]
    num_envs, n = market.scenario.learner.population, len(market.learners)
    rng = stream(market.seed, "ppo-noise", episode.iteration, episode.day)
    std = np.broadcast_to(arithmetic.exp(log_std[:, 0]), (n, _ACTIONS))

    def act(_: int, observations: Floats) -> Floats:
        noise = arithmetic.normal(rng, (num_envs, n, _ACTIONS)).astype(np.float32)
        drawn: Floats = (_means(market, actor, observations) + std * noise).astype(np.float32)
        return drawn

    return roll_out(market, episode.day, num_envs, act)


@dataclass(frozen=True, eq=False)
class _Greedy:
    actor: dict[str, Floats]

    __repr__ = short_repr

    def begin(self, market: Market, day: int, n_policies: int) -> DayPolicy:  # noqa: ARG002  (any number)
        """Bid by the actors' means."""
        scales = Scales.of(market, day, market.learners)

        def act(state: DayState) -> Array:
            return coefficients_of(market, _means(market, self.actor, observations_of(market, state, scales)))

        return DayPolicy(act)


@dataclass(frozen=True, eq=False)
class _Batch:
    """Everything that was played, in rows of A actors."""

    inputs: torch.Tensor
    """Inputs of the actors, `[A, rows, 18]`."""
    actions: torch.Tensor
    """`[A, rows, 3]`."""
    log_likelihood: torch.Tensor
    """Under the policy that played, `[A, rows]`."""
    advantage: torch.Tensor
    """`[A, rows]`."""
    critic_inputs: torch.Tensor
    """`[A, rows of the critic, inputs]`."""
    returns: torch.Tensor
    """`[A, rows of the critic, values]`."""


def _actor_inputs(market: Market, observations: Floats) -> Floats:
    """Return the actors' inputs `[..., learners, 18]`: observations, and three figures that differ between advertisers."""
    static = np.broadcast_to(static_inputs(market).astype(np.float32), (*observations.shape[:-1], _STATIC))
    return np.concatenate([observations, static], axis=-1)


def _means(market: Market, actor: Mapping[str, Floats], observations: Floats) -> Floats:
    """Return the actors' outputs `[P, learners, 3]` for observations `[P, learners, 15]`."""
    inputs = _actor_inputs(market, observations)
    is_shared = len(actor["bias-0"]) == 1 and inputs.shape[1] != 1
    rows = inputs.reshape(1, -1, inputs.shape[-1]) if is_shared else inputs.transpose(1, 0, 2)
    with one_thread(), torch.no_grad():
        out: Floats = values(as_tensors(actor), torch.from_numpy(np.ascontiguousarray(rows))).numpy()
    return out.reshape(*inputs.shape[:2], -1) if is_shared else out.transpose(1, 0, 2)


def _batch(market: Market, results: Sequence[Trajectory], state: Arrays, settings: PpoSection, *, is_shared: bool) -> _Batch:
    observations = np.concatenate([one.observations for one in results], axis=1)
    actions = np.concatenate([one.actions for one in results], axis=1)
    rewards = np.concatenate([one.rewards for one in results], axis=1)
    hours, copies, n, _ = observations.shape
    inputs = _actor_inputs(market, observations)
    if is_shared:
        critic_inputs = observations.reshape(1, hours * copies, -1)
    else:
        critic_inputs = observations.transpose(2, 0, 1, 3).reshape(n, hours * copies, -1)
    critic_rows = torch.from_numpy(np.ascontiguousarray(critic_inputs))
    with torch.no_grad():
        found = values(as_tensors(unflatten("critic/", state)), critic_rows).numpy()
    worth = found.reshape(hours, copies, n) if is_shared else found.reshape(n, hours, copies).transpose(1, 2, 0)
    advantage = _advantages(rewards, worth, settings.gae_lambda)
    returns = advantage + worth
    # By agent over everything it played: the agents' scales differ.
    scaled = (advantage - advantage.mean(axis=(0, 1))) / (advantage.std(axis=(0, 1)) + 1e-8)

    def by_actor(array: Floats) -> torch.Tensor:
        tail = array.shape[3:]
        rows = array.reshape(1, -1, *tail) if is_shared else np.moveaxis(array, 2, 0).reshape(n, -1, *tail)
        return torch.from_numpy(np.ascontiguousarray(rows))

    played, wanted = by_actor(inputs), by_actor(actions)
    with torch.no_grad():
        means = values(as_tensors(unflatten("actor/", state)), played)
        likelihood = _log_likelihood(means, torch.from_numpy(state["spread/log_std"]), wanted)
    target = returns.reshape(1, hours * copies, n) if is_shared else returns.transpose(2, 0, 1).reshape(n, hours * copies, 1)
    return _Batch(played, wanted, likelihood, by_actor(scaled), critic_rows, torch.from_numpy(np.ascontiguousarray(target)))


def _advantages(rewards: Floats, worth: Floats, gae_lambda: float) -> Floats:
    """Return generalised advantage estimates, undiscounted, of days that end with the last hour (Schulman et al. 2016, eq. 16).

    Arrays are `[hours, copies, learners]`.
    """
    advantage = np.zeros_like(rewards)
    ahead = np.zeros_like(rewards[0])
    for hour in reversed(range(len(rewards))):
        following = worth[hour + 1] if hour + 1 < len(rewards) else np.zeros_like(worth[0])
        ahead = rewards[hour] + following - worth[hour] + gae_lambda * ahead
        advantage[hour] = ahead
    return advantage


def _log_likelihood(means: torch.Tensor, log_std: torch.Tensor, actions: torch.Tensor) -> torch.Tensor:
    """Return the log likelihood of normal draws but for a constant, `[A, rows]`."""
    return (-0.5 * ((actions - means) / log_std.exp()) ** 2 - log_std).sum(dim=-1)


def _epochs(state: Arrays, batch: _Batch, settings: PpoSection) -> tuple[Arrays, float]:
    names = [name for name in state if name.split("/")[0] in _NETWORKS]
    after = {name: array.copy() for name, array in state.items()}
    steps, mean_loss = int(state["steps"][0]), 0.0
    for _ in range(settings.epochs):
        leaves = {name: torch.from_numpy(after[name]).requires_grad_() for name in names}
        means = values(unflatten("actor/", leaves), batch.inputs)
        ratio = (_log_likelihood(means, leaves["spread/log_std"], batch.actions) - batch.log_likelihood).exp()
        clipped = ratio.clamp(1 - settings.clip, 1 + settings.clip)
        objective = torch.minimum(ratio * batch.advantage, clipped * batch.advantage).mean(dim=1)
        value_loss = ((values(unflatten("critic/", leaves), batch.critic_inputs) - batch.returns) ** 2).mean(dim=(1, 2))
        # Summed over actors: they share no parameter.
        loss = value_loss.sum() - objective.sum()
        gradients = torch.autograd.grad(loss, [leaves[name] for name in names])
        steps, mean_loss = steps + 1, float(loss.detach()) / len(objective)
        for name, gradient in zip(names, gradients, strict=True):
            moments = after[f"first/{name}"], after[f"second/{name}"]
            direction, first, second = adam_direction(*moments, gradient.numpy(), steps, epsilon=_EPSILON)
            after[name] = (after[name] - settings.learning_rate * direction).astype(np.float32)
            after[f"first/{name}"], after[f"second/{name}"] = first.astype(np.float32), second.astype(np.float32)
    after["steps"] = np.array([steps], dtype=np.int64)
    return after, mean_loss
