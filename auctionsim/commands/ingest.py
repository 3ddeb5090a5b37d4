"""Make a traffic table from raw logs.

Formats: auctions-csv (any table; --mapping names its columns), auctionnet, ipinyou, criteo-attribution. Logs are files or
folders of them, plain or packed as gz, bz2, xz, zst or zip. See docs/own-logs.md.
"""

from __future__ import annotations

import argparse
import math
import os
import shlex
from functools import partial
from pathlib import Path

from auctionsim.commands._common import path_text
from auctionsim.commands._flags import expect_no_others
from auctionsim.console import Console
from auctionsim.errors import InputError
from auctionsim.extras import expect_library

EXAMPLE = "auctionsim ingest logs/ --format ipinyou --out traffic.parquet --scenario mine.toml"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments."""
    parser.add_argument("logs", nargs="*", metavar="LOG", type=path_text, help="log files, or folders of log files")
    parser.add_argument(
        "--format",
        dest="form",
        metavar="FORMAT",
        help="format of the logs: auctions-csv, auctionnet, ipinyou or criteo-attribution (required)",
    )
    parser.add_argument(
        "--out",
        type=path_text,
        help="the table, ending in .parquet, or a new folder for traffic larger than memory (required)",
    )
    parser.add_argument(
        "--mapping", metavar="FILE", type=path_text, help="TOML file that names the log's columns (required with auctions-csv)"
    )
    parser.add_argument("--template", action="store_true", help="print a mapping file to start from and exit (default: off)")
    parser.add_argument(
        "--aggregate",
        default="none",
        metavar="BY",
        help="none: single auctions; hour or quarter (15 minutes): weighted cells (default: none)",
    )
    parser.add_argument(
        "--rates",
        default="empirical",
        metavar="METHOD",
        help="how rates that the log lacks are estimated from earlier days: empirical or logistic (default: empirical)",
    )
    parser.add_argument(
        "--timezone",
        metavar="ZONE",
        help="zone of days and hours: Europe/Berlin, UTC or +01:00, with = before one that begins with a minus "
        "(default: that of the mapping, or else of the log)",
    )
    parser.add_argument(
        "--max-bad",
        type=_share,
        default=0.01,
        metavar="SHARE",
        help="the largest share of rows, 0 to 1, that may be unreadable and are dropped (default: 0.01)",
    )
    parser.add_argument(
        "--max-unpacked",
        type=_gigabytes,
        metavar="GB",
        help="the largest size that a compressed log may unpack to (default: 100 times its own size, and 0.25 at least)",
    )
    parser.add_argument(
        "--report",
        action="store_true",
        help="also print auctions by hour, and draw them beside --out (default: print counts, rates and prices)",
    )
    parser.add_argument(
        "--budgets",
        metavar="FILE",
        type=path_text,
        help="also write the log's daily budgets as CSV with the columns advertiser,budget (default: none written)",
    )
    parser.add_argument(
        "--quality",
        metavar="FILE",
        type=path_text,
        help="also write a data-quality page, a new file that ends in .html (default: none written)",
    )
    parser.add_argument(
        "--scenario", metavar="FILE", type=path_text, help="also write a scenario file to start from (default: none written)"
    )


def run(arguments: argparse.Namespace, console: Console) -> int:
    """Ingest the logs and print the counts, or print a mapping file."""
    expect_library("duckdb", "auctionsim ingest")
    from auctionsim.commands._log_outputs import LogOutputs
    from auctionsim.traffic.ingest.formats.auctions_csv import TEMPLATE
    from auctionsim.traffic.ingest.pipeline import find_format, ingest
    from auctionsim.traffic.table import REPLAY_NOTE

    if arguments.template:
        expect_no_others(arguments, {"template"}, "--template")
        console.result(TEMPLATE.rstrip("\n"), {"template": TEMPLATE})
        return 0
    _check_required(arguments)
    out, scenario, budgets = Path(arguments.out), _path(arguments.scenario), _path(arguments.budgets)
    quality, mapping = _path(arguments.quality), _path(arguments.mapping)
    # A folder such as `.` has no name, and is refused below.
    picture = out.with_name(f"{out.stem}-hours.png") if arguments.report and out.name else None
    _check_distinct(arguments, picture)
    _check_scenario(scenario, out)
    _check_budgets(budgets)
    _check_quality(quality)
    form = find_format(arguments.form, mapping)
    others = LogOutputs(form, out, f"{', '.join(arguments.logs)} as {form.name}", budgets)
    further = [(picture, others.picture), (quality, others.quality_page), (scenario, others.scenario)]
    with console.steps() as progress:
        summary = ingest(
            [Path(log) for log in arguments.logs],
            form,
            out,
            aggregate=arguments.aggregate,
            rates=arguments.rates,
            max_bad=arguments.max_bad,
            budgets=budgets,
            min_days=1 if scenario is None else 2,
            timezone=arguments.timezone,
            with_quality=quality is not None,
            max_unpacked=arguments.max_unpacked,
            further_notes=lambda summary: {REPLAY_NOTE: others.check(summary).line},
            further={path: partial(make, path) for path, make in further if path is not None},
            progress=progress,
        )
    check = others.check(summary)
    lines, value = [check.line, *summary.lines()], {"out": str(out), "replay": check.as_json(), **summary.as_json()}
    if check.units and scenario is not None:
        lines.append("          the scenario takes over neither mechanism nor reserve, as units differ")
    if picture is not None:
        lines += [*summary.curve(), f"picture   {picture}"]
        value["picture"] = str(picture)
    if quality is not None:
        lines.append(f"quality   {quality}")
        value["quality"] = str(quality)
    console.result("\n".join([*lines, f"wrote {out}"]), value, kept=out)
    if scenario is not None:
        console.next_command(f"auctionsim train {shlex.quote(str(scenario))}")
    return 0


def _path(text: str | None) -> Path | None:
    return None if text is None else Path(text)


def _check_distinct(arguments: argparse.Namespace, picture: Path | None) -> None:
    """Check that no output is the mapping file or another output. The log's files are compared when they are known."""
    from auctionsim.outputs.distinct import expect_distinct

    mapping = [] if arguments.mapping is None else [("--mapping", Path(arguments.mapping))]
    outputs = [(f"--{name}", getattr(arguments, name)) for name in ("out", "scenario", "budgets", "quality")]
    named = [(words, Path(text)) for words, text in outputs if text is not None]
    expect_distinct(mapping, [*named, *([] if picture is None else [("the picture of --report", picture)])])


