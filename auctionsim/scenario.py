"""The scenario: one experiment as typed, validated, frozen data. docs/scenario.md explains the keys.

`scenario_file.py` reads it from TOML and turns what pydantic says into one-line errors.
"""

from __future__ import annotations

import re
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, FiniteFloat, model_validator

from auctionsim.errors import shown, suggestion

Share = Annotated[FiniteFloat, Field(ge=0, le=1)]
NotNegative = Annotated[FiniteFloat, Field(ge=0)]
Positive = Annotated[FiniteFloat, Field(gt=0)]
Count = Annotated[int, Field(ge=1)]
Name = Annotated[str, Field(min_length=1, max_length=100, pattern=r"^[^\x00-\x1f]+$")]
Objective = Literal["clicks", "conversions", "gmv", "profit"]

CONTROLLERS = ("learner", "manual", "truthful", "linear", "ortb", "pid", "dual-pacing", "uscb-oracle")
"""Who may bid, beside a user's own `package.module:Class`."""
MAX_SLOTS = 7
"""As many as the engine keeps apart in registers."""
MIN_CMA_POPULATION = 4
"""A single parent says nothing about a covariance."""

_REFERENCE_SHARE = re.compile(r"^reference\s*\*\s*([0-9]*\.?[0-9]+(?:[eE][+-]?[0-9]+)?)$")
_CLASS_PATH = re.compile(r"^[A-Za-z_][\w.]*:[A-Za-z_]\w*$")
_BUDGET_WORDS = "a number above 0, 'reference*SHARE', or 'table'"
_LEVEL_WORDS = "a number above 0 or 'reference*SHARE'"


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, use_attribute_docstrings=True)


class TrafficSection(_Section):
    """Where the auctions come from."""

    source: str = Field(default="synthetic", min_length=1)
    """`synthetic`, or a traffic table (Parquet or CSV): a path relative to the scenario file. `{seed}` in it
    stands for the seed, for a table per seed."""
    budgets: str | None = None
    """Table only: a CSV file `advertiser,budget` (currency per day), a path relative to the scenario file."""
    profile: str = "plain"
    """Synthetic only: a built-in profile (`auctionsim scenarios`) or a path to one."""
    days: Count = 4
    """Synthetic only: days 0 to days - 1 can be drawn."""
    auctions_per_day: Count = 20_000
    """Synthetic only: auctions in a day of average size."""
    weight: Count = 1
    """Synthetic only: identical auctions each cell stands for (hour-aggregated traffic)."""
    queries: Count = 200
    """Synthetic only: how many keywords."""
    candidates: Annotated[int, Field(ge=2)] = 8
    """Synthetic only: advertisers that meet in each auction (all of them where there are fewer)."""
    drift: NotNegative = 0.1
    """Synthetic only: day-to-day log standard deviation of query volumes, and half of it of conversion rates."""
    ctr_noise: NotNegative = 0.3
    """Synthetic only: log standard deviation of pctr from auction to auction within a keyword."""
    cvr_noise: NotNegative = 0.6
    """Synthetic only: log standard deviation of pcvr from auction to auction within a keyword."""
    manual_share: Positive = 0.5
    """Synthetic only: the keyword bid as a share of the keyword's mean value per click."""
    manual_error: NotNegative = 0.4
    """Synthetic only: log standard deviation of the keyword bid around that share: how badly keywords are judged."""
    manual_spread: NotNegative = 0.0
    """Synthetic only: log standard deviation of an advertiser's keyword bids as a whole: how differently advertisers bid."""
    train_days: Annotated[tuple[Annotated[int, Field(ge=0)], ...], Field(min_length=1)] = (0, 1)
    """Days the learners see."""
    test_days: Annotated[tuple[Annotated[int, Field(ge=0)], ...], Field(min_length=1)] = (2, 3)
    """Days results are measured on."""

    @property
    def is_synthetic(self) -> bool:
        """Whether the traffic is generated."""
        return self.source == "synthetic"

    @model_validator(mode="after")
    def _days_fit(self) -> TrafficSection:
        both = sorted(set(self.train_days) & set(self.test_days))
        if both:
            raise ValueError(f"test_days: expected days that are not trained on, got {both[0]}, which is in train_days")
        if self.is_synthetic:
            late = [day for day in (*self.train_days, *self.test_days) if day >= self.days]
            if late:
                raise ValueError(f"days: expected more than {late[0]}, which train_days or test_days names, got {self.days}")
            if self.budgets is not None:
                raise ValueError("budgets: expected only with a traffic table as source, got it with 'synthetic'")
        else:
            given = sorted(self.model_fields_set & SYNTHETIC_ONLY)
            if given:
                raise ValueError(f"{given[0]}: expected only with source = 'synthetic', got it with a traffic table")
        return self


