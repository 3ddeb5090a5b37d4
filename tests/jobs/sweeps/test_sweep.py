"""Sweeps: drawn by seed, stopped at fixed rungs, continued after an interruption, the same in any pool."""

from __future__ import annotations

import contextlib
import json
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from auctionsim.cli import main
from auctionsim.errors import InputError
from auctionsim.jobs.distributed.cluster import SerialPool, open_pool
from auctionsim.jobs.distributed.tuner import TunePool
from auctionsim.jobs.sweeps import sweep as sweep_module
from auctionsim.jobs.sweeps.distributions import parse_parameter
from auctionsim.jobs.sweeps.sweep import Sweep, run_sweep, rungs_of
from auctionsim.jobs.sweeps.trial import train_to_rung
from auctionsim.runs import Run

from ...conftest import SMALL
from ...own_learner import write_lab
from ...whatif.tables import frame

pytestmark = pytest.mark.usefixtures("without_figures")

PARAMETERS = ("learner.sigma=loguniform(0.01, 0.3)", "learner.local_credit=choice(true, false)")
TINY = ("traffic.auctions_per_day=200", "train.iterations=4", "learner.population=4")


def sweep_of(*parameters: str, samples: int = 6, **more: Any) -> Sweep:
    arguments = {"seeds": (0,), "metric": "profit", "is_max": True, "eta": 2, "command": "test"} | more
    parsed = tuple(parse_parameter(item) for item in parameters or PARAMETERS)
    return Sweep(SMALL, "small.toml", None, TINY, parsed, samples, **arguments)


def nothing(*_: Any) -> None:
    pass


@pytest.fixture(scope="module")
def swept(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, pl.DataFrame]:
    out = tmp_path_factory.mktemp("sweep") / "out"
    return out, run_sweep(sweep_of(), SerialPool(), out, nothing)


@pytest.mark.parametrize(
    ("item", "expected"),
    [
        ("learner.sgima=uniform(0.1, 0.2)", "--param learner.sgima=uniform(0.1, 0.2): learner.sgima: unknown key; choose from"),
        ("learner.sgima=uniform(0.1, 0.2)", "(did you mean 'sigma'?)"),
        ("learner.population=randint(3, 3)", "learner.population: expected a multiple of 2, got 3"),
        ("learner.algorithm=choice(macg, macges)", "did you mean 'macg-es'?"),
        ("train.iterations=randint(1, 5)", "expected a key that trials may differ in, got one of name, seed, train.iterations"),
    ],
)
def test_a_wrong_key_ends_in_2_before_anything_is_written(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], item: str, expected: str
):
    (tmp_path / "small.toml").write_text(SMALL)
    out = tmp_path / "out"
    code = main(["sweep", str(tmp_path / "small.toml"), "--param", item, "--samples", "2", "--workers", "0", "--out", str(out)])
    message = capsys.readouterr().err
    assert code == 2
    assert expected in message
    assert message.count("\n") == 1
    assert not out.exists()


def test_a_key_named_twice_is_refused():
    with pytest.raises(InputError, match="expected each key once"):
        sweep_of("learner.sigma=uniform(0.1, 0.2)", "learner.sigma=uniform(0.3, 0.4)").design  # noqa: B018


def test_every_rung_leaves_a_trial_to_stop():
    assert rungs_of(200, 20, 3) == [23, 67, 200]
    assert rungs_of(200, 2, 3) == [200]
    assert rungs_of(1, 100, 2) == [1]
    assert rungs_of(4, 6, 2) == [1, 2, 4]


def test_the_best_of_a_rung_go_on_and_are_ranked_on_training_days(swept: tuple[Path, pl.DataFrame]):
    out, results = swept
    assert [len(rows) for _, rows in results.group_by("rung", maintain_order=True)] == [6, 3, 1]
    for rung in (0, 1):
        rows = results.filter(rung=rung)
        kept, stopped = rows.filter(pl.col("is_kept")), rows.filter(~pl.col("is_kept"))
        assert kept["rank"].max() < stopped["rank"].min()
        keeps_floors = stopped.filter(pl.col("shortfall") <= 1e-9)
        assert kept["shortfall"].max() <= 1e-9 or not len(keeps_floors)
        if len(keeps_floors):
            assert kept["profit"].min() > keeps_floors["profit"].max()
        assert set(kept["trial"]) == set(results.filter(rung=rung + 1)["trial"])
    (best,) = results.filter(rung=2)["trial"].to_list()
    trained = {path.parent.name for path in (out / "trials").glob("*/outcomes.parquet")}
    assert trained == {f"{best:04d}"}, "only trials that finish are evaluated on test days"


