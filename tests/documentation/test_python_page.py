"""docs/python.md: its blocks of code run in order, and its loggers write what their libraries read."""

from __future__ import annotations

import importlib.util
import json
import re
from pathlib import Path
from typing import Any

import pytest

import auctionsim

from ..conftest import SMALL
from ..event_files import events_of

PAGE = Path(auctionsim.__file__).parents[1] / "docs" / "python.md"
BLOCKS = re.findall(r"^```python\n(.*?)^```", PAGE.read_text(), re.MULTILINE | re.DOTALL)
OPTIONAL = ("mlflow", "wandb")


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with the scenario that the page names; the current one."""
    (tmp_path / "mine.toml").write_text(SMALL.replace("iterations = 6", "iterations = 3"))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def block(start: str) -> str:
    """The block that holds a line that begins so."""
    (found,) = [text for text in BLOCKS if re.search(f"^{re.escape(start)}", text, re.MULTILINE)]
    return found


def run(*blocks: str) -> dict[str, Any]:
    names: dict[str, Any] = {"auctionsim": auctionsim}
    for text in blocks:
        exec(compile(text, str(PAGE), "exec"), names)
    return names


@pytest.mark.slow
def test_the_blocks_of_the_page_run_in_order(place: Path, capsys: pytest.CaptureFixture[str]):
    names = run(*(text for text in BLOCKS if not any(f"import {library}" in text for library in OPTIONAL)))
    assert names["result"].status == names["own"].status == "finished"
    assert "Iteration(3 of 3: fitness" in capsys.readouterr().out
    assert names["own"].scenario.traffic.source == "traffic.parquet"
    assert names["day"].to_frame("advertiser")["advertiser"].unique(maintain_order=True).to_list() == ["ann", "bob", "cy"]
    # One run per seed, each with its own scalars and hyperparameters.
    expected = {row["seed"]: row["profit_ratio"] for row in names["logged"].metrics if row["iteration"] == 3}
    for seed in (0, 1):
        folder = place / "tensorboard" / f"logged-seed-{seed}"
        values = {(v.tag, e.step): v for e in events_of(folder) for v in e.summary.value}
        assert values["profit_ratio", 3].simple_value == pytest.approx(expected[seed], rel=1e-6)
        assert {step for tag, step in values if tag == "profit_ratio"} == {1, 2, 3}
        (hparams,) = (v for e in events_of(folder / "hparams") for v in e.summary.value if v.tag.endswith("session_start_info"))
        assert b"learner.algorithm" in hparams.metadata.plugin_data.content


def test_a_callback_that_stops_early_is_named_in_the_run(place: Path):
    names = run(block("class Patience").partition("\n\nearly")[0])
    stopper = names["Patience"](1)
    stopper.best = float("inf")
    early = auctionsim.train("mine.toml", "runs/early", callbacks=[stopper])
    assert (early.status, early.stopped) == ("interrupted", "fitness has not risen for 1 iterations")


@pytest.mark.skipif(
    importlib.util.find_spec("mlflow") is None, reason="mlflow is not installed: pip install mlflow-skinny sqlalchemy"
)
@pytest.mark.filterwarnings("ignore")
def test_the_mlflow_logger_writes_what_mlflow_reads(place: Path):
    import mlflow

    logger = run(block("import mlflow"))["MLflow"]()
    result = auctionsim.train("mine.toml", "runs/small", seeds=2, callbacks=[logger])
    client = mlflow.MlflowClient()
    (found,) = client.search_runs([client.get_experiment_by_name("small").experiment_id])
    assert found.info.status == "FINISHED"
    assert found.data.params["learner.population"] == "8"
    for seed in (0, 1):
        history = {m.step: m.value for m in client.get_metric_history(found.info.run_id, f"profit_ratio/seed-{seed}")}
        assert history == {row["iteration"]: row["profit_ratio"] for row in result.metrics if row["seed"] == seed}


@pytest.mark.skipif(importlib.util.find_spec("wandb") is None, reason="wandb is not installed: pip install wandb")
@pytest.mark.filterwarnings("ignore")
def test_the_wandb_logger_writes_an_offline_run(place: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("WANDB_SILENT", "true")
    monkeypatch.setenv("WANDB_DIR", str(place))
    logger = run(block("import wandb"))["WandB"]()
    result = auctionsim.train("mine.toml", "runs/small", seeds=2, callbacks=[logger])
    (file,) = (place / "wandb").glob("offline-run-*/run-*.wandb")
    content = file.read_bytes()
    assert b"profit_ratio/seed-1" in content
    last = next(row for row in result.metrics if (row["iteration"], row["seed"]) == (3, 1))
    assert json.dumps(last["profit_ratio"]).encode() in content
    assert b"learner.population" in content
