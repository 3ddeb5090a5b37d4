"""What `check` warns of is said by every command that runs the scenario, kept in the run folder, and shown by its report."""

from __future__ import annotations

import json
from html import unescape
from pathlib import Path

import pytest

from auctionsim.agents.build import build_market
from auctionsim.cli import main
from auctionsim.market.warnings import market_warnings, warnings_of
from auctionsim.runs import Run
from auctionsim.scenario.file import parse_scenario

from ..conftest import SMALL
from ..whatif.tables import frame

OUT_OF_REACH = ("--set", "mechanism.reserve=100000")
pytestmark = pytest.mark.usefixtures("without_figures")


def warned(text: str) -> list[str]:
    return [line for line in text.splitlines() if ": warning: " in line]


@pytest.fixture
def scenario(tmp_path: Path) -> str:
    path = tmp_path / "small.toml"
    path.write_text(SMALL)
    return str(path)


def test_train_warns_as_check_does_once_and_the_run_keeps_it(tmp_path: Path, scenario: str, capsys: pytest.CaptureFixture[str]):
    assert main(["check", scenario, *OUT_OF_REACH]) == 0
    expected = warned(capsys.readouterr().err)
    assert len(expected) == 4
    out = str(tmp_path / "run")
    assert main(["train", scenario, *OUT_OF_REACH, "--seeds", "2", "--until", "2", "--out", out, "--json"]) == 0
    told = capsys.readouterr()
    assert warned(told.err) == expected
    assert "warning" not in told.out
    assert json.loads(told.out)["run"] == out
    kept = Run.open(out).warnings
    assert [f"{scenario}: warning: {line}" for line in kept] == expected
    page = (Path(out) / "report" / "report.md").read_text()
    last = 0
    for line in kept:
        assert last < page.index(f"run: warning: {line}.") < page.index("## The runs in figures")
        last = page.index(f"run: warning: {line}.")
    for command in ("resume", "evaluate"):
        assert main([command, out]) == 0
        assert [line.partition(": warning: ")[2] for line in warned(capsys.readouterr().err)] == list(kept)
    other = str(tmp_path / "other")
    assert main(["train", scenario, *OUT_OF_REACH, "--seeds", "2", "--until", "2", "--out", other]) == 0
    capsys.readouterr()
    assert main(["compare", out, other]) == 0
    assert len(warned(capsys.readouterr().err)) == 2 * len(kept)


def test_a_run_without_a_warning_has_none_in_its_files(tmp_path: Path, scenario: str, capsys: pytest.CaptureFixture[str]):
    out = tmp_path / "run"
    assert main(["train", scenario, "--until", "1", "--out", str(out)]) == 0
    assert not warned(capsys.readouterr().err)
    assert "warnings" not in json.loads((out / "manifest.json").read_text())
    # The report repeats the command line, which may name this file.
    assert "warning" not in (out / "report" / "report.md").read_text().replace(Path(__file__).stem, "")


def test_rules_and_datasets_are_warned_of_too(tmp_path: Path, scenario: str, capsys: pytest.CaptureFixture[str]):
    rules = [*OUT_OF_REACH, "--set", "advertisers.0.controller=manual"]
    assert main(["train", scenario, *rules, "--out", str(tmp_path / "run")]) == 0
    assert len(warned(capsys.readouterr().err)) == 4
    assert len(Run.open(tmp_path / "run").warnings) == 4
    assert main(["export-dataset", scenario, *OUT_OF_REACH, "--out", str(tmp_path / "days")]) == 0
    assert len(warned(capsys.readouterr().err)) == 4


def test_the_search_for_bids_ends_where_the_answer_is_known():
    def found(*overrides: str, seed: int = 0) -> list[str]:
        return market_warnings(build_market(parse_scenario(SMALL, "s", overrides=overrides), seed))

    (line,) = (line for line in found("mechanism.reserve=100000") if "keyword bid" in line)
    highest = float(line.rpartition(" ")[2])
    assert not [line for line in found(f"mechanism.reserve={0.99 * highest}") if "keyword bid" in line]
    assert [line for line in found(f"mechanism.reserve={1.01 * highest}") if "keyword bid" in line]
    assert not [line for line in found("mechanism.reserve=9", "mechanism.bid_floor=9") if "reserve" in line]
    # A cap below the reserve lets no bid reach it, however high bids are.
    assert len([line for line in found("mechanism.reserve=0.01", "mechanism.bid_cap=0.005") if "reserve" in line]) == 2


