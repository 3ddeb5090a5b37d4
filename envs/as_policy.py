"""Turn what an agent of an environment does into a policy of the market, so that it can be evaluated as learners are."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from auctionsim.agents.policies.base import DayPolicy, DayState, Policy
from auctionsim.auction.outcome import COST
from auctionsim.envs.actions import Actions
from auctionsim.errors import InputError, shown
from auctionsim.market.bidding import market_coefficients, starting_coefficients
from auctionsim.market.market import Market
from auctionsim.market.observations import Scales, observe
from auctionsim.numbers import truth_value
from auctionsim.objectives import goals as obj

Observation = NDArray[np.float32]
Act = Callable[[str, Observation], ArrayLike]
"""`act(agent, observation)` returns the agent's action, an element of its action space."""
JointAct = Callable[[dict[str, Observation]], Mapping[str, ArrayLike]]
"""`act(observations)` returns all agents' actions by name, as a parallel environment takes them."""


def as_policy(act: Act | JointAct, env: Any, *, is_joint: bool = False) -> Policy:
    """Return the policy that bids by an agent's actions, for `auctionsim.write_run` and for whatever else takes a policy.

    On a day of the market it does exactly what it does in the environment: it observes before every hour and acts. All agents
    of the market's learners act by it.

    For example, with Stable-Baselines3: `as_policy(lambda agent, seen: model.predict(seen, deterministic=True)[0], env)`.

    Args:
        act: `act(agent, observation)`, called for every agent before every hour; observations are `[15]`, float32.
        env: An environment of `auctionsim.envs`, wrapped or not, whose bid model and action space `act` was trained for.
        is_joint: Whether `act` takes all agents' observations by name and returns their actions by name.

    Raises:
        InputError: `act` is no function, or `env` no environment of auctionsim; later, an action is none of its space's.
    """
    if not callable(act):
        raise InputError(f"act: expected a function from observations to actions, got {shown(act)}")
    return _EnvironmentPolicy(act, _actions_of(env), truth_value("is_joint", is_joint))


@dataclass(frozen=True, eq=False)
class _EnvironmentPolicy:
    act: Callable[..., Any]
    actions: Actions
    is_joint: bool

    def begin(self, market: Market, day: int, n_policies: int) -> DayPolicy:
        """Observe and act before every hour, in each of the P copies of the day."""
        learners, agents = market.learners, [market.advertisers[i] for i in market.learners]
        scales, start = Scales.of(market, day, learners), starting_coefficients(market, self.actions.bid_model)

        def act(state: DayState) -> NDArray[np.float64]:
            revenue = obj.of_all(state.last_step[:, COST])
            hour = np.full(n_policies, state.hour)
            observations = observe(scales, hour, state.budget_left[learners], state.last_step[learners], revenue)
            chosen: Any = [self._chosen(agents, of_copy) for of_copy in observations]
            multipliers = self.actions.log_multipliers(chosen, (n_policies, len(agents)))
            return market_coefficients(market, multipliers, start, self.actions.bid_model)

        return DayPolicy(act)

    def _chosen(self, agents: list[str], observations: Observation) -> list[ArrayLike]:
        """Return one copy's actions, in the order of the agents."""
        if not self.is_joint:
            return [self.act(agent, seen) for agent, seen in zip(agents, observations, strict=True)]
        chosen = self.act(dict(zip(agents, observations, strict=True)))
        missing = [agent for agent in agents if agent not in chosen]
        if missing:
            raise InputError(f"actions: expected one for every agent, got none for {missing[0]!r}")
        return [chosen[agent] for agent in agents]


def _actions_of(env: Any) -> Actions:
    """Return the actions of an environment, through wrappers of Gymnasium and PettingZoo."""
    found, seen = env, 0
    # A wrapper holds what it wraps; more than a few of them are a circle.
    while found is not None and seen < 32:
        actions = getattr(found, "actions", None)
        if isinstance(actions, Actions):
            return actions
        inner = getattr(found, "env", None)
        found, seen = inner if inner is not None else getattr(found, "par_env", None), seen + 1
    raise InputError(f"env: expected an environment of auctionsim.envs, got {shown(env)}")
