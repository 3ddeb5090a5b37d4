"""Readers of the public files that profiles and the real table are built from: alimama_traffic, avito_bat, nab_ad_exchange.

The files belong to others and are not part of this repository; README.md lists their origins. Every reader takes the folder
that holds these three folders.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from auctionsim import arithmetic
from auctionsim.errors import InputError
from auctionsim.names.display import short_repr

SOURCES = {
    "alimama_traffic": (
        "alimama_traffic: ad page views by quarter-hour and category; GitHub alimama-tech/AuctionNet, "
        "commit c20de631a40e24669d1d6a8e2acefd8f492f172d; Apache-2.0."
    ),
    "avito_bat": (
        "avito_bat: hour-of-week traffic shares and campaigns with budgets; GitHub avito-tech/bat-autobidding-benchmark, "
        "commit 4237bd52b5b4d9cee316d372b15c427b1a3ef22f, and katyanaveka/BAT, "
        "commit 73ba5760e28cb1c1b0cbf6f47d67629ca27f76d9; MIT."
    ),
    "nab_ad_exchange": (
        "nab_ad_exchange: hourly cost per click and per 1,000 impressions of three ad exchanges; GitHub numenta/NAB, "
        "commit ea702d75cc2258d9d7dd35ca8e5e2539d71f3140; MIT."
    ),
}
"""Origin and license of each folder's files."""

# The page views' time stamps are in UTC (inferred from the trough at night); their users live at UTC+8.
_ALIMAMA_UTC_OFFSET = 8
# The price data state no time zone. The trough of the mentions published with them suggests none: hours are used as they are.
# 1.4826 x the median absolute deviation estimates the standard deviation of a normal distribution.
_ROBUST_SD = 1.4826
_PRICE_WEEK = date(2011, 7, 4)


@dataclass(frozen=True, eq=False)
class Campaign:
    """An advertising campaign."""

    name: str
    """Table, row and id of the campaign, for example `vcg-03-4711`."""
    daily_budget: float
    """Mean daily budget; the data state no unit."""

    __repr__ = short_repr


@dataclass(frozen=True, eq=False)
class HourlyPrices:
    """Price level of the exchanges by hour of day."""

    cpc: float
    """Median cost per click over exchanges and hours; the data state no currency."""
    hour_factor: NDArray[np.float64]
    """Median price of each hour of day over the exchange's own median, `[24]`."""
    log_sd: float
    """Robust log standard deviation (1.4826 MAD) around that curve, within an exchange."""
    ctr: float
    """Median click-through rate, cpm / 1000 / cpc."""

    __repr__ = short_repr


def expect_public_files(data: Path) -> None:
    """Read every file from which tables are built, so that a demo finds what is missing before it writes.

    Args:
        data: The folder of the public files.

    Raises:
        InputError: A file is missing or has other columns.
    """
    for read in (campaigns, page_views, week_factor, hourly_prices, weekly_price_level):
        read(data)