def test_seeds_that_say_the_same_in_other_numbers_say_it_once():
    scenario = parse_scenario(SMALL, "s", overrides=["mechanism.reserve=100000"])
    markets = [build_market(scenario, seed) for seed in (0, 1)]
    assert market_warnings(markets[0]) != market_warnings(markets[1])
    assert warnings_of(markets) == market_warnings(markets[0])


def test_questions_warn_of_a_reserve_that_no_bid_reaches(tmp_path: Path, scenario: str, capsys: pytest.CaptureFixture[str]):
    change = "--set=mechanism.reserve=100000"
    for command in (["whatif", scenario, change, "--no-intervals"], ["experiment", scenario, change, "--replicates", "2"]):
        assert main([*command, "--json"]) == 0
        told = warned(capsys.readouterr().err)
        assert len(told) == 2, command
        assert told[0].startswith("--set mechanism.reserve=100000: warning: mechanism.reserve: no keyword bid reaches 100000;")
    base = "--base=mechanism.reserve=100000"
    assert main(["landscape", scenario, base, "--no-intervals", "--json"]) == 0
    assert [f"{scenario}: warning: mechanism.reserve: no " in line for line in warned(capsys.readouterr().err)] == [True, True]
    table = tmp_path / "t.parquet"
    frame(n=40).write_parquet(table)
    assert main(["whatif", str(table), base, change, "--no-intervals", "--json"]) == 0
    assert len(warned(capsys.readouterr().err)) == 1
    assert main(["whatif", str(table), "--set=mechanism.reserve=0.2", "--no-intervals", "--json"]) == 0
    assert warned(capsys.readouterr().err) == []


def test_answers_keep_their_warnings(tmp_path: Path, scenario: str, capsys: pytest.CaptureFixture[str]):
    change, base, out = "--set=mechanism.reserve=100000", "--base=mechanism.reserve=100000", tmp_path / "out"
    words = "mechanism.reserve: no keyword bid reaches 100000; the highest is "
    for command, where in (
        (["whatif", scenario, change, "--no-intervals"], "--set mechanism.reserve=100000"),
        (["landscape", scenario, base, "--no-intervals"], scenario),
        (["experiment", scenario, change, "--replicates", "2"], "--set mechanism.reserve=100000"),
    ):
        folder = out / command[0]
        assert main([*command, "--json", "--out", str(folder)]) == 0
        kept = json.loads(capsys.readouterr().out)["warnings"]
        assert kept[0].startswith(f"{where}: {words}")
        assert len(kept) == 2
        if command[0] != "experiment":
            assert json.loads((folder / f"{command[0]}.json").read_text())["warnings"] == kept
        assert f"Warning: {kept[0]}." in unescape((folder / "index.html").read_text())


def test_a_question_that_fails_says_one_line(tmp_path: Path, scenario: str, capsys: pytest.CaptureFixture[str]):
    nothing = "--set=mechanism.reserve=100000"
    same = ["experiment", scenario, "--base=mechanism.reserve=100000", nothing]
    for command in (same, ["whatif", scenario, nothing, "--observed", str(tmp_path / "nowhere.csv")]):
        assert main(command) == 2
        assert capsys.readouterr().err.count("\n") == 1, command


def test_sweep_warns_of_its_trials(tmp_path: Path, scenario: str, capsys: pytest.CaptureFixture[str]):
    out = str(tmp_path / "sweep")
    grid = "mechanism.reserve=grid(0.01,100000)"
    assert main(["sweep", scenario, "--param", grid, "--set", "train.iterations=2", "--samples", "1", "--out", out]) == 0
    told = warned(capsys.readouterr().err)
    assert f"{scenario}: warning: trial 0001: mechanism.reserve: no keyword bid reaches 100000; " in told[0]


@pytest.mark.parametrize("flags", [("--address", "auto"), ("--workers", "2"), ("--budget", "0.5"), ("--out", "day")])
def test_bench_refuses_a_flag_that_it_would_ignore(flags: tuple[str, str], capsys: pytest.CaptureFixture[str]):
    assert main(["bench", *flags]) == 2
    message = capsys.readouterr().err
    assert message.startswith(f"{flags[0]}: expected with --")
    assert message.endswith(" without\n")
    assert message.count("\n") == 1
