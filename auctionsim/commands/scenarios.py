"""List the built-in scenarios and traffic profiles."""

from __future__ import annotations

import argparse

from auctionsim.console import Console

EXAMPLE = "auctionsim scenarios --json"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add no arguments: the command has none of its own."""


def run(_: argparse.Namespace, console: Console) -> int:
    """Print the name and first comment of every built-in scenario, and the names of the profiles."""
    from auctionsim.scenario.file import builtin_scenarios
    from auctionsim.traffic.profile import builtin_profiles

    scenarios = {name: _first_comment(text) for name, text in builtin_scenarios().items()}
    profiles = builtin_profiles()
    width = max(map(len, scenarios))
    lines = [f"{name:<{width}}  {comment}" for name, comment in scenarios.items()]
    console.result(
        "\n".join([*lines, f"profiles: {', '.join(profiles)}"]), {"scenarios": scenarios, "profiles": list(profiles)}
    )
    console.next_command(f"auctionsim train {next(iter(scenarios))}")
    return 0


def _first_comment(text: str) -> str:
    first = text.split("\n", 1)[0]
    return first.lstrip("# ") if first.startswith("#") else ""
