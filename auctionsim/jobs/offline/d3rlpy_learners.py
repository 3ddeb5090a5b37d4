"""Train d3rlpy's offline learners on logged days: behavior cloning, CQL, IQL and the decision transformer.

d3rlpy is no dependency and no extra, since it pins a Gymnasium older than ours; docs/offline.md says how to install it beside.
All agents share one policy, which sees the observations of the environments.
"""

from __future__ import annotations

import io
from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout
from typing import Any

import numpy as np
from numpy.typing import NDArray

from auctionsim.auction.outcome import COST
from auctionsim.errors import InputError
from auctionsim.jobs.offline.dataset import Dataset
from auctionsim.jobs.offline.from_logs import FromLogs, OwnActions, logged_market
from auctionsim.jobs.offline.rollout import named_amounts
from auctionsim.market.market import Market
from auctionsim.market.observations import Scales, observe
from auctionsim.market.policy import DayState
from auctionsim.objectives import goals as obj
from auctionsim.traffic.table import HOURS

Array = NDArray[np.float64]
Report = Callable[[str, float], None]
_BATCH, _EPOCH, _SEED = 256, 100, 0
_TOP = 0.9
"""Quantile of the logged returns that the decision transformer is asked for."""


def learned_policy(
    dataset: Dataset, market: Market, learner: str, metric: str, steps: int, report: Report | None
) -> tuple[FromLogs, str]:
    """Train a learner of d3rlpy; return the policy and d3rlpy's version.

    Args:
        dataset: The logged days.
        market: The scenario's market.
        learner: `bc`, `cql`, `iql` or `decision-transformer`.
        metric: Column of the dataset that is the reward.
        steps: Gradient steps.
        report: A progress callback.

    Raises:
        InputError: d3rlpy is not installed, or the decision transformer is to follow a reward that no day's state holds.
    """
    if learner == "decision-transformer" and metric == "reward":
        raise InputError("--metric: expected an amount of the day for decision-transformer, such as profit, got 'reward'")
    # Its loggers print to stdout, where results go, and Gym's end of life is announced at every import.
    with redirect_stdout(io.StringIO()), redirect_stderr(io.StringIO()):
        d3rlpy = _imported(learner)
        d3rlpy.seed(_SEED)
        rewards = dataset.amounts[metric]
        scale = float(rewards.std()) or 1.0
        algorithm = _algorithm(d3rlpy, learner)
        algorithm.fit(
            _buffer(d3rlpy, dataset, rewards / scale),
            n_steps=steps,
            n_steps_per_epoch=min(_EPOCH, steps),
            logger_adapter=d3rlpy.logging.NoopAdapterFactory(),
            show_progress=False,
            callback=None if report is None else lambda _, __, done: report(f"training {learner}", done / steps),
        )
    own = logged_market(dataset, market)
    if learner == "decision-transformer":
        wanted = float(np.quantile(rewards.sum(axis=1), _TOP)) / scale
        begin = _transformer(own, algorithm, wanted, metric, scale)
    else:
        begin = _observing(own, lambda seen: algorithm.predict(seen))
    return FromLogs(own, dataset.settings["bid_model"], begin), d3rlpy.__version__


def _imported(learner: str) -> Any:
    """Import d3rlpy.

    Raises:
        InputError: It is not installed.
    """
    try:
        import d3rlpy
    except ImportError as error:
        raise InputError(
            f"--learner: expected d3rlpy to be installed for {learner!r}, got none (docs/offline.md says how, beside its pins)"
        ) from error
    return d3rlpy


def _algorithm(d3rlpy: Any, learner: str) -> Any:
    """Return a new algorithm, by its defaults but for the size of a batch and the context of a day."""
    algos = d3rlpy.algos
    if learner == "decision-transformer":
        return algos.DecisionTransformerConfig(batch_size=_BATCH, context_size=HOURS, max_timestep=HOURS + 1).create()
    config = {"bc": algos.BCConfig, "cql": algos.CQLConfig, "iql": algos.IQLConfig}[learner]
    return config(batch_size=_BATCH).create()


def _buffer(d3rlpy: Any, dataset: Dataset, rewards: Array) -> Any:
    """Return the logged days of all agents as one buffer, an agent's day after the other."""

    def in_days(array: NDArray[Any]) -> NDArray[Any]:
        return np.ascontiguousarray(array.swapaxes(1, 2).reshape(-1, *array.shape[3:]))

    ends = np.zeros(rewards.shape)
    ends[:, -1] = 1.0
    return d3rlpy.dataset.MDPDataset(
        observations=in_days(dataset.observations),
        actions=in_days(dataset.actions),
        rewards=in_days(rewards).astype(np.float32)[:, None],
        terminals=in_days(ends).astype(np.float32)[:, None],
        action_space=d3rlpy.ActionSpace.CONTINUOUS,
    )


def _observing(market: Market, predict: Callable[[NDArray[np.float32]], Array]) -> Callable[[int, int], OwnActions]:
    """Return the policy of a function from observations `[rows, 15]` to actions `[rows, k]`."""

    def begin(day: int, n_policies: int) -> OwnActions:
        scales = Scales.of(market, day, market.learners)

        def act(state: DayState) -> Array:
            seen = _observations(market, scales, state, n_policies)
            chosen = np.asarray(predict(seen.reshape(-1, seen.shape[-1])), dtype=np.float64)
            return chosen.reshape(*seen.shape[:2], -1)

        return act

    return begin


def _transformer(market: Market, algorithm: Any, wanted: float, metric: str, scale: float) -> Callable[[int, int], OwnActions]:
    """Return the policy of a decision transformer, which is told what each hour earned."""

    def begin(day: int, n_policies: int) -> OwnActions:
        scales = Scales.of(market, day, market.learners)
        histories = [[algorithm.as_stateful_wrapper(wanted) for _ in market.learners] for _ in range(n_policies)]

        def act(state: DayState) -> Array:
            seen = _observations(market, scales, state, n_policies)
            earned = named_amounts(state.last_step[market.learners].transpose(2, 0, 1))[metric] / scale
            chosen = [
                [history.predict(seen[p, j], float(earned[p, j])) for j, history in enumerate(of_copy)]
                for p, of_copy in enumerate(histories)
            ]
            return np.asarray(chosen, dtype=np.float64)

        return act

    return begin


def _observations(market: Market, scales: Scales, state: DayState, n_policies: int) -> NDArray[np.float32]:
    """Return the agents' observations, those of the environments, `[P, A, 15]`."""
    who = market.learners
    hours, revenue = np.full(n_policies, state.hour), obj.of_all(state.last_step[:, COST])
    return observe(scales, hours, state.budget_left[who], state.last_step[who], revenue)
