"""Define the arms of the MACG study: the overrides of each, and the scenarios it is measured on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from auctionsim.jobs.overrides import FORMULA_SEARCH, KEYWORD_START, fitted_rule
from auctionsim.scenario import Scenario
from auctionsim.scenario.file import load_scenario

THREE_ARMS, TAOBAO_MIX, CALIBRATED = "three-arms", "taobao-mix", "calibrated"
SCENARIOS = (THREE_ARMS, TAOBAO_MIX, CALIBRATED)
LARGE, REAL = "large", "real-table"
"""A market of 500 advertisers, measured with few arms; and a table built from the public files, if they are given."""
MACG, MANUAL, BOUND = "macg", "manual", "oracle-lp"
"""The arm that is judged, the baseline's, and the bound's."""
FLOORS = (0.0, 0.25, 0.5, 0.75, 0.9, 1.0, 1.1, 1.25, 1.5)
"""The revenue floors of the front, as shares of the baseline's revenue."""

N_SEEDS = {CALIBRATED: 10, LARGE: 10, REAL: 10}
"""Most seeds of a scenario; scenarios that are not named have all seeds of the study."""
N_FEW_SEEDS = 5
"""Most seeds of variants that no claim rests on, and of each floor of the front."""
_LATER = 100
"""Added to the study's seeds where a scenario's learner was changed after its first seeds had been looked at."""
_CHANGED = (THREE_ARMS, CALIBRATED, LARGE, REAL)
TUNED_ON = (
    "Constants and arms were chosen on seeds 0 to 9. The seeds shown begin at 100 for taobao-mix and at 200 elsewhere, where "
    "start and pacing were changed after seeds from 100 had been looked at; none of those shown had been, but for the "
    "front's. The margin above the revenue floor is chosen on validation days, after the training days and before the "
    "test days. docs/macg.md lists the settings that were tried."
)


def _week(first: int) -> str:
    return str(list(range(first, first + 7)))


def _split(days: int, validation: str, test: str) -> tuple[str, ...]:
    return (
        f"traffic.days={days}",
        f"traffic.validation_days={validation}",
        f"traffic.test_days={test}",
        'learner.floor_margin="validated"',
    )


_SPLITS = {
    THREE_ARMS: _split(16, _week(2), _week(9)),
    TAOBAO_MIX: _split(18, _week(4), _week(11)),
    CALIBRATED: _split(18, _week(4), _week(11)),
    LARGE: _split(8, "[2, 3, 4]", "[5, 6, 7]"),
}
"""Training days of the scenario's own, then validation days, then test days: a week each where a day is small. The seven days
of the table leave none for validation, so that its margin is the scenario's own."""

_UNPACED = ("learner.pace_to_floor=false",)
_NO_FLOOR = ("platform.revenue_floor=0.0", "{no profit floors}")
_QUICK = ("traffic.auctions_per_day=2000", "traffic.weight=1", "train.iterations=4", "learner.population=8")
FORMULA, KEYWORDS = "{formula}", "{keyword bids}"
"""Overrides of rivals and ablations: search for the formula's coefficients in a scenario whose own policy is another one, and
start at the keyword bids in one whose own search starts at fitted ones. The first does the second too."""


@dataclass(frozen=True)
class Arm:
    """One arm of the study."""

    name: str
    overrides: tuple[str, ...] = ()
    """The `--set` items of the arm; `{no profit floors}` stands for turning off every group's profit floor, `FORMULA` and
    `KEYWORDS` for what is written there."""
    scenarios: tuple[str, ...] = (*SCENARIOS, REAL)
    """The scenarios that the arm is measured on."""
    kind: str = "search"
    """`search`: trained by the scenario's learner; `static`: fixed bids; `oracle-lp`: the upper bound; `cost`: the processor
    time of a generation as markets grow."""
    most_seeds: int | None = None
    """Most seeds of the arm; all that its scenario has where None."""


_TO_THE_FLOOR = (THREE_ARMS, CALIBRATED, LARGE)
"""Scenarios whose learned bids are paced to the floor."""

