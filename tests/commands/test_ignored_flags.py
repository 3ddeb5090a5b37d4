"""Flags that a form of a command would ignore are refused: who gives them believes in figures that are others."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path

import pytest

from auctionsim.cli import command_modules, main, make_parser

EVERYWHERE = {"help", "json", "allow_code"}
VALUES = {"workers": "0", "param": "seed=grid(1)", "max_bad": "0.5", "budget": "0.5", "max_unpacked": "1", "seed": "1"}
FORMS: dict[str, tuple[str, set[str]]] = {
    "check --schema": ("check", {"schema"}),
    "ingest --template": ("ingest", {"template"}),
    "reproduce": ("reproduce", {"study"}),
    "watch folder --json": ("watch", {"run"}),
    "bench --make-day 10": ("bench", {"make_day", "days", "out"}),
    "bench --day folder": ("bench", {"day", "workers", "address", "budget", "policies"}),
    "bench --cluster": ("bench", {"cluster", "workers", "address"}),
    "bench --soak 1": ("bench", {"soak", "workers", "address"}),
    "bench": ("bench", {"auctions", "candidates", "auctionnet", "make_day", "day", "cluster", "soak"}),
}
"""Forms of commands that use some of their arguments alone, with the places of these arguments' values."""


def ignored() -> Iterator[tuple[str, list[str]]]:
    """Every form, with every argument of its command that it does not use."""
    (commands,) = (
        action for action in make_parser(command_modules())._actions if isinstance(action, argparse._SubParsersAction)
    )
    for form, (command, used) in FORMS.items():
        for action in commands.choices[command]._actions:
            if action.dest in used | EVERYWHERE or action.help == argparse.SUPPRESS:
                continue
            value = [] if action.nargs == 0 else [VALUES.get(action.dest, "5")]
            yield form, [*action.option_strings[-1:], *value]


@pytest.mark.parametrize(("form", "flag"), list(ignored()), ids=lambda one: one if isinstance(one, str) else one[0])
def test_a_flag_without_effect_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], form: str, flag: list[str]
):
    monkeypatch.chdir(tmp_path)
    if "folder" in form:
        (tmp_path / "folder").mkdir()
        (tmp_path / "folder" / "manifest.json").write_text("{}")
    first, *rest = form.split()
    assert main([first, *flag, *rest] if flag[0].startswith("-") else [first, *rest, *flag]) == 2
    message = capsys.readouterr().err
    assert message.count("\n") == 1
    assert ": expected with" in message
    assert [path.name for path in tmp_path.iterdir()] == (["folder"] if "folder" in form else [])


@pytest.mark.parametrize(("command", "says"), [
    ("check --schema mine.toml --profile xx", "scenario: expected without --schema, got 'mine.toml' beside it"),
    ("check --schema --set a=1", "--set: expected without --schema, got 'a=1' beside it"),
    ("check --schema --seed 0", "--seed: expected without --schema, got 0 beside it"),
    ("ingest --template --aggregate none", "--aggregate: expected without --template, got 'none' beside it"),
    ("ingest a.csv --template", "LOG: expected without --template, got 'a.csv' beside it"),
    ("reproduce --seeds 3", "--seeds: expected without the list of all studies (name a study), got 3 beside it"),
    ("reproduce maab-game --data folder",
     "--data: expected with a study of public files (adwords, macg, screens), got it with 'maab-game'"),
    ("experiment three-arms --design user --period 6", "--period: expected with --design switchback alone, got 6 without"),
    ("experiment three-arms --design user --period 4", "--period: expected with --design switchback alone, got 4 without"),
    ("demo --scenario three-arms --data folder", "--data: expected without --scenario, got 'folder' beside it"),
    ("learn-offline logs --steps 5 --out new", "--steps: expected with a learner of d3rlpy alone, got 5 with 'online-lp'"),
    ("bench --policies 1", "--policies: expected with --day alone, got 1 without"),
    ("bench --days 1", "--days: expected with --make-day alone, got 1 without"),
    ("bench --day folder --auctions 4000", "--auctions: expected without --day, got 4000 beside it"),
    ("bench --make-day 5 --day folder", "--day: expected without --make-day, got both"),
])  # fmt: skip
def test_the_message_names_the_flag(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], command: str, says: str
):
    monkeypatch.chdir(tmp_path)
    assert main(command.split()) == 2
    assert capsys.readouterr().err == f"{says}\n"
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("command", ["check --schema", "check --schema --no-code", "ingest --template", "reproduce --json"])
def test_flags_that_scripts_give_everywhere_are_none_of_them(capsys: pytest.CaptureFixture[str], command: str):
    assert main(command.split()) == 0
    assert capsys.readouterr().err == ""
