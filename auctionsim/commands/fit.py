"""Fit the synthetic generator to a traffic table, so that private logs can be shared as a scenario.

The command writes the scenario OUT, the profile it names, and a folder with the goodness of fit. These files hold no name and
no row of the table.
"""

from __future__ import annotations

import argparse
import shlex
from pathlib import Path

from auctionsim.commands import _common
from auctionsim.console import Console
from auctionsim.errors import InputError

EXAMPLE = "auctionsim fit traffic.parquet --out synthetic.toml"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments."""
    parser.add_argument("table", type=_common.path_text, help="a traffic table, Parquet or CSV (docs/traffic.md)")
    parser.add_argument(
        "--budgets",
        type=_common.path_text,
        metavar="FILE",
        help="CSV file with the columns advertiser,budget (currency per day), to fit their distribution (default: none)",
    )
    parser.add_argument(
        "--out", required=True, type=_common.utf8_path, help="the scenario file to write, ending in .toml (required)"
    )
    _common.add_never_code(parser)


def run(arguments: argparse.Namespace, console: Console) -> int:
    """Fit the generator, write scenario and profile, and print the goodness of fit."""
    from auctionsim.jobs.fit import draw, write_goodness_of_fit
    from auctionsim.outputs.together import OutputsTogether
    from auctionsim.traffic.files import load_traffic
    from auctionsim.traffic.fit.estimates import fit_traffic
    from auctionsim.traffic.fit.output import profile_text, scenario_text
    from auctionsim.traffic.profile import parse_profile

    out = Path(arguments.out)
    if out.suffix != ".toml":
        raise InputError(f"--out: expected a name that ends in .toml, got {out}")
    profile, report = out.with_name(f"{out.stem}-profile.toml"), out.with_name(f"{out.stem}-fit")
    for path in (out, profile, report):
        if path.exists():
            raise InputError(f"{path}: expected a new file, got one that exists")
    table = load_traffic(arguments.table, budgets=arguments.budgets)
    fit = fit_traffic(table, out.stem, arguments.table)
    figures = profile_text(fit)
    # A figure that a profile cannot hold, such as an hour's price at 1e-13 of the mean, is refused before anything is written.
    parse_profile(figures, f"{arguments.table}: the fitted profile")
    with OutputsTogether() as outputs:
        outputs.reserve(profile)
        outputs.reserve(out)
        pages = outputs.work_folder(report) / "pages"
        rows, page = write_goodness_of_fit(table, draw(fit), pages, _common.command_line())
        outputs.fill(report, pages)
        outputs.write(profile, lambda part: part.write_text(figures, encoding="utf-8"))
        outputs.write(out, lambda part: part.write_text(scenario_text(fit, out.stem, profile.name), encoding="utf-8"))
        outputs.finish()
    lines = [f"{row.measure:<44} {row.table:>12.6g} {row.drawn:>12.6g}{_distance(row.distance)}" for row in rows]
    head = f"{'':<44} {'table':>12} {'drawn':>12}   distance"
    files = [str(path) for path in (out, profile, report / page.name)]
    console.result(
        "\n".join([head, *lines, f"wrote {', '.join(files)}"]),
        {
            "files": files,
            "goodness": [{"measure": r.measure, "table": r.table, "drawn": r.drawn, "distance": r.distance} for r in rows],
        },
        kept=report,
    )
    console.next_command(f"auctionsim check {shlex.quote(str(out))}")
    return 0


def _distance(distance: float | None) -> str:
    return "" if distance is None else f"   {distance:.3f}"
