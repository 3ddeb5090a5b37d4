"""A scenario without learners, and a market in which nobody wins, run through every command."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from auctionsim.cli import main
from auctionsim.runs import Run

from ..conftest import SMALL

pytestmark = pytest.mark.usefixtures("without_figures")

QUICK = SMALL.replace("auctions_per_day = 600", "auctions_per_day = 96").replace("iterations = 6", "iterations = 2")
QUICK = QUICK.replace("population = 8", "population = 4")


@pytest.fixture
def scenario(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.chdir(tmp_path)
    Path("small.toml").write_text(QUICK)
    return "small.toml"


@pytest.mark.parametrize("rule", ["manual", "pid"])
def test_rules_alone_are_evaluated_reported_and_compared(scenario: str, rule: str, capsys: pytest.CaptureFixture[str]):
    budget = ("--set", "advertisers.0.budget=baseline*0.5")
    assert main(["train", scenario, "--set", f"advertisers.0.controller={rule}", *budget, "--out", "rules"]) == 0
    said = capsys.readouterr()
    assert "nobody learns, so there is nothing to train" in said.err
    assert "rules: no learners, everybody follows a rule: revenue " in said.out
    run = Run.open("rules")
    assert run.status == "finished"
    assert run.checkpoints() == []
    assert run.metrics() == []
    text = Path("rules/report/report.md").read_text(encoding="utf-8")
    assert "Figures about learning leave out rules: every advertiser follows a rule." in text
    assert "figures/learning" not in text
    before = (run.path / "outcomes.parquet").read_bytes()
    for command in ("evaluate", "resume", "report"):
        assert main([command, "rules"]) == 0
    assert (run.path / "outcomes.parquet").read_bytes() == before
    capsys.readouterr()
    assert main(["control", "rules"]) == 2
    assert "got one in which every advertiser follows a rule" in capsys.readouterr().err
    if rule == "manual":
        # Keyword bids are the baseline: nothing changes by a cent.
        learned, baseline = (run.table("outcomes").filter(arm=arm).drop("arm") for arm in ("learned", "reference"))
        assert learned.equals(baseline)


def test_rules_that_were_interrupted_are_evaluated_on_resume(scenario: str):
    assert main(["train", scenario, "--set", "advertisers.0.controller=manual", "--out", "rules"]) == 0
    run = Run.open("rules")
    run.set_status("interrupted")
    (run.path / "outcomes.parquet").unlink()
    assert main(["resume", "rules"]) == 0
    assert run.status == "finished"


def test_a_market_in_which_nobody_wins_is_warned_of_trained_and_reported(scenario: str, capsys: pytest.CaptureFixture[str]):
    reserve = ("--set", "mechanism.reserve=1000")
    assert main(["check", scenario, *reserve, "--json"]) == 0
    said = capsys.readouterr()
    warnings = json.loads(said.out)["warnings"]
    assert warnings[0].startswith("mechanism.reserve: no keyword bid reaches 1000; the highest is ")
    assert warnings[1].startswith("mechanism.reserve: no value of a click reaches 1000; the highest is ")
    assert (
        warnings[2]
        == "platform.baseline: ratios of revenue and profit on train_days are not defined: the baseline earned nothing"
    )
    assert f"{scenario}: warning: {warnings[0]}" in said.err
    assert main(["train", scenario, *reserve, "--seeds", "2", "--out", "run"]) == 0
    assert "ratio not defined: the baseline earned nothing" in capsys.readouterr().out
    for line in Path("run/metrics.jsonl").read_text().splitlines():
        logged = json.loads(line, parse_constant=lambda text: pytest.fail(f"{text} is no JSON"))
        assert (logged["revenue_ratio"], logged["profit_ratio"]) == (None, None)


@pytest.mark.parametrize("cap", ["1e-24", "1e-30", "5e-324"])
def test_where_keyword_bids_bring_next_to_nothing_no_figure_is_a_ratio_to_it(scenario: str, cap: str):
    nothing = ("--set", f"mechanism.bid_cap={cap}", "--set", "mechanism.reserve=0.0")
    assert main(["train", scenario, *nothing, "--out", "poor"]) == 0
    logged = [json.loads(line) for line in Path("poor/metrics.jsonl").read_text().splitlines()]
    assert {one["revenue_ratio"] for one in logged} == {None}
    assert main(["train", scenario, "--out", "usual"]) == 0
    assert main(["compare", "poor", "usual", "--out", "both"]) == 0
    for page in ("poor/report/report.md", "both/report.md"):
        assert not re.search(r"\d[\d,]{14,}", Path(page).read_text()), page


@pytest.mark.parametrize(("cap", "reserve"), [("5e-324", "0.01"), ("1e9", "2.0"), ("1e9", "0.5")])
def test_a_market_in_which_some_or_all_bids_win_nothing_has_a_verdict_that_can_be_stored(scenario: str, cap: str, reserve: str):
    overrides = ("--set", f"mechanism.bid_cap={cap}", "--set", f"mechanism.reserve={reserve}")
    assert main(["train", scenario, *overrides, "--out", "run"]) == 0
    assert Run.open("run").status == "finished"
    assert main(["report", "run"]) == 0


def test_a_scenario_that_is_fine_has_no_warnings(scenario: str, capsys: pytest.CaptureFixture[str]):
    assert main(["check", scenario, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["warnings"] == []
