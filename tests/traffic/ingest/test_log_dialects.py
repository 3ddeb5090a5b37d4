"""Logs as spreadsheets, old systems and other countries write them: read as meant, and what was assumed is printed."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import zipfile
from collections.abc import Callable
from pathlib import Path

import duckdb
import numpy as np
import pyarrow
import pytest

from auctionsim.cli import main
from auctionsim.traffic.ingest.dialect.numbers import Marks

from .mapped import HEADER, MAPPING, ingest_log, line, rows

WHEN = "2024-03-04 05:06:07"
LOG = HEADER + line(1, WHEN)


def zstd(contents: bytes) -> bytes:
    packed = pyarrow.BufferOutputStream()
    with pyarrow.CompressedOutputStream(packed, "zstd") as stream:
        stream.write(contents)
    return bytes(packed.getvalue())


@pytest.mark.parametrize(
    ("encoding", "name", "said"),
    [
        ("utf-8", "Müller", "utf-8"), ("utf-8-sig", "Müller", "utf-8"), ("utf-16", "Müller", "utf-16"),
        ("utf-16-le", "Mller", "utf-16-le"), ("utf-16-be", "Mller", "utf-16-be"), ("cp1252", "Müller €", "cp1252"),
    ],
)  # fmt: skip
def test_an_encoding_is_found_and_told(tmp_path: Path, capsys: pytest.CaptureFixture[str], encoding: str, name: str, said: str):
    table = ingest_log(tmp_path, (HEADER + line(1, WHEN, name)).encode(encoding))
    assert rows(table, "advertiser") == [name]
    assert f"a.csv: {said}, columns separated by commas" in capsys.readouterr().out


def test_an_encoding_can_be_set(tmp_path: Path):
    table = ingest_log(tmp_path, (HEADER + line(1, WHEN, "广告主")).encode("gb18030"), top='encoding = "gb18030"\n')
    assert rows(table, "advertiser") == ["广告主"]


def test_bytes_that_come_in_pairs_are_no_western_letters(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    ingest_log(tmp_path, (HEADER + line(1, WHEN, "广告主")).encode("gb18030"), code=2)
    assert "a.csv: line 2: expected UTF-8, got other bytes" in capsys.readouterr().err


def test_a_bad_byte_among_utf8_is_a_bad_row(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    good = "".join(line(i, WHEN, "Müller") for i in range(200))
    table = ingest_log(tmp_path, (HEADER + good).encode() + line(201, WHEN, "Köhler").encode("latin-1"))
    assert set(rows(table, "advertiser")) == {"Müller"}
    assert "expected UTF-8, got other bytes (first: " in capsys.readouterr().out


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_a_delimiter_is_found(tmp_path: Path, delimiter: str):
    assert rows(ingest_log(tmp_path, LOG.replace(",", delimiter)), "advertiser", "manual_bid") == [("s", 3.0)]


ENDS: dict[str, Callable[[str], str]] = {
    "unix": lambda text: text, "windows": lambda text: text.replace("\n", "\r\n"),
    "old mac": lambda text: text.replace("\n", "\r"),
    "joined": lambda text: text.replace("\n", "\r\n", 2), "with old mac": lambda text: text.replace("\n", "\r", 1),
}  # fmt: skip


@pytest.mark.parametrize("ends", ENDS)
def test_line_ends_of_all_kinds_are_read(tmp_path: Path, ends: str):
    text = ENDS[ends](HEADER + "".join(line(i, WHEN, f"s{i}") for i in range(3)))
    assert rows(ingest_log(tmp_path, text), "advertiser") == ["s0", "s1", "s2"]


def test_blank_lines_before_the_header_are_passed_over(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    blank = "\r\n \r\n"
    assert rows(ingest_log(tmp_path, blank + LOG + "\n" + line(2, WHEN, "t")), "advertiser") == ["s", "t"]
    ingest_log(tmp_path, blank + HEADER + line(1, WHEN, bid="x"), code=2)
    assert "a.csv: line 4, column bid: " in capsys.readouterr().err


def test_quoted_values_hold_delimiters_quotes_and_lines(tmp_path: Path):
    text = LOG.replace("\n", "\r\n") + f'2,{WHEN},"k, ""k""\nk",s,3,1,0.1,0.1\r\n'
    assert rows(ingest_log(tmp_path, text), "query") == ["k", 'k, "k"\nk']


@pytest.mark.parametrize(
    ("values", "marks", "expected"),
    [
        (("1.5", "2"), "decimal point", [1.5, 2]),
        (("1,5", "2"), "decimal comma", [1.5, 2]),
        (("1.234,5", "2"), "decimal comma, points between thousands", [1234.5, 2]),
        (("0,5", "1.234"), "decimal comma, points between thousands", [0.5, 1234]),
        (("0,123", "0,456"), "decimal comma", [0.123, 0.456]),
        (("1,234.5", "2"), "decimal point, commas between thousands", [1234.5, 2]),
        (("1,234", "2.5"), "decimal point, commas between thousands", [1234, 2.5]),
        (("1,234,567", "2"), "decimal point, commas between thousands", [1234567, 2]),
        (("1 234,5", "1\u00a0000"), "decimal comma, blanks between thousands", [1234.5, 1000]),
        (("1'234.5", "1\u2019000"), "decimal point, apostrophes between thousands", [1234.5, 1000]),
        (("1.234", "2.345"), "decimal point", [1.234, 2.345]),
    ],
)  # fmt: skip
def test_marks_in_numbers_are_found_and_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], values: tuple[str, ...], marks: str, expected: list[float]
):
    # Other columns are whole numbers, so that nothing but the bids shows the marks.
    text = HEADER.replace(",", "|") + "".join(f"{i}|{WHEN}|k|s|{bid}|1|1|1\n" for i, bid in enumerate(values))
    assert rows(ingest_log(tmp_path, text), "manual_bid") == expected
    assert f"numbers: {marks}\n" in capsys.readouterr().out


@pytest.mark.parametrize(("key", "bid"), [("decimal", 1.234), ("thousands", 1234.0)])
def test_a_comma_that_may_be_both_is_refused_until_it_is_set(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], key: str, bid: float
):
    text = HEADER + f'1,{WHEN},k,s,"1,234",1,1,1\n'
    ingest_log(tmp_path, text, code=2)
    assert "column bid: expected a decimal comma or commas between thousands, got '1,234'" in capsys.readouterr().err
    assert rows(ingest_log(tmp_path, text, top=f'{key} = ","\n'), "manual_bid") == [bid]


def test_one_comma_among_points_is_a_bad_row_and_changes_no_other(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    text = HEADER + "".join(line(i, WHEN, bid=1.25) for i in range(200)) + f'200,{WHEN},k,s,"0,5",1,0.1,0.1\n'
    assert set(rows(ingest_log(tmp_path, text), "manual_bid")) == {1.25}
    assert "bid: expected a number >= 0 and < 1e9 (first: " in capsys.readouterr().out


def test_numbers_with_marks_are_those_without(tmp_path: Path):
    del tmp_path
    draw = np.random.default_rng(1)
    for value in draw.random(50) * 10.0 ** draw.integers(0, 9, 50):
        plain = f"{value:,.4f}"
        for decimal, thousands in ((".", ","), (",", "."), (",", " "), (".", "'")):
            text = plain.translate({ord(","): thousands, ord("."): decimal})
            sql = Marks(decimal, thousands).parse.format(f"'{text.replace(chr(39), 2 * chr(39))}'")
            assert duckdb.execute(f"SELECT {sql}").fetchall() == [(float(plain.replace(",", "")),)], text


@pytest.mark.parametrize("name", ["row", "wrong", "no pctr", "text pctr", "day", "second", "weight", "came", "c0", 'a "b"'])
def test_columns_may_have_any_name(tmp_path: Path, name: str):
    quoted = '"' + name.replace('"', '""') + '"'
    text, mapping = LOG.replace("auction_id", quoted), MAPPING.replace('"auction_id"', f"'{name}'")
    assert rows(ingest_log(tmp_path, text, mapping=mapping), "manual_bid") == [3.0]


def test_columns_that_differ_in_case_are_two(tmp_path: Path):
    swap = {"kw": "Query", "seller": "query"}
    text, mapping = (part.replace("kw", swap["kw"]).replace("seller", swap["seller"]) for part in (LOG, MAPPING))
    assert rows(ingest_log(tmp_path, text, mapping=mapping), "query", "advertiser") == [("k", "s")]


def test_a_column_twice_matters_only_if_it_is_mapped(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    more = LOG.replace("pcvr\n", "pcvr,x,x,,\n").replace("0.1\n", "0.1,1,2,3,4\n")
    assert rows(ingest_log(tmp_path, more), "manual_bid") == [3.0]
    ingest_log(tmp_path, more.replace("x,x", "x,bid"), code=2)
    assert "a.csv: line 1: expected each column once, got 'bid' twice" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("name", "pack"),
    [("A.CSV.GZ", gzip.compress), ("a.bz2", bz2.compress), ("a.csv.xz", lzma.compress), ("a.csv.Zst", zstd)],
)
def test_compressed_logs_are_read(tmp_path: Path, name: str, pack: Callable[[bytes], bytes]):
    assert rows(ingest_log(tmp_path, pack(LOG.encode()), name=name), "manual_bid") == [3.0]


def test_hidden_files_are_passed_over_in_archives_and_folders(tmp_path: Path):
    names = ("__MACOSX/._a.csv", ".DS_Store", "more/.hidden/a.csv", "more/_SUCCESS", "more/a.csv")
    packed, folder = io.BytesIO(), tmp_path / "logs"
    with zipfile.ZipFile(packed, "w") as archive:
        for name in names:
            contents = LOG if name == names[-1] else "\0"
            archive.writestr(name, contents)
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_text(contents)
    assert rows(ingest_log(tmp_path, packed.getvalue(), name="a.zip"), "manual_bid") == [3.0]
    out = tmp_path / "u.parquet"
    paths = ("--mapping", str(tmp_path / "map.toml"), "--out", str(out))
    assert main(["ingest", str(folder), "--format", "auctions-csv", *paths]) == 0
    assert rows(out, "manual_bid") == [3.0]


@pytest.mark.parametrize("name", ["log[1].csv", "log*.csv", "log?.csv", "log{1,2}.csv", "log'1.csv", "day=7/log[!1].csv"])
def test_names_of_files_are_no_patterns(tmp_path: Path, name: str):
    folder = tmp_path / "logs[1]"
    for i, file in enumerate((name, "log1.csv", "log2.csv")):
        (folder / file).parent.mkdir(parents=True, exist_ok=True)
        (folder / file).write_text(HEADER + line(i, WHEN, f"s{i}"))
    table = ingest_log(folder, HEADER + line(0, WHEN, "s0"), name=name)
    assert rows(table, "advertiser") == ["s0"]
    paths = ("--mapping", str(folder / "map.toml"), "--out", str(tmp_path / "all[1].parquet"))
    files = [str(folder / file) for file in (name, "log1.csv", "log2.csv")]
    assert main(["ingest", *files, "--format", "auctions-csv", *paths]) == 0
    assert rows(tmp_path / "all[1].parquet", "advertiser") == ["s0", "s1", "s2"]


@pytest.mark.parametrize(("contents", "kind"), [
    (b'{"auction_id":"1","bid":3}\n{"auction_id":"2","bid":4}\n', "JSON lines"),
    (b'\xef\xbb\xbf\n{"auction_id":"1"}\r\n', "JSON lines"),
    (gzip.compress(b'{"auction_id":"1","bid":3}\n', mtime=0), "JSON lines"),
    (b'{\n "auction_id": "1"\n}\n', "JSON"),
    (b'[{"auction_id":"1"}]', "JSON"),
    (gzip.compress(b"PAR1 and columns", mtime=0), "a Parquet file"),
])  # fmt: skip
def test_records_are_named_and_so_is_what_is_read(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], contents: bytes, kind: str
):
    name = "a.csv.gz" if contents.startswith(b"\x1f\x8b") else "a.csv"
    ingest_log(tmp_path, contents, name=name, code=2)
    expected = (
        f"expected lines of columns, got {kind} (logs are read from CSV or TSV, plain or packed as gz, bz2, xz, zst or zip)"
    )
    assert capsys.readouterr().err == f"{tmp_path / name}: {expected}\n"


def test_a_parquet_file_in_a_folder_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    folder = tmp_path / "logs"
    folder.mkdir()
    (folder / "b.parquet").write_bytes(b"PAR1 and columns")
    ingest_log(tmp_path, LOG)
    capsys.readouterr()
    paths = ("--mapping", str(tmp_path / "map.toml"), "--out", str(tmp_path / "u.parquet"))
    assert main(["ingest", str(folder), "--format", "auctions-csv", *paths]) == 2
    assert f"{folder / 'b.parquet'}: expected lines of columns, got a Parquet file (" in capsys.readouterr().err


def test_a_column_in_curly_brackets_is_a_column(tmp_path: Path):
    assert rows(ingest_log(tmp_path, "{a}," + HEADER + "1," + line(1, WHEN)), "manual_bid") == [3.0]
