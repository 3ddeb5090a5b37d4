"""Measure the engine's speed on this machine, relative to a reference kernel (np.maximum on cached float32 arrays, one thread).

--make-day makes traffic larger than memory, and --day replays it chunk by chunk; with --workers also in pieces that lie with
them, to the same bytes. --cluster and --soak measure generations of training.
"""

from __future__ import annotations

import argparse
import math
from pathlib import Path

from auctionsim.commands import _common, _folders
from auctionsim.commands._flags import expect_no_others
from auctionsim.console import Console
from auctionsim.errors import InputError, RunError, shown
from auctionsim.extras import expect_library

EXAMPLE = "auctionsim bench --auctions 4000 --candidates 48 --json"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments."""
    positive = _common.positive
    parser.add_argument("--auctions", type=positive, help="auctions in the measured hour (default: 4000)")
    parser.add_argument("--candidates", type=positive, help="candidates per auction (default: 48)")
    parser.add_argument(
        "--auctionnet",
        action="store_true",
        help="also measure a period of AuctionNet's size; takes 2 GB of memory and a minute (default: off)",
    )
    parser.add_argument(
        "--cluster",
        action="store_true",
        help="measure a generation of training on --workers against one process (default: off)",
    )
    parser.add_argument(
        "--soak",
        type=positive,
        metavar="MINUTES",
        help="train for that many minutes and measure memory and throughput (default: off)",
    )
    _common.add_workers(parser, default="2; with --day: 0")
    _add_day_arguments(parser)


def _add_day_arguments(parser: argparse.ArgumentParser) -> None:
    positive = _common.positive
    parser.add_argument(
        "--make-day",
        type=positive,
        metavar="AUCTIONS",
        help="make a day of that many auctions and store it in --out (default: off)",
    )
    parser.add_argument("--days", type=positive, help="number of days that --make-day makes (default: 1)")
    parser.add_argument("--out", type=_common.utf8_path, help="output folder of --make-day, new or empty (default: runs/day)")
    parser.add_argument(
        "--day", metavar="DIR", type=_common.path_text, help="replay the stored traffic in this folder (default: off)"
    )
    parser.add_argument("--policies", type=positive, help="policies that replay --day at once (default: 1)")
    parser.add_argument(
        "--budget",
        type=_common.number,
        metavar="SHARE",
        help="budgets of --day, > 0, as a share of what each advertiser spends without one (default: none)",
    )


def run(arguments: argparse.Namespace, console: Console) -> int:
    """Run the benchmark that the flags select, and print its figures."""
    _expect_used(arguments)
    if arguments.make_day is not None:
        return _make_day(arguments, console)
    if arguments.day is not None:
        return _replay_day(arguments, console)
    if arguments.cluster:
        return _cluster(arguments, console)
    if arguments.soak is not None:
        return _soak(arguments, console)
    return _engine(arguments, console)


def _expect_used(arguments: argparse.Namespace) -> None:
    """Refuse flags that the selected benchmark would ignore: its figures would pass for those of a cluster, or of budgets."""
    forms = {
        "--make-day": arguments.make_day is not None, "--day": arguments.day is not None,
        "--cluster": arguments.cluster, "--soak": arguments.soak is not None,
    }  # fmt: skip
    first, *more = [name for name, is_asked in forms.items() if is_asked] or [""]
    if more:
        raise InputError(f"{more[0]}: expected without {first}, got both")
    on_workers = ("--cluster", "--soak", "--day")
    for flag, value, modes in (
        ("--address", arguments.address, on_workers),
        ("--workers", arguments.workers, on_workers),
        ("--budget", arguments.budget, ("--day",)),
        ("--policies", arguments.policies, ("--day",)),
        ("--out", arguments.out, ("--make-day",)),
        ("--days", arguments.days, ("--make-day",)),
    ):
        if value is not None and first not in modes:
            named = f"{', '.join(modes[:-1])} or {modes[-1]}" if len(modes) > 1 else modes[0]
            raise InputError(f"{flag}: expected with {named} alone, got {shown(value)} without")
    if first:
        expect_no_others(arguments, {key for key in vars(arguments) if key not in _OF_THE_ENGINE}, first)


_OF_THE_ENGINE = ("auctions", "candidates", "auctionnet")
"""Arguments of the benchmark without --make-day, --day, --cluster and --soak."""


def _engine(arguments: argparse.Namespace, console: Console) -> int:
    """Measure the engine in an hour of each case."""
    from auctionsim.jobs.bench.day import peak_memory, table_load
    from auctionsim.jobs.bench.engine import Case, ReferenceKernel, as_json, auctionnet_cases, engine_cases, thread_cases

    reference = ReferenceKernel()

    def line(case: Case) -> str:
        speed = case.candidate_bids_per_s
        setting = f"policies {case.policies:3d}  slots {case.slots}  {case.pricing:5s}  {case.outcomes}  threads {case.threads}"
        return f"{setting}  {speed / 1e6:7.0f} M bids/s  {speed / reference.elements_per_s:.3f} of the reference kernel"

    sizes = reference, arguments.auctions or 4000, arguments.candidates or 48
    cases = engine_cases(*sizes, lambda case: console.say(line(case)))
    cases += thread_cases(*sizes, lambda case: console.say(f"{line(case)}  hour of {case.auctions}"))
    load, memory = table_load(), peak_memory()
    more = {"load": load, "peak_memory_bytes": memory}
    unit = reference.elements_per_s
    if arguments.auctionnet:
        console.say("AuctionNet's size: 500,000 auctions, 48 advertisers, 3 slots")
        period = auctionnet_cases(lambda case: console.say(line(case)))
        more["auctionnet"] = as_json(unit, period)["cases"]
    fastest = max(cases, key=lambda case: case.candidate_bids_per_s)
    text = (
        f"reference kernel {unit / 1e6:.0f} M elements/s; fastest: {line(fastest)}\n"
        f"a table loads at {load['rows_per_s'] / 1e6:.1f} M rows/s; peak memory {memory / 2**20:.0f} MB"
    )
    console.result(text, as_json(unit, cases, **more))
    return 0


def _make_day(arguments: argparse.Namespace, console: Console) -> int:
    """Make and store days of traffic larger than memory."""
    from auctionsim.jobs.bench.day import make_day

    days, reported = arguments.days or 1, 0
    wanted = arguments.make_day * days

    def progress(written: int) -> None:
        nonlocal reported
        if written * 10 // wanted > reported:
            reported = written * 10 // wanted
            console.say(f"{written} of about {wanted} auctions")

    out = _folders.new_folder(arguments.out or "runs/day")
    stored = make_day(arguments.make_day, out, progress, days)
    value = {"out": str(out), "rows": stored.rows}
    console.result(f"{out}: {stored.auctions} auctions, {stored.rows} candidates", value, kept=out)
    console.next_command(f"auctionsim bench --day {out}")
    return 0


def _replay_day(arguments: argparse.Namespace, console: Console) -> int:
    """Replay a stored day in order, and with --workers on them; measure speed, memory, rounds and what travels."""
    from auctionsim.jobs.bench.day import replay_day, replay_in_pieces
    from auctionsim.jobs.distributed.cluster import local_workers

    if arguments.budget is not None and not 0 < arguments.budget < math.inf:
        raise InputError(f"--budget: expected a number > 0, got {arguments.budget}")
    policies = arguments.policies or 1
    found, case = replay_day(Path(arguments.day), policies, math.inf if arguments.budget is None else arguments.budget)
    text = (
        f"{found['auctions']:.0f} auctions x {policies} policies in {found['seconds']:.1f} s on one core, "
        f"{found['auctions_per_s'] / 1e6:.2f} M auctions/s, {found['bids_per_s'] / 1e6:.0f} M bids/s; peak memory "
        f"{found['peak_memory_bytes'] / 2**20:.0f} MB for {found['bytes_on_disk'] / 2**20:.0f} MB on disk; "
        f"revenue {found['revenue']!r}; {found['budgets_spent']:.0%} of the budgets spent"
    )
    if arguments.workers or arguments.address is not None:
        console.say(text)
        with _common.pool_of(arguments, 0) as pool:
            workers = local_workers(arguments.workers or "auto")
            shared = replay_in_pieces(pool, workers, case)
        found["in_pieces"] = shared
        is_same = shared["sha256"] == found["sha256"]
        text = (
            f"on {workers} workers {shared['seconds']:.1f} s, {found['seconds'] / shared['seconds']:.2f} times as fast; "
            f"{'the same bytes' if is_same else 'OTHER BYTES'}; {shared['windows']} windows, {shared['rounds']} rounds, "
            f"{shared['ranked_again']:.1%} ranked again, {shared['bytes_sent'] / 2**20:.1f} MB sent"
        )
        if not is_same:
            raise RunError(f"--day {arguments.day}: expected the bytes of one core on {workers} workers, got others: {text}")
    console.result(text, found)
    return 0


def _cluster(arguments: argparse.Namespace, console: Console) -> int:
    """Measure a generation on a pool of workers against one process."""
    from auctionsim.jobs.bench.cluster import cluster_figures

    expect_library("ray", "auctionsim bench --cluster")
    with _common.pool_of(arguments, 2) as pool:
        found = cluster_figures(pool, arguments.workers or 2)
    lines = [
        f"a generation of {found['advertisers']} advertisers, {found['auctions']} auctions, population {found['members']}: "
        f"{found['serial']['seconds']:.2f} s in one process, {found['pool']['seconds']:.2f} s on {found['workers']} workers, "
        f"{found['speed_up']:.2f} times as fast",
        f"the driver's share of it: {found['driver_share']:.1%}",
        *(
            f"{row['policy']:22} {row['parameters']:8d} parameters: {row['tasks']} bytes of tasks, "
            f"{row['to_driver']} bytes back; to each node the smaller of {row['scalars']} bytes of scalars and "
            f"{row['state']} bytes of state"
            for row in found["bytes"]
        ),
    ]
    console.result("\n".join(lines), found)
    return 0


def _soak(arguments: argparse.Namespace, console: Console) -> int:
    """Train for some minutes and measure memory and throughput."""
    from auctionsim.jobs.bench.cluster import soak

    def line(seconds: float, per_second: float, megabytes: float) -> None:
        console.say(f"{seconds:6.0f} s  {per_second:7.2f} generations/s  {megabytes:7.0f} MB")

    with _common.pool_of(arguments, 2) as pool:
        rows = soak(pool, arguments.soak, line)
    names = ("seconds", "generations_per_s", "megabytes")
    growth = rows[-1][2] - rows[len(rows) // 4][2]
    text = f"memory {growth:+.0f} MB from the first quarter to the end"
    console.result(text, {"growth_mb": growth, "rows": [dict(zip(names, row, strict=True)) for row in rows]})
    return 0
