"""Write a run folder for policies that were trained outside: `report` and `compare` show them beside the built-in ones."""

from __future__ import annotations

import math
import shlex
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from auctionsim import arguments
from auctionsim.agents.build import build_market
from auctionsim.agents.policies.base import DayPolicy, DayState, Policy
from auctionsim.analysis.run_objects.run import Run as ShownRun
from auctionsim.auction.bid_formula import FEATURES
from auctionsim.errors import InputError, shown
from auctionsim.files import expect_new_folder, write_text
from auctionsim.jobs.training.evaluate import write_evaluation
from auctionsim.jobs.training.generations import LOGGED
from auctionsim.market.market import Market
from auctionsim.market.warnings import warnings_of
from auctionsim.names.display import short_repr
from auctionsim.outputs.temporary import new_folder
from auctionsim.runs import Run
from auctionsim.scenario import Scenario
from auctionsim.scenario.file import load_scenario, read_scenario
from auctionsim.scenario.text import scenario_text
from auctionsim.traffic.table import HOURS

Array = NDArray[np.float64]
Bids = ArrayLike | Mapping[int, ArrayLike]
"""Coefficients over `bid_formula.FEATURES` that hold all day, `[advertisers, 4]`, or by hour, `[24, advertisers, 4]`; or such
ones for each test day. A last axis of length 1 may follow."""


def write_run(
    path: str | Path,
    scenario: Scenario | str | Path,
    policies: Mapping[int, Policy | Bids],
    *,
    learner: str,
    overrides: Sequence[str] = (),
    metrics: Iterable[Mapping[str, Any]] = (),
    command: str | None = None,
) -> Run:
    """Evaluate policies that were trained outside on a scenario's test days, and write a run folder of them.

    The evaluation is that of `auctionsim train`: the same test days, baseline, bounds and tables. `auctionsim report` and
    `auctionsim compare` take the folder like any other; `resume`, `evaluate` and `control` refuse it, since there is nothing to
    go on from. The folder appears whole or not at all.

    Args:
        path: The run folder, new or empty.
        scenario: The scenario, a file of it, or the name of a built-in one.
        policies: The learned policy of each seed: a policy (`auctionsim.envs.as_policy` makes one of a function from
            observations to actions), or coefficients of the bid formula. Rows of advertisers that do not learn are ignored;
            those follow their rule.
        learner: Name of what learned, for the report: "PPO of Stable-Baselines3 2.7".
        overrides: `key.path=value` items laid over a scenario that is given by file or name, as of `--set`.
        metrics: Learning curves: rows with `iteration`, `seed`, `revenue_ratio` and `profit_ratio` (over the baseline, on
            training days; None where a ratio is not defined) and any other numbers; for each seed as many rows, in order. No
            rows where the report is to draw no curves.
        command: The command that made it, for the report; how this process was called where None.

    Returns:
        The run.

    Raises:
        InputError: The folder holds files, the scenario is wrong, a policy is none or bids what is not finite and >= 0, or a
            row of the metrics lacks a number.
    """
    path = arguments.path("path", path)
    arguments.text("learner", learner)
    overrides = arguments.texts("overrides", overrides)
    if command is not None:
        arguments.text("command", command)
    expect_new_folder(path)
    if isinstance(scenario, Scenario):
        if overrides:
            raise InputError(f"overrides: expected none beside a loaded scenario, got {shown(list(overrides))}")
        text = scenario_text(scenario)
    else:
        arguments.path("scenario", scenario)
        text, scenario = read_scenario(scenario)[0], load_scenario(scenario, overrides=overrides)
    seeds = _checked_seeds(policies)
    rows = _checked_rows(metrics, seeds)
    markets = {seed: build_market(scenario, seed) for seed in seeds}
    learned = {seed: _policy_of(policies[seed], market, f"policies[{seed}]") for seed, market in markets.items()}
    command = shlex.join([Path(sys.executable).name, *sys.argv]) if command is None else command
    with new_folder(path.absolute(), mode=0o700) as work:
        run = Run.create(
            work / "run", scenario, text, seeds=seeds, command=command, overrides=tuple(overrides), learner=learner
        )
        write_text(run.path / "metrics.jsonl", "")
        run.append_metrics(rows)
        run.note_warnings(warnings_of(markets.values()))
        write_evaluation(run, markets, learned)
        run.write_provenance({**run.provenance(), "learner": f"{learner}, trained outside auctionsim"})
        run.set_status("finished")
        run.path.replace(path)
    return ShownRun(path)


