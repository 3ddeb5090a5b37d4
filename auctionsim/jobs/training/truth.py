"""Write down what `[information]` hides: prices as they were, what bidders were shown of them, budgets and revenue."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl

from auctionsim.auction.budgets import exhausted_threshold
from auctionsim.market.information.prices import PRICES, HourPrices
from auctionsim.market.market import Market
from auctionsim.market.simulate import Trajectory
from auctionsim.traffic.table import HOURS


def truth_rows(market: Market, seed: int, run: Trajectory) -> pl.DataFrame:
    """Return a row per hour and advertiser of a day that was run.

    `winning_price` and `least_winning_cost` are means over the hour's auctions, currency per click, null where there were none.
    The same with `shown_` is what the advertiser may see of them, at the end of the hour or `information.delay` hours later.
    `platform_revenue` is that of the hour, `budget_left` that at its end.

    Args:
        market: The market, with a section `[information]`.
        seed: Its seed.
        run: The day under one policy.
    """
    day, n = run.sim.day, len(market.advertisers)
    least = exhausted_threshold(market.budgets[:, None])
    left = np.concatenate([market.first_budgets[None, :, None], run.budget_left])
    true, shown = np.empty((len(PRICES), HOURS, n)), np.empty((len(PRICES), HOURS, n))
    for hour in range(HOURS):
        found = HourPrices(market, day, hour, run.coefficients[hour], left[hour] > least, run.source)
        for k, channel in enumerate(PRICES):
            true[k, hour], shown[k, hour] = found.true(channel)[:, 0], getattr(found, channel)[:, 0]
    columns: dict[str, Any] = {
        "seed": np.full(HOURS * n, seed),
        "day": np.full(HOURS * n, day),
        "hour": np.repeat(np.arange(HOURS), n),
        "advertiser": list(market.advertisers) * HOURS,
        **{name: true[k].ravel() for k, name in enumerate(PRICES)},
        **{f"shown_{name}": shown[k].ravel() for k, name in enumerate(PRICES)},
        "platform_revenue": np.repeat(run.outcome.revenue[:, 0], n),
        "budget_left": np.where(np.isfinite(left[1:, :, 0]), left[1:, :, 0], np.nan).ravel(),
    }
    return pl.DataFrame(columns, nan_to_null=True)
