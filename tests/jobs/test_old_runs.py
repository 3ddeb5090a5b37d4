"""Run folders of version 0.1, with the names that keys and values had then, can still be read, resumed and evaluated.

`old_run/` was written by the last commit before the names changed: one run of four iterations that finished, and the same one
stopped after two, without figures and event files.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from polars.testing import assert_frame_equal

from auctionsim.analysis.reports.run_collusion import collusion_sentence
from auctionsim.cli import main
from auctionsim.errors import RenamedWarning
from auctionsim.jobs.training.train import evaluate, train
from auctionsim.runs import Run

pytestmark = pytest.mark.usefixtures("without_figures")

OLD = Path(__file__).parent / "old_run"


@pytest.fixture
def old(tmp_path: Path) -> Path:
    return shutil.copytree(OLD, tmp_path / "old")


def close(one: Run, other: Run) -> None:
    """Matrix products may differ in the last digits on another processor, and nothing else may."""
    states = [run.load_checkpoint(4) for run in (one, other)]
    for seed in (0, 1):
        assert states[0][seed].keys() == states[1][seed].keys()
        for name, array in states[0][seed].items():
            assert array.dtype == states[1][seed][name].dtype
            np.testing.assert_allclose(array, states[1][seed][name], rtol=1e-4, atol=1e-6)
    for name in ("outcomes", "benchmarks", "punishment"):
        stored = one.table(name).columns, other.table(name).columns
        # Earlier versions did not store clicks and conversions of the benchmarks.
        assert name == "benchmarks" or stored[0] == stored[1]
        shared = [column for column in stored[0] if column in stored[1]]
        assert_frame_equal(one.table(name).select(shared), other.table(name).select(shared), rel_tol=1e-6)
    # Verdicts are by other tests now, and the benchmark that equaled another one is gone; figures against the rest stay.
    figures = ["seed", "benchmark", "profit_gain", "suppression", "normalised_suppression"]
    now, then = one.table("collusion"), other.table("collusion")
    assert set(now["benchmark"]) >= {"truthful", "manual"}
    kept = then.filter(then["benchmark"].is_in(now["benchmark"].unique().to_list()))
    assert_frame_equal(now.select(figures), kept.select(figures), rel_tol=1e-6)


def test_an_old_run_that_was_interrupted_ends_as_the_old_one_did(old: Path):
    run = Run.open(old / "interrupted")
    with pytest.warns(RenamedWarning, match=r"interrupted/scenario.toml: \d+ names are of an older version"):
        train(run)
    assert run.status == "finished"
    close(run, Run.open(old / "finished"))
    rows = [[json.loads(line) for line in (old / name / "metrics.jsonl").read_text().splitlines()]
            for name in ("interrupted", "finished")]  # fmt: skip
    assert len(rows[0]) == 8
    for one, other in zip(*rows, strict=True):
        assert one == pytest.approx(other, rel=1e-4)


def test_an_old_run_is_evaluated_again_to_the_same_tables(old: Path):
    run = Run.open(old / "finished")
    (run.path / "outcomes.parquet").unlink()
    with pytest.warns(RenamedWarning):
        evaluate(run)
    close(run, Run.open(OLD / "finished"))


def test_old_runs_are_resumed_reported_and_compared_by_the_command_line(old: Path, capsys: pytest.CaptureFixture[str]):
    assert main(["report", str(old / "finished")]) == 0
    assert (old / "finished" / "report" / "index.html").is_file()
    assert main(["resume", str(old / "interrupted"), "--workers", "0"]) == 0
    # One line for each run, however many names and however often it is read.
    told = [line for line in capsys.readouterr().err.splitlines() if "older version" in line or "is called" in line]
    assert [line.partition(":")[0] for line in told] == [str(old / n / "scenario.toml") for n in ("finished", "interrupted")]
    assert main(["compare", str(old / "finished"), str(old / "interrupted"), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)["differences"][str(old / "interrupted")]
    assert found["revenue"]["mean"] == pytest.approx(0.0, abs=1e-4)
    assert found["profit"]["mean"] == pytest.approx(0.0, abs=1e-4)


def test_an_old_run_s_advertisers_have_the_names_they_have_now(old: Path):
    run = Run.open(old / "finished")
    names = {"seller_0", "seller_1", "seller_2", "rival_0"}
    assert set(pl.read_parquet(run.path / "outcomes.parquet")["advertiser"]) == {name.replace("_", "-") for name in names}
    assert set(run.table("outcomes")["advertiser"]) == names
    assert set(run.table("punishment")["advertiser"]) == {"seller_1"}
    judged = run.table("collusion")
    run.write_table("collusion", judged.with_columns(coalition=pl.lit("seller-0, seller-2")))
    assert set(run.table("collusion")["coalition"]) == {"seller_0, seller_2"}
    run.write_table("collusion", judged.with_columns(coalition=pl.lit(["seller-0", "seller-2"])))
    assert run.table("collusion")["coalition"].to_list() == [["seller_0", "seller_2"]] * judged.height


def test_the_names_of_a_log_stay_as_they_are_though_they_look_like_old_ones(old: Path):
    run = Run.open(old / "finished")
    path = run.path / "scenario.toml"
    generated = "auctions_per_day = 600\nqueries = 20\ncandidates = 4\n"
    text = path.read_text()
    assert generated in text
    path.write_text(text.replace(generated, 'source = "log.parquet"\n'))
    assert set(run.table("outcomes")["advertiser"]) == {"seller-0", "seller-1", "seller-2", "rival-0"}


def test_an_old_run_s_verdict_on_collusion_is_withdrawn_in_one_line(old: Path):
    sentence = collusion_sentence(Run.open(old / "finished"), "old")
    assert sentence is not None
    assert "collusion.parquet is of an earlier version" in sentence
    assert "auctionsim evaluate RUN" in sentence
