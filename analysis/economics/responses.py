"""How rivals answered a deviation of one hour in a run: what its evaluation stores, and as lines over the hours since."""

from __future__ import annotations

import numpy as np
import polars as pl

from auctionsim.analysis.documents.curves import Line
from auctionsim.analysis.economics.deviations import best_multiplier, punishment
from auctionsim.analysis.reports.metrics import bootstrap
from auctionsim.market.market import Market
from auctionsim.market.policy import Policy
from auctionsim.market.simulate import simulate_day
from auctionsim.traffic.table import HOURS

_LAST_HOUR = 15
"""The deviation is no later, so that the answer has hours to show in."""
_BEFORE, _AFTER = 3, HOURS - 1 - _LAST_HOUR


def response_rows(seed: int, market: Market, policy: Policy, day: int) -> pl.DataFrame:
    """A seed's rows of punishment.parquet: the controlled advertiser that earns most deviates to its best multiple.

    It does so for its busiest hour up to 15 h. `rival_bids` is the relative change of its rivals' mean bid, `profit` the change
    of its own profit over its profit of the undisturbed day, `punished` 1 or 0.
    """
    earned = simulate_day(market, day, policy).outcome.profit[:, market.learners, 0]
    who = int(market.learners[int(earned.sum(axis=0).argmax())])
    hour = int(market.hourly_auctions(day)[: _LAST_HOUR + 1, who].argmax())
    multiplier = best_multiplier(market, day, policy, who)
    found = punishment(market, day, policy, who, hour, multiplier)
    usual = abs(float(earned.sum(axis=0).max()))
    return pl.DataFrame(
        {
            "seed": [seed] * HOURS,
            "day": [day] * HOURS,
            "advertiser": [market.advertisers[who]] * HOURS,
            "multiplier": [multiplier] * HOURS,
            "hours_since": np.arange(HOURS) - hour,
            "rival_bids": found.rival_bids,
            "profit": found.profit / usual if usual > 0 else np.full(HOURS, np.nan),
            "punished": [int(found.is_punished)] * HOURS,
        }
    )


def response_lines(table: pl.DataFrame) -> tuple[Line, Line]:
    """Change of the rivals' bids, and of the deviator's profit summed from the start, over the hours since; over seeds."""
    table = table.sort("seed", "hours_since").with_columns(pl.col("profit").cum_sum().over("seed").alias("gained"))
    shown = table.filter(pl.col("hours_since").is_between(-_BEFORE, _AFTER))
    return _line(shown, "rival_bids"), _line(shown, "gained")


def _line(table: pl.DataFrame, column: str) -> Line:
    by_hour = [(hours, own[column].to_numpy()) for (hours,), own in table.group_by("hours_since", maintain_order=True)]
    by_hour.sort(key=lambda pair: pair[0])
    intervals = [bootstrap(values) for _, values in by_hour]
    x = np.array([float(hours) for hours, _ in by_hour])
    return Line(x, *(np.array([getattr(i, part) for i in intervals]) for part in ("mean", "low", "high")))
