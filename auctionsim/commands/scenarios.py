"""List the built-in scenarios and traffic profiles."""

from __future__ import annotations

import argparse

from auctionsim.console import Console


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """No arguments."""


def run(_: argparse.Namespace, console: Console) -> int:
    """List."""
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
