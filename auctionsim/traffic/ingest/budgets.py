"""Budgets that a log knows: advertisers as a scenario takes them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from auctionsim.errors import InputError
from auctionsim.files import write_then_rename
from auctionsim.traffic.ingest.database import Database
from auctionsim.traffic.ingest.formats.base import Format


@dataclass(frozen=True)
class LoggedAdvertiser:
    """An advertiser of the log."""

    name: str
    budget: float | None
    """A day, currency of the log, mean over days; None where the log has none above 0."""
    has_cpa: bool
    """Whether it bounds its cost per conversion by `item_price`."""


def budget_table(database: Database, form: Format) -> None:
    """Make the table `budgets` of the view `good` where the format has budgets."""
    if form.budgets is not None:
        daily = f"SELECT advertiser, day, max(budget) AS budget FROM ({form.budgets}) GROUP BY advertiser, day"
        database.run(
            f"CREATE TABLE budgets AS SELECT advertiser, avg(budget) AS budget FROM ({daily}) WHERE budget > 0 "
            "GROUP BY advertiser",
            "budgets",
        )


def logged_advertisers(database: Database, form: Format) -> tuple[LoggedAdvertiser, ...]:
    """The advertisers of `cells` in order of appearance; empty where the log has no budgets."""
    if form.budgets is None or not database.row("SELECT count(*) FROM budgets")[0]:
        return ()
    rows = database.rows(
        "SELECT advertiser, any_value(budget) FROM (SELECT advertiser, row_number() OVER () AS place FROM cells) "
        "LEFT JOIN budgets USING (advertiser) GROUP BY advertiser ORDER BY min(place)"
    )
    return tuple(LoggedAdvertiser(name, None if budget is None else float(budget), form.has_cpa) for name, budget in rows)


def expect_budgets(advertisers: Sequence[LoggedAdvertiser], form: Format, log: Path) -> None:
    """Refuse to write a file of budgets where one is missing.

    Raises:
        InputError: The log has none, or none for an advertiser.
    """
    if not advertisers:
        raise InputError(
            f"{log}: --budgets: expected a log with budgets (auctionnet, or a mapped `budget`), got none as {form.name}"
        )
    missing = next((one.name for one in advertisers if one.budget is None), None)
    if missing is not None:
        raise InputError(f"{log}: --budgets: expected a budget above 0 for advertiser {missing!r}, got none")


def save_logged_budgets(advertisers: Sequence[LoggedAdvertiser], path: Path) -> None:
    """Write `advertiser,budget` as CSV, as `traffic.budgets` of a scenario takes it."""
    table = pl.DataFrame({"advertiser": [one.name for one in advertisers], "budget": [one.budget for one in advertisers]})
    write_then_rename(path, lambda part: table.write_csv(part))
