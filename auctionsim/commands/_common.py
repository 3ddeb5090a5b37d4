"""Arguments that several commands share, and how they are read."""

from __future__ import annotations

import argparse
import shlex
import sys
import warnings
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from auctionsim.commands._folders import resume_command
from auctionsim.console import Console
from auctionsim.errors import InputError, Remark, RunError, shown, suggestion
from auctionsim.extras import EXTRA_OF, expect_library, is_installed
from auctionsim.machine.disk import FULL
from auctionsim.numbers import MAX_SEEDS, SEED_LIMIT, consecutive_seeds
from auctionsim.outputs.temporary import without_part

if TYPE_CHECKING:
    from auctionsim.agents.learners.base import Arrays
    from auctionsim.jobs.distributed.cluster import Pool
    from auctionsim.market.market import Market
    from auctionsim.runs import Run


_DIGITS, _DIGITS_OF_SEED = 13, 30
_PORTS = 65536


def add_scenario(parser: argparse.ArgumentParser) -> None:
    """Add the argument `scenario` and the flags of `add_overrides`."""
    parser.add_argument("scenario", help="a scenario file, or the name of a built-in scenario (auctionsim scenarios)")
    add_overrides(parser)


def add_overrides(parser: argparse.ArgumentParser) -> None:
    """Add the flags `--set` and `--seed`."""
    parser.add_argument(
        "--set",
        dest="overrides",
        metavar="KEY.PATH=VALUE",
        action="append",
        default=[],
        help="override a key of the scenario, for example learner.sigma=0.2; repeatable (default: none)",
    )
    parser.add_argument("--seed", type=seed, help="the first seed, >= 0 (default: the scenario's)")


def add_question(parser: argparse.ArgumentParser) -> None:
    """Add what a question about a market is asked of: `source`, with `--base`, `--budgets`, `--days` and `--seed`."""
    parser.add_argument(
        "source",
        metavar="SCENARIO_OR_TABLE",
        type=path_text,
        help="a scenario file, a built-in scenario, a traffic table (.parquet, .csv), or a folder of stored traffic",
    )
    parser.add_argument(
        "--base",
        metavar="KEY.PATH=VALUE",
        action="append",
        default=[],
        help="more about the starting point, for example a table's own mechanism; repeatable (default: the scenario's; of a "
        "table one slot, gsp, no reserve)",
    )
    parser.add_argument(
        "--budgets",
        metavar="FILE",
        type=path_text,
        help="daily budgets of a table, CSV with the columns advertiser,budget (default: no budgets)",
    )
    parser.add_argument(
        "--days",
        metavar="DAY,DAY",
        help="days to replay (default: all; where bids are fitted to the training days, the test days)",
    )
    parser.add_argument(
        "--seed",
        type=seed,
        help="seed of synthetic traffic, draws and resampling, >= 0 (default: the scenario's)",
    )


def question_words(arguments: argparse.Namespace, command: str) -> list[str]:
    """Return the words of a command that asks about the same market from the same starting point, to be gone on with."""
    words = ["auctionsim", command, str(arguments.source)]
    words += [part for item in arguments.base for part in ("--base", item)]
    for flag in ("budgets", "days", "seed"):
        value = getattr(arguments, flag)
        words += [] if value is None else [f"--{flag}", str(value)]
    return [*words, "--allow-code"] if arguments.allow_code else words


def add_answer(parser: argparse.ArgumentParser) -> None:
    """Add how a question about a market is answered: the flags `--no-intervals` and `--out`."""
    parser.add_argument(
        "--no-intervals",
        dest="intervals",
        action="store_false",
        help="replay each day once, 20 times faster (default: with intervals)",
    )
    parser.add_argument(
        "--out",
        type=utf8_path,
        help="folder for a page, CSV, JSON and XLSX, new or that of an earlier answer (default: none written)",
    )


def day_numbers(text: str | None) -> list[int] | None:
    """Return the days of `--days`, None where it is not given.

    Raises:
        InputError: It is no list of whole numbers.
    """
    if text is None:
        return None
    parts = [part.strip() for part in text.split(",")]
    if not all(part.isascii() and part.isdigit() and len(part) < _DIGITS for part in parts):
        raise InputError(f"--days: expected whole numbers with commas, got {shown(text)}")
    return [int(part) for part in parts]


def add_code(parser: argparse.ArgumentParser, *, is_allowed: bool) -> None:
    """Add the flags `--allow-code` and `--no-code`.

    Args:
        parser: The command's parser.
        is_allowed: Whether classes that a scenario names are imported without either flag.
    """
    group = parser.add_mutually_exclusive_group()
    default = "allow" if is_allowed else "refuse"
    group.add_argument(
        "--allow-code",
        action="store_true",
        default=is_allowed,
        help=f"import the classes that a scenario names, which runs their code; docs/security.md (default: {default})",
    )
    group.add_argument(
        "--no-code",
        dest="allow_code",
        action="store_false",
        help=f"refuse a scenario that names a class, before anything of it is imported (default: {default})",
    )


