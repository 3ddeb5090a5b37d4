"""Compute the profile `ipinyou` from published aggregates: `python -m auctionsim.traffic.profiles.ipinyou OUT`.

The aggregates of the iPinYou log are calibration files of a public simulator (CC BY 4.0). Spreads of bids and budgets are the
parameters of Yahoo's pacing simulator (Apache-2.0), which its authors describe as approximating real distributions.
"""

from __future__ import annotations

import math
import sys
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from auctionsim import arithmetic
from auctionsim.files import write_text
from auctionsim.traffic.profiles.calibrate import QUANTILES, figures_list
from auctionsim.traffic.profiles.marks import marks_text

Array = NDArray[np.float64]

_SOURCES = (
    "ipinyou: floors, prices and win rates of one bidder's log, June and October 2013, and hours of a Monday and a Saturday; "
    "GitHub UTDbid/autobidder-execution-pacing, calibration files of its simulator; CC BY 4.0.",
    "yahoo_pacing: bids and budgets of campaigns, parameters that approximate real distributions; GitHub "
    "yahoo/BudgetPacingSimulation; Apache-2.0.",
)
_MONDAY = (
    4.3, 1.1, 1.3, 0.8, 0.6, 0.6, 0.7, 1.8, 1.8, 2.2, 3.2, 3.8, 3.3, 3.5, 3.8, 3.9, 3.8, 4.5, 7.2, 6.1, 6.4, 6.2, 19.2, 9.9,
)  # fmt: skip
_SATURDAY = (
    5.7, 2.3, 1.4, 1.8, 1.0, 0.9, 1.0, 1.7, 3.5, 4.0, 6.4, 6.0, 6.3, 6.5, 6.4, 6.5, 6.5, 6.4, 5.4, 5.0, 4.2, 4.4, 3.5, 2.9,
)  # fmt: skip
BIDS = (5.61, 5.09, 4.76, 9.59, 11.13, 5.23, 11.88)
"""Millions of bids of 6 to 12 June 2013, which was a Thursday to a Wednesday, from Monday on."""
WIN_RATES = (0.342, 0.343, 0.348, 0.190, 0.162, 0.313, 0.139)
"""Shares of them that won, from Monday on."""
_FLOOR = ((0.0, 0.1, 0.25, 0.5, 0.75, 0.9, 0.99, 1.0), (0, 0, 5, 40, 80, 100, 162, 300))
_WON_FLOOR = ((0.0, 0.5, 0.75, 0.9, 0.99, 1.0), (0, 5, 50, 70, 177, 300))
_PRICE = ((0.0, 0.1, 0.25, 0.5, 0.75, 0.9, 0.99, 1.0), (0, 18, 33, 70, 101, 177, 267, 300))
SPIKES = {20: 0.044, 50: 0.045, 70: 0.058, 77: 0.031, 80: 0.028}
"""Shares of won auctions at round prices."""
_EARLIEST = {70: 0.494}
"""Levels below which a round price may not lie: prices < 70 are at least as usual as rivals < 50 with won floors < 70."""
_BID = 300
_MEAN_PRICE = 80.28
_CTR = 0.0008
_PUBLISHED = {
    "floor_mean": 45.47,
    "won_floor_mean": 26.47,
    "price_mean": _MEAN_PRICE,
    "win_rate": round(15_395_258 / 64_746_749, 4),
}
_BID_CLASSES = ((100.0, -9.06, 3.0), (200.0, -8.08, 2.47), (math.inf, -7.76, 1.95))
"""Daily budget below, and mean and deviation of the logarithm of bids."""
_BUDGET_SHAPE = 3.77
"""The logarithm of daily budgets is Gamma distributed with this shape and scale 1."""
_RIVALS_LOG_SD = 2.14
_MOST_CAMPAIGNS = 100

_MEASURED = {
    "hours.share": "ipinyou",
    "week.factor": "ipinyou",
    "prices.cpc": "ipinyou",
    "budgets.quantiles": "yahoo_pacing",
    "spreads.advertiser_value": "yahoo_pacing",
    "external.win_rate": "ipinyou",
    "external.floor": "ipinyou",
    "external.won_floor": "ipinyou",
    "external.price": "ipinyou",
    "external.tail_log_sd": "yahoo_pacing",
}
_PARTLY = {
    "week.factor": "Tuesday to Friday have Monday's curve, Sunday has Saturday's; one bidder's bids stand for traffic",
    "prices.cpc": "the mean price of an impression is measured, the click-through rate is not",
    "external.win_rate": "every won auction was won at a bid of 300 per thousand impressions, the highest price of the log",
    "external.floor": "the highest floor is 300",
    "external.won_floor": "the highest floor is 300",
    "external.price": "how the shares at round prices lie among the quantiles",
    "external.tail_log_sd": "measured for all rivals, used for those above 300",
}
_ASSUMED = {
    "categories.share": "no source has categories",
    "prices.hour_factor": "no source has prices by hour",
    "prices.log_sd": "no source has prices by hour",
    "rates.ctr": "a usual rate of display advertising",
}


