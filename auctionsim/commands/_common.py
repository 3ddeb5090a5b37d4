"""Arguments that several commands share, and the jobs behind them."""

from __future__ import annotations

import argparse
import shlex
import sys
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING

from auctionsim.console import Console
from auctionsim.errors import InputError, shown
from auctionsim.files import expect_new_folder

if TYPE_CHECKING:
    from auctionsim.agents.learners.base import Arrays
    from auctionsim.jobs.distributed.cluster import Pool
    from auctionsim.market.market import Market
    from auctionsim.runs import Run
    from auctionsim.scenario import Scenario


def add_scenario(parser: argparse.ArgumentParser) -> None:
    """A scenario and what is laid over it."""
    parser.add_argument("scenario", help="a scenario file, or the name of a built-in one")
    add_overrides(parser)


def add_overrides(parser: argparse.ArgumentParser) -> None:
    """`--set` and `--seed`."""
    parser.add_argument(
        "--set", dest="overrides", metavar="KEY.PATH=VALUE", action="append", default=[], help="override a key; repeatable"
    )
    parser.add_argument("--seed", type=natural, help="the first seed (default: the scenario's)")


def add_workers(parser: argparse.ArgumentParser) -> None:
    """`--workers` and `--address`."""
    parser.add_argument(
        "--workers", type=_workers, help="0 serial, n Ray workers, auto one per core (default: the scenario's); same results"
    )
    parser.add_argument("--address", help="a Ray cluster to run on: auto, HOST:PORT or ray://HOST:PORT (docs/scale.md)")


def pool_of(arguments: argparse.Namespace, default: int | str) -> AbstractContextManager[Pool]:
    """Where the command line says to compute; `default` workers where it says nothing, on a cluster as many as it takes."""
    from auctionsim.jobs.distributed.cluster import open_pool

    unasked = default if arguments.address is None else "auto"
    return open_pool(unasked if arguments.workers is None else arguments.workers, arguments.address)


def overrides_of(arguments: argparse.Namespace) -> tuple[str, ...]:
    """All overrides of the command line as `--set` items."""
    seed = [] if arguments.seed is None else [f"seed={arguments.seed}"]
    return (*arguments.overrides, *seed)


def seeds_from(first: int, count: int) -> tuple[int, ...]:
    """Consecutive seeds."""
    return tuple(range(first, first + count))


def command_line() -> str:
    """The command as it was typed, for the manifest."""
    return shlex.join(["auctionsim", *sys.argv[1:]])


def train_run(
    run: Run,
    console: Console,
    pool: Pool,
    *,
    title: str,
    markets: dict[int, Market] | None = None,
    starts: dict[int, Arrays] | None = None,
) -> None:
    """Train a run to its end with a progress display; on a signal says how to resume.

    Args:
        run: The run folder.
        console: Where progress is shown.
        pool: Where to compute.
        title: Of the progress display.
        markets: The markets of all seeds, where the caller has built them already.
        starts: The learner's states before the first iteration on them, where the caller has computed those too.
    """
    from auctionsim.jobs.training.train import Interrupted, train

    try:
        with console.training(title) as progress:
            train(run, pool, progress, markets, starts=starts)
    except Interrupted:
        console.say(f"{run.path}: interrupted, checkpoint written")
        console.next_command(f"auctionsim resume {shlex.quote(str(run.path))}")
        raise KeyboardInterrupt from None


def positive(text: str) -> int:
    """A whole number at least 1, as an argparse type."""
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"expected a whole number at least 1, got '{text}'")
    return int(text)


def natural(text: str) -> int:
    """A whole number at least 0, as an argparse type."""
    if not text.isdecimal() or int(text) >= 2**63:
        raise argparse.ArgumentTypeError(f"expected a whole number at least 0, got '{text}'")
    return int(text)


def _workers(text: str) -> int | str:
    return text if text == "auto" else natural(text)


def run_folder(path: str | None, scenario: Scenario) -> Path:
    """The folder of a new run, `runs/NAME` by default; must be new or empty."""
    return new_folder(path or default_folder(scenario))


def default_folder(scenario: Scenario, ending: str = "") -> str:
    """`runs/NAME`, and an ending.

    Raises:
        InputError: The scenario's name is not a folder's.
    """
    if set(scenario.name) & set("/\\") or scenario.name in (".", ".."):
        name = shown(scenario.name)
        raise InputError(f"{scenario.place}: name: expected a folder's name, without '/', got {name} (or a folder with --out)")
    return f"runs/{scenario.name}{ending}"


def new_folder(path: str) -> Path:
    """The output folder; must be new or empty."""
    chosen = Path(path)
    expect_new_folder(chosen, " (choose another with --out)")
    return chosen
