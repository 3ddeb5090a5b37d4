"""A run in a sentence and a few numbers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from auctionsim.analysis.reports.metrics import Interval, bootstrap, days_floor_held, mean_advertiser_ratios, seed_ratios
from auctionsim.runs import Run

RATIOS = ("revenue", "profit", "worst_advertiser", "better_off", "bound", "gap_closed", "truthful_revenue")


@dataclass(frozen=True)
class Summary:
    """What a run reached on its test days; ratios to the reference, mean over seeds with 95 % intervals."""

    name: str
    seeds: int
    ratios: dict[str, Interval]
    """By the names of `RATIOS`; measures that are undefined for this run are left out."""
    floor: float
    """The platform's floor, 0 where there is none."""
    days_held: int
    days: int
    worst_mean: float
    """The smallest of the advertisers' profit ratios, each over all seeds together."""

    @property
    def sentence(self) -> str:
        """The verdict in one line."""
        ratios = self.ratios
        text = (
            f"{self.name}: revenue {ratios['revenue'].mean:.3f} of the reference, total profit {ratios['profit'].mean:.3f} "
            f"(bound {ratios['bound'].mean:.3f})"
        )
        if "better_off" in ratios:
            text += f", {ratios['better_off'].mean:.0%} of advertisers better off"
        if self.floor > 0:
            text += f", floor held on {self.days_held} of {self.days} days"
        return text + f" ({self.seeds} seed{'s' if self.seeds != 1 else ''})"

    def as_dict(self) -> dict[str, Any]:
        """For `--json`."""
        intervals = {name: {"mean": i.mean, "low": i.low, "high": i.high} for name, i in self.ratios.items()}
        return {
            "name": self.name,
            "seeds": self.seeds,
            "days_floor_held": self.days_held,
            "days": self.days,
            "worst_advertiser_mean": self.worst_mean,
            **intervals,
        }


def summarise(run: Run, name: str | None = None) -> Summary:
    """Summarise a run that was evaluated.

    Args:
        run: The run folder.
        name: What to call it; the run folder's name where None.
    """
    table = seed_ratios(run)
    floor = run.scenario().platform.revenue_floor
    held, days = days_floor_held(run, floor)
    finite = {name: table[name].to_numpy() for name in RATIOS if table[name].is_finite().all()}
    return Summary(
        name=name or run.path.resolve().name,
        seeds=table.height,
        ratios={name: bootstrap(values) for name, values in finite.items()},
        floor=floor,
        days_held=held,
        days=days,
        worst_mean=float(mean_advertiser_ratios(run)["ratio"].min()),  # type: ignore[arg-type]
    )
