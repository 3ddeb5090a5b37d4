"""A small network from the context of the hour to the coefficients of the linear bid formula.

It is part of our reconstruction of MACG (docs/macg.md). The network sees only what is known when the hour begins: the clock,
its advertiser's own account, the last hour, and how strong the competition was in it. It never sees the auction. Each auction
gets its bid from the formula, so that bids stay >= 0 and never fall when pcvr or value rises.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from auctionsim import arithmetic
from auctionsim.agents.policies.base import DayPolicy, DayState, Policy
from auctionsim.auction.bid_formula import BID_MODELS
from auctionsim.auction.bid_formula import FEATURES as BID_FEATURES
from auctionsim.auction.outcome import CLICKS, COST
from auctionsim.market.bidding import market_coefficients, starting_coefficients
from auctionsim.market.market import Market
from auctionsim.market.observations import FEATURES, Scales, observe
from auctionsim.names.display import short_repr
from auctionsim.streams import stream
from auctionsim.traffic.table import HOURS

Array = NDArray[np.float64]

OBSERVED = ("time_left", "budget_left", "spend_speed", "profit", "cpc", "win_rate", "auctions", "platform_revenue")
"""Features that the network takes over from the environments' observations."""
INPUTS = (*OBSERVED, "hour_sine", "hour_cosine", "cpc_to_date", "competition", "own_value", "own_bid", "own_budget")
"""Inputs of the network. The last three tell the advertisers of a group apart, see `static_inputs`."""
_OUTPUTS = len(BID_MODELS["macg"])
_LARGEST = 4.0
_OBSERVED_INDICES = [FEATURES.index(name) for name in OBSERVED]


class HourlyNetwork:
    """Parameters are the weights of a network with one hidden layer of tanh units, `[(15 + 1) hidden + (hidden + 1) 3]`.

    Its outputs are log multipliers on the starting coefficients, in [-4, 4].

    Args:
        hidden: Number of hidden units.
    """

    side_by_side = True

    def __init__(self, hidden: int) -> None:
        self._hidden = hidden

    def start(self, market: Market) -> Array:
        """Return a random first layer, the same for all agents, and zeros after it: at first the context changes nothing."""
        first = arithmetic.normal(stream(market.seed, "contextual"), (len(INPUTS), self._hidden)) / np.sqrt(len(INPUTS))
        return np.concatenate([first.ravel(), np.zeros(self._hidden + (self._hidden + 1) * _OUTPUTS)])

    def policy(self, market: Market, parameters: Array) -> Policy:
        """Return the policies whose networks have parameters `[P, learners, size]`."""
        lead, hidden = parameters.shape[:2], self._hidden
        ends = np.cumsum([len(INPUTS) * hidden, hidden, hidden * _OUTPUTS])
        first, first_bias, last, last_bias = np.split(parameters, ends, axis=-1)
        network = _Network(
            first.reshape(*lead, len(INPUTS), hidden), first_bias, last.reshape(*lead, hidden, _OUTPUTS), last_bias
        )
        return _HourlyPolicy(network, static_inputs(market), starting_coefficients(market))


@dataclass(frozen=True, eq=False)
class _Network:
    """Networks of all learners under P sets of parameters."""

    first: Array
    """Weights of the hidden layer, `[P, learners, inputs, hidden]`."""
    first_bias: Array
    """Biases of the hidden layer, `[P, learners, hidden]`."""
    last: Array
    """Weights of the output layer, `[P, learners, hidden, outputs]`."""
    last_bias: Array
    """Biases of the output layer, `[P, learners, outputs]`."""

    __repr__ = short_repr

    def __call__(self, inputs: Array) -> Array:
        """Return the log multipliers `[P, learners, outputs]` of inputs `[P, learners, inputs]`."""
        hidden = arithmetic.tanh(arithmetic.matmul(inputs[..., None, :], self.first)[..., 0, :] + self.first_bias)
        # The sum over hidden units is divided by the root of their number: the search perturbs every weight alike, and without
        # the division the noise of many weights would drown that of the biases.
        out = arithmetic.matmul(hidden[..., None, :], self.last)[..., 0, :] / np.sqrt(hidden.shape[-1]) + self.last_bias
        clipped: Array = np.clip(out, -_LARGEST, _LARGEST)
        return clipped


