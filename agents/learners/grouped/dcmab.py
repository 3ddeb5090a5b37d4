"""The learner `dcmab`: clusters of advertisers under MADDPG (Jin et al., CIKM 2018, arXiv 1802.09756).

Advertisers are clustered by revenue into clusters of equal presence in auctions. A cluster's actor sees the state of all
clusters and sets an adjustment a in [-0.9, 0.9] once an hour; a member's bid is its keyword bid times `1 + a pcvr / mean
pcvr`. A cluster's critic sees the state and all clusters' actions (MADDPG, Lowe et al. 2017): `y_i = r_i + gamma Q_i'(s',
mu'(s'))`, and the actor climbs `Q_i(s, a_1 .. mu_i(s) .. a_C)`. Rewards are the clusters' own.

Ours: the product of keyword bid and pcvr is no feature of the bid models, so a >= 0 adds `a x mean keyword bid x pcvr / mean
pcvr` and a < 0 scales the keyword bid by 1 + a, with the mean bid of the formula; the clip at +-0.9 is on a, not on the
product. The state is every cluster's mean observation (docs/environments.md), not cost and revenue alone. There are no
consumers in the traffic, so no consumer clusters; and a cluster's members execute one action, so no histogram of executed
actions.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from auctionsim import arithmetic
from auctionsim.agents.learners.adam import adam_direction
from auctionsim.agents.learners.base import Arrays, TaskBatch, learner_repr
from auctionsim.agents.learners.grouped.clusters import (
    INPUTS,
    ClusterDays,
    ClusterPolicy,
    Clusters,
    by_revenue,
    coefficients,
    logged,
    simulate,
)
from auctionsim.agents.learners.rl.replay_memory import (
    NON_TERMINAL,
    TERMINAL,
    Days,
    JointBatch,
    add,
    empty_memory,
    sample_joint,
)
from auctionsim.agents.learners.rl.rollout import Floats
from auctionsim.agents.learners.rl.stacked_mlp import (
    Parameters,
    as_arrays,
    as_tensors,
    one_thread,
    random_parameters,
    unflatten,
    values,
)
from auctionsim.agents.learners.schedules import lr_schedule
from auctionsim.agents.policies.base import Policy
from auctionsim.auction.bid_formula import FEATURES
from auctionsim.extras import missing_extra
from auctionsim.market.market import Market
from auctionsim.scenario import DcmabSection, Scenario
from auctionsim.streams import stream
from auctionsim.traffic.table import HOURS

try:
    import torch
except ImportError as error:
    raise missing_extra("torch", __name__) from error

Array = NDArray[np.float64]

# Keeps actors off the flat ends of tanh, where they would stop learning; ours.
_OUTPUT_DECAY = 1e-3


@dataclass(frozen=True, eq=False)
class Episode:
    """One task: parallel copies of a training day under the actors as they stand."""

    day: int
    num_envs: int
    iteration: int
    noise: float
    """Standard deviation of the exploration, as a share of the largest adjustment."""


class Dcmab:
    """The learner `dcmab`; see the module's text."""

    Constants = DcmabSection

    __repr__ = learner_repr

    def __init__(self, scenario: Scenario, constants: DcmabSection) -> None:
        self._scenario, self._settings = scenario, constants

    def start(self, market: Market) -> Arrays:
        """Draw actors and critics from the seed, targets alike, with an empty replay buffer."""
        settings, scenario = self._settings, self._scenario
        n = len(by_revenue(market, settings.clusters))
        sizes = {"actor": (n * INPUTS, *settings.hidden_sizes, 1), "critic": (n * INPUTS + n, *settings.hidden_sizes, 1)}
        state: Arrays = {}
        for name, of_network in sizes.items():
            drawn = as_arrays(random_parameters(stream(market.seed, f"dcmab-{name}"), n, of_network))
            for kind in ("", "-target"):
                state |= {f"{name}{kind}/{key}": array.copy() for key, array in drawn.items()}
            for kind in ("-first", "-second"):
                state |= {f"{name}{kind}/{key}": np.zeros_like(array) for key, array in drawn.items()}
        days = scenario.train.iterations * scenario.learner.population * len(scenario.traffic.train_days)
        return {
            **state,
            **empty_memory(min(settings.buffer_size, days), HOURS, n, INPUTS, action=np.float32),
            "iteration": np.zeros(1, dtype=np.int64),
            "steps": np.zeros(1, dtype=np.int64),
        }

    def ask(self, market: Market, state: Arrays) -> TaskBatch:  # noqa: ARG002  (a learner may need the market)
        """Return one task per training day."""
        settings, iteration = self._settings, int(state["iteration"][0])
        done = iteration / self._scenario.train.iterations
        noise = settings.noise + (settings.noise_end - settings.noise) * min(done, 1.0)
        num_envs, actor = self._scenario.learner.population, unflatten("actor/", state)
        days = self._scenario.traffic.train_days
        return TaskBatch(rollout, actor, [Episode(day, num_envs, iteration, noise) for day in days])

    def tell(self, market: Market, state: Arrays, results: Sequence[ClusterDays]) -> tuple[Arrays, Mapping[str, float]]:
        """Add the days to the replay buffer and take the gradient steps."""
        settings, iteration = self._settings, int(state["iteration"][0])
        memory = {name: value.copy() for name, value in state.items() if name.startswith("memory")}
        for played in results:
            kind = np.full(played.chosen.shape, NON_TERMINAL, dtype=np.uint8)
            kind[:, -1] = TERMINAL
            add(memory, Days(played.observed.astype(np.float16), played.chosen, played.objective.astype(np.float32), kind))
        rng = stream(market.seed, "dcmab-replay", iteration)
        after = {name: value for name, value in state.items() if not name.startswith("memory")}
        share, losses = lr_schedule(1.0, iteration / self._scenario.train.iterations), 0.0
        with one_thread():
            for _ in range(settings.gradient_steps):
                after, loss = _learned(after, sample_joint(memory, rng, settings.batch_size), settings, share)
                losses += loss / settings.gradient_steps
        after |= {**memory, "iteration": np.array([iteration + 1], dtype=np.int64)}
        return after, {"loss": losses, **logged(list(results))}

    def policy(self, market: Market, state: Arrays) -> Policy:
        """Return the actors without noise."""
        clusters, actor = by_revenue(market, self._settings.clusters), unflatten("actor/", state)
        bound = self._settings.max_adjustment
        return ClusterPolicy(
            clusters,
            lambda observed: _adjustments(actor, observed, bound),
            lambda chosen: _bids(market, clusters, chosen.astype(np.float64)),
        )

    def replays_per_iteration(self, market: Market) -> int:  # noqa: ARG002  (as other learners)
        """Return the number of parallel copies of a day."""
        return self._scenario.learner.population