def add_never_code(parser: argparse.ArgumentParser) -> None:
    """Add the flag `--no-code` to a command that never imports a class, so that scripts may give it everywhere."""
    parser.add_argument(
        "--no-code",
        dest="allow_code",
        action="store_false",
        help="import no class that a scenario or a run names, docs/security.md (default: never imported here)",
    )
    parser.set_defaults(allow_code=False)


def add_workers(parser: argparse.ArgumentParser, default: str = "the scenario's") -> None:
    """Add the flags `--workers` and `--address`.

    Args:
        parser: The command's parser.
        default: The number of workers without the flag, as the help states it.
    """
    parser.add_argument(
        "--workers",
        type=_workers,
        help=f"0: in this process; n: n Ray workers; auto: one per core; results are the same (default: {default})",
    )
    parser.add_argument(
        "--address",
        help="run on a Ray cluster: auto, HOST:PORT or ray://HOST:PORT, docs/scale.md (default: on this machine)",
    )


def pool_of(arguments: argparse.Namespace, default: int | str | None) -> AbstractContextManager[Pool]:
    """Open the pool of workers that the command line asks for.

    Args:
        arguments: The parsed command line, with the flags of `add_workers`.
        default: The number of workers without `--workers`; None for one per core where Ray is installed, and otherwise, with a
            remark, this process. On a cluster (`--address`) it is as many as the cluster takes.

    Returns:
        The pool, as a context manager.

    Raises:
        MissingExtra: Workers or a cluster are asked for, and Ray is not installed.
    """
    from auctionsim.jobs.distributed.cluster import open_pool

    expect_ray(arguments, default)
    if arguments.workers is not None:
        return open_pool(arguments.workers, arguments.address)
    if arguments.address is not None:
        return open_pool("auto", arguments.address)
    if default is None and not is_installed("ray"):
        extra = f"pip install 'auctionsim[{EXTRA_OF['ray']}]'"
        warnings.warn(f"auctionsim: one process, as Ray is not installed (one per core: {extra})", Remark, stacklevel=2)
        return open_pool(0)
    return open_pool("auto" if default is None else default)


def expect_ray(arguments: argparse.Namespace, default: int | str | None) -> None:
    """Check that Ray is installed where workers or a cluster are asked for.

    Args:
        arguments: The parsed command line, with the flags of `add_workers`.
        default: The number of workers without `--workers`, as in `pool_of`.

    Raises:
        MissingExtra: It is not, and the command line or the scenario asks for it.
    """
    from auctionsim.jobs.distributed.cluster import WITHOUT_RAY

    asked = default if arguments.workers is None else arguments.workers
    if arguments.address is not None:
        expect_library("ray", f"--address {arguments.address}")
    elif asked not in (0, None):
        source = f"cluster.workers = {shown(asked)}" if arguments.workers is None else f"--workers {asked}"
        expect_library("ray", source, WITHOUT_RAY)


def overrides_of(arguments: argparse.Namespace) -> tuple[str, ...]:
    """Return the overrides of the command line, `--seed` included, as `KEY.PATH=VALUE` items."""
    seed = [] if arguments.seed is None else [f"seed={arguments.seed}"]
    return (*arguments.overrides, *seed)


def seeds_from(first: int, count: int) -> tuple[int, ...]:
    """Return `count` consecutive seeds from `first` on.

    Raises:
        InputError: They are more than `MAX_SEEDS`, or the last is not below 2^63, the limit of the tables that hold seeds.
    """
    if count > MAX_SEEDS:
        raise InputError(
            f"--seeds: expected a number <= {MAX_SEEDS}, got {shown(count)} (for more, begin further runs with --seed)"
        )
    return consecutive_seeds("seed", first, count)


def command_line() -> str:
    """Return the command line as it was typed, for the manifest."""
    return shlex.join(["auctionsim", *sys.argv[1:]])