def test_a_trial_trained_by_rungs_equals_one_trained_in_one_go(swept: tuple[Path, pl.DataFrame], tmp_path: Path):
    out, results = swept
    best = int(results.filter(rung=2)["trial"][0])
    whole = run_sweep(sweep_of(samples=6, eta=7), SerialPool(), tmp_path / "whole", nothing)
    assert whole["iterations"].to_list() == [4] * 6
    name = f"trials/{best:04d}/checkpoints/000004/seed-0.safetensors"
    assert (out / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()


class _Elsewhere:
    """A pool whose workers run in another folder, as Ray Tune's do."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def map(self, function: Any, tasks: Sequence[tuple[Any, Any]]) -> list[Any]:
        with contextlib.chdir(self._folder):
            return [function(*task) for task in tasks]


def test_trials_find_what_lies_beside_the_scenario_from_any_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    (tmp_path / "elsewhere").mkdir()
    name = write_lab(tmp_path / "here")
    monkeypatch.chdir(tmp_path)
    text = SMALL.replace("[learner]", f'[learner]\nalgorithm = "{name}"')
    parameters = (parse_parameter("learner.constants.step=choice(0.1, 0.2)"),)
    sweep = Sweep(text, "s.toml", Path("here"), ("train.iterations=1",), parameters, 2, (0,), "profit", True, 3, "test")
    assert run_sweep(sweep, _Elsewhere(tmp_path / "elsewhere"), tmp_path / "out", nothing).height == 2
    folders = {Run.open(path).manifest()["scenario_folder"] for path in (tmp_path / "out" / "trials").iterdir()}
    assert folders == {str(tmp_path / "here")}


class _Dies:
    """A pool in which a trial's training is cut off."""

    def map(self, function: Any, tasks: Sequence[tuple[Any, Any]]) -> list[Any]:
        for shared, item in tasks[:4]:
            function(shared, item)
        raise KeyboardInterrupt


def test_an_interrupted_sweep_continues_with_the_missing_trials(
    swept: tuple[Path, pl.DataFrame], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    _, expected = swept
    with pytest.raises(KeyboardInterrupt):
        run_sweep(sweep_of(), _Dies(), tmp_path / "out", nothing)
    done = []
    monkeypatch.setattr(
        sweep_module, "train_to_rung", lambda shared, task: (done.append((task.rung, task.trial)), train_to_rung(shared, task))
    )
    again = run_sweep(sweep_of(), SerialPool(), tmp_path / "out", nothing)
    assert again.equals(expected)
    assert [trial for rung, trial in done if rung == 0] == [4, 5]
    with pytest.raises(InputError, match="got another parameters"):
        run_sweep(sweep_of("learner.sigma=uniform(0.1, 0.2)"), SerialPool(), tmp_path / "out", nothing)


def test_a_trial_whose_metric_failed_ranks_last(swept: tuple[Path, pl.DataFrame], tmp_path: Path):
    out, results = swept
    shutil.copytree(out, tmp_path / "out")
    best = int(results.filter(rung=2)["trial"][0])
    part = tmp_path / "out" / "parts" / f"{best:04d}-0.json"
    figures = json.loads(part.read_text())
    part.write_text(json.dumps(figures | {"train": figures["train"] | {"profit": None}}))
    again = run_sweep(sweep_of(), SerialPool(), tmp_path / "out", nothing)
    assert best not in again.filter(rung=1)["trial"].to_list()


def test_no_trial_is_ranked_by_profits_of_a_log_that_knows_no_conversions(tmp_path: Path):
    frame(days=2).with_columns(pl.lit(0.0).alias("pcvr")).write_parquet(tmp_path / "table.parquet")
    text = """
        name = "clicks alone"
        [traffic]
        source = "table.parquet"
        train_days = [0]
        test_days = [1]
        [[advertisers]]
        group = "all"
        count = 6
        [learner]
        population = 4
        [train]
        iterations = 2
    """
    (tmp_path / "clicks.toml").write_text(text)
    command = ["sweep", str(tmp_path / "clicks.toml"), "--param", "learner.sigma=grid(0.1,0.2)", "--out", str(tmp_path / "out")]
    assert main(command) == 0
    table = pl.read_parquet(tmp_path / "out" / "results.parquet")
    of_value = [name for name in table.columns if name.endswith(("profit", "gmv", "conversions"))]
    assert len(of_value) == 10
    assert set(table.select(*of_value, "rank").null_count().row(0)) == {table.height}
    assert (table.select("revenue", "baseline_revenue", "test_learner_clicks") > 0).to_numpy().all()
    assert "Best by profit: not defined" in (tmp_path / "out" / "table.md").read_text()


@pytest.mark.ray
@pytest.mark.slow
@pytest.mark.long
@pytest.mark.xdist_group("ray")
@pytest.mark.filterwarnings("ignore")
def test_ray_tune_gives_the_table_of_this_process(tmp_path: Path):
    sweep = sweep_of(samples=3, eta=3)
    expected = run_sweep(sweep, SerialPool(), tmp_path / "serial", nothing)
    with open_pool(2):
        results = run_sweep(sweep, TunePool(), tmp_path / "tune", nothing)
    assert results.equals(expected)
    assert results["rung"].to_list() == [0, 0, 0, 1]
    assert not [path for path in (tmp_path / "tune").rglob("*") if path.suffix in (".pkl", ".pickle")]


def test_the_command_writes_a_table_a_page_and_the_next_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    (tmp_path / "small.toml").write_text(SMALL)
    items = [word for item in TINY for word in ("--set", item)]
    out = tmp_path / "out"
    arguments = ["sweep", str(tmp_path / "small.toml"), "--param", PARAMETERS[0], "--samples", "3", *items, "--out", str(out)]
    assert main(arguments) == 0
    printed = capsys.readouterr()
    assert "Best by profit: trial" in printed.out
    assert "auctionsim report" in printed.err + printed.out
    assert pl.read_parquet(out / "results.parquet").columns[:4] == ["trial", "rung", "iterations", "is_kept"]
    assert "parallel-coordinates" in (out / "table.md").read_text()
    assert (out / "report" / "index.html").stat().st_size > 5000


def test_a_sweep_in_which_nobody_learns_is_reported_in_words(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    scenario = tmp_path / "rules.toml"
    scenario.write_text(SMALL.replace("count = 5", 'count = 5\ncontroller = "manual"'))
    out = tmp_path / "sweep"
    words = ["--param", "learner.sigma=choice(0.1,0.2)", "--metric", "fitness", "--workers", "0", "--out", str(out)]
    assert main(["sweep", str(scenario), *words]) == 0
    text = capsys.readouterr().out
    assert "Best by fitness: not defined, as no trial has a finite figure." in text
    assert "Nobody learns in these trials: every advertiser follows a rule." in text
    assert pl.read_parquet(out / "results.parquet")["rank"].null_count() == 2


@pytest.mark.parametrize("text", ["", "[]", '{"train": {}}', '{"train": {}, "test": {"profit": NaN}}', "{"])
def test_figures_on_disk_that_are_broken_are_told_in_one_line(swept: tuple[Path, pl.DataFrame], tmp_path: Path, text: str):
    shutil.copytree(swept[0], tmp_path / "out")
    part = tmp_path / "out" / "parts" / "0000-0.json"
    part.write_text(text)
    with pytest.raises(InputError, match=r"0000-0.json: expected "):
        run_sweep(sweep_of(), SerialPool(), tmp_path / "out", nothing)


def test_a_folder_that_holds_other_files_is_told_in_one_line_before_anything_else(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    (tmp_path / "mine").write_text("mine")
    assert main(["sweep", "three-arms", "--param", "learner.sigma=grid(0.1,0.2)", "--out", str(tmp_path)]) == 2
    told = capsys.readouterr()
    assert told.out == ""
    assert told.err.startswith(f"{tmp_path}: expected a new or empty folder")
    assert told.err.count("\n") == 1
