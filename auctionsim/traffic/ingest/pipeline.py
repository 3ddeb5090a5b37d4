"""The steps from log files to a traffic table, the same for all formats."""

from __future__ import annotations

import datetime
import errno
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import duckdb

from auctionsim.errors import InputError, unknown
from auctionsim.files import expect_new_folder
from auctionsim.machine.disk import error_number, is_full
from auctionsim.names.text import printable
from auctionsim.outputs.distinct import expect_distinct
from auctionsim.outputs.together import OutputsTogether
from auctionsim.traffic.ingest.auctions import DroppedAuctions, keep_whole_auctions
from auctionsim.traffic.ingest.bad_rows import count_bad_rows, expect_few_bad
from auctionsim.traffic.ingest.budgets import (
    LoggedAdvertiser,
    budget_table,
    expect_budgets,
    logged_advertisers,
    save_logged_budgets,
)
from auctionsim.traffic.ingest.cells import SECONDS, make_cells
from auctionsim.traffic.ingest.database import Database, ProgressCallback, no_progress, remove_abandoned
from auctionsim.traffic.ingest.dialect.clock import Clock, clock_changes
from auctionsim.traffic.ingest.dialect.zones import Zone, find_zone
from auctionsim.traffic.ingest.formats import auctionnet, criteo, ipinyou
from auctionsim.traffic.ingest.formats.auctions_csv import auctions_csv
from auctionsim.traffic.ingest.formats.base import LOG_COLUMNS, Format
from auctionsim.traffic.ingest.limits import check_total_weight
from auctionsim.traffic.ingest.log_files import log_files
from auctionsim.traffic.ingest.log_reader import ReadLog, read_logs
from auctionsim.traffic.ingest.outcomes.delay_fits import discount_conversion_trials, fit_conversion_delays
from auctionsim.traffic.ingest.outcomes.objective import find_objective
from auctionsim.traffic.ingest.outcomes.observed import make_observed, sample_auctions
from auctionsim.traffic.ingest.outcomes.position_effects import discount_trials, position_effects
from auctionsim.traffic.ingest.outcomes.quality import column_quality, log_quality
from auctionsim.traffic.ingest.outcomes.units import find_unit_differences
from auctionsim.traffic.ingest.output import is_ingested, write_folder, write_parquet
from auctionsim.traffic.ingest.rates.estimate import PRIOR_TRIALS, check_method, fill_rates
from auctionsim.traffic.ingest.summary import LogRecord, Summary, summarize

_FIXED = {form.name: form for form in (auctionnet.FORMAT, ipinyou.FORMAT, criteo.FORMAT)}
FORMATS = ("auctions-csv", *_FIXED)