def rollout(market: Market, actor: Arrays, episode: Episode) -> ClusterDays:
    """Simulate parallel copies of a day with normal noise on the adjustments; the first copy without."""
    settings = market.scenario.learner.dcmab
    clusters, bound = by_revenue(market, settings.clusters), settings.max_adjustment
    rng = stream(market.seed, "dcmab-explore", episode.iteration, episode.day)

    def act(observed: Floats) -> Floats:
        noise = episode.noise * bound * arithmetic.normal(rng, observed.shape[:2])
        noise[0] = 0.0
        adjusted: Floats = np.clip(_adjustments(actor, observed, bound) + noise, -bound, bound).astype(np.float32)
        return adjusted

    def bids(chosen: Floats) -> Array:
        return _bids(market, clusters, chosen.astype(np.float64))

    return simulate(market, episode.day, episode.num_envs, clusters, act, bids)


def _bids(market: Market, clusters: Clusters, adjustment: Array) -> Array:
    """Return everybody's coefficients for adjustments `[P, C]`."""
    mean = dict(zip(FEATURES, market.mean_features[market.learners].T, strict=True))
    of_member = np.empty((len(market.learners), len(adjustment)))
    for k, own in enumerate(clusters):
        of_member[own] = adjustment[:, k]
    # Without keyword bids to adjust, the value of a click is adjusted.
    has_bid = (mean["keyword_bid"] > 0)[:, None]
    level = np.where(mean["keyword_bid"] > 0, mean["keyword_bid"], mean["value"])
    slope = np.divide(level, mean["pcvr"], out=np.zeros_like(level), where=mean["pcvr"] > 0)
    base = 1.0 + np.minimum(of_member, 0.0)
    return coefficients(
        market,
        {
            "keyword_bid": np.where(has_bid, base, 0.0),
            "value": np.where(has_bid, 0.0, base),
            "pcvr": np.maximum(of_member, 0.0) * slope[:, None],
        },
    )


