"""Learn a policy from a logged dataset alone, and write a run folder of it, evaluated on the scenario's test days."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from auctionsim.analysis.offline.online_lp import PacingTable, learn_pacing
from auctionsim.arguments import one_of
from auctionsim.errors import InputError
from auctionsim.jobs.offline.dataset import Dataset
from auctionsim.jobs.offline.from_logs import FromLogs, OwnActions, logged_market
from auctionsim.jobs.training.outside import write_run
from auctionsim.market.market import Market
from auctionsim.market.policy import DayState, Policy
from auctionsim.runs import Run

Array = NDArray[np.float64]

LEARNERS = ("online-lp", "bc", "cql", "iql", "decision-transformer")
MAXIMIZED = ("reward", "profit", "gmv", "clicks", "conversions")
"""Columns that a policy may be learned to maximize: no cost and no mere impressions, which are no goal of an advertiser."""
_LIVE = 1  # Position of `budget_left` in an observation.


def learn_offline(
    dataset: Dataset,
    learner: str,
    out: Path,
    *,
    metric: str = "profit",
    steps: int = 2000,
    command: str,
    report: Callable[[str, float], None] | None = None,
) -> Run:
    """Learn from logs and write a run folder.

    Args:
        dataset: The logged days.
        learner: One of `LEARNERS`; all but `online-lp` are d3rlpy's.
        out: The run folder, new or empty.
        metric: One of `MAXIMIZED`: what `online-lp` maximizes, and the reward that the others learn from.
        steps: Gradient steps of d3rlpy's learners.
        command: The command line, for the report.
        report: A progress callback.

    Raises:
        InputError: The learner or the metric is unknown, or the learner is not installed, or cannot learn from these actions.
    """
    one_of("--learner", learner, LEARNERS)
    one_of("--metric", metric, MAXIMIZED)
    market = dataset.market()
    if learner == "online-lp":
        policy: Policy = pacing_policy(dataset, market, metric)
        name = f"online-lp from {len(dataset.days)} logged days"
    else:
        from auctionsim.jobs.offline.d3rlpy_learners import learned_policy

        policy, version = learned_policy(dataset, market, learner, metric, steps, report)
        name = f"{learner} of d3rlpy {version} from {len(dataset.days)} logged days"
    return write_run(out, market.scenario, {market.seed: policy}, learner=name, command=command)


def pacing_policy(dataset: Dataset, market: Market, metric: str) -> FromLogs:
    """Return the policy of `analysis.offline.online_lp`, with one table for each agent.

    Args:
        dataset: The logged days.
        market: The scenario's market.
        metric: One of `MAXIMIZED`, which is maximized within the budget.

    Raises:
        InputError: An action has more than one number.
    """
    if dataset.actions.shape[-1] != 1:
        raise InputError(
            f"{dataset.path}: expected actions of one number for online-lp, got {dataset.actions.shape[-1]} "
            "(export with --bid-model scale, value or conversion)"
        )
    own = logged_market(dataset, market)
    tables = [_table(dataset, metric, j) for j in range(len(dataset.agents))]

    def begin(day: int, n_policies: int) -> OwnActions:  # noqa: ARG001  (the same on every day)
        def act(state: DayState) -> Array:
            left = state.budget_left[own.learners]
            return np.stack([table.action(state.hour, left[j]) for j, table in enumerate(tables)], axis=1)[..., None]

        return act

    return FromLogs(own, dataset.settings["bid_model"], begin)


def _table(dataset: Dataset, metric: str, j: int) -> PacingTable:
    """Return one agent's table."""
    return learn_pacing(
        dataset.actions[:, :, j, 0].astype(np.float64), dataset.log_propensity[:, :, j], dataset.amounts[metric][:, :, j],
        dataset.amounts["cost"][:, :, j], dataset.observations[:, :, j, _LIVE] > 0,
    )  # fmt: skip