def train_run(
    run: Run,
    console: Console,
    pool: Pool,
    *,
    title: str,
    markets: dict[int, Market] | None = None,
    starts: dict[int, Arrays] | None = None,
    until: int | None = None,
    are_warned: bool = False,
) -> None:
    """Train a run to its end or to an iteration, and show warnings and progress.

    On a signal, keep a checkpoint and say how to resume.

    Args:
        run: The run folder.
        console: The console that shows the progress.
        pool: The pool of workers that computes.
        title: The name of the job in the progress display.
        markets: The market of each seed, if the caller has built them already.
        starts: The learner's initial state for each seed, if the caller has computed them already.
        until: The iteration to stop at after its checkpoint; None for the end.
        are_warned: Whether the caller has shown what `market.warnings` finds.

    Raises:
        KeyboardInterrupt: A signal ended the training.
        RunError: The run folder was removed or can no longer be written.
    """
    from auctionsim.agents.build import build_market
    from auctionsim.jobs.training.train import Interrupted, train
    from auctionsim.market.warnings import warnings_of

    if markets is None:
        scenario = run.scenario()
        markets = {seed: build_market(scenario, seed) for seed in run.seeds}
    if not are_warned:
        console.warn(next(iter(markets.values())).scenario.source, warnings_of(markets.values()))
    try:
        with console.training(title) as progress:
            train(run, pool, progress, markets, starts=starts, until=until)
    except Interrupted:
        console.say(f"{run.path}: interrupted, checkpoint written")
        console.next_command(resume_command(run))
        raise KeyboardInterrupt from None
    except OSError as error:
        if error.errno in FULL:
            raise
        # The folder could be written when the run began, so what has happened since is no wrong usage.
        raise RunError(f"auctionsim: {without_part(str(error.filename or run.path))}: {error.strerror or error}") from error


@contextmanager
def watched(run: Path, port: int | None, console: Console) -> Iterator[None]:
    """Serve the page of a run while something trains it.

    Args:
        run: The run folder, there or not yet.
        port: Port of the loopback, 0 for any free one; None to serve nothing.
        console: The console that says the page's address.

    Raises:
        InputError: The port is in use.
    """
    if port is None:
        yield
        return
    from auctionsim.jobs.watch.server import served

    with served(run, port) as server:
        console.say(f"{run}: {server.url} shows the run until training ends; auctionsim watch shows it at any time")
        yield


def path_text(text: str) -> str:
    """Check a path, as an argparse type. An empty one, often an empty variable of the shell, would mean the current folder."""
    if not text:
        raise argparse.ArgumentTypeError("expected a path, got ''")
    return text


def utf8_path(text: str) -> str:
    """Check a path in UTF-8, as an argparse type: tables are not read or written at another one."""
    try:
        path_text(text).encode("utf-8")
    except UnicodeEncodeError:
        raise argparse.ArgumentTypeError(f"expected a path in UTF-8, got {shown(text)}") from None
    return text


def positive(text: str) -> int:
    """Parse a whole number >= 1 and <= 10^12, as an argparse type."""
    if not text.isdecimal() or len(text) > _DIGITS or int(text) < 1:
        raise argparse.ArgumentTypeError(f"expected a whole number >= 1 and < 10^{_DIGITS}, got {shown(text)}")
    return int(text)


def whole(text: str) -> int:
    """Parse a whole number >= 0 and < 10^13, as an argparse type."""
    if not text.isdecimal() or len(text) > _DIGITS:
        raise argparse.ArgumentTypeError(f"expected a whole number >= 0 and < 10^{_DIGITS}, got {shown(text)}")
    return int(text)


def number(text: str) -> float:
    """Parse a number, as an argparse type."""
    try:
        return float(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"expected a number, got {shown(text)}") from None


def one_word_of(*words: str) -> Callable[[str], str]:
    """Return an argparse type that takes one of some words; argparse's own `choices` does not say what came and is near."""

    def word(text: str) -> str:
        if text not in words:
            raise argparse.ArgumentTypeError(f"expected {' or '.join(words)}, got {shown(text)}{suggestion(text, words)}")
        return text

    return word


def seed(text: str) -> int:
    """Parse a seed, a whole number >= 0 and < 2^63, as an argparse type."""
    if not text.isdecimal() or len(text) > _DIGITS_OF_SEED or int(text) >= SEED_LIMIT:
        raise argparse.ArgumentTypeError(f"expected a whole number >= 0 and < 2^63, got {shown(text)}")
    return int(text)


def port(text: str) -> int:
    """Parse a port, a whole number >= 0 and < 65536, as an argparse type; 0 stands for any free one."""
    if not text.isdecimal() or len(text) > _DIGITS or int(text) >= _PORTS:
        raise argparse.ArgumentTypeError(f"expected a whole number >= 0 and < {_PORTS}, got {shown(text)}")
    return int(text)


def _workers(text: str) -> int | str:
    if text != "auto" and not (text.isdecimal() and len(text) <= _DIGITS):
        near = suggestion(text, ["auto"])
        raise argparse.ArgumentTypeError(f"expected a whole number >= 0 and < 10^{_DIGITS}, or auto, got {shown(text)}{near}")
    return text if text == "auto" else int(text)
