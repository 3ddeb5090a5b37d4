"""Limits of a log as a whole: the auctions that it stands for can be counted."""

from __future__ import annotations

from collections.abc import Callable

from auctionsim.errors import InputError
from auctionsim.traffic.array_checks import MAX_AUCTIONS
from auctionsim.traffic.ingest.database import Database


def check_total_weight(database: Database, source: Callable[[int], str], *, is_single: bool) -> None:
    """Check that the weights of all auctions sum to a count that is exact in every column and figure.

    Args:
        database: The database that holds `log`.
        source: Function from a row of the log to its file and line, for messages.
        is_single: Whether each row is an auction of its own.

    Raises:
        InputError: The sum is above 2^53. The message names the row at which it gets there.
    """
    # Sums of BIGINT are HUGEINT, which does not wrap around here: a log has fewer than 2^63 rows.
    if database.row("SELECT sum(weight) FROM log")[0] <= MAX_AUCTIONS:
        return
    auctions = "log" if is_single else "(SELECT min(row) AS row, any_value(weight) AS weight FROM log GROUP BY auction)"
    beyond = database.rows(
        f"SELECT row, total FROM (SELECT row, sum(weight) OVER (ORDER BY row) AS total FROM {auctions}) "
        f"WHERE total > {MAX_AUCTIONS} ORDER BY row LIMIT 1"
    )
    if beyond:
        row, total = beyond[0]
        raise InputError(
            f"{source(row)}, column weight: expected weights of auctions that sum to <= {MAX_AUCTIONS} (2^53), "
            f"got {total:.6g} up to this row"
        )
