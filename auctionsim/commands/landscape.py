"""Say what other bids and budgets would deliver to an advertiser: clicks, cost, conversions, profit, and what meets a target.

Replays 20 bids, 0.1 to 8 times the advertiser's own, and 20 budgets, with 95 % intervals over days and auctions. Rivals bid as
before; with --adapt also curves on which they take the best multiples of their own bids at each point. See docs/what-if.md.
"""

from __future__ import annotations

import argparse
import shlex
from pathlib import Path

from auctionsim.commands import _common
from auctionsim.console import Console

EXAMPLE = "auctionsim landscape three-arms --advertiser seller_3 --target-roas 4"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments."""
    _common.add_question(parser)
    parser.add_argument(
        "--advertiser",
        dest="advertisers",
        metavar="NAME",
        action="append",
        default=[],
        help="name of an advertiser; repeatable (default: all)",
    )
    parser.add_argument(
        "--adapt", action="store_true", help="add curves on which the rivals adapt; takes minutes (default: rivals fixed)"
    )
    parser.add_argument("--target-cpa", type=_common.number, help="cost per conversion to meet, currency > 0 (default: none)")
    parser.add_argument("--target-roas", type=_common.number, help="GMV per cost to meet, > 0 (default: none)")
    _common.add_answer(parser)
    _common.add_code(parser, is_allowed=False)


def run(arguments: argparse.Namespace, console: Console) -> int:
    """Replay the bids and budgets and print what each delivers."""
    from auctionsim.analysis.whatif.files import expect_answer_folder
    from auctionsim.jobs.whatif.landscape import landscape

    if arguments.out is not None:
        expect_answer_folder(Path(arguments.out), "landscape.json", (arguments.source, arguments.budgets))
    with console.steps() as progress:
        found = landscape(
            arguments.source,
            arguments.advertisers,
            adapt=arguments.adapt,
            target_cpa=arguments.target_cpa,
            target_roas=arguments.target_roas,
            base=arguments.base,
            budgets=arguments.budgets,
            days=_common.day_numbers(arguments.days),
            intervals=arguments.intervals,
            seed=arguments.seed,
            progress=progress,
        )
    lines, value, kept = found.lines, found.as_dict(), None
    if arguments.out is not None:
        kept = found.write(arguments.out, command=_common.command_line())
        lines.append(f"page: {kept}")
        value["page"] = str(kept)
    console.result("\n".join(lines), value, kept=kept)
    console.next_command(shlex.join([*_common.question_words(arguments, "whatif"), "--set", "mechanism.reserve=0.1"]))
    return 0