ARMS = (
    Arm(MANUAL, (), (*SCENARIOS, LARGE, REAL), kind="static"),
    Arm("truthful", (), (*SCENARIOS, LARGE, REAL), kind="static"),
    Arm("independent", (FORMULA, "learner.own_weight=1.0", "learner.global_weight=0.0", *_NO_FLOOR)),
    Arm("openai-es", (FORMULA, 'learner.algorithm="openai-es"'), SCENARIOS),
    Arm("cma-es", (FORMULA, 'learner.algorithm="cma-es"', "learner.sigma=0.3"), SCENARIOS),
    Arm("value-scale", (*fitted_rule("value-scale"), *_UNPACED, "train.iterations=20"), (*SCENARIOS, LARGE, REAL)),
    Arm("value-scale to the floor", (*fitted_rule("value-scale"), "train.iterations=20"), _TO_THE_FLOOR),
    Arm("value-scale-paced", (*fitted_rule("value-scale-paced"), "train.iterations=100"), (TAOBAO_MIX, REAL)),
    Arm("objective-scale", (*fitted_rule("objective-scale"), "train.iterations=100"), (TAOBAO_MIX,)),
    Arm("macg without floor", (KEYWORDS, *_NO_FLOOR), (THREE_ARMS, TAOBAO_MIX, REAL)),
    Arm("macg without global term", ("learner.own_weight=1.0", "learner.global_weight=0.0"), (TAOBAO_MIX, REAL)),
    Arm(MACG, (), (*SCENARIOS, LARGE, REAL)),
    Arm("macg, not paced", _UNPACED, (THREE_ARMS, CALIBRATED)),
    Arm("macg, from keyword bids", (KEYWORDS,), (THREE_ARMS, CALIBRATED, REAL)),
    Arm("macg, margin of 2 %", ("learner.floor_margin=0.02",), (TAOBAO_MIX,), most_seeds=N_FEW_SEEDS),
    Arm("macg, global credit", ("learner.local_credit=false",), (TAOBAO_MIX,), most_seeds=N_FEW_SEEDS),
    Arm("macg, multipliers", ('learner.constraint="lagrangian"',), (THREE_ARMS, TAOBAO_MIX), most_seeds=N_FEW_SEEDS),
    Arm("macg, formula", (FORMULA,), (TAOBAO_MIX,), most_seeds=N_FEW_SEEDS),
    Arm("macg, contextual", (FORMULA, 'learner.policy="contextual"'), (TAOBAO_MIX,), most_seeds=N_FEW_SEEDS),
    Arm("macg, no self-bidder floor", ("platform.self_bidder_floor=0.0",), (TAOBAO_MIX,), most_seeds=N_FEW_SEEDS),
    Arm(BOUND, scenarios=(*SCENARIOS, LARGE, REAL), kind="oracle-lp"),
    Arm("cost of a generation", scenarios=(LARGE,), kind="cost"),
)
FRONT = tuple(
    Arm(
        f"floor {floor:g}",
        (KEYWORDS, *_UNPACED, f"platform.revenue_floor={floor}", "{no profit floors}", "learner.own_weight=0.0"),
        (THREE_ARMS,),
        most_seeds=N_FEW_SEEDS,
    )
    for floor in FLOORS
)


def arms_of(scenario: str, *, quick: bool) -> tuple[Arm, ...]:
    """Return the arms that are measured on a scenario; a few of them in a quick study."""
    every = [arm for arm in (*ARMS, *FRONT) if scenario in arm.scenarios]
    few = (MANUAL, "independent", "value-scale", MACG, BOUND, "floor 0", "floor 1")
    return tuple(arm for arm in every if not quick or arm.name in few)


def seeds_of(scenario: str, arm: Arm, seeds: tuple[int, ...]) -> tuple[int, ...]:
    """Return the seeds on which an arm is measured: the first ones of the study's, as many as the scenario and the arm have.

    They are later by 100 in scenarios whose learner was changed after the study's seeds had been looked at there; the front is
    traced by the learner of before.
    """
    most = 1 if arm.kind == "cost" else arm.most_seeds
    later = _LATER if scenario in _CHANGED and arm not in FRONT else 0
    return tuple(seed + later for seed in seeds[: N_SEEDS.get(scenario)][:most])


def seeds_text(shown: Mapping[str, int], first: int) -> str:
    """Return what is known of the seeds shown, so that nobody takes seeds that were looked at for fresh ones.

    Args:
        shown: The first seed shown of each scenario, the front's left out.
        first: The study's first seed.
    """
    if all(seed >= first + (_LATER if scenario in _CHANGED else 0) for scenario, seed in shown.items()):
        return TUNED_ON
    listed = ", ".join(f"{seed} for {scenario}" for scenario, seed in shown.items())
    words = "constants and arms were chosen on some of them, so no claim rests on these figures."
    return f"The seeds shown begin at {listed}: {words}"


def scenario_of(source: str, arm: Arm, *, quick: bool, name: str | None = None) -> Scenario:
    """Return the scenario of an arm.

    Args:
        source: The name of a built-in scenario, or the path of a scenario file.
        arm: The arm whose overrides are applied.
        quick: True to shrink the scenario to seconds.
        name: The scenario's name in the study; `source` if None.
    """
    given = load_scenario(source)
    groups = given.advertisers
    searches = FORMULA in arm.overrides and given.learner.policy != "formula"
    restarts = {FORMULA, KEYWORDS} & set(arm.overrides) and given.learner.has_fitted_start
    overrides: list[str] = [*_SPLITS.get(name or source, ()), *(FORMULA_SEARCH if searches else ())]
    overrides += KEYWORD_START if restarts else ()
    for item in arm.overrides:
        if item == "{no profit floors}":
            overrides += [f"advertisers.{i}.profit_floor=0.0" for i in range(len(groups))]
        elif item not in (FORMULA, KEYWORDS):
            overrides.append(item)
    return load_scenario(source, overrides=(*overrides, *(_QUICK if quick else ())))
