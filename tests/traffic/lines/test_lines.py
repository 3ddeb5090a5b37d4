"""Lines of logs and CSV tables in messages: those that an editor shows, whatever stands on the lines before."""

from __future__ import annotations

import csv
import gzip
import re
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from auctionsim.analysis.screens.read import read_bids
from auctionsim.cli import main
from auctionsim.errors import InputError
from auctionsim.jobs.whatif.ask import whatif
from auctionsim.traffic.files import load_budgets, load_traffic
from auctionsim.traffic.fit.limits import check_table
from auctionsim.traffic.ingest import log_reader
from auctionsim.traffic.text_lines import RowlessLines, line_of, row_source, rowless_lines

from ..ingest.mapped import HEADER, MAPPING, ingest_log, line, plenty

WHEN = "2024-03-04 05:06:07"
WRONG = line("wrong", WHEN, bid="x")
LINES = f'm,{WHEN},"k\n\nk",s,3,1,0.1,0.1\n'
"""A row whose query goes on over two lines."""
SHORT = f"short,{WHEN}\n"
BEFORE = {
    "nothing": HEADER,
    "a row": HEADER + line(1, WHEN),
    "blank lines at the start": "\n \n" + HEADER,
    "blank lines after the header": HEADER + "\n\n",
    "blank lines among rows": HEADER + line(1, WHEN) + "\n" + line(2, WHEN) + "\n\n",
    "a value of three lines": HEADER + LINES,
    "values of lines and blank lines": "\n" + HEADER + LINES + "\n" + LINES + line(1, WHEN) + "\n",
    "rejected lines": HEADER + SHORT + "\n" + LINES + SHORT + line(1, WHEN),
    "a rejected row of several lines": HEADER + LINES.replace("0.1\n", "0.1,9\n") + line(1, WHEN),
    "a quote that is no mark": HEADER + line(1, WHEN, query='5" k') + "\n" + line(2, WHEN, query='5" k'),
    "two quotes that are no marks": HEADER + f'1,{WHEN},5" k,"s\n",3,1,0.1,0.1\n' + "\n",
    "quotes in quotes": HEADER + f'1,{WHEN},"k ""k\n""",s,3,1,0.1,0.1\n',
    "a blank before a quote": HEADER + f'1,{WHEN}, "k\nk",s,3,1,0.1,0.1\n',
    "a quote that is not closed": HEADER + f'1,{WHEN},"k,s,3,1,0.1,0.1\n\n' + line(2, WHEN) + f'3,{WHEN},"k",s,3,1,0.1,0.1\n',
}


def counted(text: str) -> int:
    """Return the line after a text, as an editor counts."""
    return len(re.findall("\r\n|\r|\n", text)) + 1


@pytest.mark.parametrize("ends", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("before", BEFORE)
def test_a_row_of_a_log_is_named_by_the_line_of_an_editor(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], before: str, ends: str
):
    text = (BEFORE[before] + WRONG + "\n" + plenty(1)).replace("\n", ends)
    ingest_log(tmp_path, text, "--max-bad", "0.99", "--json")
    found = capsys.readouterr().out
    assert f'a.csv: line {counted(BEFORE[before])}"' in found
    short = re.search("short|m,.*9\n", BEFORE[before], re.DOTALL)
    if short is not None:
        assert f'a.csv: line {counted(BEFORE[before][: short.start()])}"' in found


@pytest.mark.parametrize("packed", [False, True])
def test_lines_are_those_of_each_file(tmp_path: Path, capsys: pytest.CaptureFixture[str], packed: bool):
    folder = tmp_path / "logs"
    folder.mkdir()
    for name, text in (("1.csv", "\n" + HEADER + plenty(2) + LINES), ("2.csv", HEADER + "\n" + LINES + "\n" + WRONG + "\n")):
        if packed:
            (folder / f"{name}.gz").write_bytes(gzip.compress(text.encode()))
        else:
            (folder / name).write_text(text)
    (tmp_path / "map.toml").write_text(MAPPING)
    command = ["ingest", str(folder), "--format", "auctions-csv", "--mapping", str(tmp_path / "map.toml")]
    assert main([*command, "--out", str(tmp_path / "t.parquet")]) == 2
    name = "2.csv.gz" if packed else "2.csv"
    assert f"{name}: line 7, column bid: expected a number" in capsys.readouterr().err


def test_the_header_is_named_by_its_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    ingest_log(tmp_path, "\n\n" + HEADER.replace("bid", "bids"), code=2)
    assert "a.csv: line 3: expected a column bid, got none" in capsys.readouterr().err


def test_lines_that_cannot_be_told_are_not_claimed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
):
    def one_more(*given: object, **more: object) -> RowlessLines:
        found = rowless_lines(*given, **more)  # type: ignore[arg-type]
        return found._replace(total=found.total + 1)

    monkeypatch.setattr(log_reader, "rowless_lines", one_more)
    ingest_log(tmp_path, HEADER + WRONG, code=2)
    assert "a.csv: about line 2, column bid: expected a number" in capsys.readouterr().err


