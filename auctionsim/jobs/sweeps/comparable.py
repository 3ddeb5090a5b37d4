"""Decide what trials may be ranked by: a swept key can change the auctions, the rules, or what fitness measures.

Figures in currency are comparable wherever all trials replay the same traffic. Fitness is relative to the baseline's outcome,
so that it is comparable only where all trials share rules, budgets, goals and weights too.
"""

from __future__ import annotations

from collections.abc import Sequence

from auctionsim.errors import InputError, unknown
from auctionsim.jobs.sweeps.distributions import Parameter
from auctionsim.jobs.training.figures import METRICS
from auctionsim.scenario import Scenario

_GOALS = ("mechanism", "platform", "advertisers", "traffic")
_FITNESS = ("learner", "learner.own_weight", "learner.global_weight", "learner.penalty")
_ADVERTISER_TRAFFIC = ("count", "keywords")


def changes_traffic(key: str) -> bool:
    """Return whether trials that differ in a key replay different auctions or other days."""
    section, *path = key.split(".")
    if section == "traffic":
        return path != ["budgets"]
    # A whole group, or the list of groups, holds the number of its advertisers, from which traffic is generated.
    return section == "advertisers" and (len(path) < 2 or path[1] in _ADVERTISER_TRAFFIC)


def changes_baseline(key: str) -> bool:
    """Return whether trials that differ in a key have different baselines: other rules, budgets or baseline policies."""
    section, *path = key.split(".")
    if section == "advertisers":
        return len(path) < 2 or path[1] == "budget"
    return section == "mechanism" or key in ("platform", "platform.baseline", "traffic.budgets")


def changes_fitness(key: str) -> bool:
    """Return whether trials that differ in a key measure fitness differently."""
    return key.split(".", 1)[0] in _GOALS or key in _FITNESS


def default_metric(scenario: Scenario) -> str:
    """Return the figure that the scenario's learners aim at: in currency or counts if it is one alone, else `fitness`.

    If all learners are after profit alone, it is `profit`, or `learner_profit` if `learner.global_weight` is 0. If they are
    after another objective alone and the global weight is 0, it is that of the learners, for example `learner_clicks`.
    """
    groups = [group for group in scenario.advertisers if group.controller == "learner"]
    objectives = {name for group in groups for name, weight in group.objectives.items() if weight > 0}
    if not groups or (objectives == {"profit"} and scenario.learner.global_weight > 0):
        return "profit"
    return f"learner_{objectives.pop()}" if len(objectives) == 1 and scenario.learner.global_weight == 0 else "fitness"


def checked_metric(asked: str | None, scenario: Scenario, parameters: Sequence[Parameter]) -> str:
    """Return the metric to rank by.

    Args:
        asked: The user's choice; None for the default.
        scenario: The scenario without the swept settings.
        parameters: The swept keys.

    Raises:
        InputError: The metric is unknown, or a swept key changes what it measures.
    """
    if asked is not None and asked not in METRICS:
        raise unknown("--metric", asked, METRICS)
    metric = asked or default_metric(scenario)
    changing = [parameter.key for parameter in parameters if changes_fitness(parameter.key)]
    if metric == "fitness" and changing:
        source = "--metric fitness" if asked else "--metric: the default for these objectives is fitness"
        others = ", ".join(name for name in METRICS if name != "fitness")
        raise InputError(
            f"{source}: expected a figure that means the same in all trials, got fitness, which {changing[0]} changes "
            f"(choose from {others})"
        )
    return metric
