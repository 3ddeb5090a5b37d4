"""Make the arms of the demo: one scenario, the same advertisers, three sets of goals, and a fitted rule as their rival."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass

from auctionsim.jobs.overrides import KEYWORD_START, fitted_rule
from auctionsim.scenario import Scenario
from auctionsim.scenario.file import load_scenario, parse_scenario, read_scenario
from auctionsim.scenario.learner import STARTED

_QUICK = ("train.iterations=30", "traffic.auctions_per_day=100000")
"""Overrides of a demo that takes seconds."""
_QUICK_SEARCH = ("learner.learning_rate=0.15",)
"""Further ones of a search that starts at the keyword bids: in few generations it must go far."""
_LONG_STEPS = (*KEYWORD_START, "learner.learning_rate=0.1", "train.iterations=100")
"""A search that starts at the keyword bids: 100 steps of 0.1 end where 200 of 0.05 do, on seeds that no demo shows."""

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


def plan(scenario: str, shared: tuple[str, ...] = (), *, quick: bool = False) -> list[Arm]:
    """Return the arms of a scenario, which as written is the cooperating arm.

    `competing`: each advertiser maximizes its own objective. `colluding`: all maximize the total profit, without floors.
    `cooperating`: own objective and total profit, under the platform's revenue floor and a soft floor on every advertiser's
    profit. `value-scale-paced`: the simplest rule that holds the same revenue floor, against which learning is measured.

    Where the scenario starts at fitted bids, competing and colluding start at the keyword bids all the same: where they end
    is what they show, and bids that hold the floor are no place to set out from.

    Args:
        scenario: The path of a scenario file, or the name of a built-in scenario.
        shared: The `--set` items that apply to all arms.
        quick: True to shrink the traffic and the search to seconds.
    """
    text, _ = read_scenario(scenario)
    given = parse_scenario(text, scenario, overrides=shared)
    no_floors = ("platform.revenue_floor=0.0", *(f"advertisers.{i}.profit_floor=0.0" for i in range(len(given.advertisers))))
    few, far = (_QUICK, _QUICK_SEARCH) if quick else ((), ())
    own = (*few, *(() if given.learner.has_fitted_start else far), *shared)
    # Constants of a search near fitted bids are the file's, even where `shared` starts it elsewhere.
    start = tomllib.loads(text).get("learner", {}).get("start", "keyword-bid")
    is_near = given.learner.algorithm in STARTED and start != "keyword-bid"
    from_keyword_bids = (*(_LONG_STEPS if is_near or given.learner.has_fitted_start else ()), *few, *far, *shared)
    by_arm = {
        "competing": (*from_keyword_bids, "learner.own_weight=1.0", "learner.global_weight=0.0", *no_floors),
        "colluding": (*from_keyword_bids, "learner.own_weight=0.0", "learner.global_weight=1.0", *no_floors),
        "cooperating": own,
        RIVAL: (*own, *_FITTED, "train.iterations=60", "train.checkpoint_every=60"),
    }
    return [Arm(name, load_scenario(scenario, overrides=items), text, items) for name, items in by_arm.items()]
