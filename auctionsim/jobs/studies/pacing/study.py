"""Put every controller through days that are hard to pace, and compare three ways to pace a budget and a return on spend.

Every rule and autobidder of the scenario takes part (`controllers.py`), so that a new one does by being registered. It bids for
all campaigns of a case (`cases.py`), each of which wants value within a daily budget at a return on spend of 1. The days are
ours.
"""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from auctionsim.analysis.documents.published import published_table, verdict
from auctionsim.analysis.documents.results import arms_table
from auctionsim.analysis.documents.sections import Heading, Note, Section, Text
from auctionsim.jobs.studies.base import Findings, Options, Unit
from auctionsim.jobs.studies.pacing.cases import CASES
from auctionsim.jobs.studies.pacing.controllers import arm_of, arms
from auctionsim.jobs.studies.pacing.figures import CAMPAIGNS, HORIZONS, SOURCE, VIOLATION, checks, methods_table
from auctionsim.jobs.studies.pacing.measures import METRICS, measure
from auctionsim.jobs.studies.pacing.multipliers import METHODS, compare, unbounded_violation

_PER_HOUR, _QUICK_PER_HOUR = 20, 3
"""Mean auctions of a campaign in an hour."""
_CAMPAIGNS, _QUICK_CAMPAIGNS = 400, 40
_NOTES = (
    "Overspend: spend beyond the budget, relative to it. Underdelivery: what is left of budgets that the best in hindsight "
    "spends, relative to them. Oscillation: mean change of spend per auction from hour to hour, relative to its mean. "
    "Value: of all campaigns over a bound in hindsight, the linear program of all allocations within budgets and returns; "
    "beyond 1 only where a budget or a return is broken. With dust the bound is loose: it may buy parts of impressions. "
    "Return kept: share of campaigns whose value is no less than their cost. Budgets are kept exactly by the auction, so that "
    "overspend comes from a budget cut after it was spent, or from late reports. uscb-oracle knows the day, and is no rule "
    "for use. Of all these only target-cpa and target-roas know that there is a return to keep; max-value wants value for its "
    "budget alone."
)


class _Study:
    title = "Pacing: controllers on days that go wrong"
    n_seeds = 10

    def units(self, options: Options) -> Sequence[Unit]:
        # All controllers of a day one after the other, since they share its traffic and bound.
        hard = [Unit(name, arm.name, seed) for name in CASES for seed in options.seeds for arm in arms()]
        methods = [
            Unit(scenario, arm, seed) for scenario in (CAMPAIGNS, VIOLATION) for seed in options.seeds for arm in METHODS
        ]
        return [*hard, *methods]

    def run(self, unit: Unit, options: Options) -> Findings:
        if unit.scenario == CAMPAIGNS:
            n = _QUICK_CAMPAIGNS if options.quick else _CAMPAIGNS
            values = compare(unit.arm, unit.seed, n)
        elif unit.scenario == VIOLATION:
            values = {f"violation_{steps}": unbounded_violation(unit.arm, steps, unit.seed) for steps in HORIZONS}
        else:
            values = measure(unit.scenario, arm_of(unit.arm), unit.seed, _QUICK_PER_HOUR if options.quick else _PER_HOUR)
        return Findings([("test", metric, value) for metric, value in values.items()])

    def sections(self, results: pl.DataFrame, curves: pl.DataFrame) -> list[Section]:  # noqa: ARG002  (the study has none)
        pairs = checks(results)
        tables: list[Section] = []
        for name, case in CASES.items():
            metrics = METRICS | ({"first_share": "first campaign's share"} if case.is_account else {})
            tables += [Heading(name.capitalize()), Text(case.words), arms_table(results, name, metrics)]
        return [
            Text(verdict(pairs)),
            published_table(pairs, SOURCE),
            Heading("Three ways to couple budget and return"),
            methods_table(results),
            *tables,
            Note(_NOTES),
        ]


STUDY = _Study()
