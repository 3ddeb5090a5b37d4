"""A run as an object and as a spreadsheet: its own tables, its report's figures, and nothing of a name read as markup."""

from __future__ import annotations

import json
import re
import sys
import types
import zipfile
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from matplotlib.figure import Figure

import auctionsim
from auctionsim.analysis.documents.spreadsheets import write_workbook
from auctionsim.cli import main
from auctionsim.extras import is_installed
from auctionsim.jobs import export_run
from auctionsim.jobs.export_run import run_tables
from auctionsim.jobs.training.trained import Trained
from auctionsim.scenario.file import parse_scenario

from ..conftest import SMALL


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Trained:
    scenario = parse_scenario(SMALL, "s", overrides=["train.iterations=3", "traffic.auctions_per_day=200"])
    return auctionsim.train(scenario, tmp_path_factory.mktemp("objects") / "run", seeds=2)


def test_a_run_gives_its_tables_to_polars_and_pandas(trained: Trained):
    run = auctionsim.Run.open(trained.path)
    assert {"metrics", "outcomes", "benchmarks"} <= set(run.tables)
    assert run.to_polars().equals(pl.read_parquet(trained.path / "outcomes.parquet"))
    assert run.to_polars("metrics").height == 2 * 3
    with pytest.raises(ValueError, match="table: unknown 'outcome'; choose from .*outcomes"):
        run.to_polars("outcome")


@pytest.mark.skipif(not is_installed("pandas"), reason="pandas is not installed")
def test_pandas_gets_the_same_numbers(trained: Trained):
    for name in ("outcomes", "metrics"):
        table, frame = trained.run.to_polars(name), trained.run.to_pandas(name)
        assert list(frame.columns) == table.columns
        assert frame["seed"].tolist() == table["seed"].to_list()
        for column in ("cost", "profit_ratio"):
            if column in table.columns:
                assert np.array_equal(frame[column].to_numpy(), table[column].to_numpy(), equal_nan=True)


def test_what_train_returns_has_the_run_that_the_folder_opens_as(trained: Trained):
    assert isinstance(trained.run, auctionsim.Run)
    assert trained.run == auctionsim.Run.open(trained.path)


def test_a_run_draws_each_figure_of_its_report(trained: Trained):
    learning = trained.run.plot.learning()
    assert isinstance(learning, Figure)
    assert [axes.get_title() for axes in learning.axes] == ["Platform revenue", "Total profit"]
    # Both lines have a point for each iteration.
    assert len(learning.axes[0].lines[0].get_xdata()) == 3
    for name in ("hourly", "arms", "advertisers", "trade_off"):
        figure = getattr(trained.plot, name)()
        assert isinstance(figure, Figure)
        # IPython shows an object by its method of this name.
        assert figure._repr_png_().startswith(b"\x89PNG")


def test_a_figure_that_the_report_leaves_out_says_why(tmp_path: Path):
    rules = SMALL.replace('group = "seller"', 'group = "seller"\ncontroller = "manual"')
    ruled = auctionsim.train(parse_scenario(rules, "s", overrides=["traffic.auctions_per_day=100"]), tmp_path / "ruled")
    with pytest.raises(ValueError, match="expected the figure 'learning', got none: .*every advertiser follows a rule"):
        ruled.run.plot.learning()


def test_a_run_shows_itself(trained: Trained, tmp_path: Path):
    run = auctionsim.Run.open(trained.path)
    assert repr(run).endswith("seeds [0, 1], finished)")
    shown = run._repr_html_()
    assert "macg-es" in shown
    assert "of the baseline" in shown
    named = parse_scenario(SMALL.replace('name = "small"', 'name = "<b>x</b>"'), "s")
    new = auctionsim.Run.create(tmp_path / "new", named, SMALL, seeds=(0,), command="test")
    assert "&lt;b&gt;x" in new._repr_html_()
    assert "<b>x" not in new._repr_html_()
    assert "none yet" in new._repr_html_()
    with pytest.raises(ValueError, match="expected tables, got none yet"):
        new.to_polars()


