"""Write the document of the SS-RTB study: four findings, then the paper's tables and figures beside ours."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import polars as pl

from auctionsim.analysis.documents.plots.ss_rtb import Curve, bars_figure, curves_figure, sweep_figure
from auctionsim.analysis.documents.plots.style import Figure
from auctionsim.analysis.documents.results import by_seed, interval, paired_differences
from auctionsim.analysis.documents.sections import Heading, Picture, Section, Table, Text
from auctionsim.analysis.statistics import INTERVALS, Interval, mean_interval
from auctionsim.jobs.studies.ss_rtb.arms import COOPERATIONS, DAYS, MANY, TEN, m_rmdp
from auctionsim.jobs.studies.ss_rtb.eta import FEATURES, LEVELS, metric

PAPER_AVERAGE = {"AMDP": (2.5003, -0.1006), "RMDP": (1.2001, 0.9874)}
"""The averages printed in the paper's Table 2: gain in training and on the test day."""
PAPER_MANY = {"RMDP": (0.99, 0.115), "M-RMDP": (0.99, 0.235)}
"""COST / COST_KB and gain, read off the bars of the paper's Figure 5."""
PAPER_ETA = 0.03
"""The paper's bound on eta at the hour (section 3.2)."""
SPLITS = ("train", "test")
POOLED = "gain_all, pooled cost"
_COMPARED = ("linear", "AMDP", "RMDP")


def sections(results: pl.DataFrame, curves: pl.DataFrame) -> list[Section]:
    """Return all sections of the document."""
    return [
        *_findings(results),
        Heading("Ten ads with disjoint keywords (the paper's Table 2)"),
        _table_2(results),
        _arms(results, TEN, ("linear", "AMDP", "RMDP"), ""),
        Picture("convergence", _convergence(curves), "Loss, and gain of the greedy policy on the training day, as learned."),
        Heading("Many ads that share their keywords (the paper's Figure 5)"),
        _figure_5(results),
        _arms(results, MANY, ("linear", "RMDP", *(m_rmdp(k) for k in COOPERATIONS)), ", pooled cost"),
        _arms(results, MANY, ("linear", "RMDP", *(m_rmdp(k) for k in COOPERATIONS)), ""),
        Picture(
            "cooperation", _cooperation(results), "Gain of all ads together over the weight of the public reward; 0 is RMDP."
        ),
        Heading("How similar are days?"),
        _eta(results),
        Heading("Variants that the paper leaves open"),
        _arms(results, TEN, [arm for arm in _arms_of(results, TEN) if arm.startswith("RMDP")], ""),
    ]


def _findings(results: pl.DataFrame) -> list[Section]:
    best = best_m_rmdp(results)
    ads = _by_ad(results, "RMDP", "test")
    train, test = (_mean(results, TEN, "RMDP", split, "gain_realised") for split in SPLITS)
    amdp, rmdp = ([_mean(results, TEN, arm, split, "gain_realised") for split in SPLITS] for arm in ("AMDP", "RMDP"))
    alone, together = (_mean(results, MANY, arm, "test", POOLED) for arm in ("RMDP", best))
    lead = mean_interval(paired_differences(results, TEN, "RMDP", "linear", "gain"))
    n_positive = sum(gain > 0 for gain in ads.values())
    error, open_error = _largest_errors(results)
    return [
        _finding(
            "a",
            n_positive >= 0.9 * len(ads) and test >= 0.8 * train,
            f"RMDP gains over KB on the test day for {n_positive} of {len(ads)} ads and keeps {test / train:.0%} of its "
            f"training gain ({train:.1%} to {test:.1%}; the paper: 82 %).",
        ),
        _finding(
            "b",
            amdp[0] > rmdp[0] and amdp[1] < rmdp[1],
            f"AMDP gains {amdp[0]:.1%} in training and {amdp[1]:.1%} on the test day, RMDP {rmdp[0]:.1%} and {rmdp[1]:.1%}.",
        ),
        _finding(
            "c",
            together >= 1.3 * alone,
            f"With many ads {best} gains {together:.1%}, RMDP {alone:.1%}: {together / alone:.2f} times as much (the paper: "
            "about 2).",
        ),
        _finding("d", lead.mean >= 0, f"RMDP's gain is {lead} above that of one alpha a day (`linear`), seed by seed."),
        Text(
            f"Gains are in PUR_AMT / COST relative to KB, with realised purchases. COST is within {error:.1%} of KB's for "
            f"every method, ad, day and seed of ten ads, and for many ads together; within {open_error:.1%} for the variants "
            "of RMDP at the end."
        ),
    ]