@dataclass(frozen=True, eq=False)
class HourlyBids:
    """Bid with given coefficients, hour by hour."""

    theta: Mapping[int, Array]
    """Coefficients over `bid_formula.FEATURES` of each day, `[24, advertisers, 4, 1]`."""
    source: str
    """Name of the coefficients in messages."""

    __repr__ = short_repr

    def begin(self, market: Market, day: int, n_policies: int) -> DayPolicy:  # noqa: ARG002  (the same for all)
        """Bid as was given for the day.

        Raises:
            InputError: Nothing was given for it.
        """
        if day not in self.theta:
            raise InputError(f"{self.source}: expected coefficients for day {day}, got some for {sorted(self.theta)}")
        theta = self.theta[day]

        def act(state: DayState) -> Array:
            return theta[state.hour]

        return DayPolicy(act)


def _policy_of(given: Any, market: Market, source: str) -> Policy:
    """Return a policy as it is, and coefficients as a policy."""
    if callable(getattr(given, "begin", None)):
        policy: Policy = given
        return policy
    if isinstance(given, Mapping):
        missing = [day for day in market.scenario.traffic.test_days if day not in given]
        if missing:
            raise InputError(f"{source}: expected coefficients for every test day, got none for day {missing[0]}")
        return HourlyBids({day: _coefficients(of_day, market, f"{source}[{day}]") for day, of_day in given.items()}, source)
    theta = _coefficients(given, market, source)
    return HourlyBids(dict.fromkeys(market.baseline, theta), source)


def _coefficients(given: Any, market: Market, source: str) -> Array:
    """Return given coefficients for the learners and the market's own for the others, `[24, advertisers, 4, 1]`."""
    n = len(market.advertisers)
    try:
        theta = np.array(given, dtype=np.float64)
    except (TypeError, ValueError):
        raise InputError(f"{source}: expected a policy with begin(), or coefficients, got {shown(given)}") from None
    came = theta.shape
    if theta.shape in ((n, len(FEATURES)), (HOURS, n, len(FEATURES))):
        theta = theta[..., None]
    if theta.shape not in ((n, len(FEATURES), 1), (HOURS, n, len(FEATURES), 1)):
        raise InputError(f"{source}: expected coefficients of shape ({n}, 4) or (24, {n}, 4), got shape {came}")
    theta = np.broadcast_to(theta, (HOURS, n, len(FEATURES), 1)).copy()
    theta[:, ~market.is_controlled] = market.fixed[~market.is_controlled, :, None]
    own = theta[:, market.learners]
    if not (np.isfinite(own) & (own >= 0)).all():
        raise InputError(f"{source}: expected finite coefficients >= 0, got {own[~(np.isfinite(own) & (own >= 0))][0]}")
    return theta


def _checked_seeds(policies: Any) -> tuple[int, ...]:
    """Return the seeds, in order."""
    wanted = "a policy for each seed, as {0: policy, 1: policy}"
    if not isinstance(policies, Mapping) or not policies:
        raise InputError(f"policies: expected {wanted}, got {shown(policies)}")
    for seed in policies:
        if isinstance(seed, bool) or not isinstance(seed, int | np.integer) or not 0 <= seed < 2**63:
            raise InputError(f"policies: expected {wanted}, got the seed {shown(seed)}")
    return tuple(sorted(int(seed) for seed in policies))


def _checked_rows(metrics: Iterable[Mapping[str, Any]], seeds: Sequence[int]) -> list[dict[str, Any]]:
    """Return the rows of metrics.jsonl, as many for each seed."""
    rows, count = [], dict.fromkeys(seeds, 0)
    if not arguments.is_listing(metrics):
        raise InputError(f"metrics: expected rows as dictionaries, got {shown(metrics)}")
    for number, row in enumerate(metrics, start=1):
        arguments.instance_of(f"metrics: row {number}", row, Mapping, "a dictionary")
        for key in ("iteration", "seed", *LOGGED):
            if key in LOGGED and key in row and row[key] is None:
                continue  # Not defined, as in the metrics of a run trained here: the baseline earns nothing on a training day.
            if not isinstance(row.get(key), int | float | np.number) or isinstance(row[key], bool):
                raise InputError(f"metrics: row {number}: expected a number as {key}, got {shown(row.get(key))}")
        if row["seed"] not in count:
            raise InputError(f"metrics: row {number}: expected a seed of the policies, got {row['seed']}")
        plain = {key: value.item() if isinstance(value, np.generic) else value for key, value in row.items()}
        wrong = next((key for key, value in plain.items() if isinstance(value, float) and not math.isfinite(value)), None)
        if wrong is not None:
            raise InputError(f"metrics: row {number}: expected a finite number as {wrong}, got {plain[wrong]}")
        count[plain["seed"]] += 1
        rows.append(plain)
    if len(set(count.values())) > 1:
        listed = ", ".join(f"{n} of seed {seed}" for seed, n in count.items())
        raise InputError(f"metrics: expected as many rows of each seed, got {listed}")
    return rows
