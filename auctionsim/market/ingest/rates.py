"""Rates that a log lacks: empirical ones, shrunk level by level, from earlier days.

With n trials and c hits of the level and the rate p of the level above, the rate is (c + k p) / (n + k), the posterior mean
under a beta prior worth k trials. Levels: all, advertiser, with query, with hour. On the log's first day, which has nothing
before it, the day itself is taken.
"""

from __future__ import annotations

from auctionsim.market.ingest.database import Database

PRIOR_TRIALS = 100
"""k above."""
_LEVELS = ((), ("advertiser",), ("advertiser", "query"), ("advertiser", "query", "hour"))


def fill_rates(database: Database) -> dict[str, float | None]:
    """Make the view `rated`: the table `log` with `pctr` and `pcvr` filled in.

    Returns:
        For each rate that was estimated, hits foretold by hits seen on days after the first; None where there were none.
    """
    lacking = [rate for rate in ("pctr", "pcvr") if database.row(f"SELECT count(*) > count({rate}) FROM log")[0]]
    if not lacking:
        database.run("CREATE VIEW rated AS SELECT * FROM log", "rates")
        return {}
    counts = ", ".join(f"sum({rate[1:]}_trials) AS {rate}_n, sum({rate[1:]}_hits) AS {rate}_c" for rate in lacking)
    database.run(
        f"CREATE TABLE counts AS SELECT day, second // 3600 AS hour, query, advertiser, {counts} FROM log GROUP BY ALL", "rates"
    )
    database.run(f"CREATE TABLE rates AS {_rates(lacking)}", "rates")
    filled = ", ".join(f"coalesce(log.{rate}, rates.{rate}) AS {rate}" for rate in lacking)
    database.run(
        f"CREATE VIEW rated AS SELECT log.* REPLACE ({filled}) FROM log JOIN rates ON log.day = rates.day AND "
        "log.second // 3600 = rates.hour AND log.query = rates.query AND log.advertiser = rates.advertiser",
        "rates",
    )
    return {rate: _calibration(database, rate) for rate in lacking}


def _rates(lacking: list[str]) -> str:
    sums, shrunk = [], []
    for rate in lacking:
        above = f"(({rate}_c0 + 0.5) / ({rate}_n0 + 1))"
        for depth, level in enumerate(_LEVELS):
            sums += [f"{_before(f'{rate}_{letter}', level)} AS {rate}_{letter}{depth}" for letter in "nc"]
            if depth:
                above = f"(({rate}_c{depth} + {PRIOR_TRIALS} * {above}) / ({rate}_n{depth} + {PRIOR_TRIALS}))"
        shrunk.append(f"{above} AS {rate}, {rate}_n, {rate}_c")
    return (
        f"SELECT day, hour, query, advertiser, {', '.join(shrunk)} FROM (SELECT *, {', '.join(sums)} FROM "
        "(SELECT *, min(day) OVER () AS first_day FROM counts))"
    )


def _before(column: str, level: tuple[str, ...]) -> str:
    """The level's sum over earlier days; on the first day over itself."""
    keys = ", ".join(level)
    day = f"PARTITION BY {', '.join((*level, 'day'))}"
    earlier = f"{f'PARTITION BY {keys} ' if keys else ''}ORDER BY day RANGE BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING"
    return f"coalesce(CASE WHEN day = first_day THEN sum({column}) OVER ({day}) ELSE sum({column}) OVER ({earlier}) END, 0)"


def _calibration(database: Database, rate: str) -> float | None:
    (ratio,) = database.row(
        f"SELECT sum({rate} * {rate}_n) / nullif(sum({rate}_c), 0) FROM rates WHERE day > (SELECT min(day) FROM rates)"
    )
    return None if ratio is None else float(ratio)
