"""Write the document of the SS-RTB study: findings, then the paper's tables and figures beside ours."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import polars as pl

from auctionsim.analysis.documents.plots.ss_rtb import Curve, bars_figure, curves_figure, sweep_figure
from auctionsim.analysis.documents.plots.style import Figure
from auctionsim.analysis.documents.results import by_seed, interval
from auctionsim.analysis.documents.sections import Heading, Picture, Section, Table
from auctionsim.analysis.statistics import INTERVALS
from auctionsim.jobs.studies.ss_rtb.arms import AMDP_PLAIN, COOPERATIONS, DAYS, MANY, TEN, m_rmdp
from auctionsim.jobs.studies.ss_rtb.eta import FEATURES, LEVELS, metric
from auctionsim.jobs.studies.ss_rtb.findings import (
    POOLED,
    RULES_OF_TEN,
    SPLITS,
    best_m_rmdp,
    by_ad,
    findings,
    interval_of,
    on_shared_seeds,
)
from auctionsim.jobs.studies.ss_rtb.gains import GRADIENT_STEPS, TARGET_COPIES
from auctionsim.jobs.studies.ss_rtb.rules import BOUND, COMMON, LINEAR, TIMETABLE, VALUE

PAPER_AVERAGE = {"AMDP": (2.5003, -0.1006), "RMDP": (1.2001, 0.9874)}
"""The averages printed in the paper's Table 2: gain in training and on the test day."""
PAPER_MANY = {"RMDP": (0.99, 0.115), "M-RMDP": (0.99, 0.235)}
"""COST / COST_KB and gain, read off the bars of the paper's Figure 5."""
PAPER_ETA = 0.03
"""The paper's bound on eta at the hour (section 3.2)."""
_MANY = (LINEAR, COMMON, VALUE, "RMDP", *(m_rmdp(k) for k in COOPERATIONS), BOUND)


def sections(results: pl.DataFrame, curves: pl.DataFrame) -> list[Section]:
    """Return all sections of the document."""
    variants = [arm for arm in _arms_of(results, TEN) if arm.startswith("RMDP")]
    return [
        *findings(results),
        Heading("Ten ads with disjoint keywords (the paper's Table 2)"),
        _table_2(results),
        _arms(results, TEN, (*RULES_OF_TEN, "AMDP", AMDP_PLAIN, "RMDP", BOUND), ""),
        Picture("convergence", _convergence(curves), "Loss, and gain of the greedy policy on the training day, as learned."),
        Heading("Many ads that share their keywords (the paper's Figure 5)"),
        _figure_5(results),
        _arms(results, MANY, _MANY, ", pooled cost"),
        _arms(results, MANY, _MANY, ""),
        Picture(
            "cooperation", _cooperation(results), "Gain of all ads together over the weight of the public reward; 0 is RMDP."
        ),
        Heading("How similar are days?"),
        _eta(results),
        Heading("Variants that the paper leaves open"),
        _arms(on_shared_seeds(results, TEN, variants), TEN, variants, ""),
        _training(results),
    ]


def _table_2(results: pl.DataFrame) -> Table:
    columns = [(arm, split) for arm in ("AMDP", "RMDP", TIMETABLE) for split in SPLITS]
    gains = {column: by_ad(results, *column) for column in columns}
    rows = [[ad, *(f"{gains[column][ad]:.1%}" for column in columns)] for ad in gains[columns[0]]]
    rows.append(["mean", *(f"{np.mean(list(gains[column].values())):.1%}" for column in columns)])
    paper = [PAPER_AVERAGE[arm][SPLITS.index(split)] if arm in PAPER_AVERAGE else None for arm, split in columns]
    rows.append(["the paper's mean", *("" if figure is None else f"{figure:.1%}" for figure in paper)])
    header = ["gain in PUR_AMT / COST over KB", *(f"{arm}, {split}" for arm, split in columns)]
    return Table(
        header,
        rows,
        f"Means over {_seeds(results)} seeds, each with a market of its own; realised purchases.",
    )