def _adjustments(actor: Mapping[str, Floats], observed: Floats, bound: float) -> Floats:
    """Return the actors' outputs `[P, C]` for observations `[P, C, 15]`."""
    joint = torch.from_numpy(np.ascontiguousarray(observed.reshape(len(observed), -1)))
    with one_thread(), torch.no_grad():
        out: Floats = _act(as_tensors(actor), joint, bound)[0].numpy()
    return out


def _act(actor: Mapping[str, torch.Tensor], joint: torch.Tensor, bound: float) -> tuple[torch.Tensor, torch.Tensor]:
    """Return adjustments of all clusters `[rows, C]` for states `[rows, C 15]`, and the inputs of tanh."""
    raw = values(actor, joint.expand(len(actor["bias-0"]), *joint.shape))[:, :, 0].T
    return bound * torch.tanh(raw), raw


def _value(critic: Mapping[str, torch.Tensor], joint: torch.Tensor, actions: torch.Tensor) -> torch.Tensor:
    """Return Q of every cluster, `[C, rows]`, for states `[rows, C 15]` and actions `[rows, C]`, or `[C, rows, C]`."""
    n = len(critic["bias-0"])
    inputs = torch.cat([joint.expand(n, *joint.shape), actions.expand(n, *actions.shape[-2:])], dim=-1)
    return values(critic, inputs)[:, :, 0]


def critic_loss(state: Arrays, critic: Parameters, batch: JointBatch, settings: DcmabSection) -> torch.Tensor:
    """Return the mean of `(r_i + gamma Q_i'(s', mu'(s')) - Q_i(s, a))^2`, `[C]`; no value after the day's end."""
    actor, target = (as_tensors(unflatten(f"{name}/", state)) for name in ("actor-target", "critic-target"))
    with torch.no_grad():
        following, _ = _act(actor, batch.after, settings.max_adjustment)
        wanted = batch.reward.T + settings.gamma * batch.non_terminal * _value(target, batch.after, following)
    return ((_value(critic, batch.state, batch.action) - wanted) ** 2).mean(dim=1)


def actor_loss(actor: Parameters, critic: Parameters, batch: JointBatch, settings: DcmabSection) -> torch.Tensor:
    """Return the mean of `-Q_i(s, a_1 .. mu_i(s) .. a_C)`, `[C]`: the others act as they did."""
    own, raw = _act(actor, batch.state, settings.max_adjustment)
    n = own.shape[1]
    mixed = torch.where(torch.eye(n, dtype=torch.bool)[:, None, :], own[None], batch.action[None])
    return -_value(critic, batch.state, mixed).mean(dim=1) + _OUTPUT_DECAY * (raw**2).mean(dim=0)


def _learned(state: Arrays, batch: JointBatch, settings: DcmabSection, share: float) -> tuple[Arrays, float]:
    """Take one step of the critics, then of the actors, then of the targets."""
    after = {**state, "steps": state["steps"] + 1}
    critic = {name: value.detach().requires_grad_() for name, value in as_tensors(unflatten("critic/", state)).items()}
    losses = critic_loss(state, critic, batch, settings)
    _adam_step(after, "critic", losses, critic, share * settings.critic_rate)
    actor = {name: value.detach().requires_grad_() for name, value in as_tensors(unflatten("actor/", state)).items()}
    actor_losses = actor_loss(actor, as_tensors(unflatten("critic/", after)), batch, settings)
    _adam_step(after, "actor", actor_losses, actor, share * settings.actor_rate)
    for network in ("actor", "critic"):
        for name, array in unflatten(f"{network}/", after).items():
            target = after[f"{network}-target/{name}"]
            after[f"{network}-target/{name}"] = (target + settings.tau * (array - target)).astype(np.float32)
    return after, float(losses.detach().mean())


def _adam_step(after: Arrays, network: str, losses: torch.Tensor, leaves: Parameters, rate: float) -> None:
    """Take a step of Adam; losses are summed, since clusters share no parameter."""
    gradients, steps = torch.autograd.grad(losses.sum(), list(leaves.values())), int(after["steps"][0])
    for (name, leaf), gradient in zip(leaves.items(), gradients, strict=True):
        moments = after[f"{network}-first/{name}"], after[f"{network}-second/{name}"]
        direction, first, second = adam_direction(*moments, gradient.numpy(), steps)
        after[f"{network}/{name}"] = (leaf.detach().numpy() - rate * direction).astype(np.float32)
        after[f"{network}-first/{name}"], after[f"{network}-second/{name}"] = (
            first.astype(np.float32),
            second.astype(np.float32),
        )
