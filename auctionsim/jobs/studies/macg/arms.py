"""What is compared: overrides that make an arm of a scenario, and the scenarios each arm belongs to."""

from __future__ import annotations

from dataclasses import dataclass

from auctionsim.scenario import Scenario
from auctionsim.scenario_file import load_scenario

SCENARIOS = ("three-arms", "taobao-mix", "calibrated")
"""`real-table` joins them where the public files are given."""
REAL = "real-table"
FLOORS = (0.0, 0.25, 0.5, 0.75, 0.9, 1.0, 1.1, 1.25, 1.5)
"""Revenue floors of the front, shares of the reference's revenue."""

_NO_FLOOR = ("platform.revenue_floor=0.0", "{no profit floors}")
_QUICK = ("traffic.auctions_per_day=2000", "traffic.weight=1", "train.iterations=4", "learner.population=8")


@dataclass(frozen=True)
class Arm:
    """One arm."""

    name: str
    overrides: tuple[str, ...] = ()
    scenarios: tuple[str, ...] = (*SCENARIOS, REAL)
    kind: str = "search"
    """`search`: trained by the scenario's learner; `static`: a fixed rule; `alone`: each advertiser trained against rivals that
    stand still; `oracle-lp`: the bound."""


ARMS = (
    Arm("manual", kind="static"),
    Arm("truthful", kind="static"),
    Arm("alone", ("learner.own_weight=1.0", "learner.global_weight=0.0", *_NO_FLOOR), SCENARIOS[:1], "alone"),
    Arm("independent", ("learner.own_weight=1.0", "learner.global_weight=0.0", *_NO_FLOOR)),
    Arm("openai-es", ('learner.algorithm="openai-es"',), SCENARIOS),
    Arm("cma-es", ('learner.algorithm="cma-es"', "learner.sigma=0.3"), SCENARIOS),
    Arm("macg without floor", _NO_FLOOR, (*SCENARIOS[:2], REAL)),
    Arm("macg without floor, global term alone", (*_NO_FLOOR, "learner.own_weight=0.0")),
    Arm("macg without global term", ("learner.own_weight=1.0", "learner.global_weight=0.0")),
    Arm("macg"),
    Arm("macg, global credit", ("learner.local_credit=false",), SCENARIOS[:1]),
    Arm("macg, multipliers", ('learner.constraint="lagrangian"',)),
    Arm("macg, contextual", ('learner.policy="contextual"',), (*SCENARIOS[:2], REAL)),
    Arm("macg, contextual by group", ('learner.policy="contextual"', 'learner.sharing="group"'), SCENARIOS[:1]),
    Arm(
        "macg, free bids, 40 generations",
        ('learner.policy="free"', "learner.hidden=8", "learner.population=16", "train.iterations=40"),
        SCENARIOS[:1],
    ),
    Arm("macg, one at a time", ('learner.perturbation="single"', "learner.population=8"), SCENARIOS[:1]),
    Arm("macg, self-bidder floor", ("platform.self_bidder_floor=0.98",), SCENARIOS[1:2]),
    Arm("oracle-lp", scenarios=("three-arms", "calibrated"), kind="oracle-lp"),
)
FRONT = tuple(
    Arm(f"floor {floor:g}", (f"platform.revenue_floor={floor}", "{no profit floors}", "learner.own_weight=0.0"), SCENARIOS[:1])
    for floor in FLOORS
)


def arms_of(scenario: str, *, quick: bool) -> tuple[Arm, ...]:
    """The arms of a scenario; of a quick study a few."""
    every = [arm for arm in (*ARMS, *FRONT) if scenario in arm.scenarios]
    few = ("manual", "macg", "macg without floor", "macg, multipliers", "oracle-lp", "floor 0", "floor 1")
    return tuple(arm for arm in every if not quick or arm.name in few)


def scenario_of(source: str, arm: Arm, *, quick: bool) -> Scenario:
    """An arm's scenario.

    Args:
        source: A built-in scenario or a file.
        arm: The arm.
        quick: Whether to shrink it to seconds.
    """
    groups = load_scenario(source).advertisers
    overrides: list[str] = [*(_QUICK if quick else ())]
    for item in arm.overrides:
        if item == "{no profit floors}":
            overrides += [f"advertisers.{i}.profit_floor=0.0" for i in range(len(groups))]
        else:
            overrides.append(item)
    return load_scenario(source, overrides=tuple(overrides))