def find_format(name: str, mapping: Path | None) -> Format:
    """Return a format by its name.

    Args:
        name: One of `FORMATS`.
        mapping: The file that names the log's columns, for `auctions-csv`; None for the other formats.

    Raises:
        InputError: There is no such format, or the mapping file is missing, invalid, or given with a format that takes none.
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
    min_days: int = 1,
    timezone: str | None = None,
    with_quality: bool = False,
    max_unpacked: float | None = None,
    further_notes: Callable[[Summary], Mapping[str, str]] | None = None,
    further: Mapping[Path, Callable[[Summary], bytes]] | None = None,
    progress: ProgressCallback = no_progress,
) -> Summary:
    """Make a traffic table from logs. It appears together with all other files that are asked for, or none of them does.

    Args:
        logs: Files and folders of the log, compressed or not.
        form: The log's format.
        out: A Parquet file (`.parquet`), or a folder for stored traffic; new, or an earlier table of `ingest`.
        aggregate: The aggregation of auctions: `none`, `hour` or `quarter`.
        rates: The method that estimates rates which the log lacks: `empirical` or `logistic`.
        max_bad: Largest share of rows, 0 to 1, that may be invalid and are dropped.
        budgets: The CSV file to write the advertisers' budgets to, or None.
        min_days: Number of days that the log must have.
        timezone: The zone of days and hours: an IANA name, an offset or UTC; None for that of the mapping, or else of the log.
        with_quality: Whether to measure the figures of the data-quality page.
        max_unpacked: Size in GB that each compressed log may unpack to; None for a multiple of its own size.
        further_notes: Function that returns further notes on the table's provenance, from the summary; None for no more.
        further: Further files to write, each with the function that makes its contents from the summary.
        progress: The progress callback.

    Raises:
        InputError: The logs are invalid, `out` is a file that ingest did not write, or an output is a file of the log or in
            another output.
        OSError: An output cannot be written.
    """
    if aggregate not in SECONDS:
        raise unknown("--aggregate", aggregate, SECONDS)
    check_method(rates)
    zone = _find_zone(timezone, form)
    files = log_files(logs)
    contents = further or {}
    others = [*([budgets] if budgets is not None else []), *contents]
    expect_distinct([("the log", file) for file in files], [("--out", out), *((str(path), path) for path in others)])
    _check_output(out)
    _check_utf8((out, *others))
    with _disk_blamed(out), OutputsTogether() as outputs:
        remove_abandoned(out.absolute().parent)
        work = outputs.work_folder(out)
        for path in others:
            outputs.reserve(path)
        database = Database(work, progress, files)
        try:
            read = read_logs(database, form, files, work, max_bad, zone, max_unpacked)
            log = _make_log(database, form, files[0], read, max_bad)
            check_total_weight(database, read.source, is_single=form.is_single)
            summary, logged = _make_table(database, form, log, read, aggregate, rates, with_quality)
            if budgets is not None:
                expect_budgets(logged, form, files[0])
            if len(summary.days) < min_days:
                raise InputError(f"{files[0]}: expected a log of {min_days} or more days, got {len(summary.days)}")
            notes = _notes(form, aggregate, files, log, summary)
            notes |= {key: printable(text) for key, text in (further_notes(summary) if further_notes else {}).items()}
            outputs.fill(out, _write_table(database, out, work, notes))
        finally:
            database.close()
        if budgets is not None:
            outputs.write(budgets, lambda part: save_logged_budgets(logged, part))
        for path, contents_of in contents.items():
            made = contents_of(summary)
            outputs.write(path, lambda part, made=made: part.write_bytes(made))  # type: ignore[misc]
        outputs.finish()
    return summary


@contextmanager
def _disk_blamed(out: Path) -> Iterator[None]:
    """Name the table, and not a temporary file or the log, where the disk is full, whichever library finds it so."""
    try:
        yield
    except (OSError, duckdb.Error) as error:
        if not is_full(error):
            raise
        number = error_number(error) or errno.ENOSPC
        raise OSError(number, os.strerror(number), str(out)) from error


def _make_table(
    database: Database, form: Format, log: LogRecord, read: ReadLog, aggregate: str, rates: str, with_quality: bool
) -> tuple[Summary, tuple[LoggedAdvertiser, ...]]:
    """Make the table `cells` from `log`; return the summary and the advertisers with their budgets."""
    columns = column_quality(database, form) if with_quality else ()
    has = make_observed(database, form)
    delays = fit_conversion_delays(database, form)
    budget_table(database, form)
    database.run("DROP VIEW good; DROP VIEW checked; DROP TABLE raw", "joining")
    effects = position_effects(database, has)
    discount_trials(database, effects)
    discount_conversion_trials(database, delays)
    objective = find_objective(database)
    calibration = fill_rates(database, rates, read.source)
    units = find_unit_differences(database, form)
    sample = sample_auctions(database, form, has)
    quality = log_quality(database, form, columns, has, effects, log.first_day) if with_quality else None
    make_cells(database, aggregate, is_single=form.is_single)
    logged = logged_advertisers(database, form)
    summary = summarize(database, read.rows, log, calibration, logged, form.price_words)
    summary = replace(summary, objective=objective, position_effects=effects, sample=sample, quality=quality)
    summary = replace(summary, stray_clicks=has.stray_clicks, stray_conversions=has.stray_conversions)
    return replace(summary, conversion_delays=delays, units=units), logged


def _write_table(database: Database, out: Path, work: Path, notes: Mapping[str, str]) -> Path:
    """Write `cells` into the work folder, as a file or a folder, as `out` asks for. Returns its path."""
    table = work / ("table.parquet" if _is_file(out) else "table")
    if _is_file(out):
        write_parquet(database, table, notes)
    else:
        write_folder(database, table)
    return table


def _is_file(out: Path) -> bool:
    return out.suffix == ".parquet"


def _check_output(out: Path) -> None:
    if _is_file(out) and out.is_dir():
        raise InputError(f"{out}: expected a file name, got a folder")
    if _is_file(out) and os.path.lexists(out) and not is_ingested(out):
        raise InputError(f"{out}: expected a new file, or a table that ingest wrote, got another file")
    if not _is_file(out):
        if out.suffix:
            raise InputError(f"{out}: expected a name that ends in .parquet, or a folder, got {out.suffix}")
        expect_new_folder(out)


def _check_utf8(outputs: Sequence[Path]) -> None:
    """Check that outputs have paths in UTF-8: neither DuckDB nor a scenario file can hold another."""
    for path in outputs:
        try:
            str(path.absolute()).encode("utf-8")
        except UnicodeEncodeError:
            raise InputError(f"{path}: expected a path in UTF-8, got another") from None


def _find_zone(timezone: str | None, form: Format) -> Zone | None:
    """Return the zone that days and hours are asked for in, None for that of the log."""
    if timezone is None:
        return form.dialect.zone if form.dialect else None
    zone = find_zone("--timezone", timezone)
    if not any(field.times for field in form.fields):
        raise InputError(f"--timezone: expected with a log that has times, got it with days and hours of {form.name}")
    return zone


def _make_log(database: Database, form: Format, file: Path, read: ReadLog, max_bad: float) -> LogRecord:
    """Make the table `log` of whole auctions, with days from the first if they are dates."""
    columns = ", ".join(f'"{name}" {kind}' for name, kind in LOG_COLUMNS.items())
    database.run(f"CREATE TABLE log ({columns}); INSERT INTO log {form.log}", "joining")
    found = [day for (day,) in database.rows("SELECT DISTINCT day FROM log ORDER BY day")]
    if not found:
        raise InputError(f"{file}: expected auctions in the {form.name} log, got none among its rows")
    clock = read.clock
    changes = clock_changes(clock.zone, found) if clock is not None and clock.has_date else []
    dropped = DroppedAuctions()
    if not form.is_single:
        # Where the clock is set forward, a second later may read as an hour later.
        dropped = keep_whole_auctions(database, form.max_seconds + (3600 if changes else 0))
        expect_few_bad(database, read.rows, max_bad, read.source)
    count, first_day = database.row("SELECT count(*), min(day) FROM log")
    if not count:
        raise InputError(f"{file}: expected an auction whose rows can all be used, got none")
    # The following steps add floating-point numbers. One thread fixes their order, so that the same log gives the same bytes.
    database.use_one_thread()
    if clock is not None and clock.is_dated:
        database.run(f"UPDATE log SET day = day - ({first_day})", "joining")
    left_out = {reason: database.row(counted)[0] for reason, counted in form.left_out}
    bad = count_bad_rows(database, read.source)
    date = datetime.date(1970, 1, 1) + datetime.timedelta(days=first_day) if clock is not None and clock.has_date else None
    return LogRecord(
        bad, dropped, {reason: n for reason, n in left_out.items() if n}, date, (*read.assumed, *_clock_words(clock, changes))
    )


def _clock_words(clock: Clock | None, changes: Sequence[tuple[datetime.date, float]]) -> Iterator[str]:
    """Say which days do not have 24 hours."""
    for day, hours in changes:
        if clock is not None and clock.zone is not None:
            which = "one hour is missing" if hours < 24 else "one hour stands twice"
            yield f"{day} has {hours:g} hours by the clock of {clock.zone.name}: {which}"


def _notes(form: Format, aggregate: str, files: Sequence[Path], log: LogRecord, summary: Summary) -> dict[str, str]:
    """Describe the table's provenance, for its metadata."""
    names = ", ".join(file.name for file in files[:5]) + (f" and {len(files) - 5} more" if len(files) > 5 else "")
    notes = {"source": f"{form.name} log: {names}", "aggregate": aggregate, **form.notes}
    if log.first_day is not None:
        notes["first day"] = log.first_day.isoformat()
    if log.assumed:
        notes["read as"] = "; ".join(log.assumed)
    if summary.units:
        notes["units"] = "; ".join(one.words for one in summary.units)
    if summary.objective.reason:
        notes["objective"] = f"{summary.objective.name}: {summary.objective.reason}"
    if summary.position_effects.slots:
        notes["pctr"] = "click rates in slot 1; lower slots have the position effects that ingest printed"
    if "pcvr" in summary.calibration and summary.conversion_delays.common is not None:
        notes["conversions"] = (
            "pcvr counts each click as a trial in the share of conversions that had the time to arrive before the log's end; "
            f"delays of all conversions together: {summary.conversion_delays.words}"
        )
    if summary.calibration:
        methods = {
            "empirical": f"empirical, by advertiser, query and hour, shrunk by {PRIOR_TRIALS} trials",
            "logistic": "logistic model of advertiser, query, hour and their pairs, trained on earlier days",
        }
        notes["rates"] = "; ".join(
            f"{rate}: {methods[found.method] if found.assumed is None else f'{found.assumed:g}, as the log has none'}"
            for rate, found in summary.calibration.items()
        )
    # A name may hold half of a surrogate pair, which no file can.
    return {key: printable(value) for key, value in notes.items()}
