"""Make the arms of the demo: one scenario, the same advertisers, three sets of goals, and a fitted rule as their rival."""

from __future__ import annotations

from dataclasses import dataclass

from auctionsim.jobs.overrides import fitted_rule
from auctionsim.scenario import Scenario
from auctionsim.scenario.file import load_scenario, parse_scenario, read_scenario

QUICK = ("train.iterations=30", "learner.learning_rate=0.15", "traffic.auctions_per_day=100000")
"""Overrides of a demo that takes seconds."""

RIVAL = "value-scale-paced"
"""The fitted rule that stands beside the three arms; its iterations are steps of a search (docs/learners.md)."""

_FITTED = (*fitted_rule(RIVAL), "learner.constants={}", "learner.population=32")
"""Keys of a fitted rule, whatever learner the scenario names."""


@dataclass(frozen=True)
class Arm:
    """One arm of the demo."""

    name: str
    """The name of the arm and of its run folder."""
    scenario: Scenario
    text: str
    """The scenario file's text, the same for all arms."""
    overrides: tuple[str, ...]
    """The `--set` items that turn the file into this arm."""


def plan(scenario: str, shared: tuple[str, ...] = ()) -> list[Arm]:
    """Return the arms of a scenario, which as written is the cooperating arm.

    `competing`: each advertiser maximizes its own objective. `colluding`: all maximize the total profit, without floors.
    `cooperating`: own objective and total profit, under the platform's revenue floor and a soft floor on every advertiser's
    profit. `value-scale-paced`: the simplest rule that holds the same revenue floor, against which learning is measured.

    Args:
        scenario: The path of a scenario file, or the name of a built-in scenario.
        shared: The `--set` items that apply to all arms.
    """
    text, _ = read_scenario(scenario)
    groups = range(len(parse_scenario(text, scenario, overrides=shared).advertisers))
    no_floors = ("platform.revenue_floor=0.0", *(f"advertisers.{i}.profit_floor=0.0" for i in groups))
    by_arm = {
        "competing": ("learner.own_weight=1.0", "learner.global_weight=0.0", *no_floors),
        "colluding": ("learner.own_weight=0.0", "learner.global_weight=1.0", *no_floors),
        "cooperating": (),
        RIVAL: (*_FITTED, "train.iterations=60", "train.checkpoint_every=60"),
    }
    return [
        Arm(name, load_scenario(scenario, overrides=(*shared, *own)), text, (*shared, *own)) for name, own in by_arm.items()
    ]
