"""Budgets in a log, and the advertisers that have them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from auctionsim.errors import InputError
from auctionsim.traffic.ingest.database import Database
from auctionsim.traffic.ingest.formats.base import Format


@dataclass(frozen=True)
class LoggedAdvertiser:
    """An advertiser of the log."""

    name: str
    """Name of the advertiser."""
    budget: float | None
    """Daily budget, mean over days, in the log's currency; None if the log has no budget > 0 for it."""
    has_cpa: bool
    """Whether the advertiser limits its cost per conversion to `item_price`."""


def budget_table(database: Database, form: Format) -> None:
    """Make the table `budgets` from the view `good` if the format has budgets."""
    if form.budgets is not None:
        daily = f"SELECT advertiser, day, max(budget) AS budget FROM ({form.budgets}) GROUP BY advertiser, day"
        database.run(
            f"CREATE TABLE budgets AS SELECT advertiser, avg(budget) AS budget FROM ({daily}) WHERE budget > 0 "
            "GROUP BY advertiser",
            "budgets",
        )


def logged_advertisers(database: Database, form: Format) -> tuple[LoggedAdvertiser, ...]:
    """Return the advertisers of `cells` in order of appearance; none if the log has no budgets."""
    if form.budgets is None or not database.row("SELECT count(*) FROM budgets")[0]:
        return ()
    rows = database.rows(
        "SELECT advertiser, any_value(budget) FROM (SELECT advertiser, row_number() OVER () AS position FROM cells) "
        "LEFT JOIN budgets USING (advertiser) GROUP BY advertiser ORDER BY min(position)"
    )
    return tuple(LoggedAdvertiser(name, None if budget is None else float(budget), form.has_cpa) for name, budget in rows)


def expect_budgets(advertisers: Sequence[LoggedAdvertiser], form: Format, log: Path) -> None:
    """Check that every advertiser has a budget, before a file of budgets is written.

    Args:
        advertisers: The advertisers of the log, as `logged_advertisers` returns them.
        form: The log's format.
        log: The log, for messages.

    Raises:
        InputError: The log has no budgets, or none for an advertiser.
    """
    if not advertisers:
        raise InputError(
            f"{log}: --budgets: expected a log with budgets (auctionnet, or a mapped `budget`), got none as {form.name}"
        )
    missing = next((one.name for one in advertisers if one.budget is None), None)
    if missing is not None:
        raise InputError(f"{log}: --budgets: expected a budget > 0 for advertiser {missing!r}, got none")


def save_logged_budgets(advertisers: Sequence[LoggedAdvertiser], path: Path) -> None:
    """Write budgets as CSV with the columns `advertiser` and `budget`, for `traffic.budgets` of a scenario."""
    table = pl.DataFrame({"advertiser": [one.name for one in advertisers], "budget": [one.budget for one in advertisers]})
    table.write_csv(path)
