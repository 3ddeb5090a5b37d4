"""Studies: measured unit by unit, continued after an interruption, the same in any pool."""

from __future__ import annotations

import json
from pathlib import Path

import polars as pl
import pytest

from auctionsim.analysis.documents.results import arms_table, paired_differences, paired_table
from auctionsim.analysis.documents.sections import Heading, Text, write_document
from auctionsim.cli import main
from auctionsim.errors import InputError
from auctionsim.jobs import studies
from auctionsim.jobs.distributed.cluster import SerialPool
from auctionsim.jobs.studies.base import Findings, Options, find_study, run_study

pytestmark = pytest.mark.usefixtures("without_figures")

SOURCE = """
from auctionsim.analysis.documents.results import arms_table
from auctionsim.analysis.documents.sections import Text
from auctionsim.jobs.studies.base import RESULTS_SCHEMA, Findings, Unit

class Coins:
    title = "Coins <thrown>"
    n_seeds = 3
    def units(self, options):
        return [Unit("fair", arm, seed) for arm in ("heads", "tails") for seed in options.seeds]
    def run(self, unit, options):
        if options.data is not None and unit.arm == "tails":
            raise KeyboardInterrupt
        value = unit.seed + (0.5 if unit.arm == "heads" else 0.0)
        return Findings([("test", "share", value)], [("learning", 1.0, value)])
    def sections(self, results, curves):
        return [Text("Heads lead."), arms_table(results, "fair", {"share": "Share"})]

STUDY = Coins()
"""