def _arms(results: pl.DataFrame, scenario: str, arms: Sequence[str], suffix: str) -> Table:
    """Return the gains and costs of arms on both days."""
    gain = "gain_all" if scenario == MANY else "gain"
    columns = {
        "train": (f"{gain}{suffix}", "train"),
        "train, realised": (f"{gain}_realised{suffix}", "train"),
        "test": (f"{gain}{suffix}", "test"),
        "test, realised": (f"{gain}_realised{suffix}", "test"),
        "COST error, test": (f"cost_error{suffix}", "test"),
        "COST / COST_KB unscaled, test": (f"cost_unscaled{suffix}", "test"),
    }
    rows = [[arm, *(_cell(results, scenario, arm, *column) for column in columns.values())] for arm in arms]
    seeds = sorted({results.filter(scenario=scenario, arm=arm)["seed"].n_unique() for arm in arms})
    what = "all ads' PUR_AMT over all ads' COST" if scenario == MANY else "mean over ads"
    cost = "bids of all ads scaled by one factor to KB's total COST" if suffix else "each ad's bids scaled to its COST under KB"
    return Table(
        [f"gain over KB, {scenario}", *columns],
        rows,
        f"Means over {' or '.join(map(str, seeds))} seeds with {INTERVALS}; {what}; {cost}; expected and realised purchases.",
    )


def _cell(results: pl.DataFrame, scenario: str, arm: str, metric: str, split: str) -> str:
    found = interval(results, scenario, arm, metric, split)
    return "" if found is None else str(found)


def _figure_5(results: pl.DataFrame) -> Picture:
    arms = {"RMDP": "RMDP", "M-RMDP": best_m_rmdp(results)}
    gain = {name: interval_of(results, MANY, arm, "test", POOLED) for name, arm in arms.items()}
    cost = {name: interval_of(results, MANY, arm, "test", "cost_ratio, pooled cost") for name, arm in arms.items()}
    panels = {"COST / COST_KB": cost, "Gain in PUR_AMT / COST": gain}
    paper = {title: {name: PAPER_MANY[name][i] for name in arms} for i, title in enumerate(panels)}
    caption = (
        f"Test day, all ads together, at KB's total COST; means over {_seeds(results)} seeds with {INTERVALS}. M-RMDP has the "
        "cooperation weight that gained most in training. The paper's figures are read off its bars."
    )
    return Picture("many-ads", bars_figure(panels, paper), caption)


def _convergence(curves: pl.DataFrame) -> Figure:
    panels = {
        title: {arm: _curve(curves, arm, curve) for arm in ("RMDP", "AMDP")}
        for title, curve in (("Loss", "loss"), ("Gain in PUR_AMT / COST, training day", "gain"))
    }
    return curves_figure(panels, "Share of training")


def _curve(curves: pl.DataFrame, arm: str, curve: str) -> Curve:
    rows = curves.filter(scenario=TEN, arm=arm, curve=curve).sort("seed", "x")
    y = rows["y"].to_numpy().reshape(rows["seed"].n_unique(), -1)
    return np.arange(1, y.shape[1] + 1) / y.shape[1], y


def _cooperation(results: pl.DataFrame) -> Figure:
    arms = {0.0: "RMDP", **{k: m_rmdp(k) for k in COOPERATIONS}}
    lines = {
        title: {k: list(by_seed(results, MANY, arm, metric).values()) for k, arm in arms.items()}
        for title, metric in (("total COST as KB", POOLED), ("each ad's COST as KB", "gain_all"))
    }
    return sweep_figure(lines, "Weight of the public reward (cooperation)", "Gain in PUR_AMT / COST, test day")


def _training(results: pl.DataFrame) -> Table:
    """Return what each training took, as it was counted."""
    arms = [(scenario, arm) for scenario in (TEN, MANY) for arm in _arms_of(results, scenario)]
    cells = {key: [interval(results, *key, name, "train") for name in (GRADIENT_STEPS, TARGET_COPIES)] for key in arms}
    rows = [
        [f"{arm}, {scenario}", *(f"{cell.mean:.0f}" for cell in pair if cell is not None)]
        for (scenario, arm), pair in cells.items()
        if None not in pair
    ]
    note = "Gradient steps of each ad's network, and how often its target network was copied, in a whole training."
    return Table(["training", "gradient steps", "target copies"], rows, note)


def _eta(results: pl.DataFrame) -> Table:
    rows = [[level, *(_cell(results, DAYS, "eta", metric(level, feature), "test") for feature in FEATURES)] for level in LEVELS]
    rows.append(["the paper, at the hour", *(f"below {PAPER_ETA}" for _ in FEATURES)])
    note = (
        "Relative spread over days of the next step's features, given this step's features and alpha: one ad, 200,000 "
        f"auctions a day, {_seeds(results)} seeds. The paper gives a bound without naming its statistic; ours is the root mean "
        "square."
    )
    return Table(["eta", *FEATURES], rows, note)


def _arms_of(results: pl.DataFrame, scenario: str) -> list[str]:
    return results.filter(scenario=scenario)["arm"].unique(maintain_order=True).to_list()


def _seeds(results: pl.DataFrame) -> int:
    return results["seed"].n_unique()
