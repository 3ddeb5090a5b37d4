"""Summary of an ingested log: rows kept and dropped, rates, prices, auctions by hour."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from auctionsim.traffic.ingest.auctions import DroppedAuctions
from auctionsim.traffic.ingest.bad_rows import BadRows
from auctionsim.traffic.ingest.budgets import LoggedAdvertiser
from auctionsim.traffic.ingest.database import Database
from auctionsim.traffic.ingest.outcomes.conversion_delays import ConversionDelays
from auctionsim.traffic.ingest.outcomes.objective import LogObjective
from auctionsim.traffic.ingest.outcomes.observed import NO_SHOWN, LoggedAuctions
from auctionsim.traffic.ingest.outcomes.position_effects import PositionEffects
from auctionsim.traffic.ingest.outcomes.quality import Quality
from auctionsim.traffic.ingest.outcomes.units import UnitDifference
from auctionsim.traffic.ingest.rates.calibration import Calibration
from auctionsim.traffic.table import HOURS

QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)


@dataclass(frozen=True)
class LogRecord:
    """What became of a log's rows, and how they were read."""

    bad: tuple[BadRows, ...]
    """Rows that cannot be used, by reason."""
    dropped: DroppedAuctions
    """Auctions that were dropped because of them."""
    left_out: Mapping[str, int]
    """Number of valid rows that are not replayed, by reason."""
    first_day: datetime.date | None
    """Date of the table's first day, None if it is not known."""
    assumed: tuple[str, ...]
    """Lines that say what was assumed about encodings, delimiters, numbers and times."""

    @property
    def rows_dropped(self) -> dict[str, int]:
        """Number of rows that are not in the table, by reason."""
        others = self.dropped
        auctions = "1 auction" if others.auctions == 1 else f"{others.auctions} auctions"
        whole = f"the other rows of {auctions} dropped whole, as a row of each is invalid"
        rows = {bad.reason: bad.count for bad in self.bad} | ({whole: others.rows} if others.auctions else {})
        return rows | dict(self.left_out)


