"""A small network from the context of the hour to the coefficients of the bid formula (docs/macg.md, our reconstruction).

The network sees only what is known when the hour begins: the clock, its own account, the last hour, and how strong the
competition was in it. Auctions get their bids through the formula, so that bids stay at least 0 and do not fall in pcvr or
value: the network never sees the auction.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from auctionsim.agents.policies.base import DayPolicy, DayState, Policy
from auctionsim.auction.bid_formula import BID_MODELS
from auctionsim.auction.outcome import CLICKS, COST
from auctionsim.market.bidding import market_coefficients, starting_coefficients
from auctionsim.market.market import Market
from auctionsim.market.observations import FEATURES, Scales, observe
from auctionsim.streams import stream
from auctionsim.traffic.table import HOURS

Array = NDArray[np.float64]

OBSERVED = ("time_left", "budget_left", "spend_speed", "profit", "cpc", "win_rate", "auctions", "platform_revenue")
"""Of the environments' observations."""
INPUTS = (*OBSERVED, "hour_sine", "hour_cosine", "cpc_to_date", "competition", "own_value", "own_bid", "own_budget")
"""The last three tell the advertisers of a group apart: logs of mean value, mean keyword bid and budget over the group's."""
_OUTPUTS = len(BID_MODELS["macg"])
_LARGEST = 4.0
_PLACES = [FEATURES.index(name) for name in OBSERVED]


class Contextual:
    """Parameters are the weights of a network with one hidden layer of tanh units, `[(15 + 1) hidden + (hidden + 1) 3]`.

    Outputs are log multipliers on the starting coefficients, at most 4 in size.
    """

    side_by_side = True

    def __init__(self, hidden: int) -> None:
        self._hidden = hidden

    def start(self, market: Market) -> Array:
        """Random first layer, the same for all, and zeros: at first the context changes nothing."""
        first = stream(market.seed, "contextual").standard_normal((len(INPUTS), self._hidden)) / np.sqrt(len(INPUTS))
        return np.concatenate([first.ravel(), np.zeros(self._hidden + (self._hidden + 1) * _OUTPUTS)])

    def policy(self, market: Market, parameters: Array) -> Policy:
        """The networks of parameters `[P, learners, size]`."""
        lead, hidden = parameters.shape[:2], self._hidden
        ends = np.cumsum([len(INPUTS) * hidden, hidden, hidden * _OUTPUTS])
        first, first_bias, last, last_bias = np.split(parameters, ends, axis=-1)
        network = _Network(
            first.reshape(*lead, len(INPUTS), hidden), first_bias, last.reshape(*lead, hidden, _OUTPUTS), last_bias
        )
        return _ContextualPolicy(network, static_inputs(market), starting_coefficients(market))


@dataclass(frozen=True, eq=False)
class _Network:
    first: Array
    """`[P, learners, inputs, hidden]`."""
    first_bias: Array
    last: Array
    """`[P, learners, hidden, outputs]`."""
    last_bias: Array

    def __call__(self, inputs: Array) -> Array:
        """Log multipliers `[P, learners, outputs]` of inputs `[P, learners, inputs]`."""
        hidden = np.tanh((inputs[..., None, :] @ self.first)[..., 0, :] + self.first_bias)
        # As a mean of few units would: the noise of a search over many weights must not drown that over the biases.
        out = (hidden[..., None, :] @ self.last)[..., 0, :] / np.sqrt(hidden.shape[-1]) + self.last_bias
        clipped: Array = np.clip(out, -_LARGEST, _LARGEST)
        return clipped


@dataclass(frozen=True, eq=False)
class _ContextualPolicy:
    network: _Network
    static: Array
    """`[learners, 3]`."""
    start: Array
    """Starting coefficients."""

    def begin(self, market: Market, day: int, n_policies: int) -> DayPolicy:  # noqa: ARG002  (as many as networks, or 1)
        """Bid each hour by the networks' coefficients from its context."""
        scales = _causal_scales(market, day)

        def act(state: DayState) -> Array:
            return market_coefficients(market, self.network(_inputs(market, state, scales, self.static)), self.start)

        return DayPolicy(act)


def _causal_scales(market: Market, day: int) -> Scales:
    """What features are measured by: the reference on the first training day; only auctions are the day's own.

    Of these the features use the hours that are over.
    """
    known = Scales.of(market, market.scenario.traffic.train_days[0], market.learners)
    return replace(known, auctions=market.hourly_auctions(day)[:, market.learners, None])


def _inputs(market: Market, state: DayState, scales: Scales, static: Array) -> Array:
    """`[P, learners, inputs]` at the start of an hour."""
    learners, hour = market.learners, state.hour
    n_policies = state.budget_left.shape[1]
    last, cumulative = state.last_step[learners], state.cumulative[learners]
    observed = observe(
        scales, np.full(n_policies, hour), state.budget_left[learners], last,
        state.last_step[:, COST].sum(axis=0),
    )[:, :, _PLACES]  # fmt: skip
    clock = 2 * np.pi * hour / HOURS
    reference = market.baseline[market.scenario.traffic.train_days[0]]
    usual = reference.cost[:, learners, 0].sum(axis=0) / np.maximum(reference.clicks[:, learners, 0].sum(axis=0), 1e-12)
    paid = cumulative[:, COST] / np.maximum(cumulative[:, CLICKS], 1e-12)
    rivals = market.competition(state.day)[hour - 1, learners] if hour else np.zeros(len(learners))
    context = np.stack(
        [
            np.full((n_policies, len(learners)), np.sin(clock)),
            np.full((n_policies, len(learners)), np.cos(clock)),
            (paid / (paid + np.maximum(usual, 1e-12)[:, None])).T,
            np.tile(rivals, (n_policies, 1)),
        ],
        axis=-1,
    )
    return np.concatenate([observed, context, np.broadcast_to(static, (n_policies, *static.shape))], axis=-1)


def static_inputs(market: Market) -> Array:
    """Logs of mean value, mean keyword bid and budget over the group's geometric means, `[learners, 3]`."""
    mean = market.mean_features[market.learners]
    budget = market.budgets[market.learners]
    amounts = np.stack([mean[:, 2], mean[:, 3], np.where(np.isfinite(budget), budget, 0.0)], axis=1)
    logs = np.log(np.where(amounts > 0, amounts, 1.0))
    names = np.array([market.groups[i].group for i in market.learners])
    centred = np.zeros_like(logs)
    for name in np.unique(names):
        own = names == name
        centred[own] = logs[own] - logs[own].mean(axis=0)
    return np.tanh(centred)
