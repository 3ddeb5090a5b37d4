"""Exported datasets: the same bytes, true propensities, days that environments replay, a datasheet that says what there is."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import numpy as np
import polars as pl
import pytest

import auctionsim
from auctionsim.agents.build import build_market
from auctionsim.analysis.offline.exploration import Exploration
from auctionsim.cli import main
from auctionsim.envs import COSTS, parallel_env
from auctionsim.errors import InputError
from auctionsim.jobs.distributed.cluster import open_pool
from auctionsim.jobs.offline.columns import columns
from auctionsim.jobs.offline.dataset import read_dataset
from auctionsim.jobs.offline.export import log_days, write_dataset
from auctionsim.jobs.offline.minari_export import dataset_id
from auctionsim.jobs.offline.plan import make_plan
from auctionsim.market.observations import FEATURES
from auctionsim.scenario import Scenario
from auctionsim.scenario.file import parse_scenario

from ...conftest import SMALL

NOISE = Exploration(0.2, 0.1)
HEADINGS = ("Motivation", "Composition", "Collection process", "Preprocessing", "Uses", "Distribution", "Maintenance")


def export(*arguments: str | Path) -> int:
    return main(["export-dataset", *map(str, arguments)])


def test_an_episodes_rows_depend_on_its_number_alone(small: Scenario):
    plan = make_plan(build_market(small), "manual")
    many, few = (log_days(plan, NOISE, per_day=count).table() for count in (70, 3))
    # 70 episodes are played in two parts.
    for day in (0, 1):
        own, other = (table.filter(pl.col("day") == day).drop("episode") for table in (many, few))
        assert own.head(len(other)).equals(other)


def test_logged_days_are_the_environments_own(small: Scenario, tmp_path: Path):
    market = build_market(small)
    write_dataset(log_days(make_plan(market, "start", bid_model="macg"), NOISE, per_day=2), tmp_path / "logs", "command")
    table = pl.read_parquet(tmp_path / "logs" / "steps.parquet")
    env = parallel_env(market, bid_model="macg")
    for episode in (1, 2):
        rows = table.filter(pl.col("episode") == episode)
        seen, _ = env.reset(seed=rows["reset_seed"][0], options={"day": rows["day"][0]})
        for hour in range(24):
            of_hour = {row["agent"]: row for row in rows.filter(pl.col("hour") == hour).iter_rows(named=True)}
            assert list(of_hour) == env.agents
            for agent, row in of_hour.items():
                assert seen[agent].tolist() == [row[f"obs_{name}"] for name in FEATURES]
            actions = {
                agent: np.array([row[f"action_{name}"] for name in ("one", "pcvr", "value")], dtype=np.float32)
                for agent, row in of_hour.items()
            }
            seen, rewards, ends, _, infos = env.step(actions)
            for agent, row in of_hour.items():
                assert rewards[agent] == row["reward"]
                assert ends[agent] == row["terminated"] == (hour == 23)
                assert infos[agent]["objectives"].tolist() == [row[name] for name in ("clicks", "conversions", "gmv", "profit")]
                assert infos[agent]["costs"].tolist() == [row[f"cost_of_{key}"] for key in COSTS]
                assert seen[agent].tolist() == [row[f"next_{name}"] for name in FEATURES]


def test_propensities_are_the_densities_that_actions_were_drawn_with(small: Scenario):
    table = log_days(make_plan(build_market(small), "manual", factor=2.0), NOISE, per_day=40).table()
    actions, means = (table[f"{kind}_keyword_bid"].cast(pl.Float64).to_numpy()[:, None] for kind in ("action", "behavior"))
    assert means == pytest.approx(np.log(2) / np.log(50))
    assert table["log_propensity"].to_numpy() == pytest.approx(NOISE.log_density(actions, means), abs=1e-12)
    # The mean of f(x) / p(x) over draws is the integral of f, here of f = 1 over [-1, 1].
    weight = np.exp(-table["log_propensity"].to_numpy())
    assert weight.mean() == pytest.approx(2.0, abs=4 * weight.std() / np.sqrt(len(weight)))


def test_a_bidder_alone_is_logged_among_rivals_that_keep_to_their_rule(small: Scenario):
    logged = log_days(make_plan(build_market(small), "manual", bidder="seller_3"), NOISE, per_day=3)
    table = logged.table()
    assert table["agent"].unique().to_list() == ["seller_3"]
    assert len(table) == 2 * 3 * 24
    quiet = log_days(make_plan(build_market(small), "manual", bidder="seller_3"), Exploration(0.001), per_day=1).table()
    market = build_market(small)
    exact = market.outcome(0, market.static("manual")).clicks[:, 3, 0]
    assert quiet.filter(pl.col("day") == 0)["clicks"].to_numpy() == pytest.approx(exact, rel=0.1, abs=0.05)


@pytest.mark.xdist_group("ray")
@pytest.mark.long
def test_workers_write_the_bytes_of_one_process(small: Scenario, tmp_path: Path):
    plan = make_plan(build_market(small), "pid")
    for workers in (0, 2):
        with open_pool(workers) as pool:
            write_dataset(log_days(plan, NOISE, per_day=66, pool=pool), tmp_path / str(workers), "command")
    for name in ("steps.parquet", "dataset.json", "datasheet.md"):
        assert (tmp_path / "0" / name).read_bytes() == (tmp_path / "2" / name).read_bytes()


def test_a_runs_learned_policy_is_logged(tmp_path: Path, small_file: Path, capsys: pytest.CaptureFixture[str]):
    assert main(["train", str(small_file), "--out", str(tmp_path / "run"), "--set", "train.iterations=2"]) == 0
    capsys.readouterr()
    assert export(tmp_path / "run", "--episodes", 2, "--out", tmp_path / "logs", "--json") == 0
    done = json.loads(capsys.readouterr().out)
    assert done["bid_model"] == "macg"
    assert done["steps"] == 2 * 2 * 24 * 5
    means = pl.read_parquet(tmp_path / "logs" / "steps.parquet").select(pl.col("^behavior_.*$"))
    assert means.width == 3
    assert means.n_unique() == 5
    assert export(tmp_path / "run", "--set", "train.iterations=3", "--out", tmp_path / "x") == 2
    assert export(tmp_path / "run", "--seed", "7", "--out", tmp_path / "x") == 2
    assert [line.partition(": ")[0] for line in capsys.readouterr().err.splitlines() if "next" not in line] == [
        "--set",
        "--seed",
    ]


def test_the_datasheet_has_every_heading_every_column_and_what_made_it(tmp_path: Path, small_text: str):
    path = tmp_path / "odd.toml"
    path.write_text(small_text.replace('name = "small"', 'name = "a|b <i>*x*`"').replace('group = "seller"', 'group = "<b>|"'))
    assert export(path, "--episodes", 2, "--out", tmp_path / "logs") == 0
    sheet = (tmp_path / "logs" / "datasheet.md").read_text()
    settings = json.loads((tmp_path / "logs" / "dataset.json").read_text())
    assert [line[3:] for line in sheet.splitlines() if line.startswith("## ")] == list(HEADINGS)
    for column in columns(("keyword_bid",)):
        (line,) = [line for line in sheet.splitlines() if line.startswith(f"| `{column.name}` |")]
        assert line.replace(r"\|", "").count("|") == 8
    assert "<i>" not in sheet.splitlines()[0]
    assert "<b>" not in sheet
    for part in (settings["sha256"], "seed 0", auctionsim.__version__, settings["command"]):
        assert str(part) in sheet
    assert settings["sha256"] == hashlib.sha256((tmp_path / "logs" / "steps.parquet").read_bytes()).hexdigest()
    assert list(pl.read_parquet(tmp_path / "logs" / "steps.parquet").schema.items()) == [
        (column.name, column.dtype) for column in columns(("keyword_bid",))
    ]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--noise", "0"], "--noise: expected a number >= 0.001 and <= 2, got 0"),
        (["--noise", "nan"], "--noise: expected a number >= 0, got nan"),
        (["--uniform", "1.5"], "--uniform: expected a number in [0, 1], got 1.5"),
        (["--factor", "-1"], "--factor: expected a finite number > 0, got -1.0"),
        (["--format", "csv"], "--format: unknown 'csv'; choose from parquet, minari"),
        (["--split", "tests"], "--split: unknown 'tests'; choose from train, test (did you mean 'test'?)"),
        (["--bidder", "seller_9"], "--bidder: unknown 'seller_9'; choose from seller_0"),
        (["--policy", "manuel"], "--policy: expected a rule or the folder of a run, got 'manuel'; choose from start, manual"),
        (["--policy", "throttle"], "--policy: expected bids in every auction, got throttle, which enters only a share of them"),
        (
            ["--policy", "truthful", "--bid-model", "scale"],
            "--bid-model: expected value or macg that holds the bids of truthful, on value",
        ),
        (["--bid-model", "scales"], "--bid-model: unknown 'scales'"),
        (["--rivals", "manul", "--bidder", "seller_1"], "--rivals: unknown 'manul'"),
        (["--rivals", "nonsense"], "--rivals: expected --bidder beside it, got 'nonsense' without one"),
        (["--episodes", "99999999"], "--episodes: expected a dataset of <= 20000000 steps, got"),
    ],
)
def test_wrong_input_is_one_line_and_nothing_is_written(
    tmp_path: Path, small_file: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], message: str
):
    assert export(small_file, "--episodes", 1, "--out", tmp_path / "new" / "logs", *arguments) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(message)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["small.toml"]


def test_a_folder_that_holds_files_is_left_as_it_is(tmp_path: Path, small_file: Path, capsys: pytest.CaptureFixture[str]):
    assert export(small_file, "--out", tmp_path) == 2
    assert "expected a new or empty folder, got one that holds files" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["small.toml"]


def test_an_interrupted_export_leaves_nothing(tmp_path: Path, small: Scenario):
    def stop(what: str, share: float) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        log_days(make_plan(build_market(small), "manual"), NOISE, per_day=1, report=stop)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("name", "found"), [("three-arms", "three-arms"), ("a b/../c:é", "a-b-c"), ("..", "scenario")])
def test_minaris_name_of_a_dataset_has_no_sign_that_minari_refuses(name: str, found: str):
    assert dataset_id(name) == f"auctionsim/{found}-v0"


def _change(folder: Path, key: str, value: object) -> None:
    path = folder / "dataset.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {key: value}))


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("sha256", "0" * 64, "expected the SHA-256 000000000000... of dataset.json, got"),
        ("format", 2, "dataset.json: format: expected 1, got 2"),
        ("episodes_per_day", 3, "expected 720 rows, got 480"),
        ("agents", ["seller_0"], "expected 96 rows, got 480"),
        ("agents", ["a", "b", "c", "d", "e"], "expected rows by episode, hour and agent, got another order"),
        ("bid_model", "value", "coefficients: expected those of value, got ['keyword_bid']"),
        ("noise", "0.1", "noise: expected a number >= 0.001 and <= 2, got '0.1'"),
        ("uniform", -1, "uniform: expected a number in [0, 1], got -1"),
        ("factor", 10**400, "factor: expected a number > 0, got 1000"),
        ("checkpoint", {"iteration": 2}, "checkpoint: expected an iteration with its sha256, or null, got {'iteration': 2}"),
        ("noise", 0.3, "log_propensity: expected "),
        ("seed", -1, "seed: expected a whole number >= 0 and < 2^63, got -1"),
    ],
)
def test_a_dataset_that_was_changed_is_refused(tmp_path: Path, small: Scenario, key: str, value: object, message: str):
    folder = tmp_path / "logs"
    write_dataset(log_days(make_plan(build_market(small), "manual"), NOISE, per_day=2), folder, "command")
    assert len(read_dataset(folder).days) == 4
    _change(folder, key, value)
    with pytest.raises(auctionsim.InputError) as error:
        read_dataset(folder)
    assert message in str(error.value)


def test_a_rule_that_needs_what_bidders_are_not_shown_logs_no_days(small: Scenario):
    keys = ('information.regime="own-wins"', "learner.global_weight=0.0", "platform.revenue_floor=0.0")
    scenario = parse_scenario(SMALL, "small.toml", overrides=(*keys, "advertisers.0.profit_floor=0.0"))
    with pytest.raises(InputError, match=r"^small.toml: information.regime: expected 'full' with policy 'timetable', which"):
        make_plan(build_market(scenario), "timetable")
    assert make_plan(build_market(scenario), "pid").name == "pid"


def test_a_datasheet_says_that_conversions_are_those_that_were_reported(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    (tmp_path / "s.toml").write_text(SMALL + "[delays]\nmean = 12.0\n")
    assert export(tmp_path / "s.toml", "--episodes", 2, "--bidder", "seller_0", "--out", tmp_path / "logs") == 0
    sheet = (tmp_path / "logs" / "datasheet.md").read_text()
    assert "conversions that were reported in the hour, whenever they were clicked for" in sheet
    assert "conversions of the hour" not in sheet
    capsys.readouterr()
    words = ["evaluate-offline", str(tmp_path / "logs"), "--policy", "manual", "--metric", "profit", "--draws", "2"]
    assert main(words) == 0
    assert "conversions and GMV are those reported on the day" in capsys.readouterr().out
