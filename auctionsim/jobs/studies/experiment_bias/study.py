"""Measure how far experiments in a shared auction are from the truth, and check published statements on them.

G. Basse, H. Azari Soufiani and D. Lambert, Randomization and the Pernicious Effects of Limited Budgets on Auction Experiments
(AISTATS 2016); J. Li and P. Tang (IJCAI 2024); budget splitting: M. Liu, J. Mao and K. Kang, Trustworthy Online Marketplace
Experimentation with Budget-split Design (KDD 2021, arXiv 2012.08724). Statements are theirs; markets and numbers are ours.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import polars as pl

from auctionsim.analysis.documents.published import Published, published_table, verdict
from auctionsim.analysis.documents.results import interval
from auctionsim.analysis.documents.sections import Heading, Note, Section, Table, Text
from auctionsim.analysis.experiments.designs import DESIGNS
from auctionsim.analysis.experiments.performance import MetricPerformance, measure, truth
from auctionsim.analysis.statistics import INTERVALS, Interval
from auctionsim.jobs.studies.base import Findings, Options, Unit
from auctionsim.jobs.studies.experiment_bias.autobidders import TARGET_CHANGES, run_test, true_revenue
from auctionsim.jobs.studies.experiment_bias.markets import (
    BIDS,
    CHANGES,
    DAYS,
    ONE_BUDGET,
    RESERVE,
    THROTTLING,
    TRAIN_DAYS,
    arms_of,
)

REPLICATES, AUTO_BIDDER_REPLICATES, QUICK_REPLICATES = 40, 15, 3
_SHARED, _SPLIT = "user", "budget-split"
_FIRST, _TARGETS = TARGET_CHANGES
_COLUMNS = {
    "truth": "true effect",
    "estimate": "mean estimate",
    "bias": "bias",
    "standard_error": "standard error",
    "coverage": "coverage",
    "false_alarms": "A/A false alarms",
}
_SOURCE = (
    "statements of Basse, Soufiani and Lambert (2016), of Liu, Mao and Kang (2021) on splitting, and of Li and Tang (2024); "
    "numbers follow from the instances. Bias is relative to revenue without the change, or to the true effect where it says so"
)


class _Study:
    title = "Experiments in a shared auction: bias, standard error and coverage by design"
    n_seeds = 5

    def units(self, options: Options) -> Sequence[Unit]:
        pairs = [(name, design) for name, change in CHANGES.items() for design in change.designs]
        pairs += [(name, design) for name in TARGET_CHANGES for design in (_SHARED, _SPLIT)]
        return [Unit(name, design, seed) for name, design in pairs for seed in options.seeds]

    def run(self, unit: Unit, options: Options) -> Findings:
        if unit.scenario in TARGET_CHANGES:
            return Findings(_auto_bidder_rows(unit, QUICK_REPLICATES if options.quick else AUTO_BIDDER_REPLICATES))
        replicates = QUICK_REPLICATES if options.quick else REPLICATES
        arms, design, days = arms_of(unit.scenario, unit.seed), DESIGNS[unit.arm], tuple(range(TRAIN_DAYS, DAYS))
        known = truth(arms, days)
        found, same = (
            measure(arms, design, days, replicates, unit.seed, is_aa=is_aa, known_truth=known).of("revenue")
            for is_aa in (False, True)
        )
        return Findings([*_rows(found), ("test", "false_alarms", same.finds_effect)])

    def sections(self, results: pl.DataFrame, curves: pl.DataFrame) -> list[Section]:  # noqa: ARG002  (the study has none)
        pairs = _checks(results)
        found: list[Section] = [Text(verdict(pairs)), published_table(pairs, _SOURCE)]
        for name, words in [
            *((name, change.words) for name, change in CHANGES.items()),
            *((name, f"Two auto-bidders (values (2, 1) and (1, 2)). {one.words}") for name, one in TARGET_CHANGES.items()),
        ]:
            found += [Heading(name.capitalize()), Text(words), _table(results, name)]
        designs = "; ".join(f"{name}: {design.words}" for name, design in DESIGNS.items())
        return [*found, Note(f"Designs: {designs}. For auto-bidders user means one target of both arms, split one of each.")]


def _rows(found: MetricPerformance) -> list[tuple[str, str, float]]:
    """Return a design's performance as rows, amounts relative to revenue without the change."""
    amounts = {
        "truth": found.truth, "estimate": found.estimate, "bias": found.bias.mean, "standard_error": found.standard_error,
        "stated_error": found.stated_error,
    }  # fmt: skip
    rows = [("test", name, value / found.control) for name, value in amounts.items() if np.isfinite(value)]
    return [*rows, ("test", "coverage", found.coverage)]


