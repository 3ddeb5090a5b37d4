"""A learner from outside the package trains, resumes, is evaluated, reported and compared like a built-in one."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import auctionsim
from auctionsim.analysis.reports.metrics import amounts_of
from auctionsim.cli import main
from auctionsim.errors import InputError
from auctionsim.jobs.distributed.cluster import open_pool
from auctionsim.jobs.training.train import train
from auctionsim.runs import Run

from ..conftest import SMALL
from ..own_learner import CODE, write_lab
from .test_runs import contents

pytestmark = pytest.mark.usefixtures("without_figures")


@pytest.fixture(autouse=True)
def _modules_of_a_test_are_forgotten() -> Iterator[None]:
    yield
    forget()


def forget() -> None:
    """Make this process one that has not imported the learner, as a new one has not."""
    for name in ("lab_learner", "lab_rule", "lab_constants"):
        sys.modules.pop(name, None)


@pytest.fixture
def lab(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a scenario that names a learner beside it; the current one."""
    folder = tmp_path / "lab"
    name = write_lab(folder)
    (folder / "s.toml").write_text(SMALL.replace("[learner]", f'[learner]\nalgorithm = "{name}"\nconstants.step = 0.2'))
    monkeypatch.chdir(folder)
    return folder


def package_files() -> dict[str, int]:
    root = Path(auctionsim.__file__).parent
    folders = [root, *(root / room for room in ("agents", "envs", "analysis"))]
    found = [path for folder in folders for path in folder.resolve().rglob("*") if path.is_file()]
    return {str(path): path.stat().st_mtime_ns for path in found if "__pycache__" not in path.parts}


def new_run(path: Path, scenario: Path, *overrides: str) -> Run:
    loaded = auctionsim.load_scenario(scenario, overrides=overrides)
    return Run.create(path, loaded, scenario.read_text(), seeds=(0,), command="test", overrides=overrides)


def test_it_needs_no_file_of_the_package(lab: Path):
    before = package_files()
    assert main(["check", "s.toml", "--allow-code"]) == 0
    assert main(["train", "s.toml", "--out", "own"]) == 0
    assert main(["evaluate", "own", "--allow-code"]) == 0
    assert package_files() == before
    run = Run.open("own")
    assert [row["iteration"] for row in run.metrics()] == [1, 2, 3, 4, 5, 6]
    assert json.loads((lab / "own" / "resolved.json").read_text())["learner"]["constants"] == {"tries": 4, "step": 0.2}
    assert (lab / "own" / "report" / "index.html").is_file()
    # Lower bids of all advertisers leave them more: one factor on all keyword bids is enough to learn that.
    profit = [row["profit_ratio"] for row in run.metrics()]
    assert profit[-1] > 1.2 * profit[0]


def test_it_is_compared_with_a_built_in_one_and_no_code_that_a_run_names_is_imported(
    lab: Path, capsys: pytest.CaptureFixture[str]
):
    built_in = new_run(lab / "built-in", lab / "s.toml", "learner.algorithm=macg-es", "learner.constants={}")
    own = new_run(lab / "own", lab / "s.toml")
    for run in (built_in, own):
        train(run)
    forget()
    (lab / "lab_learner.py").write_text("raise RuntimeError")
    assert main(["compare", "built-in", "own", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)["differences"]["own"]
    amounts = [amounts_of(run, "learned") for run in (built_in, own)]
    for name in ("revenue", "profit"):
        assert found[name]["mean"] == amounts[1][name][0] - amounts[0][name][0] != 0
    with pytest.raises(InputError, match="got an error in lab_learner: RuntimeError"):
        auctionsim.evaluate(own)


def test_it_resumes_bit_for_bit_in_another_folder(lab: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    # The scenario stands elsewhere, so that the class is found only where the run was started.
    (tmp_path / "scenarios").mkdir()
    scenario = (lab / "s.toml").rename(tmp_path / "scenarios" / "s.toml")
    whole, half = new_run(tmp_path / "whole", scenario), new_run(tmp_path / "half", scenario)
    train(whole)
    train(half, until=3)
    forget()
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    train(Run.open(half.path))
    for name in ("checkpoints/000006/seed-0.safetensors", "metrics.jsonl", "outcomes.parquet", "collusion.parquet"):
        assert (half.path / name).read_bytes() == (whole.path / name).read_bytes()


@pytest.mark.long
@pytest.mark.ray
@pytest.mark.xdist_group("ray")
@pytest.mark.filterwarnings("ignore::ResourceWarning")
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.filterwarnings("ignore:Tip. In future versions of Ray:FutureWarning")
def test_workers_in_another_folder_write_the_same_bytes(lab: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    # The learner and a rule lie beside the scenario, where neither this process nor a worker looks by itself.
    rule = '[[advertisers]]\ngroup = "ruled"\ncount = 2\ncontroller = "lab_rule:Steady"\n[learner]'
    (lab / "s.toml").write_text((lab / "s.toml").read_text().replace("[learner]", rule))
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    written = []
    for workers in (0, 1):
        run = new_run(tmp_path / f"by-{workers}", lab / "s.toml", "train.iterations=3")
        with open_pool(workers) as pool:
            train(run, pool)
        written.append(contents(run))
        forget()
    assert written[0] == written[1]


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('"revenue_ratio": float(revenue), ', "", "expected revenue_ratio and profit_ratio in the log, got no 'revenue_ratio'"),
        ('"factor": factors[[profit.argmax()]]', '"factor": factors', "array 'factor': expected float64 of shape [1], got"),
        ('"factor": factors[[profit.argmax()]], ', "", "expected an array 'factor', got none"),
        ('"factor": np.ones(1), ', '"factor": [1.0], ', "expected an array of numbers as 'factor', got [1.0]"),
        ('"factor": np.ones(1), ', '"factor": np.array([np.nan]), ', "array 'factor': expected finite numbers, got NaN"),
        ("class Factor:", "class Fctor:", "module lab_learner has no class 'Factor'; choose from"),
    ],
)  # fmt: skip
def test_what_breaks_the_contract_is_told_in_one_line(
    lab: Path, old: str, new: str, message: str, capsys: pytest.CaptureFixture[str]
):
    assert old in CODE
    (lab / "lab_learner.py").write_text(CODE.replace(old, new))
    assert main(["train", "s.toml", "--out", "own"]) == 2
    (line,) = [line for line in capsys.readouterr().err.splitlines() if "learner.algorithm" in line]
    assert message in line
