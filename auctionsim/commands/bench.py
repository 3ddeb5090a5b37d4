"""Measure the engine on this machine, as shares of a yardstick (np.maximum on cached float32 arrays, one thread)."""

from __future__ import annotations

import argparse

from auctionsim.commands import _common
from auctionsim.console import Console


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command's arguments."""
    parser.add_argument("--auctions", type=_common.positive, default=4000, help="auctions of the day (default 4000)")
    parser.add_argument("--candidates", type=_common.positive, default=48, help="candidates in each (default 48)")


def run(arguments: argparse.Namespace, console: Console) -> int:
    """Measure."""
    from auctionsim.jobs.bench import Case, as_json, engine_cases, yardstick

    unit = yardstick()

    def line(case: Case) -> str:
        speed = case.candidate_bids_per_s
        what = f"policies {case.policies:3d}  slots {case.slots}  {case.pricing:5s}  {case.outcomes}  threads {case.threads}"
        return f"{what}  {speed / 1e6:7.0f} M bids/s  {speed / unit:.3f} of the yardstick"

    cases = engine_cases(arguments.auctions, arguments.candidates, lambda case: console.say(line(case)))
    fastest = max(cases, key=lambda case: case.candidate_bids_per_s)
    console.result(f"yardstick {unit / 1e6:.0f} M elements/s; fastest: {line(fastest)}", as_json(unit, cases))
    return 0