@dataclass(frozen=True)
class Summary:
    """The figures that `auctionsim ingest` prints."""

    rows_read: int
    """Number of rows read."""
    rows_kept: int
    """Number of rows of the common log."""
    dropped: Mapping[str, int]
    """Number of rows dropped, by reason."""
    bad: tuple[BadRows, ...]
    """Rows that cannot be used, by reason, with examples."""
    dropped_auctions: DroppedAuctions
    """Auctions that were dropped because a row of each cannot be used."""
    assumed: tuple[str, ...]
    """Lines that say what was assumed about encodings, delimiters, numbers and times."""
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
    """Quantiles of charges, or of bids if the log has none. All but the first and the last are approximate."""
    price_words: str
    """Words for these prices: logged charges per click, or logged bids."""
    auctions_by_hour: tuple[int, ...]
    """Auctions of each hour 0 to 23, summed over days."""
    logged: tuple[LoggedAdvertiser, ...]
    """Advertisers in the table's order if the log has budgets, else none."""
    calibration: Mapping[str, Calibration]
    """Calibration of each estimated rate."""
    objective: LogObjective = field(default_factory=LogObjective)
    """The objective that the log allows."""
    position_effects: PositionEffects = field(default_factory=PositionEffects)
    """Click rates of slots relative to the first."""
    sample: LoggedAuctions | str = NO_SHOWN
    """Auctions whose own bids can be replayed, or why there are none."""
    conversion_delays: ConversionDelays = field(default_factory=ConversionDelays)
    """Delays of conversions, and how many are still to come."""
    stray_clicks: int = 0
    """Number of rows that were clicked though they were not shown. Their clicks are not counted."""
    stray_conversions: int = 0
    """Number of rows that were converted though they were not clicked. Their conversions are not counted."""
    units: tuple[UnitDifference, ...] = ()
    """Columns whose figures cannot be in the same unit."""
    quality: Quality | None = None
    """Figures of the data-quality page, if it was asked for."""

    def as_json(self) -> dict[str, Any]:
        """Return the figures as the value that `--json` prints."""
        values = asdict(replace(self, sample="", quality=None))
        del values["sample"], values["quality"]
        return {
            **values,
            "calibration": {rate: found.as_json() for rate, found in self.calibration.items()},
            "position_effects": self.position_effects.as_json(),
            "conversion_delays": self.conversion_delays.as_json(),
            "units": [one.as_json() for one in self.units],
        }

    def curve(self) -> list[str]:
        """Draw the auctions by hour as lines of text."""
        most = max(self.auctions_by_hour)
        bars = [f"  {hour:02d} {n:>10}  {'#' * round(40 * n / most)}" for hour, n in enumerate(self.auctions_by_hour)]
        return ["auctions by hour", *bars]

    def lines(self) -> list[str]:
        """Write the figures as lines of text."""
        first = {bad.reason: f" (first: {bad.examples[0]})" for bad in self.bad}
        dropped = [f"  dropped {count:>10}  {reason}{first.get(reason, '')}" for reason, count in self.dropped.items()]
        unknown = self.dropped_auctions.unknown
        if unknown:
            dropped.append(f"          {unknown:>10}  of them of auctions that cannot be read, which stay without them")
        prices = "  ".join(f"{name} {value:.6g}" for name, value in self.price_quantiles.items())
        return [
            *(f"read as   {line}" for line in self.assumed),
            f"rows      {self.rows_read:>10}  read",
            f"  kept    {self.rows_kept:>10}",
            *dropped,
            f"table     {self.candidates:>10}  candidates in {self.cells} cells that stand for {self.auctions} auctions",
            f"          {len(self.days)} days, {self.advertisers} advertisers, {self.queries} queries",
            f"CTR       {_rate(self.ctr)}",
            f"CVR       {_rate(self.cvr)}",
            f"prices    {f'{self.price_words}: {prices}' if prices else 'none in the log'}",
            *(f"units     {one.words}" for one in self.units),
            *self._stray_lines(),
            *self.objective.lines(),
            *self.position_effects.lines(),
            *self.conversion_delays.lines(),
            *(line for rate, calibration in self.calibration.items() for line in calibration.lines(rate)),
        ]  # fmt: skip

    def _stray_lines(self) -> list[str]:
        """Count the clicks and conversions of the log that are no click or conversion of an ad that was shown or clicked."""
        counts = (("clicks   ", self.stray_clicks, "shown"), ("converted", self.stray_conversions, "clicked"))
        return [f"{name} {count:>10}  not counted, of rows that were not {what}" for name, count, what in counts if count]


def summarize(
    database: Database,
    read: int,
    log: LogRecord,
    calibration: Mapping[str, Calibration],
    logged: tuple[LoggedAdvertiser, ...],
    price_words: str,
) -> Summary:
    """Compute the summary of the tables `log` and `cells`.

    Args:
        database: The database that holds both.
        read: Number of rows read.
        log: The record of the log's rows.
        calibration: Calibration of each estimated rate.
        logged: Advertisers with budgets.
        price_words: Words for the prices.
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
        dropped=log.rows_dropped,
        bad=log.bad,
        dropped_auctions=log.dropped,
        assumed=log.assumed,
        auctions=int(sum(by_hour.values())),
        cells=cells,
        candidates=candidates,
        days=tuple(int(day) for (day,) in database.rows("SELECT DISTINCT day FROM cells ORDER BY day")),
        advertisers=advertisers,
        queries=queries,
        ctr=clicked / shown if shown else None,
        cvr=converted / clicked if clicked else None,
        price_quantiles={} if lowest is None else {"least": float(lowest), **quantiles, "most": float(highest)},
        price_words=price_words,
        auctions_by_hour=tuple(int(by_hour.get(hour, 0)) for hour in range(HOURS)),
        logged=logged,
        calibration=dict(calibration),
    )


def _rate(value: float | None) -> str:
    return "not in the log" if value is None else f"{value:.6f}"