def _finding(letter: str, holds: bool, text: str) -> Text:
    return Text(f"({letter}) {'Holds' if holds else 'Does not hold'}: {text}")


def best_m_rmdp(results: pl.DataFrame) -> str:
    """Return the M-RMDP arm with the largest gain on the training day."""
    arms = [m_rmdp(k) for k in COOPERATIONS]
    return max(arms, key=lambda arm: _mean(results, MANY, arm, "train", POOLED))


def _table_2(results: pl.DataFrame) -> Table:
    columns = [(arm, split) for arm in ("AMDP", "RMDP", "linear") for split in SPLITS]
    gains = {column: _by_ad(results, *column) for column in columns}
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
    gain = {name: _interval(results, MANY, arm, "test", POOLED) for name, arm in arms.items()}
    cost = {name: _interval(results, MANY, arm, "test", "cost_ratio, pooled cost") for name, arm in arms.items()}
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


def _eta(results: pl.DataFrame) -> Table:
    rows = [[level, *(_cell(results, DAYS, "eta", metric(level, feature), "test") for feature in FEATURES)] for level in LEVELS]
    rows.append(["the paper, at the hour", *(f"below {PAPER_ETA}" for _ in FEATURES)])
    note = (
        "Relative spread over days of the next step's features, given this step's features and alpha: one ad, 200,000 "
        f"auctions a day, {_seeds(results)} seeds. The paper gives a bound without naming its statistic; ours is the root mean "
        "square."
    )
    return Table(["eta", *FEATURES], rows, note)


def _by_ad(results: pl.DataFrame, arm: str, split: str) -> dict[str, float]:
    """Return each ad's mean gain over seeds, in the order of the scenario."""
    prefix = "gain_realised "
    rows = results.filter(
        pl.col("scenario") == TEN, pl.col("arm") == arm, pl.col("split") == split, pl.col("metric").str.starts_with(prefix)
    )
    means = rows.group_by("metric", maintain_order=True).agg(pl.col("value").mean())
    return {name.removeprefix(prefix): value for name, value in means.iter_rows()}


def _largest_errors(results: pl.DataFrame) -> tuple[float, float]:
    """Return the largest error of COST among the arms that findings (a) to (d) compare, and among the others."""
    ten = results.filter(pl.col("scenario") == TEN, pl.col("metric").str.starts_with("cost_error"))
    many = results.filter(pl.col("scenario") == MANY, pl.col("metric").str.contains("cost_error.*pooled"))
    is_compared = pl.col("arm").is_in(list(_COMPARED))
    compared, others = pl.concat([ten.filter(is_compared), many]), ten.filter(~is_compared)
    return tuple(float(rows["value"].max() or 0.0) for rows in (compared, others))  # type: ignore[arg-type, return-value]


def _interval(results: pl.DataFrame, scenario: str, arm: str, split: str, name: str) -> Interval:
    found = interval(results, scenario, arm, name, split)
    assert found is not None
    return found


def _mean(results: pl.DataFrame, scenario: str, arm: str, split: str, name: str = "gain") -> float:
    return _interval(results, scenario, arm, split, name).mean


def _arms_of(results: pl.DataFrame, scenario: str) -> list[str]:
    return results.filter(scenario=scenario)["arm"].unique(maintain_order=True).to_list()


def _seeds(results: pl.DataFrame) -> int:
    return results["seed"].n_unique()
