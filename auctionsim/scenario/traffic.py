"""The section `[traffic]`."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, model_validator

from auctionsim.scenario.base import Count, NotNegative, Positive, Section

Day = Annotated[int, Field(ge=0, le=10**6)]


class TrafficSection(Section):
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
    candidates: Annotated[int, Field(ge=2, le=10**6)] = 8
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
    train_days: Annotated[tuple[Day, ...], Field(min_length=1)] = (0, 1)
    """Days the learners see."""
    test_days: Annotated[tuple[Day, ...], Field(min_length=1)] = (2, 3)
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