@dataclass(frozen=True, eq=False)
class _HourlyPolicy:
    """Bid each hour by the coefficients that the networks return for the context of the hour."""

    network: _Network
    static: Array
    """Inputs that stay the same all day, `[learners, 3]`, from `static_inputs`."""
    start: Array
    """Starting coefficients, `[learners, 3]`."""

    __repr__ = short_repr

    def begin(self, market: Market, day: int, n_policies: int) -> DayPolicy:  # noqa: ARG002  (as many as networks, or 1)
        """Begin the day; its scales come from what is known before it."""
        scales = _causal_scales(market, day)

        def act(state: DayState) -> Array:
            return market_coefficients(market, self.network(_inputs(market, state, scales, self.static)), self.start)

        return DayPolicy(act)


def _causal_scales(market: Market, day: int) -> Scales:
    """Return scales that are known when an hour begins.

    Amounts are divided by the baseline's on the first training day. Only the numbers of auctions are the day's own, of which
    the features use the hours that are over.
    """
    known = Scales.of(market, market.scenario.traffic.train_days[0], market.learners)
    return replace(known, auctions=market.hourly_auctions(day)[:, market.learners, None])


def _inputs(market: Market, state: DayState, scales: Scales, static: Array) -> Array:
    """Return the inputs of all networks at the start of an hour, `[P, learners, inputs]`."""
    learners, hour = market.learners, state.hour
    n_policies, cumulative = state.n_policies, state.cumulative[learners]
    observed = observe(
        scales, np.full(n_policies, hour), state.budget_left[learners], state.last_step[learners],
        state.last_step[:, COST].sum(axis=0),
    )[:, :, _OBSERVED_INDICES]  # fmt: skip
    clock = 2 * np.pi * hour / HOURS
    baseline = market.baseline[market.scenario.traffic.train_days[0]]
    usual = baseline.cost[:, learners, 0].sum(axis=0) / np.maximum(baseline.clicks[:, learners, 0].sum(axis=0), 1e-12)
    paid = cumulative[:, COST] / np.maximum(cumulative[:, CLICKS], 1e-12)
    known = market.information
    is_seen = state.reported > 0 and (known is None or known.shows("full"))
    rivals = market.competition(state.day)[state.reported - 1, learners] if is_seen else np.zeros(len(learners))
    context = np.stack(
        [
            np.full((n_policies, len(learners)), arithmetic.sin(clock)),
            np.full((n_policies, len(learners)), arithmetic.cos(clock)),
            (paid / (paid + np.maximum(usual, 1e-12)[:, None])).T,
            np.tile(rivals, (n_policies, 1)),
        ],
        axis=-1,
    )
    return np.concatenate([observed, context, np.broadcast_to(static, (n_policies, *static.shape))], axis=-1)


def static_inputs(market: Market) -> Array:
    """Return what tells the advertisers of a group apart: mean value, mean keyword bid and budget, `[learners, 3]`.

    Each is the tanh of its log over the geometric mean of the group. An advertiser that has none of it counts with 1.
    """
    mean, budget = market.mean_features[market.learners], market.budgets[market.learners]
    value, bid = (mean[:, BID_FEATURES.index(name)] for name in ("value", "keyword_bid"))
    amounts = np.stack([value, bid, np.where(np.isfinite(budget), budget, 0.0)], axis=1)
    logs = arithmetic.log(np.where(amounts > 0, amounts, 1.0))
    names = np.array([market.groups[i].group for i in market.learners])
    centred = np.zeros_like(logs)
    for name in np.unique(names):
        own = names == name
        centred[own] = logs[own] - logs[own].mean(axis=0)
    return arithmetic.tanh(centred)