SYNTHETIC_ONLY = frozenset(
    {"profile", "days", "auctions_per_day", "weight", "queries", "candidates", "drift"}
    | {"ctr_noise", "cvr_noise", "manual_share", "manual_error", "manual_spread"}
)


def slot_effect_problem(effect: tuple[float, ...]) -> tuple[str, object] | None:
    """What is expected of slot effects and does not hold, and what came instead; None where they are right."""
    if not 1 <= len(effect) <= MAX_SLOTS:
        return f"1 to {MAX_SLOTS} slots", len(effect)
    if effect[0] != 1.0:
        return "1.0 for the first slot", effect[0]
    for above, below in pairwise(effect):
        if below > above:
            return "numbers that do not rise", below
        if not below > 0:
            return "numbers above 0", below
    return None


class MechanismSection(_Section):
    """The auction."""

    pricing: Literal["gsp", "first", "vcg"] = "gsp"
    """Generalised second price, first price, or Vickrey-Clarke-Groves."""
    slot_effect: Annotated[tuple[Positive, ...], Field(min_length=1, max_length=MAX_SLOTS)] = (1.0,)
    """Click decay by slot: first 1.0, not rising."""
    reserve: NotNegative = 0.0
    """Lowest bid and lowest price, currency per click."""
    squash: Annotated[FiniteFloat, Field(ge=0, le=10)] = 1.0
    """Exponent of pctr in the rank score: 1 ranks by eCPM, 0 by bid."""
    outcomes: Literal["expected", "sampled"] = "expected"
    """Clicks and conversions in expectation, or happening by luck that the seed draws."""
    bid_floor: NotNegative = 0.0
    """Bids below are raised to it, currency per click."""
    bid_cap: Positive | None = None
    """Bids above are cut to it, currency per click."""

    @model_validator(mode="after")
    def _bounds_are_ordered(self) -> MechanismSection:
        if self.bid_cap is not None and self.bid_cap < self.bid_floor:
            raise ValueError(f"bid_cap: expected a number at least bid_floor = {self.bid_floor}, got {self.bid_cap}")
        return self

    @model_validator(mode="after")
    def _slots_decay(self) -> MechanismSection:
        problem = slot_effect_problem(self.slot_effect)
        if problem:
            raise ValueError(f"slot_effect: expected {problem[0]}, got {problem[1]}")
        return self


class PlatformSection(_Section):
    """What the platform asks for."""

    revenue_floor: NotNegative = 0.0
    """Share of the reference revenue to be kept; 0 turns it off."""
    self_bidder_floor: NotNegative = 0.0
    """Soft floor on the profit of all self-bidding advertisers together, as a share of the reference's; 0 turns it off."""
    reference: Literal["manual", "truthful"] = "manual"
    """The policy every ratio and `reference*SHARE` refers to, on the same traffic."""


class AdvertiserGroup(_Section):
    """Advertisers that are alike in controller, objectives and constraints."""

    group: Name
    """Name of the group; synthetic advertisers are called group-0, group-1, ..."""
    count: Count = 1
    """How many. With a traffic table, groups take its advertisers in order."""
    controller: str = "learner"
    """Who bids: a `learner`, or a rule (docs/controllers.md) by name or as `package.module:Class`. `manual` advertisers bid for
    themselves and are never controlled."""
    keywords: Literal["shared", "disjoint"] = "shared"
    """Synthetic only. `disjoint`: the group's advertisers never meet; each keyword has one of them."""
    objectives: dict[Objective, NotNegative] = Field(default={"profit": 1.0})
    """Weights over clicks, conversions, gmv and profit, each relative to the reference's."""
    budget: FiniteFloat | str | None = None
    """Hard daily budget: currency, `reference*SHARE` of the spend under the reference without budgets, or `table`."""
    ppc_cap: FiniteFloat | str | None = None
    """Soft cap on the price per click: currency, or `reference*SHARE`."""
    roi_floor: FiniteFloat | str | None = None
    """Soft floor on (gmv - cost) / cost: a number, or `reference*SHARE`."""
    profit_floor: NotNegative = 0.0
    """Soft floor on profit as a share of the reference's; 0 turns it off."""

    @model_validator(mode="after")
    def _levels_are_right(self) -> AdvertiserGroup:
        if self.controller not in CONTROLLERS and not _CLASS_PATH.match(self.controller):
            choices = ", ".join(CONTROLLERS)
            raise ValueError(
                f"controller: unknown {shown(self.controller)}; choose from {choices}, or package.module:Class"
                f"{suggestion(self.controller, CONTROLLERS)}"
            )
        if sum(self.objectives.values()) <= 0:
            raise ValueError("objectives: expected at least one weight above 0, got none")
        if self.budget != "table":
            _check_level("budget", self.budget, _BUDGET_WORDS)
        _check_level("ppc_cap", self.ppc_cap, _LEVEL_WORDS)
        _check_level("roi_floor", self.roi_floor, _LEVEL_WORDS)
        return self


