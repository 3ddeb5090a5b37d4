"""From log files to a traffic table, in steps that are the same for all formats."""

from __future__ import annotations

import datetime
import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path

from auctionsim.errors import InputError, unknown
from auctionsim.files import expect_new_folder
from auctionsim.traffic.ingest.budgets import budget_table, expect_budgets, logged_advertisers, save_logged_budgets
from auctionsim.traffic.ingest.cells import SECONDS, make_cells
from auctionsim.traffic.ingest.database import Database, Tell, tell_nobody
from auctionsim.traffic.ingest.formats import auctionnet, criteo, ipinyou
from auctionsim.traffic.ingest.formats.auctions_csv import auctions_csv
from auctionsim.traffic.ingest.formats.base import LOG_COLUMNS, Format
from auctionsim.traffic.ingest.output import write_folder, write_parquet
from auctionsim.traffic.ingest.rates.estimate import PRIOR_TRIALS, check_method, fill_rates
from auctionsim.traffic.ingest.reading import read_logs
from auctionsim.traffic.ingest.sources import log_files
from auctionsim.traffic.ingest.summary import Summary, summarise

_FIXED = {form.name: form for form in (auctionnet.FORMAT, ipinyou.FORMAT, criteo.FORMAT)}
FORMATS = ("auctions-csv", *_FIXED)


def find_format(name: str, mapping: Path | None) -> Format:
    """The format called `name`.

    Raises:
        InputError: There is none, or the mapping file is missing, wrong, or given to a format that has none.
    """
    if name not in FORMATS:
        raise unknown("--format", name, FORMATS, what="unknown format")
    if name == "auctions-csv":
        if mapping is None:
            raise InputError("--mapping: expected the file that names the columns (auctionsim ingest --template), got none")
        return auctions_csv(mapping)
    if mapping is not None:
        raise InputError(f"--mapping: expected with --format auctions-csv only, got it with {name}")
    return _FIXED[name]


def ingest(
    logs: Sequence[Path],
    form: Format,
    out: Path,
    *,
    aggregate: str = "none",
    rates: str = "empirical",
    max_bad: float = 0.01,
    budgets: Path | None = None,
    least_days: int = 1,
    tell: Tell = tell_nobody,
) -> Summary:
    """Make a traffic table of logs.

    Args:
        logs: Files and folders, compressed or not.
        form: Their format.
        out: A Parquet file (`.parquet`), or a new folder for stored traffic.
        aggregate: `none`, `hour` or `quarter`.
        rates: How rates are estimated that the log lacks, `empirical` or `logistic`.
        max_bad: The share of rows, 0 to 1, that may be unreadable before it is an error.
        budgets: A file to write advertisers' budgets to, as CSV, where the log knows them.
        least_days: How many days the log must have.
        tell: Told of progress.

    Raises:
        InputError: The logs are wrong, or `out` is taken; nothing is written then.
    """
    if aggregate not in SECONDS:
        raise unknown("--aggregate", aggregate, SECONDS)
    check_method(rates)
    is_file = out.suffix == ".parquet"
    if is_file and out.is_dir():
        raise InputError(f"{out}: expected a file name, got a folder")
    if not is_file:
        if out.suffix:
            raise InputError(f"{out}: expected a name that ends in .parquet, or a folder, got {out.suffix}")
        expect_new_folder(out)
    files = log_files(logs)
    work = Path(tempfile.mkdtemp(prefix=".ingest-", dir=_existing(out.absolute().parent)))
    try:
        database = Database(work, tell)
        try:
            reading = read_logs(database, form, files, work, max_bad)
            first_day = _make_log(database, form, files[0])
            reading.dropped.update({reason: database.row(count)[0] for reason, count in form.left_out})
            budget_table(database, form)
            database.run("DROP VIEW good; DROP VIEW checked; DROP TABLE raw", "joining")
            calibration = fill_rates(database, rates)
            make_cells(database, aggregate, reading.place, is_single=form.is_single)
            logged = logged_advertisers(database, form)
            if budgets is not None:
                expect_budgets(logged, form, files[0])
            summary = summarise(database, reading.rows, +reading.dropped, calibration, logged)
            if len(summary.days) < least_days:
                raise InputError(f"{files[0]}: expected a log of at least {least_days} days, got {len(summary.days)}")
            if is_file:
                write_parquet(database, out, _notes(form, aggregate, files, first_day, summary))
            else:
                write_folder(database, out)
            if budgets is not None:
                save_logged_budgets(logged, budgets)
        finally:
            database.close()
    finally:
        shutil.rmtree(work, ignore_errors=True)
    return summary


def _existing(folder: Path) -> Path:
    return next(place for place in (folder, *folder.parents) if place.is_dir())


def _make_log(database: Database, form: Format, file: Path) -> int | None:
    """Make the table `log`; returns its first day as days since 1970 where days are dates."""
    columns = ", ".join(f'"{name}" {kind}' for name, kind in LOG_COLUMNS.items())
    database.run(f"CREATE TABLE log ({columns}); INSERT INTO log {form.log}", "joining")
    count, first_day = database.row("SELECT count(*), min(day) FROM log")
    if not count:
        raise InputError(f"{file}: expected auctions in the {form.name} log, got none among its rows")
    # What follows adds floating-point numbers up: in one order, so that the same log gives the same bytes.
    database.run("SET threads = 1", "joining")
    if not form.is_dated:
        return None
    database.run(f"UPDATE log SET day = day - {first_day}", "joining")
    return int(first_day)


def _notes(form: Format, aggregate: str, files: Sequence[Path], first_day: int | None, summary: Summary) -> dict[str, str]:
    names = ", ".join(file.name for file in files[:5]) + (f" and {len(files) - 5} more" if len(files) > 5 else "")
    notes = {"source": f"{form.name} log: {names}", "aggregate": aggregate, **form.notes}
    if first_day is not None:
        notes["first day"] = (datetime.date(1970, 1, 1) + datetime.timedelta(days=first_day)).isoformat()
    if summary.calibration:
        methods = {
            "empirical": f"empirical, by advertiser, query and hour, shrunk by {PRIOR_TRIALS} trials",
            "logistic": "logistic model of advertiser, query, hour and their pairs, trained on earlier days",
        }
        notes["rates"] = "; ".join(f"{rate}: {methods[found.method]}" for rate, found in summary.calibration.items())
    return notes
