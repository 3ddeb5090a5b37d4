"""Several outputs: all of them or none."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from auctionsim.outputs.together import OutputsTogether


def test_outputs_appear_at_the_end_and_together(tmp_path: Path):
    table, text, folder = tmp_path / "t", tmp_path / "deep" / "s", tmp_path / "f"
    with OutputsTogether() as outputs:
        work = outputs.work_folder(table)
        (work / "table").write_text("table")
        (work / "columns").mkdir()
        (work / "columns" / "a").write_text("1")
        outputs.reserve(text)
        outputs.fill(table, work / "table")
        outputs.fill(folder, work / "columns")
        outputs.write(text, lambda part: part.write_text("text"))
        assert not any(path.exists() for path in (table, text, folder))
        outputs.finish()
    assert (table.read_text(), text.read_text(), (folder / "a").read_text()) == ("table", "text", "1")
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["a", "deep", "f", "s", "t"]


def test_an_output_that_cannot_be_renamed_takes_all_others_back(tmp_path: Path):
    first, replaced, last = tmp_path / "a", tmp_path / "picture", tmp_path / "z"
    replaced.write_text("old")
    with pytest.raises(OSError, match="z"), OutputsTogether() as outputs:  # noqa: PT012
        for path in (replaced, first, last):
            outputs.reserve(path)
            outputs.write(path, lambda part: part.write_text("new"))
        last.mkdir()
        (last / "held").write_text("mine")
        outputs.finish()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["picture", "z"]
    assert replaced.read_text() == "old"


def test_an_interrupt_leaves_nothing(tmp_path: Path):
    with pytest.raises(KeyboardInterrupt), OutputsTogether() as outputs:  # noqa: PT012
        outputs.work_folder(tmp_path / "new" / "t")
        outputs.reserve(tmp_path / "deep" / "s")
        raise KeyboardInterrupt
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_cannot_be_made_is_found_before_the_work(tmp_path: Path):
    (tmp_path / "file").write_text("mine")
    with pytest.raises(NotADirectoryError), OutputsTogether() as outputs:
        outputs.reserve(tmp_path / "file" / "s.toml")
    assert os.listdir(tmp_path) == ["file"]
