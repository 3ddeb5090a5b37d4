"""A run with budgets gets its verdict from a control without them."""

from __future__ import annotations

import json
from pathlib import Path

import polars as pl
import pytest

from auctionsim.agents.build import build_market
from auctionsim.analysis.reports.run_collusion import collusion_sentence, control_of
from auctionsim.cli import main
from auctionsim.runs import Run
from auctionsim.scenario.file import parse_scenario

from ..conftest import SMALL

pytestmark = pytest.mark.usefixtures("without_figures")

BUDGETS = ("--set", 'advertisers.0.budget="baseline*0.3"')
COLLUDING = (
    "--set", "platform.revenue_floor=0", "--set", "advertisers.0.profit_floor=0", "--set", "learner.own_weight=0",
    "--set", "learner.learning_rate=0.3",
)  # fmt: skip


@pytest.fixture
def limited(tmp_path: Path) -> Path:
    """A finished run whose learners collude under budgets."""
    scenario, out = tmp_path / "small.toml", tmp_path / "run"
    scenario.write_text(SMALL)
    assert main(["train", str(scenario), *BUDGETS, *COLLUDING, "--set", "train.iterations=40", "--out", str(out)]) == 0
    return out


@pytest.mark.long
def test_a_run_with_budgets_has_no_verdict_until_its_control_is_trained(limited: Path, capsys: pytest.CaptureFixture[str]):
    assert "no verdict" in str(collusion_sentence(Run.open(limited), "run"))
    assert "auctionsim control RUN" in str(collusion_sentence(Run.open(limited), "run"))
    capsys.readouterr()
    assert main(["control", str(limited), "--json"]) == 0
    found = json.loads(capsys.readouterr().out.splitlines()[-1])
    control = control_of(Run.open(limited))
    assert control is not None
    assert [group.budget for group in control.scenario().advertisers] == [None] * len(control.scenario().advertisers)
    assert control.seeds == Run.open(limited).seeds
    assert "no verdict" not in found["collusion"]
    assert "run: tacit or explicit coordination of " in found["collusion"]
    assert found["collusion"] in (limited / "report" / "report.md").read_text()
    before = {
        path: path.read_bytes() for path in (limited / "control").rglob("*") if path.suffix in (".safetensors", ".parquet")
    }
    assert main(["control", str(limited)]) == 0
    assert all(path.read_bytes() == data for path, data in before.items())


@pytest.mark.long
def test_pacing_that_is_gone_without_budgets_is_called_so(limited: Path):
    assert main(["control", str(limited)]) == 0
    run = Run.open(limited)
    control = control_of(run)
    assert control is not None
    table = control.table("collusion")
    control.write_table("collusion", table.with_columns(pl.lit("competitive").alias("alone")))
    assert "run: pacing on 1 of 1 seeds" in str(collusion_sentence(run, "run"))
    control.write_table("collusion", table.with_columns(pl.lit("guilty").alias("alone")))
    assert main(["report", str(limited)]) == 2
    control.set_status("interrupted")
    assert "no verdict" in str(collusion_sentence(run, "run"))


def test_a_run_without_budgets_or_not_finished_is_refused(tmp_path: Path, limited: Path, capsys: pytest.CaptureFixture[str]):
    scenario = tmp_path / "small.toml"
    assert main(["train", str(scenario), "--set", "train.iterations=1", "--out", str(tmp_path / "free")]) == 0
    capsys.readouterr()
    assert main(["control", str(tmp_path / "free")]) == 2
    assert "expected a run with budgets, got one without" in capsys.readouterr().err
    Run.open(limited).set_status("interrupted")
    assert main(["control", str(limited)]) == 2
    assert "expected a finished run, got one that is interrupted" in capsys.readouterr().err
    assert not (limited / "control").exists()


@pytest.mark.parametrize("table", ["benchmarks", "outcomes"])
def test_a_run_that_cannot_be_reported_is_refused_before_its_control_is_trained(
    limited: Path, capsys: pytest.CaptureFixture[str], table: str
):
    (limited / f"{table}.parquet").unlink()
    capsys.readouterr()
    assert main(["control", str(limited)]) == 2
    said = f"{limited / f'{table}.parquet'}: expected the run's evaluation, got no such file (run: auctionsim evaluate "
    assert capsys.readouterr().err.startswith(said)
    assert not (limited / "control").exists()


def test_no_budget_can_be_said():
    scenario = parse_scenario(SMALL, "small.toml", overrides=['advertisers.0.budget="none"'])
    assert scenario.advertisers[0].budget is None
    assert (build_market(scenario).budgets == float("inf")).all()


def test_the_control_has_no_joint_budget_either(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    house = '[[agencies]]\nagency = "house"\nmembers = ["seller"]\nbudget = "baseline*0.5"\n'
    (tmp_path / "small.toml").write_text(SMALL + house)
    assert main(["train", str(tmp_path / "small.toml"), "--set", "train.iterations=1", "--out", str(tmp_path / "run")]) == 0
    assert main(["control", str(tmp_path / "run")]) == 0
    control = control_of(Run.open(tmp_path / "run"))
    assert control is not None
    assert [agency.budget for agency in control.scenario().agencies] == [None]
    assert not build_market(control.scenario()).accounts
    capsys.readouterr()


def test_campaigns_of_an_account_have_no_control(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    account = '[[accounts]]\naccount = "acme"\nbudget = 5.0\n'
    text = SMALL.replace("count = 5", 'count = 5\naccount = "acme"')
    (tmp_path / "small.toml").write_text(text + account)
    assert main(["train", str(tmp_path / "small.toml"), "--set", "train.iterations=1", "--out", str(tmp_path / "run")]) == 0
    capsys.readouterr()
    assert main(["control", str(tmp_path / "run")]) == 2
    said = "accounts: expected none with a control, which has no budgets, got 'acme'\n"
    assert capsys.readouterr().err == f"{tmp_path / 'run'}: {said}"
    assert not (tmp_path / "run" / "control").exists()
