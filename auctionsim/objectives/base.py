"""Define soft constraints: the one interface over which training, rewards, multipliers, bounds and reports iterate.

`constraints.py` is the table of all constraints. Budgets are no constraint of this kind: the auction keeps them exactly.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from auctionsim.objectives.goals import Goals
from auctionsim.scenario import AdvertiserGroup, PlatformSection, Scenario

Array = NDArray[np.float64]

NO_CONSTRAINT = -1.0
"""Violation where there is no constraint: all slack."""


@dataclass(frozen=True, eq=False)
class Asked:
    """Inputs from which a constraint resolves its limit on one day."""

    groups: Sequence[AdvertiserGroup]
    """The group of each advertiser."""
    platform: PlatformSection
    """Section `[platform]` of the scenario."""
    revenue_share: float
    """Revenue floor as a share of the baseline's revenue: as stated in the scenario, or as training aims at it."""
    baseline: Array
    """The baseline's totals of the day: impressions, clicks, conversions, GMV, cost, `[advertisers, 5]`."""
    is_self_bidding: NDArray[np.bool_]
    """Whether no learner controls the advertiser, `[advertisers]`."""
    profit_margin: float = 0.0
    """Margin above the profit floors, as a share of them: `learner.profit_floor_margin` in training, else 0."""


@dataclass(frozen=True, eq=False)
class LinearRow:
    """`clicks x clicks_i + conversions x conversions_i + gmv x gmv_i + cost x cost_i <= right`: a row of a linear program.

    Coefficients are numbers or `[advertisers]`. Where the scope is the advertiser, there is a row for each; else the left sides
    of all advertisers are added up to one row.
    """

    right: Array
    """Right-hand side, `[advertisers]`, or `[1]` for one row."""
    clicks: Array | float = 0.0
    """Coefficient per click."""
    conversions: Array | float = 0.0
    """Coefficient per conversion."""
    gmv: Array | float = 0.0
    """Coefficient per unit of GMV."""
    cost: Array | float = 0.0
    """Coefficient per unit of cost; of one sign for all advertisers where there is one row."""

    def coefficients(self, n: int) -> Array:
        """Return the coefficients of n advertisers, `[4, n]`: of clicks, conversions, GMV and cost."""
        each = (self.clicks, self.conversions, self.gmv, self.cost)
        return np.stack([np.broadcast_to(np.asarray(one, dtype=np.float64), n) for one in each])


class Constraint(ABC):
    """One soft constraint. Instances have no state: what a scenario asks is resolved to limits, an array per day."""

    key: ClassVar[str]
    """Key in the scenario: of `[[advertisers]]` where the scope is the advertiser, else of `[platform]`."""
    scope: ClassVar[Literal["advertiser", "self_bidders", "market"]]
    """Totals that the limit is on: each advertiser's, the sum over self-bidding advertisers, or the sum over all."""
    sense: ClassVar[Literal["cap", "floor"]]
    """Whether the limit is an upper bound (`cap`) or a lower bound (`floor`)."""
    charged: ClassVar[Literal["owner", "all"]]
    """Fitness that pays for a violation: the owner's (so it binds learners only) or everybody's (it binds all)."""
    is_optional: ClassVar[bool] = True
    """Whether its multipliers take a place in a learner's state only where the scenario asks for it."""

    def is_asked(self, scenario: Scenario) -> bool:
        """Return whether a scenario sets the key to anything but its default."""
        sections = scenario.advertisers if self.is_each else (scenario.platform,)
        return any(getattr(one, self.key) != type(one).model_fields[self.key].default for one in sections)

    @abstractmethod
    def limit(self, asked: Asked) -> Array:
        """Resolve the limit on one day: `[advertisers]`, or `[1]` where the scope is wider; `absent` where there is none."""

    @abstractmethod
    def violation(self, totals: Array, limit: Array, goals: Goals) -> Array:
        """Return how far a day is beyond the limit: relative and signed, above 0 where it is violated.

        Args:
            totals: The day's totals, `[advertisers, 5, P]`.
            limit: The limit, `[advertisers, D]` or `[D]`; D is 1 or P.
            goals: Scales to divide by.

        Returns:
            `[advertisers, P]`, or `[P]` where the scope is wider than an advertiser; `NO_CONSTRAINT` where there is none.
        """

    @abstractmethod
    def row(self, limit: Array, is_self_bidding: NDArray[np.bool_]) -> LinearRow:
        """Return the same constraint as a row of a linear program, of a finite limit `[advertisers]` or `[1]`."""

    def is_set(self, limit: Array) -> NDArray[np.bool_]:
        """Return where a limit binds at all, in the limit's shape."""
        return np.isfinite(limit)

    def unit(self, limit: Array, goals: Goals) -> Array:  # noqa: ARG002
        """Return the amount of the row's left side that a relative violation of 1 is, on one day, in the limit's shape.

        By default it is the limit itself: 30 of a floor of 120 on revenue are 0.25.
        """
        return np.abs(limit)

    @property
    def absent(self) -> float:
        """Limit that no totals violate: infinity for a cap, minus infinity for a floor."""
        return np.inf if self.sense == "cap" else -np.inf

    @property
    def is_each(self) -> bool:
        """Whether each advertiser has a limit of its own; else one limit holds for several advertisers together."""
        return self.scope == "advertiser"

    def size(self, n_advertisers: int) -> int:
        """Return the number of violations, and so of multipliers, of the constraint."""
        return n_advertisers if self.is_each else 1
