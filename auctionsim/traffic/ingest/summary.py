"""Summary of an ingested log: rows kept and dropped, rates, prices, auctions by hour."""

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
    """The figures that `auctionsim ingest` prints."""

    rows_read: int
    """Number of rows read."""
    rows_kept: int
    """Number of rows of the common log."""
    dropped: Mapping[str, int]
    """Number of rows dropped, by reason."""
    auctions: int
    """Number of auctions of the table."""
    cells: int
    """Number of cells of the table."""
    candidates: int
    """Number of rows of the table."""
    days: tuple[int, ...]
    """Days of the table, ascending."""
    advertisers: int
    """Number of advertisers."""
    queries: int
    """Number of queries."""
    ctr: float | None
    """Logged clicks per impression (with `auctionnet`: exposures per slot won); None if the log has no impressions."""
    cvr: float | None
    """Logged conversions per click; None if the log has no clicks."""
    price_quantiles: Mapping[str, float]
    """Quantiles of paying prices, or of bids if the log has no prices. All but the first and the last are approximate."""
    auctions_by_hour: tuple[int, ...]
    """Auctions of each hour 0 to 23, summed over days."""
    logged: tuple[LoggedAdvertiser, ...]
    """Advertisers in the table's order if the log has budgets, else none."""
    calibration: Mapping[str, Calibration]
    """Calibration of each estimated rate."""

    def as_json(self) -> dict[str, Any]:
        """Return the figures as the value that `--json` prints."""
        return {**asdict(self), "calibration": {rate: found.as_json() for rate, found in self.calibration.items()}}

    def curve(self) -> list[str]:
        """Draw the auctions by hour as lines of text."""
        most = max(self.auctions_by_hour)
        bars = [f"  {hour:02d} {n:>10}  {'#' * round(40 * n / most)}" for hour, n in enumerate(self.auctions_by_hour)]
        return ["auctions by hour", *bars]

    def lines(self) -> list[str]:
        """Write the figures as lines of text."""
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


def summarize(
    database: Database,
    read: int,
    dropped: Mapping[str, int],
    calibration: Mapping[str, Calibration],
    logged: tuple[LoggedAdvertiser, ...],
) -> Summary:
    """Compute the summary of the tables `log` and `cells`.

    Args:
        database: The database that holds both.
        read: Number of rows read.
        dropped: Number of rows dropped, by reason.
        calibration: Calibration of each estimated rate.
        logged: Advertisers with budgets.
    """
    kept, shown, clicked, converted, lowest, highest = database.row(
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
        price_quantiles={} if lowest is None else {"least": float(lowest), **quantiles, "most": float(highest)},
        auctions_by_hour=tuple(int(by_hour.get(hour, 0)) for hour in range(HOURS)),
        logged=logged,
        calibration=dict(calibration),
    )


def _rate(value: float | None) -> str:
    return "not in the log" if value is None else f"{value:.6f}"
