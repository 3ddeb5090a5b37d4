"""Many copies of a training day lived through at once by SS-RTB's agents: states, actions, rewards."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from auctionsim.agents.learners.rl.replay_memory import GOES_ON, LAST, LEFT_OUT, Days
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
    """One task: copies of a training day under the episode network."""

    day: int
    copies: int
    iteration: int
    epsilon: float
    """Chance of a random action, for each agent, copy and step on its own."""
    rates: tuple[Array, Array]
    """ctr and cvr of every row as the day is replayed: with sampled outcomes, what luck made of them."""
    view: View
    grid: Array
    """Alpha of each action, `[learners, actions]`."""
    worth: Array
    """What a unit of cost is charged in the reward while the target lasts, `[learners]`."""
    scale: Array
    """What rewards are divided by, `[learners]`."""
    cooperation: float
    """Weight k of the public reward; 0: each agent for itself."""
    is_mean: bool
    """Whether the public reward is divided by the number of agents."""
    local_credit: bool
    """Whether the public reward counts only auctions that the agent is a candidate in."""
    overspend: str
    """`skip`, `stop` or `charge`."""


@dataclass(frozen=True, eq=False)
class Lived:
    """What copies of a day brought."""

    days: Days
    totals: Array
    """Totals of the day, `[advertisers, 5, copies]`."""


def live(market: Market, network: Network, episode: Episode) -> Lived:
    """Live through the copies of a day. The first copy is greedy whatever epsilon, so that progress can be told."""
    market = market.in_expectation().with_rates(*episode.rates)
    view, learners = episode.view, market.learners
    day = _day(market, episode)
    rng = stream(market.seed, "explore", episode.day, episode.iteration)
    n, actions = episode.grid.shape
    states, chosen, rewards, spent = [view.state(day.state)], [], [], []
    shared: Array | None = None
    while not day.is_over:
        action = greedy(network, states[-1])
        is_random = rng.random((n, episode.copies)) < episode.epsilon
        is_random[:, 0] = False
        action = np.where(is_random, rng.integers(actions, size=action.shape), action)
        brought = day.step(alpha_bids(market, np.take_along_axis(episode.grid, action, axis=1)))
        rewards.append(
            _rewards(episode, brought[learners], day.local_credit[learners] if day.local_credit.size else None, shared)
        )
        shared = day.local_credit[learners].copy() if day.local_credit.size else None
        chosen.append(action)
        spent.append(day.cumulative[learners, COST])
        states.append(view.state(day.state))
    reward = np.stack(rewards)
    if episode.overspend != "charge":
        # What is left of the target is worth nothing at the day's end: the shaping is given back.
        left = np.maximum(episode.view.target[:, None] - spent[-1], 0.0)
        reward[-1] -= (1 - episode.cooperation) * (episode.worth / episode.scale)[:, None] * left
    return Lived(_days(episode, states, np.stack(chosen), reward, np.stack(spent)), day.cumulative)


def _day(market: Market, episode: Episode) -> MarketDay:
    budgets = np.full(len(market.advertisers), np.inf)
    if episode.overspend == "stop":
        budgets[market.learners] = episode.view.target
    local = episode.cooperation > 0 and episode.local_credit
    return market.day(episode.day, episode.copies, budgets=budgets, local_credit=local, steps=episode.view.steps)


def _rewards(episode: Episode, brought: Array, shared: Array | None, before: Array | None) -> Array:
    """Rewards of all agents for a step over their scale, `[learners, copies]`.

    Args:
        episode: The episode.
        brought: What the step brought the agents, `[learners, 5, copies]`.
        shared: Profit and cost of the winners of each agent's auctions so far, `[learners, 2, copies]`, with local credit.
        before: The same before the step; None for nothing.
    """
    k, scale = episode.cooperation, episode.scale[:, None]
    private = (brought[:, GMV] - episode.worth[:, None] * brought[:, COST]) / scale
    if k == 0:
        return private
    if shared is None:
        public = np.broadcast_to(brought[:, GMV].sum(axis=0), private.shape)
    else:
        # Profit and cost of the winners: their GMV.
        public = (shared if before is None else shared - before).sum(axis=1)
    # What all copies bring is no doing of the agent's: without it, the network fits what its actions change.
    public = public - public.mean(axis=1, keepdims=True)
    return (1 - k) * private + k * public / scale / (len(brought) if episode.is_mean else 1)


def _days(episode: Episode, states: list[State], chosen: NDArray[np.int64], reward: Array, spent: Array) -> Days:
    """Arrays with the copy first; inside `[steps, learners, copies]`."""
    target = episode.view.target[:, None]
    kind = np.full(chosen.shape, GOES_ON)
    kind[-1] = LAST
    before = np.concatenate([np.zeros_like(spent[:1]), spent[:-1]])
    if episode.overspend == "stop":
        is_out = spent >= target * (1 - 1e-9)
        if episode.cooperation == 0:
            kind[is_out] = LAST
            kind[before >= target * (1 - 1e-9)] = LEFT_OUT
    elif episode.overspend == "skip":
        kind[spent > target] = LEFT_OUT
    return Days(
        np.stack(states).transpose(2, 0, 1, 3).astype(np.float16),
        chosen.transpose(2, 0, 1).astype(np.uint16),
        reward.transpose(2, 0, 1).astype(np.float32),
        kind.transpose(2, 0, 1).astype(np.uint8),
    )
