"""Plan what is logged: who bids by which policy, who explores, and in which actions bids are written down."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from auctionsim import arithmetic
from auctionsim.agents.policies.registry import find_rule
from auctionsim.arguments import one_of
from auctionsim.auction.bid_formula import BID_MODELS, FEATURES, STATIC_BIDS
from auctionsim.envs.actions import MAX_MULTIPLIER
from auctionsim.envs.single_agent import single_bidder_market
from auctionsim.errors import InputError, shown, unknown
from auctionsim.jobs.offline.run_policy import Checkpoint, policy_of_run
from auctionsim.market.bidding import starting_coefficients
from auctionsim.market.information.shown import expect_no_prices, expect_shown
from auctionsim.market.market import Market
from auctionsim.market.policy import Action, Constant, DayPolicy, DayState, Participation, Policy
from auctionsim.runs import Run
from auctionsim.scenario import CONTROLLERS

Array = NDArray[np.float64]

START = "start"
"""Name of the policy that bids the starting coefficients: the action 0."""
AUTO = "auto"
_SMALLEST_FIRST = ("scale", "value", "conversion", "macg")


@dataclass(frozen=True, eq=False)
class Plan:
    """A policy as actions of some agents: what it would do itself, before any exploration."""

    market: Market
    """Market in which only the agents that are logged learn; the others follow rules."""
    whole: Market
    """The scenario's own market, which the policy was made for."""
    policy: Policy | None
    """The policy; None for the starting coefficients."""
    name: str
    """Name of the policy; the whole path of a run's folder."""
    bid_model: str
    """Bid model whose coefficients an action multiplies, a key of `bid_formula.BID_MODELS`."""
    factor: float = 1.0
    """Factor on all bids of the policy, > 0."""
    rivals: str = "manual"
    """Rule that the learners follow that are not logged."""
    checkpoint: Checkpoint | None = None
    """Checkpoint of the run that the policy is; None for a rule."""

    @property
    def coefficients(self) -> tuple[str, ...]:
        """Return the names of an action's numbers."""
        return tuple(BID_MODELS[self.bid_model])

    @property
    def agents(self) -> tuple[str, ...]:
        """Return the names of the agents that are logged."""
        return tuple(self.market.advertisers[i] for i in self.market.learners)

    def begin(self, day: int, episodes: int) -> DayActions:
        """Begin a day for several episodes side by side."""
        actor = None if self.policy is None else self.policy.begin(self.whole, day, episodes)
        if getattr(actor, "source", None) is not None or getattr(actor, "steps", None) is not None:
            raise InputError(f"policy: expected bids of the linear formula every hour, got {self.name}, which bids otherwise")
        return DayActions(self, actor, starting_coefficients(self.market, self.bid_model), episodes)


class DayActions:
    """A policy's own actions on one day, for E episodes side by side; made by `Plan.begin`."""

    def __init__(self, plan: Plan, actor: object, start: Array, episodes: int) -> None:
        self._plan, self._actor, self._start, self._episodes = plan, actor, start, episodes

    def __call__(self, state: DayState) -> tuple[Array, NDArray[np.bool_]]:
        """Return the policy's own actions before an hour.

        Returns:
            Actions, clipped to [-1, 1], `[E, A, k]`; and which of them had to be clipped, `[E, A, k]`.
        """
        plan = self._plan
        shift = arithmetic.log(plan.factor) / arithmetic.log(MAX_MULTIPLIER)
        if self._actor is None:
            theta = np.repeat(self._start[None], self._episodes, axis=0)
        else:
            theta = _own_coefficients(plan, self._actor.act(state), self._episodes)  # type: ignore[attr-defined]
        has_effect = self._start > 0
        ratio = np.divide(theta, self._start, out=np.ones_like(theta), where=has_effect)
        with np.errstate(divide="ignore"):
            exact = arithmetic.log(ratio) / arithmetic.log(MAX_MULTIPLIER) + shift
        exact = np.where(has_effect, exact, 0.0)
        return np.clip(exact, -1.0, 1.0), np.abs(exact) > 1.0 + 1e-9


