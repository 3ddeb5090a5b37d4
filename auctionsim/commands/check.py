"""Check a scenario file and the traffic it names, without training.

It warns of what is valid and makes figures meaningless: a reserve that no bid reaches, a baseline that earns nothing.

With --profile, draw a week by the scenario's profile, or by the profile that is named, and compare it with the profile's
measured aggregates: exit code 1 where one is missed (docs/profiles.md).

A scenario may name classes, `package.module:Class`. To import one is to run its code, so check refuses it without --allow-code.

With --schema, print the JSON schema of scenario files instead; editors complete and check keys by it.
"""

from __future__ import annotations

import argparse
import shlex
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from auctionsim.commands import _common
from auctionsim.commands._flags import expect_no_others
from auctionsim.console import Console
from auctionsim.errors import InputError
from auctionsim.extras import MissingExtra

if TYPE_CHECKING:
    from auctionsim.traffic.comparison.week import Week

EXAMPLE = "auctionsim check mine.toml --set train.iterations=50"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments."""
    parser.add_argument(
        "scenario", nargs="?", help="a scenario file, or the name of a built-in scenario (auctionsim scenarios)"
    )
    parser.add_argument("--schema", action="store_true", help="print the JSON schema of scenario files and exit (default: off)")
    parser.add_argument(
        "--profile",
        nargs="?",
        const="",
        metavar="NAME",
        help="compare the generator with a profile: the scenario's, or a built-in one or a file (default: do not)",
    )
    parser.add_argument(
        "--seeds", type=_common.positive, help="with --profile: seeds to draw a week for, from the scenario's on (default: 1)"
    )
    _common.add_overrides(parser)
    _common.add_code(parser, is_allowed=False)


def run(arguments: argparse.Namespace, console: Console) -> int:
    """Check the scenario and print what it holds, or print the schema."""
    if arguments.schema:
        expect_no_others(arguments, {"schema"}, "--schema")
        import json

        from auctionsim.scenario.schema import scenario_schema

        schema = scenario_schema()
        console.result(json.dumps(schema, indent=2), schema)
        return 0
    if arguments.profile is not None:
        return _compare(arguments, console)
    if arguments.seeds is not None:
        raise InputError("--seeds: expected with --profile alone, got it without")
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
    console.warn(scenario.source, warnings)
    auctions, advertisers = market.source.auctions, len(market.advertisers)
    console.result(
        f"{scenario.name}: valid ({advertisers} advertisers, {len(market.learners)} of them learners, "
        f"{len(market.source.days)} days, {auctions} auctions)",
        {"scenario": scenario.name, "advertisers": advertisers, "auctions": auctions, "warnings": warnings},
    )
    console.next_command(f"auctionsim train {shlex.quote(arguments.scenario)}")
    return 0


def _compare(arguments: argparse.Namespace, console: Console) -> int:
    """Compare generated weeks with a profile's aggregates; return 1 where one is missed."""
    from auctionsim.scenario import TrafficSection
    from auctionsim.scenario.file import load_scenario
    from auctionsim.traffic.comparison.compare import compared, lines_of
    from auctionsim.traffic.comparison.week import draw_week
    from auctionsim.traffic.profile import load_profile

    section, seed, folder, source = TrafficSection(), arguments.seed or 0, None, ""
    if arguments.scenario is not None:
        scenario = load_scenario(arguments.scenario, overrides=_common.overrides_of(arguments))
        section, seed, folder, source = scenario.traffic, scenario.seed, scenario.folder, f"{scenario.source}: "
        if not section.is_synthetic:
            raise InputError(f"{source}traffic.source: expected 'synthetic' with --profile, got a traffic table")
    elif arguments.overrides:
        raise InputError("--set: expected with a scenario, got it with a profile alone")
    elif not arguments.profile:
        raise InputError("--profile: expected a scenario or the name of a profile, got neither (see auctionsim check --help)")
    if arguments.profile:
        profile = load_profile(arguments.profile, source="--profile")
    else:
        profile = load_profile(section.profile, folder, f"{source}traffic.profile")
    seeds = _common.seeds_from(seed, arguments.seeds or 1)

    def weeks(progress: Callable[[str, float], None]) -> Iterator[Week]:
        for done, one in enumerate(seeds):
            progress(f"a week of profile {profile.name}, seed {one}", done / len(seeds))
            yield draw_week(section, profile, one)

    with console.steps() as progress:
        rows = compared(profile, weeks(progress))
    held = sum(row.holds for row in rows)
    reported = f"{held} of {len(rows)} measured aggregates hold" if rows else "no figure is measured, so nothing is compared"
    console.result(
        "\n".join([*lines_of(profile, rows), "", f"profile {profile.name}: {reported}"]),
        {
            "profile": profile.name, "seeds": list(seeds), "holds": held == len(rows), "rows": [row.as_dict() for row in rows],
            **profile.marks._asdict(), "sources": list(profile.sources),
        },
    )  # fmt: skip
    return 0 if held == len(rows) else 1