def _check_required(arguments: argparse.Namespace) -> None:
    from auctionsim.traffic.ingest.pipeline import FORMATS

    if not arguments.logs:
        raise InputError("LOG: expected a log file or a folder of log files, got none")
    if arguments.form is None:
        raise InputError(f"--format: expected one of {', '.join(FORMATS)}, got none")
    if arguments.out is None:
        raise InputError("--out: expected a file that ends in .parquet, or a new folder, got none")


def _check_scenario(scenario: Path | None, out: Path) -> None:
    if scenario is None:
        return
    _check_new(scenario)
    if out.suffix != ".parquet":
        raise InputError(f"--scenario: expected an --out that ends in .parquet, got {out}")


def _check_budgets(budgets: Path | None) -> None:
    _check_new(budgets)
    if budgets is not None and budgets.suffix == ".parquet":
        raise InputError(f"--budgets: expected the name of a CSV file, got {budgets}")


def _check_quality(quality: Path | None) -> None:
    if quality is None:
        return
    _check_new(quality)
    if quality.suffix != ".html":
        raise InputError(f"--quality: expected a name that ends in .html, got {quality}")


def _check_new(path: Path | None) -> None:
    if path is not None and os.path.lexists(path):
        raise InputError(f"{path}: expected a new file, got one that exists")


def _gigabytes(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 0 < value < math.inf:
        raise argparse.ArgumentTypeError(f"expected a number > 0, got '{text}'")
    return value


def _share(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 0 <= value <= 1:
        raise argparse.ArgumentTypeError(f"expected a number from 0 to 1, got '{text}'")
    return value
