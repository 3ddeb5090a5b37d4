"""The next command that a question names asks the same question."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest

from auctionsim.cli import main

from .tables import frame

pytestmark = pytest.mark.usefixtures("without_figures")


def next_words(capsys: pytest.CaptureFixture[str]) -> list[str]:
    (line,) = (line for line in capsys.readouterr().err.splitlines() if line.startswith("next: "))
    return shlex.split(line.removeprefix("next: "))


@pytest.fixture
def market(tmp_path: Path) -> list[str]:
    table, budgets = tmp_path / "my table.parquet", tmp_path / "budgets.csv"
    frame(n=40, days=2).write_parquet(table)
    budgets.write_text("advertiser,budget\n" + "".join(f"shop {i},5\n" for i in range(6)))
    base = ["--base", "mechanism.reserve=0.1", "--base", "mechanism.slot_effect=[1.0, 0.5]"]
    return [str(table), *base, "--budgets", str(budgets), "--days", "1", "--seed", "3"]


def test_whatif_repeats_the_whole_question(market: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    changes = ["--set", "mechanism.pricing=vcg", "--grid", "mechanism.reserve=0.2,0.3", "--no-intervals"]
    assert main(["whatif", *market, *changes]) == 0
    words = next_words(capsys)
    assert words == ["auctionsim", "whatif", *market, *changes, "--out", "answer"]
    assert main([*words[1:-1], str(tmp_path / "answer")]) == 0


def test_landscape_goes_on_from_the_same_market(market: list[str], capsys: pytest.CaptureFixture[str]):
    assert main(["landscape", *market, "--advertiser", "shop 1", "--no-intervals"]) == 0
    assert next_words(capsys) == ["auctionsim", "whatif", *market, "--set", "mechanism.reserve=0.1"]


def test_reactions_and_totals_are_part_of_the_question(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    observed = tmp_path / "totals.csv"
    observed.write_text("advertiser,clicks\nshop 1,5\n")
    table = tmp_path / "t.parquet"
    frame(n=40).write_parquet(table)
    question = [str(table), "--set", "mechanism.reserve=0.1", "--observed", str(observed)]
    assert main(["whatif", *question]) == 0
    assert next_words(capsys) == ["auctionsim", "whatif", *question, "--out", "answer"]