def page_views(data: Path) -> NDArray[np.int64]:
    """Read the ad page views of one day by hour of local time and category, `[24, 60]`; category 0 is empty."""
    table = _read(data, "alimama_traffic", "category_quarter_hour_counts.csv.gz", ("slot", "category", "pageviews"))
    hour = (table["slot"].to_numpy() // 4 + _ALIMAMA_UTC_OFFSET) % 24
    views = np.zeros((24, int(table["category"].to_numpy().max()) + 1), dtype=np.int64)
    np.add.at(views, (hour, table["category"].to_numpy()), table["pageviews"].to_numpy())
    return views


def week_factor(data: Path) -> NDArray[np.float64]:
    """Read the traffic of each hour of the week over the same hour's mean, `[7, 24]`, Monday first, averaged over regions."""
    table = _read(data, "avito_bat", "traffic_share.csv.gz", ("region_id", "dow", "hour", "traffic_share"))
    total = np.zeros((7, 24))
    np.add.at(total, (table["dow"].to_numpy() - 1, table["hour"].to_numpy()), table["traffic_share"].to_numpy())
    return total / total.mean(axis=0)


def campaigns(data: Path) -> list[Campaign]:
    """Read the campaigns of both tables in file order, with each campaign's total budget divided by its days."""
    found = []
    for kind in ("fpa", "vcg"):
        columns = ("campaign_id", "campaign_start", "campaign_end", "auction_budget")
        table = _read(data, "avito_bat", f"campaigns_{kind}.csv", columns)
        days = (table["campaign_end"] - table["campaign_start"]).to_numpy() / 86_400
        budget = table["auction_budget"].to_numpy() / days
        # A campaign has several rows in the vcg table, so the row is part of the name.
        found += [
            Campaign(f"{kind}-{row:02d}-{campaign}", float(budget[row]))
            for row, campaign in enumerate(table["campaign_id"].to_list())
        ]
    return found


def hourly_prices(data: Path) -> HourlyPrices:
    """Estimate level and spread of hourly prices. By medians, as the data hold outliers of up to 40 times the median."""
    table = _read(data, "nab_ad_exchange", "ad_exchange_hourly.csv.gz", ("exchange", "timestamp", "cpc", "cpm"))
    table = table.filter((pl.col("cpc") > 0) & (pl.col("cpm") > 0)).with_columns(
        hour=pl.col("timestamp").cast(pl.String).str.slice(11, 2).cast(pl.Int64),
        log_ratio=pl.col("cpc").log() - pl.col("cpc").log().median().over("exchange"),
    )
    table = table.with_columns(
        residual=pl.col("log_ratio") - pl.col("log_ratio").median().over("exchange", "hour"),
    )
    curve = table.group_by("hour").agg(pl.col("log_ratio").median()).sort("hour")["log_ratio"].to_numpy()
    return HourlyPrices(
        cpc=float(np.median(table["cpc"].to_numpy())),
        hour_factor=arithmetic.exp(curve),
        log_sd=float(_ROBUST_SD * np.median(np.abs(table["residual"].to_numpy()))),
        ctr=float(np.median((table["cpm"] / 1000 / table["cpc"]).to_numpy())),
    )


def weekly_price_level(data: Path) -> NDArray[np.float64]:
    """Read hourly prices over their exchange's median in one real week, `[7, 24]`, Monday 4 July 2011 first.

    Each is the median over the three exchanges, so that an outlier of one of them does not count. An hour that is missing in
    all three takes the hour-of-day curve of `hourly_prices`.
    """
    table = _read(data, "nab_ad_exchange", "ad_exchange_hourly.csv.gz", ("exchange", "timestamp", "cpc"))
    table = table.filter(pl.col("cpc") > 0).with_columns(
        date=pl.col("timestamp").cast(pl.String).str.slice(0, 10).str.to_date(),
        hour=pl.col("timestamp").cast(pl.String).str.slice(11, 2).cast(pl.Int64),
        ratio=pl.col("cpc") / pl.col("cpc").median().over("exchange"),
    )
    table = table.with_columns(day=(pl.col("date") - _PRICE_WEEK).dt.total_days())
    week = table.filter(pl.col("day").is_between(0, 6)).group_by("day", "hour").agg(pl.col("ratio").median())
    level = np.tile(hourly_prices(data).hour_factor, (7, 1))
    level[week["day"].to_numpy(), week["hour"].to_numpy()] = week["ratio"].to_numpy()
    return level


def _read(data: Path, folder: str, name: str, columns: tuple[str, ...]) -> pl.DataFrame:
    path = data / folder / name
    if not path.is_file():
        raise InputError(f"{path}: expected the public file of {SOURCES[folder].split(';')[0]}, got no such file")
    try:
        return pl.read_csv(path.absolute(), columns=list(columns), glob=False)
    except (pl.exceptions.PolarsError, OSError) as error:
        raise InputError(
            f"{path}: expected a CSV table with columns {', '.join(columns)}, got {str(error).splitlines()[0]}"
        ) from error
