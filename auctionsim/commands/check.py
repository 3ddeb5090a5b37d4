"""Check a scenario file and the traffic it names, without training.

It warns of what is valid and makes figures meaningless: a reserve that no bid reaches, a baseline that earns nothing.

A scenario may name classes, `package.module:Class`. To import one is to run its code, so check refuses it without --allow-code.

With --schema, print the JSON schema of scenario files instead; editors complete and check keys by it.
"""

from __future__ import annotations

import argparse
import shlex

from auctionsim.commands import _common
from auctionsim.console import Console
from auctionsim.errors import InputError
from auctionsim.extras import MissingExtra

EXAMPLE = "auctionsim check mine.toml --set train.iterations=50"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments."""
    parser.add_argument(
        "scenario", nargs="?", help="a scenario file, or the name of a built-in scenario (auctionsim scenarios)"
    )
    parser.add_argument("--schema", action="store_true", help="print the JSON schema of scenario files and exit (default: off)")
    _common.add_overrides(parser)
    _common.add_code(parser, is_allowed=False)


def run(arguments: argparse.Namespace, console: Console) -> int:
    """Check the scenario and print what it holds, or print the schema."""
    if arguments.schema:
        import json

        from auctionsim.scenario.schema import scenario_schema

        schema = scenario_schema()
        console.result(json.dumps(schema, indent=2), schema)
        return 0
    if arguments.scenario is None:
        raise InputError("auctionsim check: expected scenario, got none (see auctionsim check --help)")
    from auctionsim.agents.build import build_market
    from auctionsim.agents.learners.registry import expect_installed, make_learner, with_constants
    from auctionsim.market.warnings import market_warnings
    from auctionsim.scenario.file import load_scenario

    scenario = with_constants(load_scenario(arguments.scenario, overrides=_common.overrides_of(arguments)))
    market = build_market(scenario)
    if "learner.algorithm" in scenario.classes:
        make_learner(scenario)
    for key, name in scenario.classes.items():
        console.say(f"{scenario.source}: {key}: {name} is code of your own, imported and run by check and train")
    warnings = market_warnings(market)
    try:
        expect_installed(scenario)
    except MissingExtra as error:
        # The scenario is right all the same, on a machine that has the library.
        warnings.append(str(error).removeprefix(f"{scenario.source}: "))
    for warning in warnings:
        console.say(f"{scenario.source}: warning: {warning}")
    auctions, advertisers = market.source.auctions, len(market.advertisers)
    console.result(
        f"{scenario.name}: valid ({advertisers} advertisers, {len(market.learners)} of them learners, "
        f"{len(market.source.days)} days, {auctions} auctions)",
        {"scenario": scenario.name, "advertisers": advertisers, "auctions": auctions, "warnings": warnings},
    )
    console.next_command(f"auctionsim train {shlex.quote(arguments.scenario)}")
    return 0
