"""Make a traffic table of raw logs.

Formats: auctions-csv (any table; --mapping names its columns), auctionnet, ipinyou, criteo-attribution. Files or folders, plain
or gz, bz2, zip. See docs/own-logs.md.
"""

from __future__ import annotations

import argparse
import math
import shlex
from pathlib import Path

from auctionsim.console import Console
from auctionsim.errors import InputError


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command's arguments."""
    parser.add_argument("logs", nargs="*", metavar="LOG", help="log files, or folders of them")
    parser.add_argument("--format", dest="form", metavar="F", help="auctions-csv, auctionnet, ipinyou or criteo-attribution")
    parser.add_argument("--out", help="the table, ending in .parquet; or a new folder for traffic larger than memory")
    parser.add_argument("--mapping", metavar="FILE", help="auctions-csv: TOML file that names the log's columns")
    parser.add_argument("--template", action="store_true", help="print a mapping file and end")
    parser.add_argument(
        "--aggregate", default="none", metavar="A", help="none: single auctions (default); hour, quarter: weighted cells"
    )
    parser.add_argument(
        "--rates",
        default="empirical",
        metavar="R",
        help="rates the log lacks: empirical (default) or logistic, from earlier days",
    )
    parser.add_argument(
        "--max-bad", type=_share, default=0.01, metavar="SHARE", help="share of unreadable rows that is dropped (default 0.01)"
    )
    parser.add_argument("--report", action="store_true", help="print rates, prices and hours; draw the hours beside --out")
    parser.add_argument("--budgets", metavar="FILE", help="also write the budgets that the log knows: CSV advertiser,budget")
    parser.add_argument("--scenario", metavar="FILE", help="also write a scenario file to start from")


def run(arguments: argparse.Namespace, console: Console) -> int:
    """Ingest."""
    from auctionsim.files import write_text
    from auctionsim.traffic.ingest.formats.auctions_csv import TEMPLATE
    from auctionsim.traffic.ingest.pipeline import FORMATS, find_format, ingest
    from auctionsim.traffic.ingest.starter import starter_scenario

    if arguments.template:
        console.result(TEMPLATE.rstrip("\n"), {"template": TEMPLATE})
        return 0
    if not arguments.logs:
        raise InputError("LOG: expected a log file or a folder of them, got none")
    if arguments.form is None:
        raise InputError(f"--format: expected one of {', '.join(FORMATS)}, got none")
    if arguments.out is None:
        raise InputError("--out: expected a file that ends in .parquet, or a new folder, got none")
    out, scenario = Path(arguments.out), Path(arguments.scenario) if arguments.scenario else None
    budgets = Path(arguments.budgets) if arguments.budgets else None
    _check_scenario(scenario, out)
    if budgets is not None and budgets.exists():
        raise InputError(f"{budgets}: expected a new file, got one that exists")
    form = find_format(arguments.form, Path(arguments.mapping) if arguments.mapping else None)
    with console.steps() as tell:
        summary = ingest(
            [Path(log) for log in arguments.logs],
            form,
            out,
            aggregate=arguments.aggregate,
            rates=arguments.rates,
            max_bad=arguments.max_bad,
            budgets=budgets,
            least_days=1 if scenario is None else 2,
            tell=tell,
        )
    lines, value = summary.lines(), {"out": str(out), **summary.as_json()}
    if arguments.report:
        picture = out.with_name(f"{out.stem}-hours.png")
        _draw(summary.auctions_by_hour, picture)
        lines += [*summary.curve(), f"picture   {picture}"]
        value["picture"] = str(picture)
    console.result("\n".join([*lines, f"wrote {out}"]), value)
    if scenario is not None:
        write_text(scenario, starter_scenario(summary, form, out, scenario, budgets))
        console.next_command(f"auctionsim train {shlex.quote(str(scenario))}")
    return 0


def _check_scenario(scenario: Path | None, out: Path) -> None:
    if scenario is None:
        return
    if scenario.exists():
        raise InputError(f"{scenario}: expected a new file, got one that exists")
    if out.suffix != ".parquet":
        raise InputError(f"--scenario: expected --out to end in .parquet, as a scenario reads a table, got {out}")


def _draw(auctions_by_hour: tuple[int, ...], picture: Path) -> None:
    from auctionsim.analysis.documents.plots.style import png
    from auctionsim.analysis.documents.plots.traffic import hourly_curve
    from auctionsim.files import write_then_rename

    drawn = png(hourly_curve(auctions_by_hour))
    write_then_rename(picture, lambda part: part.write_bytes(drawn))


def _share(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 0 <= value <= 1:
        raise argparse.ArgumentTypeError(f"expected a number from 0 to 1, got '{text}'")
    return value