def _auto_bidder_rows(unit: Unit, replicates: int) -> list[tuple[str, str, float]]:
    """Return how the tests of auto-bidders perform."""
    change = TARGET_CHANGES[unit.scenario]
    control, treatment = true_revenue(change)
    tests = [run_test(change, unit.seed, i, is_split=unit.arm == _SPLIT) for i in range(replicates)]
    effects = np.array([test.effect[0] for test in tests])
    # Bids settle to about eight digits.
    slack, effect = 1e-6 * control, treatment - control
    covers = [test.low[0] - slack <= effect <= test.high[0] + slack for test in tests]
    amounts = {
        "truth": effect, "estimate": effects.mean(), "bias": effects.mean() - effect, "standard_error": effects.std(ddof=1),
        "stated_error": np.mean([test.error[0] for test in tests]),
    }  # fmt: skip
    return [
        *(("test", name, float(value) / control) for name, value in amounts.items()),
        ("test", "coverage", float(np.mean(covers))),
    ]


def _of(results: pl.DataFrame, scenario: str, design: str, *, over_truth: bool = False) -> Interval:
    """Return a design's bias over seeds, relative to revenue without the change or, in absolute terms, to the true effect."""
    from auctionsim.analysis.documents.results import by_seed
    from auctionsim.analysis.statistics import mean_interval

    bias, effect = (by_seed(results, scenario, design, metric) for metric in ("bias", "truth"))
    return mean_interval([abs(bias[seed] / effect[seed]) if over_truth else bias[seed] for seed in bias])


def _reduction(results: pl.DataFrame, scenario: str) -> Interval:
    """Return the bias that is left with split budgets, as a share of that with shared ones, over seeds."""
    from auctionsim.analysis.documents.results import paired_values
    from auctionsim.analysis.statistics import mean_interval

    split, shared = paired_values(results, scenario, _SPLIT, _SHARED, "bias")
    return mean_interval(np.abs(split / shared))


def _checks(results: pl.DataFrame) -> list[tuple[Published, Interval]]:
    """Return the statements that the study checks, with what was measured."""
    return [
        (Published("one budget, shared: bias", "2/3", 0.64, 0.69), _of(results, ONE_BUDGET, _SHARED)),
        (Published("one budget, split: bias", "0", -0.01, 0.01), _of(results, ONE_BUDGET, _SPLIT)),
        (
            Published("bids, auctions assigned: bias over effect", "unbiased", 0.0, 0.01),
            _of(results, BIDS, _SHARED, over_truth=True),
        ),
        (
            Published("bids, advertisers assigned: bias over effect", "severely biased", 0.2, np.inf),
            _of(results, BIDS, "advertiser", over_truth=True),
        ),
        (Published("throttling, budgets shared: bias", "badly biased", -np.inf, -0.2), _of(results, THROTTLING, _SHARED)),
        (Published("throttling: bias left by splitting", "much reduced", 0.0, 0.5), _reduction(results, THROTTLING)),
        (Published("reserve: bias left by splitting", "removed", 0.0, 0.1), _reduction(results, RESERVE)),
        (Published("first prices, auto-bidders, one target: bias", "2/3", 0.66, 0.67), _of(results, _FIRST, _SHARED)),
        (Published("first prices, auto-bidders, target split: bias", "0", -1e-4, 1e-4), _of(results, _FIRST, _SPLIT)),
        (Published("targets, auto-bidders, one target: bias", "-0.04", -0.041, -0.039), _of(results, _TARGETS, _SHARED)),
        (Published("targets, auto-bidders, target split: bias", "0", -1e-4, 1e-4), _of(results, _TARGETS, _SPLIT)),
    ]


def _table(results: pl.DataFrame, name: str) -> Table:
    """Return one row for each design, in percent."""
    own = results.filter(scenario=name)
    rows = []
    for design in own["arm"].unique(maintain_order=True):
        cells = [interval(own, name, design, metric) for metric in _COLUMNS]
        shares = [name in ("coverage", "false_alarms") for name in _COLUMNS]
        rows.append([design, *(_percent(cell, is_share) for cell, is_share in zip(cells, shares, strict=True))])
    note = (
        f"Means over {own['seed'].n_unique()} seeds with {INTERVALS}, in percent: effects of revenue without the change, "
        f"coverage and false alarms of {REPLICATES} experiments a seed ({AUTO_BIDDER_REPLICATES} of auto-bidders), nominally "
        "95 and 5."
    )
    return Table(["design", *_COLUMNS.values()], rows, note)


def _percent(cell: Interval | None, is_share: bool) -> str:
    """Return a figure in percent, with its interval unless it is a share of experiments."""
    if cell is None:
        return "not measured"
    if is_share:
        return f"{100 * cell.mean:.1f}"
    interval = f" [{100 * cell.low:.2f}, {100 * cell.high:.2f}]" if cell.is_known else ""
    return f"{100 * cell.mean:.2f}{interval}"


STUDY = _Study()
