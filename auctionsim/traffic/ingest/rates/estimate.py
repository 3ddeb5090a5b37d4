"""Estimates of rates that a log lacks, from earlier days: a logistic model, or empirical rates shrunk level by level.

Empirical rates: with n trials and c hits at a level, and the rate p of the level above, the rate is (c + k p) / (n + k), the
posterior mean under a beta prior worth k trials. The levels are all rows, advertiser, advertiser and query, advertiser, query
and hour. With k = 100, 10 trials with 1 hit under p = 0.05 give 6 / 110. The first day with trials is estimated from itself,
and so are earlier ones.
"""

from __future__ import annotations

from collections.abc import Mapping

from auctionsim.errors import InputError, unknown
from auctionsim.extras import expect_library
from auctionsim.traffic.ingest.database import Database
from auctionsim.traffic.ingest.dialect.clock import Source
from auctionsim.traffic.ingest.rates.calibration import Calibration, calibrate

METHODS = ("empirical", "logistic")
PRIOR_TRIALS = 100
"""Trials that the prior is worth, k."""
MAX_RATE = 1 - 1e-9
"""Largest rate that is estimated."""
UNKNOWN: Mapping[str, float] = {"pctr": 0.5, "pcvr": 0.0}
"""Rates where the log has no trial at all. All ads are equally good then; nothing is known to convert."""
_LEVELS = ((), ("advertiser",), ("advertiser", "query"), ("advertiser", "query", "hour"))


def check_method(method: str) -> None:
    """Check the name of a method.

    Raises:
        InputError: The name is not one of `METHODS`.
        MissingExtra: The method needs scikit-learn, and it is not installed.
    """
    if method not in METHODS:
        raise unknown("--rates", method, METHODS)
    if method == "logistic":
        expect_library("sklearn", "--rates logistic")


def fill_rates(database: Database, method: str = "empirical", source: Source = "row {}".format) -> dict[str, Calibration]:
    """Make the view `rated`: the table `log` with missing `pctr` and `pcvr` estimated.

    Without a trial there is no estimate: `pcvr` is 0, and `pctr` the same for all rows. Nor is there one of `pcvr` where
    nothing in the whole log converted: a guess would give conversions a value that nobody saw.

    Args:
        database: The database that holds `log`.
        method: One of `METHODS`.
        source: Function from a row to its file and line, for messages.

    Returns:
        The calibration of each estimated rate on the days after the first that has trials.

    Raises:
        InputError: Some rows have a `pctr`, and there are no trials to estimate that of the others from.
    """
    missing = [rate for rate in ("pctr", "pcvr") if database.row(f"SELECT count(*) > count({rate}) FROM log")[0]]
    if not missing:
        database.run("CREATE VIEW rated AS SELECT * FROM log", "rates")
        return {}
    counts = ", ".join(f"sum({rate[1:]}_trials) AS {rate}_n, sum({rate[1:]}_hits) AS {rate}_c" for rate in missing)
    database.run(
        f"CREATE TABLE counts AS SELECT day, second // 3600 AS hour, query, advertiser, {counts} FROM log GROUP BY ALL", "rates"
    )
    first = {rate: database.row(f"SELECT min(day) FROM counts WHERE {rate}_n > 0")[0] for rate in missing}
    if "pcvr" in missing and not sum(database.row("SELECT coalesce(max(pcvr), 0), coalesce(sum(cvr_hits), 0) FROM log")):
        first["pcvr"] = None
    if "pctr" in missing and first["pctr"] is None:
        _expect_no_pctr(database, source)
    if method == "logistic":
        from auctionsim.traffic.ingest.rates.logistic import fit_rates

        fit_rates(database, first, UNKNOWN)
        estimated = "fitted"
    else:
        (start,) = database.row("SELECT min(day) FROM counts")
        for depth in range(len(_LEVELS)):
            database.run(f"CREATE TABLE level{depth} AS {_level(depth, first, start)}", "rates")
        estimated = f"level{len(_LEVELS) - 1}"
    database.run(f"CREATE VIEW rates AS SELECT * FROM {estimated} JOIN counts USING (day, advertiser, query, hour)", "rates")
    filled = ", ".join(f"coalesce(log.{rate}, rates.{rate}) AS {rate}" for rate in missing)
    database.run(
        f"CREATE VIEW rated AS SELECT log.* REPLACE ({filled}) FROM log JOIN {estimated} AS rates ON log.day = rates.day AND "
        "log.second // 3600 = rates.hour AND log.query = rates.query AND log.advertiser = rates.advertiser",
        "rates",
    )
    return {rate: calibrate(database, rate, method, day, UNKNOWN[rate]) for rate, day in first.items()}


def _expect_no_pctr(database: Database, source: Source) -> None:
    """Refuse a log whose ads compete by a known click rate here and by a made-up one there."""
    known, row = database.row("SELECT count(pctr), min(row) FILTER (pctr IS NULL) FROM log")
    if known:
        raise InputError(f"{source(row)}: expected a pctr in every row, since the log does not say what was clicked, got none")


def _level(depth: int, first: Mapping[str, int | None], start: int) -> str:
    """Return the SELECT of a level's rates on each day, from its counts on earlier days and the rates of the level above.

    Args:
        depth: Index of the level in `_LEVELS`.
        first: First day with trials of each rate, None where there is none.
        start: First day of the log.
    """
    keys = ", ".join(("day", *_LEVELS[depth]))
    counted, earlier, shrunk = [], [], []
    partition = f"PARTITION BY {', '.join(_LEVELS[depth])} " if depth else ""
    for rate, day in first.items():
        for count in (f"{rate}_n", f"{rate}_c"):
            counted.append(f"sum({count}) AS {count}")
            frames = f"OVER ({partition}ORDER BY day ROWS BETWEEN"
            cumulative = f"coalesce(sum({count}) {frames} UNBOUNDED PRECEDING AND 1 PRECEDING), 0)"
            own = count
            if day is not None and day > start:
                own = f"sum(CASE WHEN day <= {day} THEN {count} ELSE 0 END) {frames} CURRENT ROW AND UNBOUNDED FOLLOWING)"
            earlier.append(f"CASE WHEN day <= {start if day is None else day} THEN {own} ELSE {cumulative} END AS {count}")
        above = f"({rate}_c + {PRIOR_TRIALS} * above.{rate}) / ({rate}_n + {PRIOR_TRIALS})"
        # Impressions in lower slots count for less than one trial, so that a few of them may have more hits than trials.
        estimate = f"least({above if depth else f'({rate}_c + 0.5) / ({rate}_n + 1)'}, {MAX_RATE})"
        shrunk.append(f"{f'{UNKNOWN[rate]}::DOUBLE' if day is None else estimate} AS {rate}")
    join = f"JOIN level{depth - 1} AS above USING ({', '.join(('day', *_LEVELS[depth - 1]))})" if depth else ""
    return (
        f"SELECT {keys}, {', '.join(shrunk)} FROM (SELECT {keys}, {', '.join(earlier)} FROM "
        f"(SELECT {keys}, {', '.join(counted)} FROM counts GROUP BY {keys})) {join}"
    )
