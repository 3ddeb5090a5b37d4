"""Say what would be under another mechanism, other budgets or another bidding product: revenue, who gains, who loses.

Replays the log's or the scenario's own bids under each change, on the same auctions, with 95 % intervals. The first lines say
how well the unchanged replay reproduces the log. Each --set is a change of its own; changes that come together have a comma:
--set mechanism.reserve=0.3,mechanism.pricing=vcg. A change has keys of mechanism, advertisers.budget or advertisers.controller
(advertisers.NAME.budget for a group or one advertiser). *1.1 multiplies what is there: --set 'advertisers.budget=*1.1'.
advertisers.controller=truthful@0.5 is a bidding product that half of the advertisers adopt. See docs/what-if.md.
"""

from __future__ import annotations

import argparse
import shlex
from pathlib import Path

from auctionsim.commands import _common
from auctionsim.console import Console

EXAMPLE = "auctionsim whatif traffic.parquet --set mechanism.reserve=0.3 --set mechanism.pricing=vcg --out answer"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments."""
    _common.add_question(parser)
    parser.add_argument(
        "--set",
        dest="changes",
        metavar="KEY.PATH=VALUE",
        action="append",
        default=[],
        help="a change; repeatable, each a change of its own; with commas several keys of one change (default: none)",
    )
    parser.add_argument(
        "--grid",
        metavar="KEY.PATH=VALUE,VALUE",
        action="append",
        default=[],
        help="a change for each value; of several --grid each combination is a change (default: none)",
    )
    parser.add_argument(
        "--observed",
        metavar="FILE",
        type=_common.path_text,
        help="observed totals to compare the replay with: a table of the columns advertiser and impressions, clicks, "
        "conversions, gmv or cost (default: none)",
    )
    parser.add_argument(
        "--react",
        metavar="HOW",
        nargs="?",
        const="best-response",
        help="let advertisers react: rules (fitted again), best-response (these, and best multiples of everybody else's bids "
        "until they settle; without HOW), learners (trained on the changed market) (default: nobody reacts)",
    )
    _common.add_answer(parser)
    _common.add_code(parser, is_allowed=False)


def run(arguments: argparse.Namespace, console: Console) -> int:
    """Replay the changes and print what each brings."""
    from auctionsim.analysis.whatif.files import expect_answer_folder
    from auctionsim.analysis.whatif.text import answer_lines
    from auctionsim.jobs.whatif.ask import whatif

    if arguments.out is not None:
        inputs = (arguments.source, arguments.budgets, arguments.observed)
        expect_answer_folder(Path(arguments.out), inputs=inputs)
    with console.steps() as progress:
        answer = whatif(
            arguments.source,
            arguments.changes,
            grid=arguments.grid,
            base=arguments.base,
            budgets=arguments.budgets,
            days=_common.day_numbers(arguments.days),
            observed=arguments.observed,
            react=arguments.react,
            intervals=arguments.intervals,
            seed=arguments.seed,
            progress=progress,
        )
    lines, value, kept = answer_lines(answer), answer.as_dict(), None
    if arguments.out is not None:
        kept = answer.write(arguments.out, command=_common.command_line())
        lines.append(f"page: {kept}")
        value["page"] = str(kept)
    console.result("\n".join(lines), value, kept=kept)
    if arguments.out is None:
        console.next_command(shlex.join([*_same_words(arguments), "--out", "answer"]))
    return 0


def _same_words(arguments: argparse.Namespace) -> list[str]:
    """Return the words of the same question, without what makes another output of it."""
    words = _common.question_words(arguments, "whatif")
    words += [part for item in arguments.changes for part in ("--set", item)]
    words += [part for item in arguments.grid for part in ("--grid", item)]
    for flag in ("observed", "react"):
        value = getattr(arguments, flag)
        words += [] if value is None else [f"--{flag}", value]
    return words if arguments.intervals else [*words, "--no-intervals"]
