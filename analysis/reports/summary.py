"""Summarize a run: a sentence, amounts in currency and counts, and ratios to the baseline, with intervals."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from auctionsim.analysis.reports.fixed_traffic import has_fixed_traffic, intervals_of
from auctionsim.analysis.reports.metrics import (
    AMOUNTS,
    ARMS,
    RATIOS,
    advertiser_profits,
    floor_on_test_days,
    mean_advertiser_ratios,
    ratios_by_seed,
    seed_ratios,
    stored_amounts,
    unknown_amounts,
)
from auctionsim.analysis.reports.run_view import RunView, read_once, without_days
from auctionsim.analysis.reports.violations import run_scores, scores_of_arm
from auctionsim.analysis.statistics import INTERVALS, Interval
from auctionsim.names.display import short_repr
from auctionsim.objectives.floor_days import FloorDays
from auctionsim.ratios import ROUNDING, NotDefined
from auctionsim.runs import Run

NOT_DEFINED = "not defined"
_ARMS_OF_VALUE = ("truthful", "efficient")


@dataclass(frozen=True, eq=False)
class Summary:
    """The measures of a run on its test days: means over seeds, with intervals over seeds, or over days on a log."""

    name: str
    seeds: int
    totals: Mapping[str, Mapping[str, Interval]]
    """Amounts in currency and counts by arm (`ARMS`) and name (`AMOUNTS`); what the run does not store or know is left out."""
    changes: Mapping[str, Interval]
    """The learned policy's amounts minus the baseline's, paired by seed, by name (`AMOUNTS`), of those that are known."""
    unknown: Mapping[str, NotDefined]
    """The amounts that the traffic does not know, with the reason; then the arms that need values have none at all."""
    ratios: Mapping[str, Interval]
    """Ratios to the baseline by the names of `RATIOS`; a measure that is not defined on every seed is left out."""
    not_defined: Mapping[str, str]
    """The reason by the name of each ratio that is left out."""
    by_seed: NDArray[np.float64]
    """The measures of `RATIOS` on each seed, `[seeds, measures]`, NaN if not defined."""
    floor: float
    """The platform's revenue floor as a share of the baseline's revenue; 0 if there is none."""
    floor_days: FloorDays | NotDefined
    """The (seed, test day) pairs on which the revenue floor held, and the worst of them."""
    days: int
    """Number of (seed, test day) pairs."""
    worst_mean: float | None
    """The smallest of the advertisers' profit ratios, each over all seeds together; None if none is defined."""
    worst_change: float | None
    """The smallest change of an advertiser's profit against the baseline, currency, mean over seeds; None if not known."""
    losing: float | None
    """Share of advertisers and seeds that lose money under the learned policy; None if profit is not known."""
    over: str
    """The replicates of intervals: `seeds`, or `days` if all seeds share one log."""
    test_days: int
    """Number of test days."""
    has_learners: bool
    """False if every advertiser follows a rule, so that nothing was learned."""
    scores: Mapping[str, Interval] | NotDefined
    """The AuctionNet score of the arms `baseline` and `learned`, conversions per advertiser and day with a target CPA."""

    __repr__ = short_repr

    @property
    def sentence(self) -> str:
        """Return the summary in one line: changes in currency first, ratios if they are defined."""
        text = f"{self.name}: {'' if self.has_learners else 'no learners, everybody follows a rule: '}"
        if "better_off" in self.not_defined:
            before, after = (self.totals[arm]["clicks"].mean for arm in ("baseline", "learned"))
            change = amount(self.changes["clicks"].mean, signed=True)
            text += f"clicks {change} (from {amount(before)} to {amount(after)}), revenue {self._change('revenue')}"
            text += f", total profit not defined: {self.not_defined['better_off']}"
        else:
            text += f"revenue {self._change('revenue')}, total profit {self._change('profit')}"
            text += f", {self.ratios['better_off'].mean:.0%} of advertisers{' and seeds' if self.seeds > 1 else ''} better off"
            if self.losing:
                text += f" ({self.losing:.0%} lose money)"
        if not isinstance(self.scores, NotDefined):
            before, after = (self.scores[arm].mean for arm in ("baseline", "learned"))
            text += f", AuctionNet score {amount(after)} (from {amount(before)})"
        if self.floor > 0:
            text += f", floor held on {self.floor_days}"
        return text + f" ({self.seeds} seed{'s' if self.seeds != 1 else ''})"

    def as_dict(self) -> dict[str, Any]:
        """Return the summary as the object that `--json` prints. A ratio without a value has nulls and a `reason`."""
        undefined = {"mean": None, "low": None, "high": None}
        worst = (
            {} if self.worst_mean is not None else {"worst_advertiser_mean_reason": self.not_defined.get("worst_advertiser")}
        )
        return {
            "name": self.name,
            "seeds": self.seeds,
            # Where there is no floor, every day keeps it.
            "days_floor_held": self.days if isinstance(self.floor_days, NotDefined) else self.floor_days.held,
            "days": self.days,
            "floor": floor_json(self.floor_days),
            "worst_advertiser_mean": self.worst_mean,
            **worst,
            "worst_advertiser_change": self.worst_change,
            "losing": self.losing,
            "has_learners": self.has_learners,
            "intervals_over": self.over,
            "auctionnet_score": {"reason": str(self.scores)}
            if isinstance(self.scores, NotDefined)
            else {arm: score.as_dict() for arm, score in self.scores.items()},
            "totals": {
                arm: {**{name: i.as_dict() for name, i in own.items()}, **self._unknown_json(AMOUNTS, own)}
                for arm, own in self.totals.items()
            },
            "changes": {**{name: i.as_dict() for name, i in self.changes.items()}, **self._unknown_json(AMOUNTS, self.changes)},
            **{name: i.as_dict() for name, i in self.ratios.items()},
            **{name: {**undefined, "reason": f"not defined: {reason}"} for name, reason in self.not_defined.items()},
        }

    def text(self, arm: str, name: str) -> str:
        """Return an amount of an arm as text."""
        found = self.totals[arm].get(name)
        if found is not None:
            return amount_interval(found)
        return NOT_DEFINED if self.unknown else "not stored"

    def change_text(self, name: str) -> str:
        """Return the change of an amount against the baseline as text."""
        return amount_interval(self.changes[name], signed=True) if name in self.changes else NOT_DEFINED

    def _unknown_json(self, names: Sequence[str], known: Mapping[str, Interval]) -> dict[str, Any]:
        if not self.unknown:
            return {}
        reason = str(next(iter(self.unknown.values())))
        return {name: {"mean": None, "low": None, "high": None, "reason": reason} for name in names if name not in known}

    def _change(self, name: str) -> str:
        before, after = (self.totals[arm][name].mean for arm in ("baseline", "learned"))
        said = f"{amount(self.changes[name].mean, signed=True)} (from {amount(before)} to {amount(after)}"
        if name in self.ratios:
            said += f"; {self.ratios[name].mean:.3f} of the baseline"
            bound = self.ratios.get("bound") if name == "profit" else None
            return said + (f", bound {bound.mean:.3f})" if bound is not None else ")")
        return f"{said}; ratio not defined: {self.not_defined[name]})"


