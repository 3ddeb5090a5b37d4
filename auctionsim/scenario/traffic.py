"""The section `[traffic]`: a traffic table, or the synthetic generator's settings."""

from __future__ import annotations

from collections import Counter
from typing import Annotated

from pydantic import Field, FiniteFloat, model_validator

from auctionsim.scenario.base import Count, Positive, Section

Day = Annotated[int, Field(ge=0, le=10**6)]


LogDeviation = Annotated[FiniteFloat, Field(ge=0, le=10)]
"""A log standard deviation. At 10 a value of one deviation above is e^10 = 22,000 times the middle; at 1000 it overflows."""


class TrafficSection(Section):
    """Traffic: a table, or the synthetic generator's settings."""

    source: str = Field(default="synthetic", min_length=1)
    """`synthetic`, or the path of a traffic table (Parquet or CSV) relative to the scenario file. `{seed}` in the path stands
    for the seed, for a table per seed."""
    budgets: str | None = None
    """Table only: path of a CSV file `advertiser,budget` (currency per day), relative to the scenario file."""
    profile: str = "plain"
    """Synthetic only: name of a built-in profile (`auctionsim scenarios`), or the path of a profile file."""
    days: Annotated[int, Field(ge=1, le=10**5)] = 4
    """Synthetic only: number of days, numbered from 0; day 0 is a Monday."""
    auctions_per_day: Count = 20_000
    """Synthetic only: auctions in a day of average size."""
    weight: Count = 1
    """Synthetic only: identical auctions that each cell stands for (hour-aggregated traffic)."""
    queries: Count = 200
    """Synthetic only: number of queries."""
    candidates: Annotated[int, Field(ge=2, le=10**6)] = 8
    """Synthetic only: advertisers that meet in each auction; all of them if there are fewer."""
    drift: LogDeviation = 0.1
    """Synthetic only: log standard deviation per day of the random walk of query volumes; half of it for conversion rates."""
    hour_noise: LogDeviation = 0.0
    """Synthetic only: log standard deviation, by day and hour, of true conversion rates around the profile's hourly curve;
    predictions ignore it."""
    ctr_noise: LogDeviation = 0.3
    """Synthetic only: log standard deviation of pctr between auctions of a query."""
    cvr_noise: LogDeviation = 0.6
    """Synthetic only: log standard deviation of pcvr between auctions of a query."""
    manual_share: Positive = 0.5
    """Synthetic only: keyword bid as a share of the query's mean value per click."""
    manual_error: LogDeviation = 0.4
    """Synthetic only: log standard deviation of keyword bids around that share, by query and advertiser: the error of the
    advertisers' estimates."""
    manual_spread: LogDeviation = 0.0
    """Synthetic only: log standard deviation between advertisers of the level of all their keyword bids."""
    train_days: Annotated[tuple[Day, ...], Field(min_length=1)] = (0, 1)
    """Days that learners train on."""
    test_days: Annotated[tuple[Day, ...], Field(min_length=1)] = (2, 3)
    """Days that results are measured on; none of them is a training day."""
    validation_days: tuple[Day, ...] = ()
    """Days on which `learner.floor_margin = "validated"` is chosen; none of them is a training or a test day."""

    @property
    def is_synthetic(self) -> bool:
        """Whether the traffic comes from the synthetic generator."""
        return self.source == "synthetic"

    @property
    def all_days(self) -> tuple[int, ...]:
        """The days of all splits, ascending, each once."""
        return tuple(sorted({*self.train_days, *self.test_days, *self.validation_days}))

    @property
    def split_keys(self) -> tuple[str, ...]:
        """The keys of the splits that have days, in the order train, test, validation."""
        return tuple(key for key in _SPLIT_KEYS if getattr(self, key))

    @model_validator(mode="after")
    def _days_fit(self) -> TrafficSection:
        both = sorted(set(self.train_days) & set(self.test_days))
        if both:
            raise ValueError(f"test_days: expected days that are not training days, got {both[0]}, which is in train_days")
        for key in _SPLIT_KEYS:
            # A day that stands twice would count twice, and its outcomes could not be told apart.
            twice = next((day for day, count in Counter(getattr(self, key)).items() if count > 1), None)
            if twice is not None:
                raise ValueError(f"{key}: expected each day once, got {twice} twice")
        for key in ("train_days", "test_days"):
            both = sorted(set(self.validation_days) & set(getattr(self, key)))
            if both:
                raise ValueError(
                    f"validation_days: expected days that are neither training nor test days, got {both[0]}, which is in {key}"
                )
        if self.is_synthetic:
            late = [(day, key) for key in self.split_keys for day in getattr(self, key) if day >= self.days]
            if late:
                day, key = late[0]
                raise ValueError(f"days: expected a number > {day}, a day of {key}, got {self.days}")
            if self.budgets is not None:
                raise ValueError("budgets: expected only with a traffic table as source, got it with 'synthetic'")
        else:
            given = sorted(self.model_fields_set & SYNTHETIC_ONLY)
            if given:
                raise ValueError(f"{given[0]}: expected only with source = 'synthetic', got it with a traffic table")
        return self


_SPLIT_KEYS = ("train_days", "test_days", "validation_days")
SYNTHETIC_ONLY = frozenset(
    {"profile", "days", "auctions_per_day", "weight", "queries", "candidates", "drift", "hour_noise"}
    | {"ctr_noise", "cvr_noise", "manual_share", "manual_error", "manual_spread"}
)
