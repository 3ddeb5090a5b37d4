"""Rates that a log lacks: from a logistic model, or empirical ones, shrunk level by level; both from earlier days.

Empirical: with n trials and c hits of the level and the rate p of the level above, the rate is (c + k p) / (n + k), the
posterior mean under a beta prior worth k trials. Levels: all, advertiser, with query, with hour. On the log's first day, which
has nothing before it, the day itself is taken.
"""

from __future__ import annotations

from auctionsim.errors import unknown
from auctionsim.traffic.ingest.database import Database
from auctionsim.traffic.ingest.rates.calibration import Calibration, calibrate

METHODS = ("empirical", "logistic")
PRIOR_TRIALS = 100
"""k above."""
_LEVELS = ((), ("advertiser",), ("advertiser", "query"), ("advertiser", "query", "hour"))


def check_method(method: str) -> None:
    """Refuse a method that there is not.

    Raises:
        InputError: It is none of `METHODS`.
    """
    if method not in METHODS:
        raise unknown("--rates", method, METHODS)


def fill_rates(database: Database, method: str = "empirical") -> dict[str, Calibration]:
    """Make the view `rated`: the table `log` with `pctr` and `pcvr` filled in by one of `METHODS`.

    Returns:
        For each rate that was estimated, how well it foretells the days after the first.
    """
    lacking = [rate for rate in ("pctr", "pcvr") if database.row(f"SELECT count(*) > count({rate}) FROM log")[0]]
    if not lacking:
        database.run("CREATE VIEW rated AS SELECT * FROM log", "rates")
        return {}
    counts = ", ".join(f"sum({rate[1:]}_trials) AS {rate}_n, sum({rate[1:]}_hits) AS {rate}_c" for rate in lacking)
    database.run(
        f"CREATE TABLE counts AS SELECT day, second // 3600 AS hour, query, advertiser, {counts} FROM log GROUP BY ALL", "rates"
    )
    (first_day,) = database.row("SELECT min(day) FROM counts")
    if method == "logistic":
        from auctionsim.traffic.ingest.rates.logistic import fit_rates

        fit_rates(database, lacking, first_day)
        estimated = "fitted"
    else:
        for depth in range(len(_LEVELS)):
            database.run(f"CREATE TABLE level{depth} AS {_level(depth, lacking, first_day)}", "rates")
        estimated = f"level{len(_LEVELS) - 1}"
    database.run(f"CREATE VIEW rates AS SELECT * FROM {estimated} JOIN counts USING (day, advertiser, query, hour)", "rates")
    filled = ", ".join(f"coalesce(log.{rate}, rates.{rate}) AS {rate}" for rate in lacking)
    database.run(
        f"CREATE VIEW rated AS SELECT log.* REPLACE ({filled}) FROM log JOIN {estimated} AS rates ON log.day = rates.day AND "
        "log.second // 3600 = rates.hour AND log.query = rates.query AND log.advertiser = rates.advertiser",
        "rates",
    )
    return {rate: calibrate(database, rate, method) for rate in lacking}


def _level(depth: int, lacking: list[str], first_day: int) -> str:
    """SELECT of a level's rates on each day: from its counts so far, and from the rates of the level above."""
    keys = ", ".join(("day", *_LEVELS[depth]))
    counted, earlier, shrunk = [], [], []
    partition = f"PARTITION BY {', '.join(_LEVELS[depth])} " if depth else ""
    for rate in lacking:
        for count in (f"{rate}_n", f"{rate}_c"):
            counted.append(f"sum({count}) AS {count}")
            so_far = (
                f"coalesce(sum({count}) OVER ({partition}ORDER BY day ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING), 0)"
            )
            earlier.append(f"CASE WHEN day = {first_day} THEN {count} ELSE {so_far} END AS {count}")
        above = f"({rate}_c + {PRIOR_TRIALS} * above.{rate}) / ({rate}_n + {PRIOR_TRIALS})"
        shrunk.append(f"{above if depth else f'({rate}_c + 0.5) / ({rate}_n + 1)'} AS {rate}")
    join = f"JOIN level{depth - 1} AS above USING ({', '.join(('day', *_LEVELS[depth - 1]))})" if depth else ""
    return (
        f"SELECT {keys}, {', '.join(shrunk)} FROM (SELECT {keys}, {', '.join(earlier)} FROM "
        f"(SELECT {keys}, {', '.join(counted)} FROM counts GROUP BY {keys})) {join}"
    )
