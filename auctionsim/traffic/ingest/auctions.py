"""Rows of the table `log` that are one auction: found by the log's own ids, put together over the hour, and checked.

An auction is replayed whole or not at all. If a row of it cannot be used, its other candidates would meet one rival less and
pay too little: with bids of 9 and 8 and the row of 8 unreadable, the winner would pay 0. So the auction is dropped.
"""

from __future__ import annotations

from dataclasses import dataclass

from auctionsim.traffic.ingest.bad_rows import add_bad_rows
from auctionsim.traffic.ingest.database import Database, quoted
from auctionsim.traffic.ingest.formats.base import LOG_COLUMNS

OWN_ID = "substr(auction, instr(auction, ' ') + 1)"
"""SQL of the log's own id of an auction. In `log` the day stands before it, since many logs count ids anew each day."""
_DAY = 86_400
_TIME = f"day * {_DAY} + second"
_STEP = "checking auctions"
_SAME = ("query", "weight", "market_ecpm")


@dataclass(frozen=True)
class DroppedAuctions:
    """Auctions that were dropped because a row of each cannot be used."""

    auctions: int = 0
    """Number of auctions."""
    rows: int = 0
    """Number of their other rows."""
    unknown: int = 0
    """Number of bad rows whose auction cannot be read, so that it stays without them."""


def keep_whole_auctions(database: Database, max_seconds: int) -> DroppedAuctions:
    """Check the auctions of `log`, and drop those of which a row cannot be used.

    An auction belongs to the time of its first row. Its rows agree, name each advertiser once, and are of the same hour or
    written within `max_seconds` of each other. Rows that break this are added to `bad`. A row that stands twice with the
    same values is dropped alone.

    Args:
        database: The database that holds `log` and `bad`.
        max_seconds: Longest time from the first row of an auction to its last, if they are of different hours.
    """
    _join_over_midnight(database, max_seconds)
    _find_unlike(database, max_seconds)
    _find_twice(database)
    return _drop(database, max_seconds)


def _join_over_midnight(database: Database, max_seconds: int) -> None:
    """Give rows soon after midnight the auction of their id before midnight, if its last row is no longer ago.

    If ids stand again on other days otherwise, the log counts them anew each day, and two rows of one id around midnight are of
    two auctions.
    """
    database.run(
        "CREATE TABLE joined AS SELECT early.auction AS auction, late.auction AS earlier FROM "
        f"(SELECT auction, {OWN_ID} AS id, min(day) AS day, max(second) AS second FROM log "
        f"WHERE second >= {_DAY - max_seconds} GROUP BY auction) AS late JOIN "
        f"(SELECT auction, {OWN_ID} AS id, min(day) AS day, min(second) AS second FROM log "
        f"WHERE second < {max_seconds} OR second < 3600 AND {max_seconds} >= 3600 GROUP BY auction) AS early "
        f"ON early.id = late.id AND early.day = late.day + 1 AND early.second + {_DAY} - late.second <= {max_seconds}",
        _STEP,
    )
    (count,) = database.row("SELECT count(*) FROM joined")
    if count and count == _days_again(database):
        database.run(
            f"UPDATE log SET auction = joined.earlier FROM joined WHERE log.auction = joined.auction "
            f"AND log.second <= {max_seconds}",
            _STEP,
        )
    database.run("DROP TABLE joined", _STEP)


def _days_again(database: Database) -> int:
    """Count on how many further days ids stand, summed over ids."""
    (again,) = database.row(f"SELECT sum(days - 1) FROM (SELECT count(DISTINCT day) AS days FROM log GROUP BY {OWN_ID})")
    return int(again)


