"""Define the arms of the SS-RTB study, and the scenario of each."""

from __future__ import annotations

from collections.abc import Mapping

from auctionsim.jobs.studies.base import Options, Unit
from auctionsim.jobs.studies.ss_rtb.rules import BOUND, COMMON, HINDSIGHT, LINEAR, OWN, SMOOTH, TIMETABLE, VALUE
from auctionsim.scenario import Scenario
from auctionsim.scenario.file import load_scenario

AMDP_PLAIN, COPIED_OFTEN = "AMDP, without our clocks", "RMDP, target copied every iteration"
TEN, MANY, DAYS = "ten ads", "many ads", "days"
COOPERATIONS = (0.25, 0.5, 1.0)


def m_rmdp(cooperation: float) -> str:
    """Return the name of the M-RMDP arm with a cooperation weight."""
    return f"M-RMDP, cooperation {cooperation}"


# AMDP gets a longer training: it has to distinguish 2,000 steps a day, and to try each alpha often in each of them.
_AMDP = (
    "learner.algorithm=amdp-dqn",
    "train.iterations=12",
    "learner.dqn.gradient_steps=500",
    "learner.dqn.batch_size=300",
    "learner.dqn.hidden_sizes=[192, 64]",
    "learner.dqn.alphas=20",
    "learner.dqn.gamma=0.0",
)
TEN_ARMS: Mapping[str, tuple[str, ...]] = {
    **dict.fromkeys((LINEAR, TIMETABLE, SMOOTH, OWN, HINDSIGHT, BOUND), ()),
    "RMDP": (),
    "AMDP": _AMDP,
    AMDP_PLAIN: (*_AMDP, "learner.dqn.time_waves=false"),
    "RMDP, 15-minute steps": ("learner.dqn.step_minutes=15",),
    "RMDP, 4-hour steps": ("learner.dqn.step_minutes=240",),
    "RMDP, 10 alphas": ("learner.dqn.alphas=10",),
    "RMDP, gamma 1": ("learner.dqn.gamma=1.0",),
    "RMDP, over-spending skipped": ('learner.dqn.overspend="skip"',),
    # The paper gives no gamma: the default of the learner. Its target network is copied every 10,000 steps, our default too.
    "RMDP, the paper's constants": (
        "learner.dqn.hidden_sizes=[300, 200]",
        "learner.dqn.batch_size=300",
        "learner.dqn.learning_rate=0.0001",
        "learner.dqn.gamma=0.9",
        'learner.dqn.overspend="skip"',
        "learner.dqn.shaping=false",
    ),
    # As many replays and gradient steps; an iteration makes 16 days of 24 transitions.
    COPIED_OFTEN: ("learner.dqn.target_update_interval=384",),
    "RMDP, four times the gradient steps": ("learner.dqn.gradient_steps=64", "learner.dqn.target_update_interval=384"),
}
MANY_ARMS: Mapping[str, tuple[str, ...]] = {
    **dict.fromkeys((LINEAR, COMMON, VALUE, BOUND), ()),
    "RMDP": ("learner.algorithm=rmdp-dqn",),
    **{m_rmdp(k): ("learner.algorithm=m-rmdp-dqn", f"learner.cooperation={k}") for k in COOPERATIONS},
}
TEN_CLAIMED = (LINEAR, TIMETABLE, SMOOTH, OWN, HINDSIGHT, BOUND, "RMDP")
MANY_CLAIMED = (LINEAR, COMMON, VALUE, BOUND, "RMDP", m_rmdp(1.0))
"""The arms that are measured on all seeds; the others on fewer."""
_ONE_AD = ("advertisers.0.count=1", "traffic.auctions_per_day=200000", "traffic.weight=1", "traffic.queries=100")
_QUICK = {
    TEN: ("traffic.auctions_per_day=100000", "traffic.queries=50", "advertisers.0.count=3"),
    MANY: ("traffic.auctions_per_day=100000", "traffic.weight=20", "traffic.queries=50", "advertisers.0.count=8"),
    DAYS: ("traffic.auctions_per_day=20000", "traffic.queries=20"),
}
_QUICK_TRAINING = ("train.iterations=3", "learner.dqn.gradient_steps=2", "learner.dqn.num_envs=4")


def scenario_of(unit: Unit, options: Options) -> Scenario:
    """Return the scenario of a unit."""
    name = "ss-rtb-many" if unit.scenario == MANY else "ss-rtb"
    arms = {TEN: TEN_ARMS, MANY: MANY_ARMS, DAYS: {unit.arm: _ONE_AD}}
    overrides = arms[unit.scenario][unit.arm]
    if options.quick:
        overrides = (*overrides, *_QUICK[unit.scenario], *(() if unit.scenario == DAYS else _QUICK_TRAINING))
    return load_scenario(name, overrides=overrides)
