"""Check a scenario file and the traffic it names, without training."""

from __future__ import annotations

import argparse

from auctionsim.commands import _common
from auctionsim.console import Console


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command's arguments."""
    _common.add_scenario(parser)


def run(arguments: argparse.Namespace, console: Console) -> int:
    """Check."""
    from auctionsim.market.setup import build_market
    from auctionsim.scenario_file import load_scenario

    scenario = load_scenario(arguments.scenario, overrides=_common.overrides_of(arguments))
    market = build_market(scenario)
    auctions = int(market.traffic.weight.sum())
    console.result(
        f"{scenario.name}: right; {len(market.advertisers)} advertisers, {len(market.learners)} of them learn; "
        f"{auctions} auctions on {len(market.traffic.days)} days",
        {"scenario": scenario.name, "advertisers": len(market.advertisers), "auctions": auctions},
    )
    console.next_command(f"auctionsim train {arguments.scenario}")
    return 0