def summarize(run: Run, name: str | None = None, against: Run | None = None) -> Summary:
    """Summarize an evaluated run.

    Args:
        run: The run folder, with its evaluation.
        name: The name to call the run by; the name of its folder if None.
        against: The run whose baseline and bound the ratios refer to; the run itself if None.

    Raises:
        InputError: The run has no evaluation yet.
    """
    run, against = read_once(run), None if against is None else read_once(against)
    scenario, by_seed, unknown = run.scenario(), ratios_by_seed(run, against), unknown_amounts(run)
    days = run.table("outcomes").select("seed", "day").n_unique()
    reasons = {one: why for one in RATIOS if (why := _reason([ratios[one] for ratios in by_seed.values()])) is not None}

    def ratios(part: Run) -> dict[str, NDArray[np.float64]]:
        base = against
        if isinstance(part, RunView) and part.left_out is not None and against is not None:
            (base,) = without_days(against, [part.left_out])
        table = seed_ratios(part, base)
        return {name: table[name].to_numpy() for name in RATIOS}

    found = intervals_of(run, ratios)
    if "better_off" in found:
        found["better_off"] = found["better_off"].within(0.0, 1.0)
    is_log = has_fixed_traffic(scenario)
    profits, advertisers = advertiser_profits(run), mean_advertiser_ratios(run)
    defined = [ratio for ratio in advertisers["ratio"].to_list() if ratio is not None]
    loses = profits.select((pl.col("learned") < -ROUNDING * pl.col("turnover")).mean()).item()
    return Summary(
        name=name or run.path.resolve().name,
        seeds=len(by_seed),
        totals={
            arm: {} if unknown and arm in _ARMS_OF_VALUE else _known(found, unknown)
            for arm in ARMS
            for found in (intervals_of(run, partial(stored_amounts, arm=arm), sums=AMOUNTS),)
        },
        changes=_known(intervals_of(run, _changes, sums=AMOUNTS), unknown),
        unknown=unknown,
        ratios=found,
        not_defined=reasons,
        by_seed=seed_ratios(run, against).select(RATIOS).to_numpy(),
        floor=scenario.platform.revenue_floor,
        floor_days=floor_on_test_days(run),
        days=days,
        worst_mean=min(defined) if defined else None,
        worst_change=None if unknown else min((advertisers["learned"] - advertisers["reference"]).to_list()),
        losing=None if unknown else float(loses),
        over="days" if is_log else "seeds",
        test_days=days // len(by_seed),
        has_learners=any(group.controller == "learner" for group in scenario.advertisers),
        scores=_scores(run),
    )


