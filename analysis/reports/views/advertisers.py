"""Tabulate every advertiser of every run: spend, clicks, price per click, ROI, profit and what it gained, losers first."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from auctionsim.analysis.documents.sections import Table
from auctionsim.analysis.reports.fixed_traffic import intervals_of
from auctionsim.analysis.reports.metrics import advertiser_profits, unknown_amounts
from auctionsim.analysis.reports.summary import NOT_DEFINED, amount, amount_interval
from auctionsim.analysis.statistics import Interval
from auctionsim.ratios import ROUNDING, ratio_of_columns
from auctionsim.runs import Run

MOST_ROWS = 1000
"""Rows of the table, so that the page stays small; of more advertisers those who lose and gain most are shown."""
_HEADER = ("advertiser", "group", "result", "spend", "clicks", "CPC", "ROI", "profit", "change of profit", "relative")


def advertiser_measures(run: Run) -> pl.DataFrame:
    """Return a row for each advertiser, losers first, all test days together.

    Columns: `advertiser group`; `spend clicks profit` under the learned policy and `reference`, the profit under the baseline:
    means over seeds; `cpc` and `roi`, null where nothing was clicked or spent; `change`, of profit, with its interval `low` and
    `high`, null where there is none; `ratio`, profit divided by baseline profit, null unless the latter is > 0; `matters`, the
    change of profit from which it is more than rounding.
    """
    learned = run.table("outcomes").filter(arm="learned")
    n_seeds = pl.col("seed").n_unique()
    amounts = learned.group_by("advertiser", maintain_order=True).agg(
        pl.col("group").first(), spend=pl.col("cost").sum() / n_seeds, clicks=pl.col("clicks").sum() / n_seeds
    )
    profits = advertiser_profits(run).group_by("advertiser", maintain_order=True)
    means = profits.agg(pl.col("learned", "reference", "turnover").mean())
    intervals = _intervals(run)
    ends = {name: [_end(intervals.get(one), name) for one in means["advertiser"].to_list()] for name in ("low", "high")}
    table = means.with_columns(**{name: pl.Series(values, dtype=pl.Float64) for name, values in ends.items()})
    table = amounts.join(table, on="advertiser", how="left", maintain_order="left").rename({"learned": "profit"})
    earns = pl.col("reference") > ROUNDING * pl.col("turnover")
    return table.select(
        "advertiser", "group", "spend", "clicks", "profit", "reference", "low", "high",
        cpc=ratio_of_columns("spend", "clicks"),
        roi=ratio_of_columns("profit", "spend"),
        change=pl.col("profit") - pl.col("reference"),
        ratio=pl.when(earns).then(pl.col("profit") / pl.col("reference")),
        matters=ROUNDING * pl.col("turnover"),
    ).sort("change", maintain_order=True)  # fmt: skip


def measures_of_advertisers(named: Mapping[str, Run]) -> Table:
    """Return a table of the advertisers of all runs that a page can search and filter: losers first, or who spends most.

    The latter holds for runs of traffic in which nothing has a value, where nobody can be said to lose.
    """
    many = len(named) > 1
    has_value = {name: not unknown_amounts(run) for name, run in named.items()}
    rows = [
        (
            row["change"] if has_value[name] else -row["spend"],
            [row["advertiser"], *([name] if many else []), *_cells(row, has_value=has_value[name])],
        )
        for name, run in named.items()
        for row in advertiser_measures(run).iter_rows(named=True)
    ]
    rows.sort(key=lambda pair: pair[0])
    header = [_HEADER[0], *(["run"] if many else []), *_HEADER[1:]]
    shown = rows if len(rows) <= MOST_ROWS else [*rows[: MOST_ROWS // 2], *rows[-MOST_ROWS // 2 :]]
    first = "Losers first." if any(has_value.values()) else "Largest spend first."
    note = (
        f"{first} Currency and counts of all test days together, means over seeds, of the learned policy; the change is "
        "against the baseline, with its interval: a result is unclear if that holds 0. CPC is cost per click, ROI profit per "
        "unit spent; both are not defined where nothing is clicked or spent, and the relative change where the baseline's "
        "profit is not > 0."
    )
    if len(rows) > len(shown):
        note += (
            f" Shown are {len(shown)} of {len(rows)} rows, those who lose and gain most; `auctionsim export RUN --csv` has all."
        )
    filters = (1, 2, 3) if many else (1, 2)
    return Table(header, [cells for _, cells in shown], note, filters, (len(header) - 2,))


def _intervals(run: Run) -> dict[str, Interval]:
    """Return the interval of each advertiser's change of profit; none of an advertiser that a seed lacks."""
    names = advertiser_profits(run)["advertiser"].unique(maintain_order=True).to_list()

    def changes(part: Run) -> dict[str, NDArray[np.float64]]:
        table = advertiser_profits(part).with_columns(change=pl.col("learned") - pl.col("reference"))
        wide = table.pivot("advertiser", index="seed", values="change").sort("seed")
        seeds = wide.height
        return {
            name: wide[name].cast(pl.Float64).fill_null(np.nan).to_numpy() if name in wide.columns else np.full(seeds, np.nan)
            for name in names
        }

    return intervals_of(run, changes, sums=names)


def _end(interval: Interval | None, name: str) -> float | None:
    return getattr(interval, name) if interval is not None and interval.is_known else None


def _cells(row: Mapping[str, Any], *, has_value: bool) -> list[str]:
    if not has_value:
        cpc = NOT_DEFINED if row["cpc"] is None else f"{row['cpc']:.3f}"
        return [row["group"], NOT_DEFINED, amount(row["spend"]), amount(row["clicks"]), cpc, *[NOT_DEFINED] * 4]
    low, high = (np.nan if row[end] is None else row[end] for end in ("low", "high"))
    change = amount_interval(Interval(row["change"], low, high), signed=True)
    result = "gains" if row["change"] > row["matters"] else "loses" if row["change"] < -row["matters"] else "unchanged"
    result = "unclear" if low <= 0 <= high and result != "unchanged" else result
    relative = "not defined" if row["ratio"] is None else f"{row['ratio'] - 1:+.1%}"
    cpc, roi = ("not defined" if row[name] is None else f"{row[name]:.3f}" for name in ("cpc", "roi"))
    return [
        row["group"],
        result,
        amount(row["spend"]),
        amount(row["clicks"]),
        cpc,
        roi,
        amount(row["profit"]),
        change,
        relative,
    ]
