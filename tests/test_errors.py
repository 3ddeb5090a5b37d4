"""What messages say of a wrong name, a wrong kind of file, and a flag."""

from __future__ import annotations

import argparse
import os
from pathlib import Path

import pytest

from auctionsim.cli import main
from auctionsim.commands._flags import with_flag
from auctionsim.errors import InputError, suggestion
from auctionsim.files import expect_new_folder, file_on_the_way
from auctionsim.names.kinds import kind_of_path


@pytest.mark.parametrize(
    ("value", "choices", "near"),
    [
        ("VCG", ["gsp", "first", "vcg"], "vcg"),
        ("three arms", ["three-arms", "large"], "three-arms"),
        ("North", ["SOUTH", "NORTH"], "NORTH"),
        ("acme", ["Acme", "ACME shoes"], "Acme"),
        ("bid", ["query", "keyword_bid", "manual_bid"], "manual_bid"),
        ("shoes", ["acme shoes", "acme bags"], "acme shoes"),
        (3, ["3rd", "other"], None),
        ("ad", ["keyword.ad.of"], None),
        ("zebra", ["gsp", "vcg"], None),
        ("x", [], None),
    ],
)
def test_the_nearest_choice_is_found_whatever_the_capitals(value: object, choices: list[str], near: str | None):
    assert suggestion(value, choices) == ("" if near is None else f" (did you mean '{near}'?)")


def test_files_and_folders_are_told_by_what_is_in_them(tmp_path: Path):
    for name, contents, kind in (
        ("a.toml", "[traffic]\ndays = 3\n", "a scenario file"),
        ("scenario", "[[advertisers]]\ngroup = 'a'\n", "a scenario file"),
        ("b.toml", "[columns]\nbid = 'x'\n", "another TOML file"),
        ("torn.toml", "[columns", "another TOML file"),
        ("t.csv", "day,hour\n", "a CSV file"),
        ("noend", "day,hour\n", "another file"),
        ("a.json", '\n{"a": 1}', "a JSON file"),
        ("b", "[{}]", "a JSON file"),
        ("t.xlsx", b"PK\x03\x04", "a ZIP file"),
        ("t", b"PAR1xxxxPAR1", "a Parquet file"),
        ("nothing", "", "an empty file"),
        ("latin", b"\xfc = 1", "another file"),
        ("deep", "a = " + "[" * 50_000, "another file"),
    ):
        path = tmp_path / name
        path.write_bytes(contents if isinstance(contents, bytes) else contents.encode())
        assert kind_of_path(path) == kind, name
    for name, inside, kind in (
        ("run", "manifest.json", "a run folder"), ("day", "traffic.json", "a folder of stored traffic"),
        ("days", "dataset.json", "a dataset of logged days"), ("mine", "x", "another folder"),
    ):  # fmt: skip
        (tmp_path / name).mkdir()
        (tmp_path / name / inside).touch()
        assert kind_of_path(tmp_path / name) == kind
    (tmp_path / "bare").mkdir()
    assert kind_of_path(tmp_path / "bare") == "an empty folder"
    assert kind_of_path(tmp_path / "nowhere") == kind_of_path(tmp_path / "t.csv" / "in") == "no such file"
    os.mkfifo(tmp_path / "pipe")
    assert kind_of_path(tmp_path / "pipe") == "no plain file"


def test_a_file_where_a_folder_is_to_be_is_called_one(tmp_path: Path):
    file = tmp_path / "file"
    file.write_text("mine")
    assert file_on_the_way(file) == file_on_the_way(file / "a" / "b") == file
    assert file_on_the_way(tmp_path) is file_on_the_way(tmp_path / "new" / "a") is None
    with pytest.raises(InputError, match="file: expected a new or empty folder, got a file$"):
        expect_new_folder(file)
    with pytest.raises(InputError, match=f"new: expected a new or empty folder, got one in the file {file}$"):
        expect_new_folder(file / "new")
    with pytest.raises(InputError, match="expected a new or empty folder, got one that holds files$"):
        expect_new_folder(tmp_path)


def test_a_file_to_be_written_below_a_file_is_told_by_that(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    (tmp_path / "file").write_text("mine")
    assert main(["init", str(tmp_path / "file" / "s.toml")]) == 2
    expected = f"{tmp_path}/file/s.toml: expected a path that can be read and written, got one in the file {tmp_path}/file\n"
    assert capsys.readouterr().err == expected


def test_a_flag_is_named_as_it_is_typed_and_only_where_it_was():
    parser = argparse.ArgumentParser()
    parser.add_argument("source")
    parser.add_argument("--target-cpa", type=float)
    parser.add_argument("--design", dest="designs", action="append")
    parser.add_argument("--out")
    parsed = parser.parse_args(["seed", "--target-cpa", "0", "--design", "x", "--out", "out"])
    for message, said in (
        ("target_cpa: expected 1", "--target-cpa: expected 1"),
        ("design: unknown 'x'", "--design: unknown 'x'"),
        ("designs: expected a list", "--design: expected a list"),
        ("source: expected a table", "source: expected a table"),
        ("out: expected a new folder", "out: expected a new folder"),
        ("s.toml: target_cpa: expected 1", "s.toml: target_cpa: expected 1"),
        ("no colon", "no colon"),
    ):
        assert with_flag(message, parser, parsed) == said
    assert with_flag("target_cpa: expected 1", parser, parser.parse_args(["x"])) == "target_cpa: expected 1"
