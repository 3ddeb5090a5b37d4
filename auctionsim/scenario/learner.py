"""The sections `[learner]`, `[train]` and `[cluster]`: how the controlled advertisers learn, how long, and where."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

from pydantic import Field, FiniteFloat, WithJsonSchema, model_validator

from auctionsim.errors import shown, suggestion
from auctionsim.plugins import CLASS_PATH
from auctionsim.scenario.base import Count, NotNegative, Positive, Section, Share
from auctionsim.scenario.learner_constants import DcmabSection, DqnSection, MaabSection, PpoSection, ValueScaleSection

ALGORITHMS = (
    "macg-es", "openai-es", "cma-es", "ippo", "mappo", "maab", "dcmab", "rmdp-dqn", "m-rmdp-dqn", "amdp-dqn",
    "value-scale", "value-scale-paced", "objective-scale",
)  # fmt: skip
"""The built-in learners."""
MIN_POPULATION = dict.fromkeys(("cma-es", "value-scale", "value-scale-paced", "objective-scale"), 4)
"""Smallest population: a single parent says nothing about a covariance, and two ends of a range nothing of what is within."""
STARTED = ("macg-es", "openai-es", "cma-es")
"""The learners that take `start`."""

DEVICE = re.compile(r"^(cpu|cuda(:[0-9]+)?)$")
"""Names of devices."""
CLEARED_ON_DEVICE = ("macg-es", "openai-es", "cma-es")
"""The learners whose population is cleared on a GPU, with the bytes of the processor."""
ON_DEVICE = (*CLEARED_ON_DEVICE, "ippo", "mappo")
"""The learners that take `device`."""
SIDE_BY_SIDE = ("formula", "contextual")
"""The policies of which a GPU clears many side by side."""

VALIDATED = "validated"
"""The word of `floor_margin` that has it chosen on `traffic.validation_days`."""
MIN_VALIDATION_DAYS = 2
"""A single day says nothing about how days differ."""

_registered: list[str] = []
_MARGIN_SCHEMA = {"anyOf": [{"type": "number", "minimum": 0}, {"enum": [VALIDATED], "type": "string"}]}
_ALGORITHM_SCHEMA = {
    "anyOf": [
        {"enum": list(ALGORITHMS), "type": "string"},
        {"pattern": CLASS_PATH.pattern, "type": "string", "description": "package.module:Class"},
    ]
}


def allow_algorithm(name: str) -> None:
    """Accept a name as `learner.algorithm` in this process, beside the built-in ones."""
    if name not in _registered:
        _registered.append(name)


class LearnerSection(Section):
    """How the controlled advertisers learn."""

    algorithm: Annotated[str, WithJsonSchema(_ALGORITHM_SCHEMA)] = "macg-es"
    """A built-in learner by name, or a class of your own as `package.module:Class`. `macg-es`: the multi-agent evolution
    strategy (docs/macg.md, our reconstruction). `openai-es`, `cma-es`: one search over everybody's parameters on the mean of
    all fitnesses, as baselines. `ippo`, `mappo`: proximal policy optimisation, each advertiser alone or with a shared actor
    and a value network that sees everybody. `maab`: groups that share rewards by a temperature, with bid floors against low
    bids; `dcmab`: clusters under actors and critics that see all actions. `rmdp-dqn`, `m-rmdp-dqn`, `amdp-dqn`: SS-RTB's robust
    MDP alone, with a cooperative reward, and at the level of auctions. `value-scale`, `value-scale-paced`, `objective-scale`:
    fitted rules, the simplest rivals: one scale for all that holds the revenue floor, the same with a pacing multiplier each,
    and a scale of what each advertiser wants. All of them: docs/learners.md."""
    cooperation: Share = 0.5
    """`m-rmdp-dqn`: weight of the public reward in the mixed one."""
    own_weight: NotNegative = 1.0
    """Weight of an advertiser's own objective."""
    global_weight: NotNegative = 1.0
    """Weight of the total profit of all advertisers, self-bidding ones too."""
    local_credit: bool = True
    """Score an advertiser's perturbation by profit and revenue of the auctions it is a candidate in, not of all: the rest is
    noise to it. Without bias where budgets do not bind. `macg-es` only."""
    policy: Literal["formula", "contextual", "auction", "free"] = "formula"
    """Kind of the learned policy (docs/macg.md): coefficients of the bid formula that hold all day; a network from the hour's
    context to the coefficients; bids that depend on who else is in the auction, from multipliers that are adapted hour by hour;
    or, as an ablation, a network from the auction to the bid."""
    start: Literal["keyword-bid", "value-scale", "value-scale-paced"] = "keyword-bid"
    """Bids before learning (docs/macg.md). `keyword-bid`: about the keyword bids, and as blind to the single auction.
    `value-scale`: one number times the value of a click, fitted on training days so that the revenue floor holds; for markets
    where values are all that matters. `value-scale-paced`: the same with a factor <= 1 of each advertiser's own, by which it
    keeps budget and caps. Evolution strategies start there, with `policy = "formula"` and `sharing = "advertiser"`; other
    learners have no such start."""
    sharing: Literal["advertiser", "group"] = "advertiser"
    """Parameters: each advertiser's own, or one set for a group, whose advertisers differ by their features."""
    hidden: Annotated[int, Field(ge=1, le=256)] = 16
    """Hidden units of the networks."""
    perturbation: Literal["joint", "single"] = "joint"
    """`joint`: all agents are perturbed at once, a generation costs `population` replays; `single`: one agent at a time, the
    others stand still, and it costs as many for each agent. `macg-es` only."""
    constraint: Literal["penalty", "lagrangian"] = "penalty"
    """Soft constraints as penalties, or by multipliers that grow while a constraint is violated."""
    multiplier_rate: Positive = 0.1
    """`lagrangian`: how fast multipliers follow violations."""
    floor_margin: Annotated[NotNegative | str, WithJsonSchema(_MARGIN_SCHEMA)] = 0.0
    """Margin above the revenue floor that training and rewards aim at, as a share of it: room for days that differ. Bounds and
    reports judge by the floor as stated. `validated` chooses it on `traffic.validation_days` while learning, so that a further
    day keeps the floor with a probability of 95 % (docs/macg.md); rewards of environments then aim at the floor as stated."""
    pace_to_floor: bool = False
    """Pace the platform's revenue within the day: one factor on all learned bids, 0.8 to 1.25, set each hour such that the day
    ends at the revenue floor (docs/macg.md). It acts on what was learned, on every day that is evaluated, and not in training.
    It looks at the platform's revenue to date and at the baseline's on the hours that are over. Without a revenue floor it does
    nothing; where budgets bind, higher bids bring no revenue. Not with `policy = "auction"`, which follows the floor itself."""
    profit_floor_margin: NotNegative = 0.0
    """Margin above the profit floors that training and rewards aim at, as a share of them: room for days that differ, which the
    worst of many advertisers needs most. Bounds and reports judge by the floors as stated."""
    penalty: Annotated[FiniteFloat, Field(gt=1)] = 20.0
    """Base of the soft constraints: a relative violation x costs penalty^x - 1."""
    population: Annotated[int, Field(ge=2, le=10**9, multiple_of=2)] = 32
    """Members of a generation; mirrored pairs, so an even number."""
    sigma: Positive = 0.1
    """Standard deviation of the perturbation, in log coefficients."""
    sigma_end: Positive | None = None
    """Standard deviation that `sigma` falls to, in equal ratios, by the last generation; `none`: it stays. `macg-es` and
    `openai-es`."""
    learning_rate: Positive = 0.05
    """Adam's step, in log coefficients; `cma-es` has its own."""
    device: Annotated[str, WithJsonSchema({"type": "string", "pattern": DEVICE.pattern})] = "cpu"
    """Device: `cpu`, `cuda` or `cuda:N` (docs/gpu.md). `macg-es`, `openai-es` and `cma-es` have their population's auctions
    cleared there, with the bytes of the processor, with `policy = "formula"` or `"contextual"`. `ippo` and `mappo` play and
    learn there; on a GPU their last digits are not those of the processor. Other learners compute on the processor."""
    dqn: DqnSection = DqnSection()
    """The Q-learners' constants."""
    ppo: PpoSection = PpoSection()
    """Constants of `ippo` and `mappo`."""
    maab: MaabSection = MaabSection()
    """Constants of `maab`."""
    dcmab: DcmabSection = DcmabSection()
    """Constants of `dcmab`."""
    value_scale: ValueScaleSection = ValueScaleSection()
    """Constants of the fitted rules."""
    constants: dict[str, Any] = Field(default={})
    """Constants of a learner of your own; its class says which there are (docs/learners.md)."""

    @property
    def has_fitted_start(self) -> bool:
        """Return True if learning starts at bids that are fitted to training days."""
        return self.start != "keyword-bid" and self.algorithm in STARTED

    @property
    def clears_on_device(self) -> bool:
        """Return True if auctions are cleared on a GPU, for a learner that computes all else on the processor."""
        return self.device != "cpu" and self.algorithm in CLEARED_ON_DEVICE

    @property
    def plays_on_device(self) -> bool:
        """Return True if days are played and learned from on a device, where not all of a market is known."""
        return self.device != "cpu" and not self.clears_on_device

    @model_validator(mode="after")
    def _algorithm_is_known(self) -> LearnerSection:
        names = [*ALGORITHMS, *_registered]
        if self.algorithm not in names and not CLASS_PATH.match(self.algorithm):
            raise ValueError(
                f"algorithm: unknown {shown(self.algorithm)}; choose from {', '.join(names)}, or package.module:Class"
                f"{suggestion(self.algorithm, names)}"
            )
        if self.constants and self.algorithm in ALGORITHMS:
            key = shown(next(iter(self.constants)))
            raise ValueError(f"constants: expected keys only with a learner of your own, got {key} with '{self.algorithm}'")
        return self

    @model_validator(mode="after")
    def _margin_is_known(self) -> LearnerSection:
        if isinstance(self.floor_margin, str) and self.floor_margin != VALIDATED:
            raise ValueError(
                f"floor_margin: expected a number >= 0 or '{VALIDATED}', got {shown(self.floor_margin)}"
                f"{suggestion(self.floor_margin, [VALIDATED])}"
            )
        return self

    @model_validator(mode="after")
    def _device_fits(self) -> LearnerSection:
        if not DEVICE.match(self.device):
            raise ValueError(
                f"device: expected cpu, cuda or cuda:N, got {shown(self.device)}{suggestion(self.device, ['cpu', 'cuda'])}"
            )
        if self.device != "cpu" and self.algorithm not in ON_DEVICE:
            raise ValueError(
                f"device: expected 'cpu' with {shown(self.algorithm)}, got {shown(self.device)} "
                f"(only {', '.join(ON_DEVICE)} compute on a device)"
            )
        if self.clears_on_device and self.policy not in SIDE_BY_SIDE:
            raise ValueError(
                f"device: expected 'cpu' with policy = {shown(self.policy)}, got {shown(self.device)} "
                f"(a GPU clears {' and '.join(SIDE_BY_SIDE)})"
            )
        return self

    @model_validator(mode="after")
    def _start_fits(self) -> LearnerSection:
        if not self.has_fitted_start:
            return self
        needed = {"policy": ("formula",), "sharing": ("advertiser",)}
        for key, allowed in needed.items():
            if getattr(self, key) not in allowed:
                raise ValueError(
                    f"start: expected '{self.start}' only with {key} = {' or '.join(map(shown, allowed))}, "
                    f"got it with {shown(getattr(self, key))}"
                )
        return self

    @model_validator(mode="after")
    def _pacing_fits(self) -> LearnerSection:
        if self.pace_to_floor and self.policy == "auction":
            raise ValueError("pace_to_floor: expected false with policy = 'auction', which follows the floor itself, got true")
        return self

    @model_validator(mode="after")
    def _population_is_enough(self) -> LearnerSection:
        least = MIN_POPULATION.get(self.algorithm, 2)
        if self.population < least:
            raise ValueError(f"population: expected a number >= {least} with '{self.algorithm}', got {self.population}")
        return self


class TrainSection(Section):
    """How long to train."""

    iterations: Count = 200
    """Generations."""
    checkpoint_every: Count = 50
    """Generations between checkpoints; the last one is always kept."""
    keep_checkpoints: Count = 2
    """Number of checkpoints that stay; older ones are removed."""


class ClusterSection(Section):
    """Where to compute. Never changes a result."""

    workers: Annotated[int, Field(ge=0, le=4096)] | Literal["auto"] = 0
    """0: serial, in this process; n: Ray workers; `auto`: one per core."""
