"""No output is an input or another output, whatever it is called."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from auctionsim.errors import InputError
from auctionsim.outputs.distinct import expect_distinct


def test_an_output_is_no_input_under_any_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    log = tmp_path / "log.csv"
    log.write_text("text")
    (tmp_path / "link.csv").symlink_to(log)
    os.link(log, tmp_path / "hard.csv")
    (tmp_path / "sub").mkdir()
    (tmp_path / "folder").symlink_to(tmp_path)
    for name in ("log.csv", "./log.csv", "log.csv/", "sub/../log.csv", str(log), "link.csv", "hard.csv", "folder/log.csv"):
        with pytest.raises(InputError, match=r"^--out: expected another file than the log, got "):
            expect_distinct([("the log", log)], [("--out", Path(name))])
    expect_distinct([("the log", log)], [("--out", Path("other.csv")), ("--scenario", Path("sub/log.csv"))])


def test_two_outputs_are_two_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "dangling").symlink_to(tmp_path / "new.csv")
    for one, other in (
        ("new.csv", "./new.csv"),
        ("new.csv", "NEW.csv"),
        ("new/a.csv", "New/b/../A.csv"),
        ("caf\u00e9.csv", "cafe\u0301.csv"),
        ("new.csv", "dangling"),
    ):
        with pytest.raises(InputError, match=r"^--budgets: expected another file than --out, got "):
            expect_distinct([], [("--out", Path(one)), ("--budgets", Path(other))])


@pytest.mark.parametrize(
    ("out", "quality"), [("new", "new/q.html"), ("new/deep/t.parquet", "new/deep"), ("empty", "empty/a/q")]
)
def test_no_output_lies_inside_another(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, out: str, quality: str):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match=r"expected a path that is not inside that of --\w+, got "):
        expect_distinct([], [("--out", Path(out)), ("--quality", Path(quality))])


def test_neighbors_in_one_folder_are_distinct(tmp_path: Path):
    expect_distinct([("log", tmp_path / "log")], [(f"--{i}", tmp_path / "new" / str(i)) for i in range(3)])