def make_plan(
    whole: Market,
    name: str,
    *,
    run: Run | None = None,
    bidder: str | None = None,
    rivals: str = "manual",
    bid_model: str = AUTO,
    factor: float = 1.0,
    checkpoint: Checkpoint | None = None,
) -> Plan:
    """Find a policy by its name.

    Args:
        whole: The scenario's market.
        name: `start`, a rule (`manual`, `truthful`, `pid`, ...), or the path of a run.
        run: The run of that path, where it is open already.
        bidder: The one learner that is logged; all where None.
        rivals: Rule that the other learners follow where there is a bidder.
        bid_model: Bid model of the actions; `auto` for the smallest that holds the policy's bids.
        factor: Factor on all bids, > 0.
        checkpoint: The checkpoint of the run; its last where None.

    Raises:
        InputError: There is no such policy, bidder or checkpoint, or its bids are none of the bid model.
    """
    if not len(whole.learners):
        raise InputError(f"{whole.scenario.source}: advertisers: expected one whose controller is 'learner', got none")
    market = whole if bidder is None else single_bidder_market(whole, bidder, rivals)
    policy, found = (None, None) if name == START else _policy(whole, name, run, checkpoint)
    if found is not None:
        name = str(Path(name).resolve())
    if bid_model == AUTO:
        bid_model = "scale" if policy is None else _smallest_model(whole, market, policy, name)
    one_of("bid_model", bid_model, BID_MODELS)
    return Plan(market, whole, policy, name, bid_model, factor, rivals, found)


def _policy(market: Market, name: str, run: Run | None, checkpoint: Checkpoint | None) -> tuple[Policy, Checkpoint | None]:
    """Return the policy of a rule's name, or that of a run's checkpoint and which one that is."""
    if name in STATIC_BIDS:
        return Constant(market.static(name)), None
    if name in CONTROLLERS[1:] or ":" in name:
        rule = find_rule(name, "policy", *market.scenario.code_folders)
        assert not isinstance(rule, str)
        expect_shown(market.scenario, rule, f"policy {shown(name)}")
        expect_no_prices(market.scenario, rule, "logged datasets")
        return _OfLearners(rule(market, market.learners)), None
    if run is None and not Path(name).is_dir():
        raise unknown("policy", name, (START, *CONTROLLERS[1:]), what="expected a rule or the folder of a run, got")
    return policy_of_run(market, run or Run.open(name), checkpoint)


@dataclass(frozen=True, eq=False)
class _OfLearners:
    """A rule made for the learners, as a policy whose arrays have everybody's rows."""

    rule: Policy

    def begin(self, market: Market, day: int, n_policies: int) -> DayPolicy:
        """Begin the rule's day; the others keep their fixed bids."""
        actor = self.rule.begin(market, day, n_policies)

        def act(state: DayState) -> Action:
            action = actor.act(state.of(market.learners))
            if isinstance(action, Participation):
                return action
            theta = np.repeat(market.fixed[:, :, None], np.shape(action)[-1], axis=2)
            theta[market.learners] = action
            return theta

        return DayPolicy(act, getattr(actor, "source", None), getattr(actor, "steps", None))


def _own_coefficients(plan: Plan, action: Action, episodes: int) -> Array:
    """Return the coefficients of the logged agents over the bid model's features, `[E, A, k]`."""
    theta = np.broadcast_to(_bids(action, plan.name), (*np.shape(action)[:2], episodes))[plan.market.learners]
    used = [FEATURES.index(name) for name in plan.coefficients]
    unused = np.delete(theta, used, axis=1)
    if (unused != 0).any():
        names = _used_features(theta)
        raise InputError(
            f"bid_model: expected {' or '.join(_models_with(names)) or 'one'} that holds the bids of {plan.name}, "
            f"on {', '.join(names)}, got {shown(plan.bid_model)} (export-dataset --bid-model decides it)"
        )
    return np.array(theta[:, used].transpose(2, 0, 1))


def _smallest_model(whole: Market, market: Market, policy: Policy, name: str) -> str:
    """Return the smallest bid model that holds a policy's bids at the beginning of the first training day."""
    day = whole.scenario.traffic.train_days[0]
    used = _used_features(_bids(policy.begin(whole, day, 1).act(whole.day(day).state), name)[market.learners])
    fitting = _models_with(used)
    if not fitting:
        raise InputError(f"policy: expected bids that a bid model holds, got those of {name}, on {', '.join(sorted(used))}")
    return fitting[0]


def _bids(action: Action, name: str) -> Array:
    """Return what a policy of a name does as coefficients; a policy that enters only a share of auctions is refused."""
    if isinstance(action, Participation):
        raise InputError(f"policy: expected bids in every auction, got {name}, which enters only a share of them")
    return np.asarray(action)


def _used_features(theta: Array) -> list[str]:
    """Return the features that coefficients `[agents, 4, P]` use, in the order of `FEATURES`."""
    return [name for j, name in enumerate(FEATURES) if (theta[:, j] != 0).any()]


def _models_with(features: list[str]) -> list[str]:
    """Return the bid models that hold bids on some features, the smallest first."""
    return [model for model in _SMALLEST_FIRST if set(features) <= set(BID_MODELS[model])]