def intervals_text(summaries: Sequence[Summary]) -> str:
    """Return what means and intervals of a report are over, for its captions."""
    if all(own.seeds == 1 and own.over == "seeds" for own in summaries):
        return "one seed, no interval"
    seeds = ", ".join(sorted({str(own.seeds) for own in summaries}))
    text = f"means over seeds (n = {seeds}) with {INTERVALS}"
    logs = [own for own in summaries if own.over == "days"]
    if not logs:
        return text
    whose = "" if len(logs) == len(summaries) else f" in {', '.join(own.name for own in logs)}"
    if all(own.test_days == 1 for own in logs):
        return f"means over seeds (n = {seeds}); no interval{whose}: all seeds share one test day"
    return f"{text} over days{whose} (the traffic is the same for all seeds, which vary the learner alone)"


def amount(value: float, *, signed: bool = False) -> str:
    """Return an amount of money or a count as text: two decimals, or three digits if it is small."""
    sign = "+" if signed else ""
    if abs(value) < ROUNDING:
        return f"{0.0:{sign}.2f}"
    return f"{value:{sign}.2f}" if abs(value) >= 0.1 else f"{value:{sign}.3g}"


def amount_interval(interval: Interval, *, signed: bool = False) -> str:
    """Return the mean of an amount with its interval as text; one seed has no interval."""
    mean, low, high = (amount(value, signed=signed) for value in (interval.mean, interval.low, interval.high))
    return mean if low == high or not interval.is_known else f"{mean} [{low}, {high}]"


def floor_json(found: FloorDays | NotDefined) -> dict[str, Any]:
    """Return the days on which the floor held, for JSON."""
    if isinstance(found, NotDefined):
        return {"reason": str(found)}
    return {**asdict(found), "share": found.share}


def _reason(values: Sequence[float | NotDefined]) -> str | None:
    """Return why a measure is not defined, or None if it is defined on every seed."""
    reasons = [value.reason for value in values if isinstance(value, NotDefined)]
    if not reasons:
        return None
    on = f" on {len(reasons)} of {len(values)} seeds" if len(reasons) < len(values) else ""
    return "; ".join(dict.fromkeys(reasons)) + on


def _scores(run: Run) -> dict[str, Interval] | NotDefined:
    """Return the AuctionNet score of the baseline and of the learned policy, or why there is none."""
    found = run_scores(run)
    if isinstance(found, NotDefined):
        return found
    arms = {"baseline": "reference", "learned": "learned"}
    by_arm = {name: intervals_of(run, partial(scores_of_arm, arm=arm)) for name, arm in arms.items()}
    if not all("score" in own for own in by_arm.values()):
        return NotDefined("a seed has no advertiser with a target")
    return {name: own["score"] for name, own in by_arm.items()}


def _known(found: Mapping[str, Interval], unknown: Mapping[str, NotDefined]) -> dict[str, Interval]:
    return {name: interval for name, interval in found.items() if name not in unknown}


def _changes(run: Run) -> dict[str, NDArray[np.float64]]:
    learned, baseline = stored_amounts(run, "learned"), stored_amounts(run, "baseline")
    return {name: learned[name] - baseline[name] for name in AMOUNTS}
