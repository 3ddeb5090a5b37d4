"""Compute the profile `alimama` from the public files: `python -m auctionsim.traffic.profiles.calibrate DATA OUT`.

The profile holds figures only (curves, shares, quantiles), never the data. A test recomputes the committed file.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from auctionsim.files import write_text
from auctionsim.traffic.profiles.marks import marks_text
from auctionsim.traffic.public_data import SOURCES, campaigns, hourly_prices, page_views, week_factor

QUANTILES = 21
_MEASURED = {
    "hours.share": "alimama_traffic",
    "week.factor": "avito_bat",
    "categories.share": "alimama_traffic",
    "prices.cpc": "nab_ad_exchange",
    "prices.hour_factor": "nab_ad_exchange",
    "prices.log_sd": "nab_ad_exchange",
    "rates.ctr": "nab_ad_exchange",
    "budgets.quantiles": "avito_bat",
}
_ASSUMED = {"rates.cvr": "no source has conversions"}


def profile_text(data: Path) -> str:
    """Compute the profile and write it as TOML text.

    Args:
        data: The folder that holds `alimama_traffic`, `avito_bat` and `nab_ad_exchange`.
    """
    views = page_views(data)
    prices = hourly_prices(data)
    budgets = np.array([campaign.daily_budget for campaign in campaigns(data)])
    quantiles = np.quantile(budgets / np.median(budgets), np.linspace(0, 1, QUANTILES))
    by_category = views.sum(axis=0)
    lines = [
        "# Figures of real ad traffic. Made by: make profile",
        'name = "alimama"',
        "sources = [",
        *(f'    "{source}",' for source in SOURCES.values()),
        "]",
        "",
        *marks_text(_MEASURED, {}, _ASSUMED),
        "",
        "[hours]",
        f"# Share of {views.sum():,} page views in each hour, local time (alimama_traffic).",
        f"share = {figures_list(views.sum(axis=1) / views.sum(), 6)}",
        "",
        "[categories]",
        "# Share of page views of each category that has any, largest first (alimama_traffic).",
        f"share = {figures_list(np.sort(by_category[by_category > 0])[::-1] / views.sum(), 6)}",
        "",
        "[week]",
        "# Traffic of each hour of the week over that hour's mean, Monday first (avito_bat, mean over 114 regions).",
        "factor = [",
        *(f"    {figures_list(row, 4)}," for row in week_factor(data)),
        "]",
        "",
        "[prices]",
        "# Hourly cost per click: median, hour of day over the median, robust log standard deviation (nab_ad_exchange).",
        f"cpc = {prices.cpc:.4f}",
        f"hour_factor = {figures_list(prices.hour_factor, 4)}",
        f"log_sd = {prices.log_sd:.4f}",
        "",
        "[rates]",
        "# Median of cpm / 1000 / cpc (nab_ad_exchange).",
        f"ctr = {prices.ctr:.5f}",
        "",
        "[budgets]",
        f"# Daily budgets of {len(budgets)} campaigns over their median, at {QUANTILES} even quantiles (avito_bat).",
        f"quantiles = {figures_list(quantiles, 4)}",
    ]
    return "\n".join(lines) + "\n"


def figures_list(figures: NDArray[np.float64], digits: int) -> str:
    """Write numbers as a list of TOML, each with so many decimals."""
    return "[" + ", ".join(f"{figure:.{digits}f}" for figure in figures) + "]"


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit("usage: python -m auctionsim.traffic.profiles.calibrate DATA OUT")
    write_text(Path(sys.argv[2]), profile_text(Path(sys.argv[1])))
