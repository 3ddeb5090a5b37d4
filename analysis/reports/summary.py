"""Summarize a run: a sentence, and its measures with intervals over seeds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from auctionsim.analysis.reports.metrics import days_floor_held, mean_advertiser_ratios, seed_ratios
from auctionsim.analysis.statistics import Interval, mean_interval
from auctionsim.runs import Run

RATIOS = ("revenue", "profit", "worst_advertiser", "better_off", "bound", "gap_closed", "truthful_revenue")


@dataclass(frozen=True)
class Summary:
    """The measures of a run on its test days: ratios to the baseline policy, means over seeds with intervals."""

    name: str
    seeds: int
    ratios: dict[str, Interval]
    """Intervals by the names of `RATIOS`; a measure that is not defined on every seed is left out."""
    floor: float
    """The platform's revenue floor as a share of the baseline's revenue; 0 if there is none."""
    days_held: int
    """Number of (seed, test day) pairs on which the revenue floor held."""
    days: int
    """Number of (seed, test day) pairs."""
    worst_mean: float
    """The smallest of the advertisers' profit ratios, each over all seeds together."""

    @property
    def sentence(self) -> str:
        """Return the summary in one line."""
        ratios = self.ratios
        text = (
            f"{self.name}: revenue {ratios['revenue'].mean:.3f} of the baseline, total profit {ratios['profit'].mean:.3f} "
            f"(bound {ratios['bound'].mean:.3f})"
        )
        if "better_off" in ratios:
            text += f", {ratios['better_off'].mean:.0%} of advertisers better off"
        if self.floor > 0:
            text += f", floor held on {self.days_held} of {self.days} days"
        return text + f" ({self.seeds} seed{'s' if self.seeds != 1 else ''})"

    def as_dict(self) -> dict[str, Any]:
        """Return the summary as the object that `--json` prints."""
        intervals = {name: interval.as_dict() for name, interval in self.ratios.items()}
        return {
            "name": self.name,
            "seeds": self.seeds,
            "days_floor_held": self.days_held,
            "days": self.days,
            "worst_advertiser_mean": self.worst_mean,
            **intervals,
        }


def summarize(run: Run, name: str | None = None) -> Summary:
    """Summarize an evaluated run.

    Args:
        run: The run folder, with its evaluation.
        name: The name to call the run by; the name of its folder if None.

    Raises:
        InputError: The run has no evaluation yet.
    """
    table = seed_ratios(run)
    floor = run.scenario().platform.revenue_floor
    held, days = days_floor_held(run, floor)
    finite = {name: table[name].to_numpy() for name in RATIOS if table[name].is_finite().all()}
    return Summary(
        name=name or run.path.resolve().name,
        seeds=table.height,
        ratios={name: mean_interval(values) for name, values in finite.items()},
        floor=floor,
        days_held=held,
        days=days,
        worst_mean=float(mean_advertiser_ratios(run)["ratio"].min()),  # type: ignore[arg-type]
    )