def test_export_writes_the_tables_and_their_sums(trained: Trained, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    out = tmp_path / "tables"
    assert main(["export", str(trained.path), "--csv", "--out", str(out), "--json"]) == 0
    files = [Path(name) for name in json.loads(capsys.readouterr().out)["files"]]
    assert {file.stem for file in files} == set(run_tables(trained.run))
    outcomes = pl.read_parquet(trained.path / "outcomes.parquet")
    for name in ("days", "advertisers"):
        summed = pl.read_csv(out / f"{name}.csv")
        assert summed["cost"].sum() == pytest.approx(outcomes["cost"].sum(), rel=1e-12)
        assert summed["profit"].sum() == pytest.approx((outcomes["gmv"] - outcomes["cost"]).sum(), rel=1e-9)
    assert pl.read_csv(out / "outcomes.csv").height == outcomes.height
    # The same command writes the same bytes again; a folder of something else is left as it is.
    before = {file.name: file.read_bytes() for file in files}
    (out / "days.csv").write_text((out / "days.csv").read_text().splitlines()[0] + "\ncut off")
    assert main(["export", str(trained.path), "--out", str(out)]) == 0
    assert {file.name: file.read_bytes() for file in out.iterdir()} == before
    (out / "notes.csv").write_text("mine")
    capsys.readouterr()
    assert main(["export", str(trained.path), "--out", str(out)]) == 2
    assert "expected a new or empty folder" in capsys.readouterr().err
    (out / "notes.csv").unlink()
    (out / "outcomes.csv").write_text("my,own\n1,2\n")
    assert main(["export", str(trained.path), "--out", str(out)]) == 2
    assert "earlier export alone, got one that holds 'outcomes.csv' (choose another with --out)" in capsys.readouterr().err
    assert (out / "outcomes.csv").read_text() == "my,own\n1,2\n"
    inside = trained.path / "tables"
    assert main(["export", str(trained.path), "--out", str(inside)]) == 2
    assert capsys.readouterr().err == f"--out: expected a path outside the run {trained.path}, got {inside}\n"
    assert not inside.exists()


def test_exported_text_is_no_formula(trained: Trained, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    tables = {"outcomes": pl.DataFrame({"advertiser": ["=1+1", "shop"]})}
    monkeypatch.setattr(export_run, "run_tables", lambda run: tables)
    export_run.export_csv(trained.run, tmp_path / "tables")
    assert (tmp_path / "tables" / "outcomes.csv").read_text() == "advertiser\n'=1+1\nshop\n"


def test_a_run_that_is_the_current_folder_is_exported_beside_it(trained: Trained, monkeypatch: pytest.MonkeyPatch):
    from auctionsim.commands.export import _default_folder

    monkeypatch.chdir(trained.path)
    assert _default_folder(Path()) == trained.path.with_name(f"{trained.path.name}-export").resolve()
    assert _default_folder(Path("runs/mine")) == Path("runs/mine-export")


@pytest.mark.parametrize("out", [".", "/", ".."])
def test_export_to_a_path_without_a_name_ends_in_one_line(
    trained: Trained, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, out: str
):
    (tmp_path / "here").mkdir()
    (tmp_path / "here" / "notes.txt").write_text("mine")
    monkeypatch.chdir(tmp_path / "here")
    assert main(["export", str(trained.path), "--out", out]) == 2
    assert "expected a new or empty folder" in capsys.readouterr().err
    if is_installed("xlsxwriter"):
        assert main(["export", str(trained.path), "--xlsx", "--out", out]) == 2
        line = f"--out: expected a path that ends in a name, of which --xlsx makes NAME.xlsx, got '{out}'\n"
        assert capsys.readouterr().err == line


@pytest.mark.skipif(not is_installed("xlsxwriter"), reason="xlsxwriter is not installed")
def test_large_seeds_stay_different_in_a_workbook(tmp_path: Path):
    seeds = [2**63 - 2, 2**63 - 1, 2**53, 7]
    write_workbook({"seeds": pl.DataFrame({"seed": seeds})}, tmp_path / "book.xlsx")
    with zipfile.ZipFile(tmp_path / "book.xlsx") as book:
        texts, cells = (book.read(f"xl/{name}.xml").decode() for name in ("sharedStrings", "worksheets/sheet1"))
    assert re.findall("<t>([0-9]+)</t>", texts) == [str(seed) for seed in seeds[:2]]
    assert [int(float(number)) for number in re.findall(r'<c r="A[45]"><v>([^<]+)</v>', cells)] == seeds[2:]


@pytest.mark.skipif(not is_installed("xlsxwriter"), reason="xlsxwriter is not installed")
def test_export_writes_a_workbook_with_a_sheet_for_each_table(
    trained: Trained, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    assert main(["export", str(trained.path), "--xlsx", "--out", str(tmp_path / "book")]) == 0
    assert not (tmp_path / "book").exists()
    with zipfile.ZipFile(tmp_path / "book.xlsx") as book:
        index = book.read("xl/workbook.xml").decode()
        assert all(f'name="{name}"' in index for name in run_tables(trained.run))
        rows = book.read("xl/worksheets/sheet1.xml").decode().count("<row ")
    assert rows == 1 + run_tables(trained.run)["advertisers"].height
    before = (tmp_path / "book.xlsx").read_bytes()
    assert main(["export", str(trained.path), "--xlsx", "--out", str(tmp_path / "book")]) == 0
    assert (tmp_path / "book.xlsx").read_bytes() == before
    # Neither a file of somebody else nor a workbook of another program is replaced, and nothing is written into the run.
    with zipfile.ZipFile(tmp_path / "other.xlsx", "w") as book:
        book.writestr("docProps/core.xml", "<x/>")
    (tmp_path / "mine.xlsx").write_text("mine")
    for name in ("other", "mine"):
        before = (tmp_path / f"{name}.xlsx").read_bytes()
        assert main(["export", str(trained.path), "--csv", "--xlsx", "--out", str(tmp_path / name)]) == 2
        assert capsys.readouterr().err == (
            f"{tmp_path / name}.xlsx: expected a new file or a workbook of an earlier export, got another (choose with --out)\n"
        )
        assert (tmp_path / f"{name}.xlsx").read_bytes() == before
        assert not (tmp_path / name).exists()
    assert main(["export", str(trained.path), "--xlsx", "--out", str(trained.path / "outcomes")]) == 2
    assert "--out: expected a path outside the run" in capsys.readouterr().err
    assert not (trained.path / "outcomes.xlsx").exists()


def test_a_progress_bar_counts_the_iterations(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    scenario = parse_scenario(SMALL, "s", overrides=["train.iterations=2", "traffic.auctions_per_day=100"])
    auctionsim.train(scenario, tmp_path / "run", callbacks=[auctionsim.ProgressBar()])
    lines = capsys.readouterr().err.splitlines()
    assert lines[0] == "small: 0/2"
    assert lines[-1].startswith("run: 2/2  revenue_ratio ")
    assert lines[-1].endswith("0:00 left")


def test_a_progress_bar_updates_one_place_of_a_notebook(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    shown: list[str] = []

    class Place:
        def update(self, what: str) -> None:
            shown.append(what)

    ipython, display = types.ModuleType("IPython"), types.ModuleType("IPython.display")
    ipython.get_ipython = lambda: types.SimpleNamespace(kernel=1)  # type: ignore[attr-defined]
    display.HTML = str  # type: ignore[attr-defined]
    display.display = lambda what, display_id: Place()  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "IPython", ipython)
    monkeypatch.setitem(sys.modules, "IPython.display", display)
    scenario = parse_scenario(SMALL, "s", overrides=["train.iterations=2", "traffic.auctions_per_day=100"])
    auctionsim.train(scenario, tmp_path / "<run>", callbacks=[auctionsim.ProgressBar()])
    assert [f"value='{i}' max='2'" in one for i, one in enumerate(shown[:3])] == [True] * 3
    assert "finished after iteration 2" in shown[-1]
    assert all("<run>" not in one for one in shown)
    assert any("&lt;run&gt;: 1/2" in one for one in shown)
