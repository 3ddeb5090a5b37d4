"""The table `cells`: the traffic table's rows in order, from single or aggregated auctions."""

from __future__ import annotations

from auctionsim.traffic.ingest.database import Database

SECONDS = {"hour": 3600, "quarter": 900, "none": 1}
"""Length in seconds of the period whose auctions are aggregated, by the name of the aggregation."""
PRICE_STEP = 1.1
"""Largest ratio between the external competitors' scores of auctions that are aggregated. The cell has their mean."""
_COLUMNS = (
    "day, second // 3600 AS hour, cell, weight, query, advertiser, pctr, pcvr, item_price, manual_bid, ctr, cvr, market_ecpm"
)


def make_cells(database: Database, aggregate: str, *, is_single: bool) -> None:
    """Make the table `cells` from the view `rated`.

    With aggregation, auctions of the same period become one cell if they have the same query, the same candidates and external
    scores within `PRICE_STEP` of each other. The cell's rates, bids and prices are means.

    Args:
        database: The database that holds `log` and `rated`.
        aggregate: The aggregation: `none`, `hour` or `quarter` (15 minutes).
        is_single: Whether each row is an auction of its own.
    """
    if aggregate != "none":
        _aggregated(database, SECONDS[aggregate], is_single=is_single)
    elif is_single:
        columns = _COLUMNS.replace(" cell,", "")
        database.run(f"CREATE TABLE ordered AS SELECT {columns} FROM rated ORDER BY day, second, row", "ordering auctions")
        database.run("CREATE VIEW cells AS SELECT *, rowid AS cell FROM ordered", "ordering auctions")
    else:
        database.run(
            "CREATE TABLE auctions AS SELECT auction, min(day) AS day, min(second) AS second, min(row) AS first "
            "FROM rated GROUP BY auction ORDER BY 2, 3, 4",
            "ordering auctions",
        )
        database.run(
            f"CREATE TABLE cells AS SELECT {_COLUMNS} FROM (SELECT rated.* REPLACE (a.second AS second), a.rowid AS cell "
            "FROM rated JOIN auctions AS a USING (auction)) ORDER BY cell, row",
            "ordering rows",
        )


def _aggregated(database: Database, seconds: int, *, is_single: bool) -> None:
    """Make the table `cells` by aggregating auctions of the same period of `seconds`."""
    # The set of an auction's candidates as one hash: lists of names would have to be held in memory.
    candidate_set = "hash(advertiser)" if is_single else "met.candidates"
    join = "" if is_single else (
        "JOIN (SELECT auction, hash(count(*), bit_xor(hash(advertiser)), sum(hash(advertiser) // 65536)) AS candidates "
        "FROM rated GROUP BY auction) AS met USING (auction)"
    )  # fmt: skip
    keys = "day, bucket, query, candidates, band"
    database.run(
        f"CREATE TABLE grouped AS SELECT {keys}, advertiser, sum(weight)::BIGINT AS weight, min(row) AS row, "
        f"{_mean('pctr', 'weight')}, {_mean('pcvr', 'weight * pctr')}, {_mean('item_price', 'weight * pctr * pcvr')}, "
        f"{_mean('manual_bid', 'weight')}, {_mean('ctr', 'weight')}, {_mean('cvr', 'weight * ctr')}, "
        f"{_mean('market_ecpm', 'weight')} FROM (SELECT rated.* REPLACE (coalesce(ctr, pctr) AS ctr, "
        f"coalesce(cvr, pcvr) AS cvr), second // {seconds} AS bucket, {candidate_set} AS candidates, "
        f"CASE WHEN market_ecpm > 0 THEN floor(ln(market_ecpm) / ln({PRICE_STEP})) ELSE -1e9 END AS band FROM rated {join}) "
        f"GROUP BY {keys}, advertiser",
        "aggregating auctions",
    )
    # Means of the same numbers in another order may differ in the last digit, so the cell takes its first row's mean.
    database.run(
        f"CREATE TABLE groups AS SELECT {keys}, min(row) AS first, arg_min(market_ecpm, row) AS market "
        f"FROM grouped GROUP BY {keys} ORDER BY day, bucket, first",
        "ordering cells",
    )
    database.run(
        f"CREATE TABLE cells AS SELECT {_COLUMNS} FROM (SELECT grouped.* REPLACE (groups.market AS market_ecpm), "
        f"groups.rowid AS cell, bucket * {seconds} AS second FROM grouped JOIN groups USING ({keys})) ORDER BY cell, row",
        "ordering rows",
    )


def _mean(column: str, by: str) -> str:
    return f"coalesce(sum({column} * {by}) / nullif(sum({by}), 0), avg({column})) AS {column}"
