"""Define the arms of the MACG study: the overrides of each, and the scenarios it is measured on."""

from __future__ import annotations

from dataclasses import dataclass

from auctionsim.scenario import Scenario
from auctionsim.scenario.file import load_scenario

THREE_ARMS, TAOBAO_MIX, CALIBRATED = "three-arms", "taobao-mix", "calibrated"
SCENARIOS = (THREE_ARMS, TAOBAO_MIX, CALIBRATED)
LARGE, REAL = "large", "real-table"
"""A market of 500 advertisers, measured with few arms; and a table built from the public files, if they are given."""
FLOORS = (0.0, 0.25, 0.5, 0.75, 0.9, 1.0, 1.1, 1.25, 1.5)
"""The revenue floors of the front, as shares of the baseline's revenue."""

_NO_FLOOR = ("platform.revenue_floor=0.0", "{no profit floors}")
_QUICK = ("traffic.auctions_per_day=2000", "traffic.weight=1", "train.iterations=4", "learner.population=8")


@dataclass(frozen=True)
class Arm:
    """One arm of the study."""

    name: str
    overrides: tuple[str, ...] = ()
    """The `--set` items of the arm; `{no profit floors}` stands for turning off every group's profit floor."""
    scenarios: tuple[str, ...] = (*SCENARIOS, REAL)
    """The scenarios that the arm is measured on."""
    kind: str = "search"
    """`search`: trained by the scenario's learner; `static`: fixed bids; `alone`: each advertiser trained by itself while the
    others bid by keyword; `oracle-lp`: the upper bound; `cost`: the processor time of a generation as markets grow."""


ARMS = (
    Arm("manual", (), (*SCENARIOS, LARGE, REAL), kind="static"),
    Arm("truthful", (), (*SCENARIOS, LARGE, REAL), kind="static"),
    Arm("alone", ("learner.own_weight=1.0", "learner.global_weight=0.0", *_NO_FLOOR), (THREE_ARMS,), "alone"),
    Arm("independent", ("learner.own_weight=1.0", "learner.global_weight=0.0", *_NO_FLOOR)),
    Arm("openai-es", ('learner.algorithm="openai-es"',), SCENARIOS),
    Arm("cma-es", ('learner.algorithm="cma-es"', "learner.sigma=0.3"), SCENARIOS),
    Arm("macg without floor", _NO_FLOOR, (THREE_ARMS, TAOBAO_MIX, REAL)),
    Arm("macg without floor, global term alone", (*_NO_FLOOR, "learner.own_weight=0.0"), (*SCENARIOS, LARGE, REAL)),
    Arm("macg without global term", ("learner.own_weight=1.0", "learner.global_weight=0.0")),
    Arm("macg", (), (*SCENARIOS, LARGE, REAL)),
    Arm("macg, global credit", ("learner.local_credit=false",), (THREE_ARMS,)),
    Arm("macg, multipliers", ('learner.constraint="lagrangian"',)),
    Arm("macg, contextual", ('learner.policy="contextual"',), (THREE_ARMS, TAOBAO_MIX, REAL)),
    Arm("macg, contextual by group", ('learner.policy="contextual"', 'learner.sharing="group"'), (THREE_ARMS,)),
    Arm(
        "macg, free bids, 40 generations",
        ('learner.policy="free"', "learner.hidden=8", "learner.population=16", "train.iterations=40"),
        (THREE_ARMS,),
    ),
    Arm("macg, one at a time", ('learner.perturbation="single"', "learner.population=8"), (THREE_ARMS,)),
    Arm("macg, self-bidder floor", ("platform.self_bidder_floor=0.98",), (TAOBAO_MIX,)),
    Arm("oracle-lp", scenarios=(THREE_ARMS, CALIBRATED), kind="oracle-lp"),
    Arm("cost of a generation", scenarios=(LARGE,), kind="cost"),
)
FRONT = tuple(
    Arm(f"floor {floor:g}", (f"platform.revenue_floor={floor}", "{no profit floors}", "learner.own_weight=0.0"), (THREE_ARMS,))
    for floor in FLOORS
)


def arms_of(scenario: str, *, quick: bool) -> tuple[Arm, ...]:
    """Return the arms that are measured on a scenario; a few of them in a quick study."""
    every = [arm for arm in (*ARMS, *FRONT) if scenario in arm.scenarios]
    few = ("manual", "macg", "macg without floor", "macg, multipliers", "oracle-lp", "floor 0", "floor 1")
    return tuple(arm for arm in every if not quick or arm.name in few)


def scenario_of(source: str, arm: Arm, *, quick: bool) -> Scenario:
    """Return the scenario of an arm.

    Args:
        source: The name of a built-in scenario, or the path of a scenario file.
        arm: The arm whose overrides are applied.
        quick: True to shrink the scenario to seconds.
    """
    groups = load_scenario(source).advertisers
    overrides: list[str] = [*(_QUICK if quick else ())]
    for item in arm.overrides:
        if item == "{no profit floors}":
            overrides += [f"advertisers.{i}.profit_floor=0.0" for i in range(len(groups))]
        else:
            overrides.append(item)
    return load_scenario(source, overrides=tuple(overrides))
