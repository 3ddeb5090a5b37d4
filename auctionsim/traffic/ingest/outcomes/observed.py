"""What a log observed of each candidate: whether and where it was shown, whether it was clicked, and what it cost.

The common log has what the traffic table needs. What is here serves position effects, the replay of the log's own bids, and the
data-quality page.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from auctionsim.traffic.ingest.database import Database
from auctionsim.traffic.ingest.formats.base import Format

MAX_AUCTIONS = 10_000
"""Most auctions of a log whose bids are replayed: every k-th one, so that the standard error of a share is <= 0.005."""
NO_SHOWN = "the log has no shown column"
"""Why a log cannot be compared with a replay, if it does not say what was shown."""
_STEP = "joining"


@dataclass(frozen=True)
class Has:
    """Which of its outcomes a log holds."""

    shown: bool = False
    """Whether rows say that they were shown, by a column `shown` or `slot`."""
    slot: bool = False
    """Whether shown rows say in which slot."""
    clicks: bool = False
    """Whether shown rows say whether they were clicked."""
    cost: bool = False
    """Whether rows say what was charged."""
    own_pctr: bool = False
    """Whether all rows have a click rate of the log's own, so that none is estimated."""
    stray_clicks: int = 0
    """Number of rows that were clicked though they were not shown. Their clicks are not counted."""
    stray_conversions: int = 0
    """Number of rows that were converted though they were not clicked. Their conversions are not counted."""


@dataclass(frozen=True, eq=False)
class LoggedAuctions:
    """A sample of a log's auctions in which an ad was shown among others, in order, for the replay of their own bids."""

    start: NDArray[np.int64]
    """First row of each auction, followed by the number of rows, `[auctions + 1]`."""
    weight: NDArray[np.float64]
    """Identical auctions that each auction stands for, `[auctions]`."""
    external_score: NDArray[np.float64]
    """Best rank score of competitors outside the log, 0 for none, `[auctions]`."""
    bid: NDArray[np.float64]
    """Bid, currency per click, `[rows]`."""
    pctr: NDArray[np.float64]
    """Predicted click rate in the first slot, `[rows]`."""
    slot: NDArray[np.int64]
    """Slot shown, from 0; -1 where not shown, and 0 for all shown rows of a log without slots, `[rows]`."""
    charge: NDArray[np.float64]
    """Charge in the log, currency per click or impression, as `per` says; NaN where it does not say, `[rows]`."""
    has_slots: bool
    """Whether the log says in which slot an ad was shown."""
    per: str | None
    """Unit that is charged, `click` or `impression`; None if the log has no costs."""
    total: int
    """Number of auctions of the log in which an ad was shown among others."""


def make_observed(database: Database, form: Format) -> Has:
    """Make the table `observed` from the view `good`: row, slot, is_shown, clicked, cost and is_stray of each row.

    Args:
        database: The database that holds `good` and `log`.
        form: The log's format.

    Returns:
        Which outcomes the log holds.
    """
    columns = "row BIGINT, slot BIGINT, is_shown BOOLEAN, clicked DOUBLE, cost DOUBLE, is_stray BOOLEAN"
    database.run(f"CREATE TABLE observed ({columns})", _STEP)
    if form.observed is None:
        return Has()
    database.run(f"INSERT INTO observed {form.observed}", _STEP)
    slots, clicks, costs, own, stray = database.row(
        "SELECT count(slot) FILTER (is_shown), count(observed.clicked) FILTER (is_shown), count(cost), "
        "count(*) = count(pctr), count(*) FILTER (is_stray) FROM observed JOIN log USING (row)"
    )
    (converted,) = database.row(form.stray_conversions) if form.stray_conversions else (0,)
    return Has(form.has_shown, slots > 0, clicks > 0, costs > 0, bool(own), stray, converted)


def sample_auctions(database: Database, form: Format, has: Has) -> LoggedAuctions | str:
    """Read a sample of the auctions in which an ad was shown and had a competitor, evenly over the log.

    Args:
        database: The database that holds `log`, `rated` and `observed`.
        form: The log's format.
        has: The outcomes that the log holds.

    Returns:
        The sample, or why there is none.
    """
    if not has.shown:
        return NO_SHOWN
    database.run(
        "CREATE TABLE with_shown AS SELECT auction, row_number() OVER (ORDER BY min(row)) - 1 AS number FROM log "
        "JOIN observed USING (row) GROUP BY auction "
        "HAVING bool_or(is_shown) AND (count(*) > 1 OR max(market_ecpm) > 0)",
        _STEP,
    )
    (total,) = database.row("SELECT count(*) FROM with_shown")
    if not total:
        return "no auction of the log has two candidates"
    step = -(-total // MAX_AUCTIONS)
    part = database.columns(
        "SELECT number, weight, market_ecpm, manual_bid, pctr, "
        "CASE WHEN is_shown THEN coalesce(slot - 1, 0) ELSE -1 END AS slot, cost "
        f"FROM rated JOIN with_shown USING (auction) JOIN observed USING (row) WHERE number % {step} = 0 ORDER BY number, row"
    )
    number = np.asarray(part["number"])
    first = np.flatnonzero(np.append(True, number[1:] != number[:-1]))
    return LoggedAuctions(
        start=np.append(first, len(number)).astype(np.int64),
        weight=_numbers(part["weight"])[first],
        external_score=_numbers(part["market_ecpm"])[first],
        bid=_numbers(part["manual_bid"]),
        pctr=_numbers(part["pctr"]),
        slot=np.asarray(part["slot"]).astype(np.int64),
        charge=_numbers(part["cost"]),
        has_slots=has.slot,
        per=form.cost_per if has.cost else None,
        total=total,
    )


def _numbers(column: Any) -> NDArray[np.float64]:
    """Return a column as numbers, NaN where it is NULL."""
    masked = np.ma.asarray(column, dtype=np.float64)
    return np.asarray(masked.filled(np.nan))