class PpoSection(_Section):
    """Proximal policy optimisation, for `ippo` and `mappo`."""

    hidden: Annotated[tuple[Count, ...], Field(min_length=1)] = (64, 64)
    """Sizes of the hidden layers, actors' and value networks'."""
    learning_rate: Positive = 0.01
    """Adam's step."""
    epochs: Count = 16
    """Steps over everything that was played in a generation."""
    clip: Annotated[FiniteFloat, Field(gt=0, lt=1)] = 0.2
    """How far the likelihood of an action may move in a generation."""
    gae: Annotated[FiniteFloat, Field(ge=0, le=1)] = 0.95
    """Lambda of the generalised advantage estimate."""
    first_std: Positive = 0.5
    """Standard deviation of the first policy, in log coefficients."""


class DqnSection(_Section):
    """The Q-learners of SS-RTB; defaults are the paper's constants where it gives them, else ours (docs/ss-rtb.md)."""

    alphas: Annotated[int, Field(ge=2, le=1000)] = 100
    """Actions: values of alpha, evenly spaced in logs."""
    alpha_range: tuple[Positive, Positive] = (0.1, 5.0)
    """Lowest and highest alpha, over the one whose mean bid is the mean keyword bid."""
    hidden: Annotated[tuple[Count, ...], Field(min_length=1)] = (300, 200)
    """Sizes of the hidden layers, between 15 inputs and one output per alpha."""
    batch: Count = 300
    """Transitions per gradient step and agent."""
    learning_rate: Positive = 1e-4
    """RMSProp's step."""
    gamma: Share = 0.9
    """Discount of the next step's value."""
    replay: Count = 1_000_000
    """Transitions kept per agent."""
    target_every: Count = 10_000
    """Transitions each agent makes, all copies of the day counted, between copies of the target network."""
    copies: Count = 32
    """Copies of a training day that are replayed at once; one such replay is an episode of the episode network."""
    updates: Count = 16
    """Gradient steps after each episode."""
    exploration: Annotated[FiniteFloat, Field(gt=0, le=1)] = 0.8
    """Share of the iterations over which epsilon falls from 1 to 0."""
    overspend: Literal["skip", "stop", "charge"] = "skip"
    """Beyond the cost target: transitions are not learned from (`skip`, the paper's), bidding stops (`stop`), or the day goes
    on and cost is charged in the reward at its worth, on either side of the target (`charge`)."""
    shaping: bool = True
    """`skip` and `stop`: whether the reward is shaped by the worth of the cost that is left, which changes no optimum."""
    step_minutes: Literal[1, 5, 15, 60, 240] = 60
    """Minutes an alpha is held; not of `amdp-dqn`."""
    step_auctions: Count = 100
    """`amdp-dqn`: auctions of an advertiser per step."""
    public_reward: Literal["sum", "mean"] = "sum"
    """`m-rmdp-dqn`: the public reward is the sum or the mean over agents."""


