"""Outputs of all commands: an empty path is none, and no report is written over a run or another page."""

from __future__ import annotations

from pathlib import Path

import pytest

from auctionsim.cli import main

pytestmark = pytest.mark.usefixtures("without_figures")


@pytest.mark.parametrize(
    "command",
    [
        "train three-arms --out", "sweep three-arms --param seed=1,2 --out", "demo --quick --out", "reproduce fit --out",
        "report runs/a --out", "compare runs/a runs/b --out", "fit a.csv --out", "bench --day", "bench --make-day 10 --out",
        "init", "resume", "evaluate", "control", "report",
        "export-dataset three-arms --out", "learn-offline logs --out", "evaluate-offline --policy start",
    ],
)  # fmt: skip
def test_an_empty_path_is_refused_by_every_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], command: str
):
    monkeypatch.chdir(tmp_path)
    assert main([*command.split(), ""]) == 2
    assert "expected a path, got ''" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "command",
    [
        "train {file} --out", "sweep {file} --param learner.sigma=grid(0.1) --workers 0 --out",
        "export-dataset {file} --episodes 1 --out",
        "demo --quick --out", "reproduce fit --out", "report runs/a --out", "compare runs/a runs/b --out", "fit a.csv --out",
        "export runs/a --out", "learn-offline logs --out", "whatif a.csv --set mechanism.reserve=1 --out",
        "landscape a.csv --out",
        "experiment a.csv --out", "bench --make-day 10 --out", "screen",
    ],
)  # fmt: skip
def test_a_path_that_is_no_utf8_is_refused_before_anything_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], small_file: Path, command: str
):
    monkeypatch.chdir(tmp_path)
    before = sorted(tmp_path.rglob("*"))
    assert main([*(word.format(file=small_file) for word in command.split()), "\udcff.parquet"]) == 2
    said = capsys.readouterr().err.splitlines()
    assert len(said) == 1
    assert "expected a path in UTF-8, got '\\udcff.parquet'" in said[0]
    assert sorted(tmp_path.rglob("*")) == before


def test_a_report_is_not_written_over_a_run_or_another_page(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], small_file: Path
):
    runs = [str(tmp_path / name) for name in "ab"]
    for run in runs:
        assert main(["train", str(small_file), "--out", run, "--set", "train.iterations=1"]) == 0
    (tmp_path / "link").symlink_to(runs[0])
    (tmp_path / "page").mkdir()
    (tmp_path / "page" / "index.html").write_text("mine")
    (tmp_path / "pages").mkdir()
    for name in ("index.html", "report.md"):
        (tmp_path / "pages" / name).write_text("# mine")
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    capsys.readouterr()
    for out, message in (
        (runs[0], "--out: expected another file than the run, got "),
        (f"{tmp_path}/link/../link/", "--out: expected another file than the run, got "),
        (str(tmp_path / "page"), f"{tmp_path}/page: expected a new folder or that of an earlier report, got one that holds"),
        (str(tmp_path / "pages"), f"{tmp_path}/pages: expected a new folder or that of an earlier report, got one that holds"),
        (f"{runs[0]}/checkpoints/new", "--out: expected a folder of its own, got "),
        (str(tmp_path / "page" / "index.html"), f"{tmp_path}/page/index.html: expected a folder, got a file"),
    ):
        for command in (["report", runs[0]], ["compare", *runs]):
            assert main([*command, "--out", out]) == 2
            said = capsys.readouterr().err.splitlines()
            assert len(said) == 1
            assert said[0].startswith(message)
    assert main(["report", runs[0], "--out", runs[1]]) == 2
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before
    for _ in range(3):
        assert main(["report", *runs, "--out", str(tmp_path / "new")]) == 0
        # As an interrupt leaves it between the text and the page.
        (tmp_path / "new" / "index.html").unlink()