def _find_unlike(database: Database, max_seconds: int) -> None:
    """Give auctions that straddle an hour the time of their first row, and find rows that differ from it otherwise."""
    differ = " OR ".join(f"min({name}) <> max({name})" for name in _SAME)
    database.run(
        f"CREATE TABLE unlike AS SELECT auction, min(row) AS first, min({_TIME}) AS start, "
        f"min(day * 24 + second // 3600) <> max(day * 24 + second // 3600) AS straddles FROM log GROUP BY auction "
        f"HAVING straddles OR {differ}",
        _STEP,
    )
    if database.row("SELECT count(*) FROM unlike")[0]:
        late = f"log.day * {_DAY} + log.second - unlike.start > {max_seconds}"
        words = f"expected the rows of an auction within {max_seconds} s of its first"
        add_bad_rows(
            database,
            f"SELECT log.row, false AS is_line, {quoted(words)} AS reason, "
            f"(log.day * {_DAY} + log.second - unlike.start)::VARCHAR AS value, ' s later' AS after, "
            f"{OWN_ID.replace('auction', 'log.auction')} AS id, log.day, log.second, log.auction "
            f"FROM log JOIN unlike USING (auction) WHERE straddles AND {late}",
        )
        for name in _SAME:
            add_bad_rows(
                database,
                f"SELECT log.row, false AS is_line, {quoted(f'expected the same {name} in all its rows')} AS reason, "
                f"log.{name}::VARCHAR AS value, first.{name}::VARCHAR AS before, "
                f"{OWN_ID.replace('auction', 'log.auction')} AS id, log.day, log.second, log.auction "
                f"FROM log JOIN unlike USING (auction) JOIN log AS first ON first.row = unlike.first "
                f"WHERE log.{name} <> first.{name} AND log.row NOT IN (SELECT row FROM bad WHERE auction IS NOT NULL)",
            )
        database.run(
            f"UPDATE log SET day = unlike.start // {_DAY}, second = unlike.start % {_DAY} FROM unlike "
            f"WHERE log.auction = unlike.auction AND unlike.straddles",
            _STEP,
        )
    database.run("DROP TABLE unlike", _STEP)


def _find_twice(database: Database) -> None:
    """Find rows that name an advertiser again in the same auction. Copies of the first row are deleted from `log` at once."""
    database.run(
        "CREATE TABLE twice AS SELECT auction, advertiser, min(row) AS first FROM log GROUP BY auction, advertiser "
        "HAVING count(*) > 1",
        _STEP,
    )
    if database.row("SELECT count(*) FROM twice")[0]:
        same = " AND ".join(f"log.{name} IS NOT DISTINCT FROM first.{name}" for name in LOG_COLUMNS if name != "row")
        add_bad_rows(
            database,
            "SELECT log.row, false AS is_line, 'expected each advertiser once' AS reason, log.advertiser AS value, "
            f"' again' || CASE WHEN {same} THEN ' with the same values' ELSE '' END AS after, "
            f"{OWN_ID.replace('auction', 'log.auction')} AS id, log.day, log.second, log.auction "
            "FROM log JOIN twice USING (auction, advertiser) JOIN log AS first ON first.row = twice.first "
            "WHERE log.row <> twice.first AND log.row NOT IN (SELECT row FROM bad WHERE auction IS NOT NULL)",
        )
        database.run("DELETE FROM log WHERE row IN (SELECT row FROM bad WHERE after = ' again with the same values')", _STEP)
    database.run("DROP TABLE twice", _STEP)


def _drop(database: Database, max_seconds: int) -> DroppedAuctions:
    """Delete all rows of the auctions that have a row in `bad`."""
    if not database.row("SELECT count(*) FROM bad")[0]:
        return DroppedAuctions()
    near = f"abs(log.day * {_DAY} + log.second - bad.day * {_DAY} - bad.second) <= {max_seconds}"
    copies = "coalesce(after, '') = ' again with the same values'"
    database.run(
        f"CREATE TABLE dropped AS SELECT DISTINCT auction FROM bad WHERE auction IS NOT NULL AND NOT {copies}; "
        "INSERT INTO dropped SELECT DISTINCT log.auction FROM log JOIN bad "
        f"ON {OWN_ID.replace('auction', 'log.auction')} = bad.id "
        f"WHERE bad.auction IS NULL AND (bad.day IS NULL OR bad.second IS NULL OR log.day = bad.day OR {near})",
        _STEP,
    )
    other = "row NOT IN (SELECT row FROM bad WHERE auction IS NOT NULL)"
    auctions, rows = database.row(
        f"SELECT count(DISTINCT auction), count(*) FILTER ({other}) FROM log WHERE auction IN (SELECT auction FROM dropped)"
    )
    (unknown,) = database.row("SELECT count(*) FROM bad WHERE id IS NULL")
    database.run("DELETE FROM log WHERE auction IN (SELECT auction FROM dropped); DROP TABLE dropped", _STEP)
    return DroppedAuctions(auctions, rows, unknown)
