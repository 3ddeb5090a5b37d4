"""Logs of a run's policy, judged after the run has trained on, moved or been changed."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import polars as pl
import pytest

from auctionsim.cli import main

from ...conftest import SMALL
from .changes import change_rows, change_settings

pytestmark = pytest.mark.usefixtures("without_figures")


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("trained")
    (folder / "small.toml").write_text(SMALL)
    assert main(["train", str(folder / "small.toml"), "--out", str(folder / "run"), "--set", "train.iterations=2"]) == 0
    return folder / "run"


@pytest.fixture
def run(tmp_path: Path, trained: Path) -> Path:
    return shutil.copytree(trained, tmp_path / "run")


def export(run: Path | str, out: Path, *arguments: str) -> dict[str, object]:
    assert main(["export-dataset", str(run), "--episodes", "2", "--noise", "0.2", "--out", str(out), *arguments]) == 0
    return json.loads((out / "dataset.json").read_text())


def judged(logs: Path, capsys: pytest.CaptureFixture[str]) -> tuple[int, str, str]:
    capsys.readouterr()
    code = main(["evaluate-offline", str(logs), "--policy", "start", "--draws", "3", "--json"])
    said = capsys.readouterr()
    return code, said.out, said.err


@pytest.mark.long
def test_the_checkpoint_that_was_logged_is_the_behavior_policy_after_the_run_trained_on(
    run: Path, tmp_path: Path, small_file: Path, capsys: pytest.CaptureFixture[str]
):
    logs = tmp_path / "logs"
    settings = export(run, logs)
    (file,) = (run / "checkpoints" / "000002").iterdir()
    assert settings["checkpoint"]["iteration"] == 2
    before = judged(logs, capsys)
    assert before[0] == 0
    # The same run, longer; its checkpoints are put into the run's folder as if that had trained on.
    longer = tmp_path / "longer" / "checkpoints"
    assert main(["train", str(small_file), "--out", str(longer.parent), "--set", "train.iterations=6"]) == 0
    shutil.copytree(longer / "000004", run / "checkpoints" / "000004")
    assert judged(logs, capsys) == before
    assert export(run, tmp_path / "later")["checkpoint"]["iteration"] == 4
    # Another state under the same iteration.
    kept = file.read_bytes()
    file.write_bytes((run / "checkpoints" / "000004" / file.name).read_bytes())
    code, out, err = judged(logs, capsys)
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert err.startswith(f"{file}: expected the checkpoint whose policy was logged, SHA-256 ")
    file.write_bytes(kept)
    # A run keeps the last two alone.
    shutil.copytree(longer / "000006", run / "checkpoints" / "000006")
    shutil.rmtree(file.parent)
    code, out, err = judged(logs, capsys)
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert err.startswith(f"{run}: expected the checkpoint of iteration 2, whose policy was logged, got those of [4, 6]")
    shutil.rmtree(run)
    code, out, err = judged(logs, capsys)
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert err.startswith(f"{logs / 'dataset.json'}: policy: expected the folder of the run that was logged, got none at {run}")


def test_a_behavior_policy_that_would_act_otherwise_than_logged_is_refused(
    run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    logs = tmp_path / "logs"
    export(run, logs)
    # As if its factor had been another one: actions, outcomes and propensities stay as logged.
    change_settings(logs, factor=1.5)
    code, out, err = judged(logs, capsys)
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert f"{logs}: expected the actions of the columns behavior_* from {run}, got others on day 0, by up to 0.1" in err


def test_a_relative_path_of_a_run_is_stored_whole(
    run: Path, tmp_path: Path, small_file: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.chdir(run.parent)
    settings = export(str(small_file), tmp_path / "logs", "--policy", "run")
    assert settings["policy"] == str(run.resolve())
    monkeypatch.chdir("/")
    assert judged(tmp_path / "logs", capsys)[0] == 0


def test_outcomes_that_a_replay_does_not_bring_are_refused(
    tmp_path: Path, small_file: Path, capsys: pytest.CaptureFixture[str]
):
    for name in ("reward", "gmv", "clicks"):
        logs = tmp_path / name
        export(str(small_file), logs)
        change_rows(logs, lambda table, name=name: table.with_columns(pl.col(name) + 1))
        code, out, err = judged(logs, capsys)
        assert (code, out, err.count("\n")) == (2, "", 1)
        assert "expected the outcomes that a replay of its actions has, got others on day 0" in err
