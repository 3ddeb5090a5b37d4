"""Check a scenario file and the traffic it names, without training; or print the scenario's JSON schema for editors."""

from __future__ import annotations

import argparse
import shlex

from auctionsim.commands import _common
from auctionsim.console import Console
from auctionsim.errors import InputError


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command's arguments."""
    parser.add_argument("scenario", nargs="?", help="a scenario file, or the name of a built-in one")
    parser.add_argument("--schema", action="store_true", help="print the JSON schema of scenario files and end")
    _common.add_overrides(parser)


def run(arguments: argparse.Namespace, console: Console) -> int:
    """Check."""
    if arguments.schema:
        import json

        from auctionsim.scenario.schema import scenario_schema

        schema = scenario_schema()
        console.result(json.dumps(schema, indent=2), schema)
        return 0
    if arguments.scenario is None:
        raise InputError("auctionsim check: expected scenario, got none (see auctionsim check --help)")
    from auctionsim.agents.build import build_market
    from auctionsim.scenario.file import load_scenario

    scenario = load_scenario(arguments.scenario, overrides=_common.overrides_of(arguments))
    market = build_market(scenario)
    auctions = market.source.auctions
    console.result(
        f"{scenario.name}: right; {len(market.advertisers)} advertisers, {len(market.learners)} of them learn; "
        f"{auctions} auctions on {len(market.source.days)} days",
        {"scenario": scenario.name, "advertisers": len(market.advertisers), "auctions": auctions},
    )
    console.next_command(f"auctionsim train {shlex.quote(arguments.scenario)}")
    return 0
