"""Proximal policy optimisation (Schulman et al. 2017) for many advertisers: the learners `ippo` and `mappo`.

`ippo`: every advertiser has an actor and a value network of its own and sees its own observation (de Witt et al. 2020).
`mappo`: one actor for all, told apart by what they observe and three figures of their own, and one value network that sees
everybody's observations and gives everybody's value (Yu et al. 2022).

Actions are normal around the actor's output, log multipliers on the starting coefficients of the bid formula; what is
evaluated is the mean. An iteration plays every training day in `learner.population` parallel copies.

With `learner.device` the copies of all training days are played at once on a device, and everything stays there until the
iteration is over: observations, rewards, networks, gradients, Adam. The noise is the same, so that results differ by rounding.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from auctionsim import arithmetic
from auctionsim.agents.device.days import DeviceDays
from auctionsim.agents.device.devices import found_device
from auctionsim.agents.device.home import Home
from auctionsim.agents.learners.adam import adam_direction
from auctionsim.agents.learners.base import Arrays, TaskBatch, learner_repr
from auctionsim.agents.learners.rl.rollout import Floats, Trajectory, coefficients_of, observations_of, play_out, roll_out
from auctionsim.agents.learners.rl.stacked_mlp import as_arrays, as_tensors, one_thread, random_parameters, unflatten, values
from auctionsim.agents.policies.base import DayPolicy, DayState, Policy
from auctionsim.agents.policies.hourly_network import static_inputs
from auctionsim.auction.bid_formula import BID_MODELS
from auctionsim.extras import missing_extra
from auctionsim.market.copies.terms import DayTerms
from auctionsim.market.information.common import common_features
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

    @cached_property
    def _home(self) -> Home:
        """The place of the arrays that `learner.device` names, memory for the processor; bidding does not need it."""
        name = self._scenario.learner.device
        return Home() if name == "cpu" else Home(found_device(f"{self._scenario.source}: learner.device", name))

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
        """Return one task per training day; none where `tell` plays all of them on a device."""
        shared = {name: array for name, array in state.items() if name.startswith(("actor/", "spread/"))}
        iteration = int(state["iteration"][0])
        days = self._scenario.traffic.train_days if self._home.device is None else ()
        return TaskBatch(play_episode, shared, [Episode(day, iteration) for day in days])

    def tell(self, market: Market, state: Arrays, results: Sequence[Trajectory]) -> tuple[Arrays, Mapping[str, float]]:
        """Take some epochs of clipped policy and value steps over everything that was played."""
        settings, home = self._constants, self._home
        if home.device is not None:
            results = [_play(market, state, self._scenario.traffic.train_days, int(state["iteration"][0]), home)]
        with one_thread():
            batch = _batch(market, results, state, settings, home, is_shared=self._is_shared)
            after, loss = _epochs(state, batch, settings, home)
        after["iteration"] = state["iteration"] + 1
        logged = {
            "revenue_ratio": float(np.mean([home.numpy(one.revenue).mean() for one in results])),
            "profit_ratio": float(np.mean([home.numpy(one.profit).mean() for one in results])),
            "reward": float(np.mean([home.numpy(one.rewards.sum(axis=0)).mean() for one in results])),
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
    return _play(market, shared, (episode.day,), episode.iteration, Home())


def _play(market: Market, state: Arrays, days: Sequence[int], iteration: int, home: Home) -> Trajectory:
    """Play parallel copies of days, those of the first one first; the noise of a day does not depend on the others."""
    actor = {name: home.tensor(home.array(array)) for name, array in unflatten("actor/", state).items()}
    num_envs, n = market.scenario.learner.population, len(market.learners)
    streams = [stream(market.seed, "ppo-noise", iteration, day) for day in days]
    log_std = home.array(state["spread/log_std"])
    std, static = np.broadcast_to(arithmetic.exp(log_std[:, 0]), (n, _ACTIONS)), home.array(_static(market))

    def act(_: int, observations: Any) -> Any:
        drawn = [arithmetic.normal(rng, (num_envs, n, _ACTIONS)).astype(np.float32) for rng in streams]
        noise = home.array(np.concatenate(drawn))
        return (_means(actor, observations, static, home) + std * noise).astype(np.float32)

    if home.device is None:
        return roll_out(market, days[0], num_envs, act)
    terms = DayTerms.of_copies(
        [DayTerms.of(market, day, home.array) for day in days], home.array(np.repeat(np.arange(len(days)), num_envs))
    )
    return play_out(market, DeviceDays(market, days, num_envs, home), terms.goals, terms.scales, act, home.array)


@dataclass(frozen=True, eq=False)
class _Greedy:
    actor: dict[str, Floats]

    __repr__ = short_repr

    def begin(self, market: Market, day: int, n_policies: int) -> DayPolicy:  # noqa: ARG002  (any number)
        """Bid by the actors' means."""
        scales, static, home = Scales.of(market, day, market.learners), _static(market), Home()
        actor = as_tensors(self.actor)

        def act(state: DayState) -> Array:
            return coefficients_of(market, _means(actor, observations_of(market, state, scales), static, home))

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


