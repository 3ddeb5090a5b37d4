"""Screen a log of bids for traces of collusion, by bids alone: a reason to look, not a proof.

Each measure stands beside what simulated competition at the log's own shape shows of it, with its rate of false alarms and its
power against three rings (docs/screens.md).
"""

from __future__ import annotations

import argparse
from pathlib import Path

from auctionsim.commands import _common
from auctionsim.console import Console

EXAMPLE = "auctionsim screen bids.csv --procurement"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments."""
    parser.add_argument(
        "log", metavar="LOG", type=_common.utf8_path, help="bids, a row each (.csv, .parquet), or a traffic table"
    )
    parser.add_argument("--procurement", action="store_true", help="the lowest bid wins (default: the highest)")
    parser.add_argument(
        "--columns", metavar="NAME=COLUMN,...",
        help="columns of auction, bidder, bid, reserve, segment, time; TIME+TIME for several (default: the usual names)",
    )  # fmt: skip
    parser.add_argument(
        "--pricing", type=_common.one_word_of("first", "other"),
        help="whether winners pay their bids: first, or other (default: first with --procurement)",
    )  # fmt: skip
    parser.add_argument(
        "--margin", type=_common.number,
        help="smallest profit margin that bidders have, a share of the bid, to test best responses (default: no test)",
    )  # fmt: skip
    parser.add_argument(
        "--entrant", metavar="BIDDER", help="ask whether winning bids got worse after its entry (default: nobody)"
    )
    parser.add_argument("--draws", type=_common.positive, default=499, help="logs of competition, 19 to 9999 (default: 499)")
    parser.add_argument(
        "--checks", type=_common.whole, default=99, help="logs for size and power, 0 to 9999, 0 for neither (default: 99)"
    )
    parser.add_argument("--seed", type=_common.seed, default=0, help="seed of the draws, >= 0 (default: 0)")


def run(arguments: argparse.Namespace, console: Console) -> int:
    """Screen the log and print what was found."""
    from auctionsim.analysis.screens.read import parsed_columns, read_bids
    from auctionsim.analysis.screens.screen import screen
    from auctionsim.analysis.screens.text import as_dict, lines_of
    from auctionsim.errors import InputError, shown

    for name, low in (("draws", 19), ("checks", 0)):
        given = getattr(arguments, name)
        if not low <= given <= _MOST:
            raise InputError(f"--{name}: expected a whole number >= {low} and <= {_MOST}, got {given}")
    if arguments.margin is not None and not 0 < arguments.margin < 1:
        raise InputError(f"--margin: expected a number > 0 and < 1, got {shown(arguments.margin)}")
    path = Path(arguments.log)
    log = read_bids(path, lowest_wins=arguments.procurement, columns=parsed_columns(arguments.columns))
    pays_bid = arguments.pricing == "first" or (arguments.pricing is None and arguments.procurement)
    with console.steps() as progress:
        found = screen(
            log,
            draws=arguments.draws,
            checks=arguments.checks,
            seed=arguments.seed,
            margin=arguments.margin,
            pays_bid=pays_bid,
            entrant=arguments.entrant,
            progress=progress,
        )
    console.result(lines_of(found), as_dict(found))
    return 0


_MOST = 9999
