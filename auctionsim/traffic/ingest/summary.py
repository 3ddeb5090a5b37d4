"""What an ingested log was: rows kept and dropped, rates, prices, the day's curve."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from auctionsim.traffic.ingest.budgets import LoggedAdvertiser
from auctionsim.traffic.ingest.database import Database
from auctionsim.traffic.ingest.rates.calibration import Calibration
from auctionsim.traffic.table import HOURS

QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)


@dataclass(frozen=True)
class Summary:
    """The figures of `auctionsim ingest --report`."""

    rows_read: int
    rows_kept: int
    dropped: Mapping[str, int]
    """Rows by reason."""
    auctions: int
    cells: int
    candidates: int
    """Rows of the table."""
    days: tuple[int, ...]
    advertisers: int
    queries: int
    ctr: float | None
    """Clicks of impressions as logged; None where the log has none. With `auctionnet` exposures of slots won."""
    cvr: float | None
    """Conversions of clicks as logged."""
    price_quantiles: Mapping[str, float]
    """By quantile, approximate but for the least and the most: of paying prices, or of bids where the log has no price."""
    auctions_by_hour: tuple[int, ...]
    """Of the hours 0 to 23, all days together."""
    logged: tuple[LoggedAdvertiser, ...]
    """Advertisers in the table's order, where the log knows budgets; else none."""
    calibration: Mapping[str, Calibration]
    """Of each rate that was estimated."""

    def as_json(self) -> dict[str, Any]:
        """For `--json`."""
        return asdict(self)

    def curve(self) -> list[str]:
        """Auctions by hour as text."""
        most = max(self.auctions_by_hour)
        bars = [f"  {hour:02d} {n:>10}  {'#' * round(40 * n / most)}" for hour, n in enumerate(self.auctions_by_hour)]
        return ["auctions by hour", *bars]

    def lines(self) -> list[str]:
        """As text."""
        dropped = [f"  dropped {count:>10}  {reason}" for reason, count in self.dropped.items()]
        prices = "  ".join(f"{name} {value:.6g}" for name, value in self.price_quantiles.items())
        return [
            f"rows      {self.rows_read:>10}  read",
            f"  kept    {self.rows_kept:>10}",
            *dropped,
            f"table     {self.candidates:>10}  candidates in {self.cells} cells that stand for {self.auctions} auctions",
            f"          {len(self.days)} days, {self.advertisers} advertisers, {self.queries} queries",
            f"CTR       {_rate(self.ctr)}",
            f"CVR       {_rate(self.cvr)}",
            f"prices    {prices or 'none in the log'}",
            *(line for rate, calibration in self.calibration.items() for line in calibration.lines(rate)),
        ]  # fmt: skip


def summarise(
    database: Database,
    read: int,
    dropped: Mapping[str, int],
    calibration: Mapping[str, Calibration],
    logged: tuple[LoggedAdvertiser, ...],
) -> Summary:
    """The figures of the table `log` and of `cells`."""
    kept, shown, clicked, converted, least, most = database.row(
        "SELECT count(*), sum(shown), sum(clicked), sum(converted), min(price), max(price) FROM log"
    )
    (middle,) = database.row(f"SELECT approx_quantile(price, [{', '.join(map(str, QUANTILES))}]) FROM log")
    quantiles = {f"{quantile:.0%}": float(value) for quantile, value in zip(QUANTILES, middle or (), strict=False)}
    by_hour = dict(database.rows("SELECT hour, sum(weight) FROM (SELECT DISTINCT cell, hour, weight FROM cells) GROUP BY hour"))
    candidates, cells, advertisers, queries = database.row(
        "SELECT count(*), count(DISTINCT cell), count(DISTINCT advertiser), count(DISTINCT query) FROM cells"
    )
    return Summary(
        rows_read=read,
        rows_kept=kept,
        dropped=dict(dropped),
        auctions=int(sum(by_hour.values())),
        cells=cells,
        candidates=candidates,
        days=tuple(int(day) for (day,) in database.rows("SELECT DISTINCT day FROM cells ORDER BY day")),
        advertisers=advertisers,
        queries=queries,
        ctr=clicked / shown if shown else None,
        cvr=converted / clicked if clicked else None,
        price_quantiles={} if least is None else {"least": float(least), **quantiles, "most": float(most)},
        auctions_by_hour=tuple(int(by_hour.get(hour, 0)) for hour in range(HOURS)),
        logged=logged,
        calibration=dict(calibration),
    )


def _rate(value: float | None) -> str:
    return "not in the log" if value is None else f"{value:.6f}"
