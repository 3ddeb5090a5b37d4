"""Roll out parallel copies of a training day under SS-RTB's agents: states, actions, rewards."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from auctionsim.agents.learners.rl.replay_memory import MASKED, NON_TERMINAL, TERMINAL, Days
from auctionsim.agents.learners.rl.stacked_mlp import greedy
from auctionsim.agents.learners.ss_rtb.rmdp_state import State, View
from auctionsim.agents.policies.keyword_bids import alpha_bids
from auctionsim.auction.outcome import COST, GMV
from auctionsim.market.day import MarketDay
from auctionsim.market.market import Market
from auctionsim.streams import stream

Array = NDArray[np.float64]
Network = dict[str, NDArray[np.float32]]


@dataclass(frozen=True, eq=False)
class Episode:
    """One task: parallel copies of a training day under the episode network."""

    day: int
    num_envs: int
    iteration: int
    epsilon: float
    """Chance of a random action, for each agent, copy and step on its own."""
    rates: tuple[Array, Array]
    """CTR and CVR of every row as the day is replayed: with sampled outcomes, the realised rates."""
    view: View
    grid: Array
    """Alpha of each action, `[learners, actions]`."""
    value_of_cost: Array
    """Charge for a unit of cost in the reward while the target lasts, `[learners]`."""
    scale: Array
    """Divisor of the rewards, `[learners]`."""
    cooperation: float
    """Weight k of the public reward; 0: each agent for itself."""
    is_mean: bool
    """Whether the public reward is divided by the number of agents."""
    local_credit: bool
    """Whether the public reward counts only auctions that the agent is a candidate in."""
    overspend: str
    """`skip`, `stop` or `lagrangian`."""


@dataclass(frozen=True, eq=False)
class Rollout:
    """Transitions and totals of parallel copies of a day."""

    days: Days
    totals: Array
    """Totals of the day, `[advertisers, 5, copies]`."""


def rollout(market: Market, network: Network, episode: Episode) -> Rollout:
    """Roll out the copies of a day. The first copy is greedy whatever epsilon, to show progress."""
    market = market.in_expectation().with_rates(*episode.rates)
    view, learners = episode.view, market.learners
    day = _day(market, episode)
    rng = stream(market.seed, "explore", episode.day, episode.iteration)
    n, actions = episode.grid.shape
    states, chosen, rewards, spent = [view.state(day.state)], [], [], []
    shared: Array | None = None
    while not day.is_over:
        action = greedy(network, states[-1])
        is_random = rng.random((n, episode.num_envs)) < episode.epsilon
        is_random[:, 0] = False
        action = np.where(is_random, rng.integers(actions, size=action.shape), action)
        step_outcome = day.step(alpha_bids(market, np.take_along_axis(episode.grid, action, axis=1)))
        credit = day.local_credit[learners].copy() if day.local_credit.size else None
        rewards.append(_rewards(episode, step_outcome[learners], credit, shared))
        shared = credit
        chosen.append(action)
        spent.append(day.cumulative[learners, COST])
        states.append(view.state(day.state))
    reward = np.stack(rewards)
    if episode.overspend != "lagrangian":
        # What is left of the target is worth nothing at the day's end: the shaping is given back.
        left = np.maximum(episode.view.target[:, None] - spent[-1], 0.0)
        reward[-1] -= (1 - episode.cooperation) * (episode.value_of_cost / episode.scale)[:, None] * left
    return Rollout(_days(episode, states, np.stack(chosen), reward, np.stack(spent)), day.cumulative)


def _day(market: Market, episode: Episode) -> MarketDay:
    budgets = np.full(len(market.advertisers), np.inf)
    if episode.overspend == "stop":
        budgets[market.learners] = episode.view.target
    local = episode.cooperation > 0 and episode.local_credit
    return market.day(episode.day, episode.num_envs, budgets=budgets, local_credit=local, steps=episode.view.steps)


def _rewards(episode: Episode, step_outcome: Array, shared: Array | None, before: Array | None) -> Array:
    """Return the rewards of all agents for a step over their scale, `[learners, copies]`.

    Args:
        episode: The episode.
        step_outcome: Outcome of the step for the agents, `[learners, 5, copies]`.
        shared: Profit and cost of the winners of each agent's auctions so far, `[learners, 2, copies]`, with local credit.
        before: The same before the step; None for nothing.
    """
    k, scale = episode.cooperation, episode.scale[:, None]
    private = (step_outcome[:, GMV] - episode.value_of_cost[:, None] * step_outcome[:, COST]) / scale
    if k == 0:
        return private
    if shared is None:
        public = np.broadcast_to(step_outcome[:, GMV].sum(axis=0), private.shape)
    else:
        # Profit and cost of the winners: their GMV.
        public = (shared if before is None else shared - before).sum(axis=1)
    # What all copies earn alike is no doing of the agent's: without it, the network fits what its actions change.
    public = public - public.mean(axis=1, keepdims=True)
    return (1 - k) * private + k * public / scale / (len(step_outcome) if episode.is_mean else 1)


def _days(episode: Episode, states: list[State], chosen: NDArray[np.int64], reward: Array, spent: Array) -> Days:
    """Return arrays with the copy first; given are `[steps, learners, copies]`."""
    target = episode.view.target[:, None]
    kind = np.full(chosen.shape, NON_TERMINAL)
    kind[-1] = TERMINAL
    before = np.concatenate([np.zeros_like(spent[:1]), spent[:-1]])
    if episode.overspend == "stop":
        is_out = spent >= target * (1 - 1e-9)
        if episode.cooperation == 0:
            kind[is_out] = TERMINAL
            kind[before >= target * (1 - 1e-9)] = MASKED
    elif episode.overspend == "skip":
        kind[spent > target] = MASKED
    return Days(
        np.stack(states).transpose(2, 0, 1, 3).astype(np.float16),
        chosen.transpose(2, 0, 1).astype(np.uint16),
        reward.transpose(2, 0, 1).astype(np.float32),
        kind.transpose(2, 0, 1).astype(np.uint8),
    )