class LearnerSection(_Section):
    """How the controlled advertisers learn."""

    algorithm: Literal["macg-es", "openai-es", "cma-es", "ippo", "mappo", "rmdp-dqn", "m-rmdp-dqn", "amdp-dqn"] = "macg-es"
    """`macg-es`: the multi-agent evolution strategy (docs/macg.md, our reconstruction). `openai-es`, `cma-es`: one search over
    everybody's parameters on the mean of all fitnesses, as baselines. `ippo`, `mappo`: proximal policy optimisation, each
    advertiser on its own or with a shared actor and a value network that sees everybody. `rmdp-dqn`, `m-rmdp-dqn`, `amdp-dqn`:
    SS-RTB's robust MDP alone, with a cooperative reward, and at the level of auctions (docs/ss-rtb.md)."""
    cooperation: Share = 0.5
    """`m-rmdp-dqn`: weight of the public reward in the mixed one."""
    own_weight: NotNegative = 1.0
    """Weight of an advertiser's own objective."""
    global_weight: NotNegative = 1.0
    """Weight of the total profit of all advertisers, self-bidding ones too."""
    local_credit: bool = True
    """Score an advertiser's perturbation by profit and revenue of the auctions it is a candidate in, not of all: the rest is
    noise to it. Without bias where budgets do not bind. `macg-es` only."""
    policy: Literal["formula", "contextual", "free"] = "formula"
    """What is learned (docs/macg.md): coefficients of the bid formula that hold all day; a network from the hour's context to
    the coefficients; or, as an ablation, a network from the auction to the bid."""
    sharing: Literal["advertiser", "group"] = "advertiser"
    """Whose parameters: each advertiser's own, or one set for a group, whose advertisers differ by their features."""
    hidden: Annotated[int, Field(ge=1, le=256)] = 16
    """Hidden units of the networks."""
    perturbation: Literal["joint", "single"] = "joint"
    """`joint`: all agents are perturbed at once, a generation costs `population` replays; `single`: one agent at a time, the
    others stand still, and it costs as many for each agent. `macg-es` only."""
    constraint: Literal["penalty", "lagrangian"] = "penalty"
    """Soft constraints as penalties, or by multipliers that grow while a constraint is violated."""
    multiplier_rate: Positive = 0.1
    """`lagrangian`: how fast multipliers follow violations."""
    floor_margin: NotNegative = 0.0
    """How far above the revenue floor training aims, as a share of it: room for days that differ."""
    penalty: Annotated[FiniteFloat, Field(gt=1)] = 20.0
    """Base of the soft constraints: a relative violation x costs penalty^x - 1."""
    population: Annotated[int, Field(ge=2, multiple_of=2)] = 32
    """Members of a generation; mirrored pairs, so an even number."""
    sigma: Positive = 0.1
    """Standard deviation of the perturbation, in log coefficients."""
    sigma_last: Positive | None = None
    """What it falls to, in equal ratios, by the last generation; stays where None. `macg-es` and `openai-es`."""
    learning_rate: Positive = 0.05
    """Adam's step, in log coefficients; `cma-es` has its own."""
    dqn: DqnSection = DqnSection()
    """The Q-learners' constants."""
    ppo: PpoSection = PpoSection()
    """Constants of `ippo` and `mappo`."""

    @model_validator(mode="after")
    def _population_is_enough(self) -> LearnerSection:
        if self.algorithm == "cma-es" and self.population < MIN_CMA_POPULATION:
            raise ValueError(f"population: expected at least {MIN_CMA_POPULATION} with 'cma-es', got {self.population}")
        return self


class TrainSection(_Section):
    """How long to train."""

    iterations: Count = 200
    """Generations."""
    checkpoint_every: Count = 50
    """Generations between checkpoints; the last one is always kept."""


class ClusterSection(_Section):
    """Where to compute. Never changes a result."""

    workers: Annotated[int, Field(ge=0, le=4096)] | Literal["auto"] = 0
    """0: serial, in this process; n: Ray workers; `auto`: one per core."""


class Scenario(_Section):
    """One experiment."""

    name: Name
    """Shown in reports."""
    seed: Annotated[int, Field(ge=0, lt=2**63)] = 0
    """Draws the traffic and the learner's noise; with several seeds, the first."""
    traffic: TrafficSection = TrafficSection()
    mechanism: MechanismSection = MechanismSection()
    platform: PlatformSection = PlatformSection()
    advertisers: Annotated[tuple[AdvertiserGroup, ...], Field(min_length=1)]
    learner: LearnerSection = LearnerSection()
    train: TrainSection = TrainSection()
    cluster: ClusterSection = ClusterSection()
    folder: Annotated[Path | None, Field(exclude=True)] = None
    """Where relative paths start: the scenario file's folder. Set by the loader."""

    @model_validator(mode="after")
    def _groups_differ(self) -> Scenario:
        names = [group.group for group in self.advertisers]
        twice = [name for i, name in enumerate(names) if name in names[:i]]
        if twice:
            raise ValueError(f"advertisers: expected a different name for each group, got '{twice[0]}' twice")
        if self.traffic.is_synthetic and sum(group.count for group in self.advertisers) < 2:
            raise ValueError("advertisers: expected at least 2 in all, got 1")
        for i, group in enumerate(self.advertisers):
            if group.budget == "table" and self.traffic.budgets is None:
                raise ValueError(f"advertisers[{i}].budget: expected traffic.budgets to name a file, got none")
        return self

    def resolve(self, path: str) -> Path:
        """A path of the scenario as seen from the scenario file."""
        return Path(path) if self.folder is None else self.folder / path


def reference_share(level: float | str | None) -> float | None:
    """The SHARE of `reference*SHARE`, or None for a plain number."""
    match = _REFERENCE_SHARE.match(level) if isinstance(level, str) else None
    return float(match.group(1)) if match else None


def resolved_level(level: float | str | None, reference: float) -> float | None:
    """A limit as a number: `reference*SHARE` of the reference's figure, a plain number as it is, None where there is none."""
    share = reference_share(level)
    if share is not None:
        return share * reference
    return None if level is None else float(level)


def _check_level(key: str, level: float | str | None, words: str) -> None:
    if level is None:
        return
    number = reference_share(level) if isinstance(level, str) else level
    if number is None or not number > 0:
        raise ValueError(f"{key}: expected {words}, got {level!r}")