@pytest.mark.parametrize(("encoding", "wrong"), [("utf-16", b"\x00\xd8\x41\x00"), ("utf-8", b"\xff"), ("gb18030", b"\xff")])
@pytest.mark.parametrize("ends", ["\n", "\r\n", "\r"])
def test_a_byte_of_another_encoding_is_named_by_its_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], encoding: str, wrong: bytes, ends: str
):
    # U+010A and U+0A0A hold the bytes of a line end.
    before = (HEADER + line(1, WHEN, "\u010a\u0a0a") + "\n" + line(2, WHEN)).replace("\n", ends)
    log = before.encode(encoding) + wrong
    top = "" if encoding == "utf-8" else f'encoding = "{encoding}"\n'
    ingest_log(tmp_path, log, top=top, code=2)
    assert "a.csv: line 5: expected " in capsys.readouterr().err


TABLE = "day,hour,cell,weight,query,advertiser,pctr,pcvr,item_price,manual_bid\n"
GOOD = '0,0,0,1,"q\n\nq",a,0.1,0.1,9,1\n'


@pytest.mark.parametrize("ends", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize(
    ("text", "number"),
    [
        (TABLE + "0,0,0,1,q,a,0.1,0.1,9,-1\n", 2),
        ("\n\n" + TABLE + "0,0,0,1,q,a,0.1,0.1,9,-1\n", 4),
        (TABLE + GOOD + "0,0,0,1,q,b,0.1,0.1,9,-1\n", 5),
        (TABLE + GOOD + "\n", 5),
        (TABLE + GOOD + "0,0,0,1,q,b,0.1,0.1,9,1,7\n", 5),
        ("\n" + TABLE + GOOD + "0,0,0,1,q,b,0.1,0.1,9,1,7\n", 6),
    ],
)
def test_a_row_of_a_csv_table_is_named_by_the_line_of_an_editor(tmp_path: Path, text: str, number: int, ends: str):
    path = tmp_path / "t.csv"
    path.write_bytes(text.replace("\n", ends).encode())
    with pytest.raises(InputError, match=rf"t\.csv: line {number}[,:] "):
        load_traffic(path)


def test_other_csv_tables_are_counted_alike(tmp_path: Path):
    budgets, observed, bids = tmp_path / "b.csv", tmp_path / "o.csv", tmp_path / "bids.csv"
    budgets.write_text('advertiser,budget\n"a\n",3\nb,none\n')
    with pytest.raises(InputError, match=r"b\.csv: line 4, column budget"):
        load_budgets(budgets, ("a",))
    table = tmp_path / "t.csv"
    table.write_text(TABLE + GOOD.replace("\n\n", "") + "0,0,0,1,qq,b,1e-200,0.1,9,1\n")
    observed.write_text("advertiser,clicks\n\n")
    with pytest.raises(InputError, match=r"o\.csv: line 2, column advertiser"):
        whatif(table, "mechanism.reserve=0.1", observed=observed, intervals=False)
    with pytest.raises(InputError, match=r"t\.csv: line 3, column pctr: expected a number >= 1e-09"):
        check_table(load_traffic(table), str(table))
    bids.write_text('auction,bidder,bid\n1,"a\nb",2\n1,c,many\n')
    packed = tmp_path / "bids.csv.gz"
    packed.write_bytes(gzip.compress(bids.read_bytes()))
    for path in (bids, packed):
        with pytest.raises(InputError, match=rf"{path.name}: line 4, column bid"):
            read_bids(path, lowest_wins=False)


def test_a_table_without_lines_names_the_row(tmp_path: Path):
    assert row_source("table", 1) == "table: row 2"
    assert row_source(tmp_path / "t.parquet", 1) == f"{tmp_path / 't.parquet'}: row 2"


@given(st.lists(st.lists(st.text('ab"\n, ', max_size=4), min_size=2, max_size=2), min_size=1, max_size=6), st.booleans())
def test_lines_are_those_that_the_csv_module_counts(
    tmp_path_factory: pytest.TempPathFactory, values: list[list[str]], all_quoted: bool
):
    path = tmp_path_factory.mktemp("lines") / "t.csv"
    with path.open("w", newline="") as opened:
        quoting = csv.QUOTE_ALL if all_quoted else csv.QUOTE_MINIMAL
        csv.writer(opened, lineterminator="\n", quoting=quoting).writerows([["x", "y"], *values])
    starts = [1]
    with path.open(newline="") as opened:
        reader = csv.reader(opened)
        starts += [reader.line_num + 1 for _ in reader]
    for is_exact in (True, False):
        found = rowless_lines(path, is_exact=is_exact)
        passed_over = found.passed_over(empty=True)
        assert [line_of(passed_over, row) for row in range(1, len(values) + 2)] == starts[:-1]
        assert found.total == starts[-1] - 1
    assert np.array_equal(np.unique(passed_over), passed_over)