def profile_text() -> str:
    """Compute the profile and write it as TOML text."""
    hours, week = _hours_and_week()
    spread, budgets = _campaigns()
    lines = [
        "# Figures of one bidder's log of display auctions. Made by: make profile",
        "# The currency is that of the log, 1/1000 CNY. Prices and floors are those of 1,000 impressions.",
        'name = "ipinyou"',
        "sources = [",
        *(f'    "{source}",' for source in _SOURCES),
        "]",
        "",
        *marks_text(_MEASURED, _PARTLY, _ASSUMED),
        "",
        "[hours]",
        "# Share of bids in each hour, mean over the week's days by their volume.",
        f"share = {figures_list(hours, 6)}",
        "",
        "[categories]",
        "share = [1.0]",
        "",
        "[week]",
        "# Bids of each hour of the week over that hour's mean, Monday first.",
        "factor = [",
        *(f"    {figures_list(row, 4)}," for row in week),
        "]",
        "",
        "[prices]",
        "# Mean price of an impression over the click-through rate; no curve over the day.",
        f"cpc = {_MEAN_PRICE / 1000 / _CTR:.4f}",
        f"hour_factor = {figures_list(np.ones(24), 1)}",
        "log_sd = 0.0",
        "",
        "[rates]",
        f"ctr = {_CTR}",
        "",
        "[spreads]",
        "# Log standard deviation of campaigns' bids, over all classes of budgets.",
        f"advertiser_value = {spread:.3f}",
        "",
        "[budgets]",
        f"# Daily budgets over their median at {QUANTILES} even quantiles, the ends those of {_MOST_CAMPAIGNS} campaigns.",
        f"quantiles = {figures_list(budgets, 4)}",
        "",
        *_external_lines(),
        "",
        "[published]",
        "# Aggregates that the generator is not given.",
        *(f"{name} = {value}" for name, value in _PUBLISHED.items()),
    ]
    return "\n".join(lines) + "\n"


def _external_lines() -> list[str]:
    distributions = {"floor": _FLOOR, "won_floor": _WON_FLOOR, "price": _with_spikes(*_PRICE)}
    lines = [
        "[external]",
        "# What a bid of `bid` for 1,000 impressions meets: shares won from Monday on (6 to 12 June 2013), and distributions.",
        f"bid = {_BID}",
        f"win_rate = {figures_list(np.array(WIN_RATES), 3)}",
        f"tail_log_sd = {_RIVALS_LOG_SD}",
    ]
    for name, (levels, values) in distributions.items():
        shown_levels, shown_values = (", ".join(f"{one:g}" for one in row) for row in (levels, values))
        lines += ["", f"[external.{name}]", f"levels = [{shown_levels}]", f"values = [{shown_values}]"]
    return lines


def _hours_and_week() -> tuple[Array, Array]:
    """Return the share of each hour, `[24]`, and the volume of each hour of the week over that hour's mean, `[7, 24]`."""
    curves = np.array([_MONDAY] * 5 + [_SATURDAY] * 2)
    volume = np.array(BIDS)[:, None] * curves / curves.sum(axis=1, keepdims=True)
    return volume.sum(axis=0) / volume.sum(), volume / volume.mean(axis=0)


def _with_spikes(levels: tuple[float, ...], values: tuple[float, ...]) -> tuple[list[float], list[float]]:
    """Put the shares at round prices into the quantiles, each around the level that the price has without them."""
    points = dict(zip(levels, values, strict=True))
    last = 0.0
    for price, share in SPIKES.items():
        after = next(k for k, value in enumerate(values) if value >= price)
        low, high = values[after - 1], values[after]
        part = float(arithmetic.log(price / low) / arithmetic.log(high / low))
        middle = levels[after - 1] + part * (levels[after] - levels[after - 1])
        first = max(round(middle - share / 2, 4), round(last + 0.002, 4), _EARLIEST.get(price, 0.0))
        last = round(first + share, 4)
        points = {level: value for level, value in points.items() if not first <= level <= last}
        points |= {first: price, last: price}
    ordered = sorted(points)
    return ordered, [points[level] for level in ordered]


def _campaigns() -> tuple[float, Array]:
    """Return the log standard deviation of campaigns' bids, and the quantiles of budgets over their median."""
    log_budget = np.linspace(0.0, 60.0, 600_001)[1:]
    density = np.asarray(arithmetic.power(log_budget, _BUDGET_SHAPE - 1)) * np.asarray(arithmetic.exp(-log_budget))
    below = np.cumsum(density) / density.sum()
    ends = [1.0 if math.isinf(most) else _below(log_budget, below, most) for most, _, _ in _BID_CLASSES]
    share, mean, sd = np.diff([0.0, *ends]), *np.array(_BID_CLASSES).T[1:]
    centre = (share * mean).sum()
    spread = math.sqrt((share * (np.square(sd) + np.square(mean - centre))).sum())
    end = 0.5 / _MOST_CAMPAIGNS
    levels = np.clip(np.linspace(0.0, 1.0, QUANTILES), end, 1.0 - end)
    logs = np.asarray(arithmetic.interpolate(np.append(levels, 0.5), below, log_budget))
    return spread, np.asarray(arithmetic.exp(logs[:-1] - logs[-1]))


def _below(log_budget: Array, below: Array, most: float) -> float:
    return float(arithmetic.interpolate(arithmetic.log(most), log_budget, below))


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: python -m auctionsim.traffic.profiles.ipinyou OUT")
    write_text(Path(sys.argv[1]), profile_text())