def _static(market: Market) -> Floats:
    """Return the three figures that tell advertisers apart, `[learners, 3]`."""
    return static_inputs(market).astype(np.float32)


def _actor_inputs(observations: Any, static: Any) -> Any:
    """Return the actors' inputs `[..., learners, 18]`: observations, and three figures that differ between advertisers."""
    return np.concatenate([observations, np.broadcast_to(static, (*observations.shape[:-1], _STATIC))], axis=-1)


def _means(actor: Mapping[str, torch.Tensor], observations: Any, static: Any, home: Home) -> Any:
    """Return the actors' outputs `[P, learners, 3]` for observations `[P, learners, 15]`."""
    inputs = _actor_inputs(observations, static)
    is_shared = len(actor["bias-0"]) == 1 and inputs.shape[1] != 1
    rows = inputs.reshape(1, -1, inputs.shape[-1]) if is_shared else inputs.transpose(1, 0, 2)
    with one_thread(), torch.no_grad():
        out = home.of_tensor(values(actor, home.tensor(rows)))
    return out.reshape(*inputs.shape[:2], -1) if is_shared else out.transpose(1, 0, 2)


def _batch(
    market: Market, results: Sequence[Trajectory], state: Arrays, settings: PpoSection, home: Home, *, is_shared: bool
) -> _Batch:
    observations: Any = np.concatenate([one.observations for one in results], axis=1)
    actions = np.concatenate([one.actions for one in results], axis=1)
    rewards = np.concatenate([one.rewards for one in results], axis=1)
    hours, copies, n, _ = observations.shape
    inputs = _actor_inputs(observations, home.array(_static(market)))
    if is_shared:
        common = common_features(market.information)
        of_all = observations if common is None else observations * home.array(common)
        critic_inputs = of_all.reshape(1, hours * copies, -1)
    else:
        critic_inputs = observations.transpose(2, 0, 1, 3).reshape(n, hours * copies, -1)
    critic_rows = home.tensor(critic_inputs)
    held = {name: home.tensor(home.array(array)) for name, array in state.items() if name.split("/")[0] in _NETWORKS}
    with torch.no_grad():
        found = home.of_tensor(values(unflatten("critic/", held), critic_rows))
    worth = found.reshape(hours, copies, n) if is_shared else found.reshape(n, hours, copies).transpose(1, 2, 0)
    advantage = _advantages(rewards, worth, settings.gae_lambda)
    returns = advantage + worth
    # By agent over everything it played: the agents' scales differ.
    scaled = (advantage - advantage.mean(axis=(0, 1))) / (advantage.std(axis=(0, 1)) + 1e-8)

    def by_actor(array: Any) -> torch.Tensor:
        tail = array.shape[3:]
        rows = array.reshape(1, -1, *tail) if is_shared else np.moveaxis(array, 2, 0).reshape(n, -1, *tail)
        return home.tensor(rows)

    played, wanted = by_actor(inputs), by_actor(actions)
    with torch.no_grad():
        means = values(unflatten("actor/", held), played)
        likelihood = _log_likelihood(means, held["spread/log_std"], wanted)
    target = returns.reshape(1, hours * copies, n) if is_shared else returns.transpose(2, 0, 1).reshape(n, hours * copies, 1)
    return _Batch(played, wanted, likelihood, by_actor(scaled), critic_rows, home.tensor(target))


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


def _epochs(state: Arrays, batch: _Batch, settings: PpoSection, home: Home) -> tuple[Arrays, float]:
    names = [name for name in state if name.split("/")[0] in _NETWORKS]
    after: dict[str, Any] = {name: home.array(array.copy()) for name, array in state.items() if name != "steps"}
    steps, loss = int(state["steps"][0]), torch.zeros(())
    for _ in range(settings.epochs):
        leaves = {name: home.tensor(after[name]).detach().requires_grad_() for name in names}
        means = values(unflatten("actor/", leaves), batch.inputs)
        ratio = (_log_likelihood(means, leaves["spread/log_std"], batch.actions) - batch.log_likelihood).exp()
        clipped = ratio.clamp(1 - settings.clip, 1 + settings.clip)
        objective = torch.minimum(ratio * batch.advantage, clipped * batch.advantage).mean(dim=1)
        value_loss = ((values(unflatten("critic/", leaves), batch.critic_inputs) - batch.returns) ** 2).mean(dim=(1, 2))
        # Summed over actors: they share no parameter.
        loss = value_loss.sum() - objective.sum()
        gradients = torch.autograd.grad(loss, [leaves[name] for name in names])
        steps += 1
        for name, gradient in zip(names, gradients, strict=True):
            moments = after[f"first/{name}"], after[f"second/{name}"]
            direction, first, second = adam_direction(*moments, home.of_tensor(gradient), steps, epsilon=_EPSILON)
            after[name] = (after[name] - settings.learning_rate * direction).astype(np.float32)
            after[f"first/{name}"], after[f"second/{name}"] = first.astype(np.float32), second.astype(np.float32)
    learned = {name: home.numpy(array) for name, array in after.items()}
    # Asked for once, since nobody waits for a device in between.
    return {**learned, "steps": np.array([steps], dtype=np.int64)}, float(loss.detach()) / len(batch.inputs)
