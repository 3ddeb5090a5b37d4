"""The three arms: one scenario, the same advertisers, three sets of goals."""

from __future__ import annotations

from dataclasses import dataclass

from auctionsim.scenario import Scenario
from auctionsim.scenario.file import load_scenario, parse_scenario, read_scenario

QUICK = ("train.iterations=30", "learner.learning_rate=0.15", "traffic.auctions_per_day=100000")
"""Overrides of a demo in seconds."""


@dataclass(frozen=True)
class Arm:
    """One arm: its name, which is its run folder's, and its scenario."""

    name: str
    scenario: Scenario
    text: str
    """The scenario file as it stands."""
    overrides: tuple[str, ...]
    """What makes it this arm."""


def plan(scenario: str, shared: tuple[str, ...] = ()) -> list[Arm]:
    """The arms of a scenario, which as it stands is the cooperating one.

    `competing`: each advertiser climbs its own objective. `colluding`: full cooperation, everybody climbs the total profit,
    and no floor. `cooperating`: own objective and total profit, under the platform's revenue floor and a soft floor on
    every advertiser's profit.

    Args:
        scenario: A scenario file or a built-in one.
        shared: Overrides laid over all arms.
    """
    text, _ = read_scenario(scenario)
    groups = range(len(parse_scenario(text, scenario, overrides=shared).advertisers))
    no_floors = ("platform.revenue_floor=0.0", *(f"advertisers.{i}.profit_floor=0.0" for i in groups))
    by_arm = {
        "competing": ("learner.own_weight=1.0", "learner.global_weight=0.0", *no_floors),
        "colluding": ("learner.own_weight=0.0", "learner.global_weight=1.0", *no_floors),
        "cooperating": (),
    }
    return [
        Arm(name, load_scenario(scenario, overrides=(*shared, *own)), text, (*shared, *own)) for name, own in by_arm.items()
    ]