@pytest.fixture
def coins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A study put beside the built-in ones."""
    folder = tmp_path / "studies"
    folder.mkdir()
    (folder / "test_coins.py").write_text(SOURCE)
    monkeypatch.setattr(studies, "__path__", [*studies.__path__, str(folder)])
    return "test-coins"


def quiet(*_: object) -> None:
    pass


def test_a_study_writes_results_table_and_report(coins: str, tmp_path: Path):
    page = run_study(coins, Options((0, 1, 2)), SerialPool(), tmp_path / "out", "auctionsim reproduce test-coins", quiet)
    results = pl.read_parquet(tmp_path / "out" / "results.parquet")
    assert results.columns == ["study", "scenario", "arm", "seed", "split", "metric", "value"]
    assert results.height == 6
    assert paired_differences(results, "fair", "heads", "tails", "share").tolist() == [0.5, 0.5, 0.5]
    assert "Coins &lt;thrown&gt;" in page.read_text()
    table = (tmp_path / "out" / "table.md").read_text()
    assert "| heads | 1.500 [-0.984, 3.984] |" in table
    assert "`auctionsim reproduce test-coins`" in table


def test_an_interrupted_study_continues_with_the_missing_units(coins: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    seen: list[str] = []
    options = Options((0, 1), data="stop")
    with pytest.raises(KeyboardInterrupt):
        run_study(coins, options, SerialPool(), tmp_path / "out", "c", lambda *a: seen.append(a[2].key))
    assert seen == ["fair--heads--0", "fair--heads--1"]
    kept = (tmp_path / "out" / "parts" / "fair--heads--0.json").read_bytes()
    monkeypatch.setattr(type(find_study(coins)), "run", lambda self, unit, options: Findings([]))
    run_study(coins, options, SerialPool(), tmp_path / "out", "c", lambda *a: seen.append(a[2].key))
    assert seen[2:] == ["fair--tails--0", "fair--tails--1"]
    assert (tmp_path / "out" / "parts" / "fair--heads--0.json").read_bytes() == kept


def test_a_study_says_how_many_results_it_took_from_an_earlier_run(
    coins: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    command = ["reproduce", coins, "--seeds", "1", "--workers", "0", "--out", str(tmp_path / "out")]
    assert main(command) == 0
    assert "earlier run" not in capsys.readouterr().err
    assert main(command) == 0
    said = f"{tmp_path / 'out'}: 2 results are of an earlier run (remove the folder to measure them again)\n"
    assert capsys.readouterr().err == said


def test_workers_in_another_folder_find_the_public_files(coins: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    seen: list[str | None] = []

    def look(self: object, unit: object, options: Options) -> Findings:
        seen.append(options.data)
        return Findings([])

    monkeypatch.setattr(type(find_study(coins)), "run", look)
    run_study(coins, Options((0,), data="../public"), SerialPool(), tmp_path / "out", "c", quiet)
    assert seen == [str(tmp_path / "public")] * 2
    # The plan keeps the path as given, so that the folder can be continued elsewhere.
    assert json.loads((tmp_path / "out" / "plan.json").read_text())["data"] == "../public"


def test_a_folder_of_another_plan_is_refused(coins: str, tmp_path: Path):
    run_study(coins, Options((0,)), SerialPool(), tmp_path / "out", "c", quiet)
    with pytest.raises(InputError, match="got another seeds"):
        run_study(coins, Options((0, 1)), SerialPool(), tmp_path / "out", "c", quiet)
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "letter.txt").write_text("dear")
    with pytest.raises(InputError, match="expected a new or empty folder"):
        run_study(coins, Options((0,)), SerialPool(), tmp_path / "other", "c", quiet)


def test_the_command_names_the_nearest_study(coins: str, capsys: pytest.CaptureFixture[str]):
    assert main(["reproduce", "test-coin"]) == 2
    assert "did you mean 'test-coins'?" in capsys.readouterr().err


def test_the_command_lists_and_runs_studies(coins: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    assert main(["reproduce", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["studies"][coins] == "Coins <thrown>"
    assert main(["reproduce", coins, "--workers", "0", "--out", str(tmp_path / "out")]) == 0
    assert "Heads lead." in capsys.readouterr().out


def test_a_table_keeps_its_columns_when_a_cell_holds_a_bar(tmp_path: Path):
    results = pl.DataFrame(
        {"study": "s", "scenario": "x", "arm": "a|b", "seed": 0, "split": "test", "metric": "m", "value": 1.0}
    )
    write_document("T", ["c"], [Heading("H"), Text("t"), arms_table(results, "x", {"m": "M"})], tmp_path)
    assert "| a\\|b | 1.000" in (tmp_path / "table.md").read_text()


def test_a_table_counts_the_seeds_of_the_arms_that_it_shows():
    rows = [
        {"study": "s", "scenario": "x", "arm": arm, "seed": seed, "split": "test", "metric": "m", "value": 1.0}
        for arm, seeds in {"a": (200, 201), "left out": (100, 101, 102)}.items()
        for seed in seeds
    ]
    assert arms_table(pl.DataFrame(rows), "x", {"m": "M"}, arms=["a"]).note.startswith("Means over 2 seeds")


def test_arms_are_compared_on_the_seeds_they_share():
    rows = [
        {"study": "s", "scenario": "x", "arm": arm, "seed": seed, "split": "test", "metric": "m", "value": value}
        for arm, values in {"a": [1.0, 2.0, 3.0], "b": [0.9, 1.9, 2.9, 100.0], "c": [3.0, 1.0, 2.5]}.items()
        for seed, value in enumerate(values)
    ]
    table = paired_table(pl.DataFrame(rows), "x", "a", ("b", "c", "absent"), {"m": "M", "n": "N"})
    assert [row[0] for row in table.rows] == ["b", "c"], "an arm that was not measured is no rival"
    assert table.rows[0][1:] == ["0.100 [0.100, 0.100] *", ""]
    assert table.rows[1][1].startswith("-0.167 [")
    assert not table.rows[1][1].endswith("*")


@pytest.mark.parametrize(
    "text", ["", "null", '{"results": [], "curves": 3}', '{"results": [["test", "share", "x"]], "curves": []}']
)
def test_findings_on_disk_that_are_broken_are_told_in_one_line(coins: str, tmp_path: Path, text: str):
    run_study(coins, Options((0,)), SerialPool(), tmp_path / "out", "c", quiet)
    next((tmp_path / "out" / "parts").iterdir()).write_text(text)
    with pytest.raises(InputError, match=r"parts.* expected "):
        run_study(coins, Options((0,)), SerialPool(), tmp_path / "out", "c", quiet)
