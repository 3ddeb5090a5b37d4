"""What an answer is written as: text, JSON, CSV, a workbook and a page that needs no network."""

from __future__ import annotations

import errno
import json
import re
from pathlib import Path

import polars as pl
import pytest

import auctionsim
from auctionsim.analysis.documents.spreadsheets import write_csv
from auctionsim.analysis.whatif.text import change_sentence
from auctionsim.cli import main

from .tables import frame, table

pytestmark = pytest.mark.usefixtures("without_figures")

HOSTILE = "=HYPERLINK(\"http://x\") <script>alert('1')</script>"


def answered(tmp_path: Path, capsys: pytest.CaptureFixture[str], *words: str, as_json: bool = True) -> str:
    log = tmp_path / "log.parquet"
    rows = frame(n=200)
    rows.with_columns(advertiser=rows["advertiser"].str.replace("shop 0", HOSTILE, literal=True)).write_parquet(log)
    code = main(["whatif", str(log), "--set", "mechanism.reserve=0.4", *words, *(["--json"] if as_json else [])])
    assert code == 0
    return capsys.readouterr().out


def test_json_has_what_was_promised(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    found = json.loads(answered(tmp_path, capsys))
    assert found["replay_of_log"]["auctions"] is None
    assert found["replay_of_log"]["reason"].startswith("the table says nothing of the log's outcomes")
    (change,) = found["changes"]
    assert change["set"] == "mechanism.reserve=0.4"
    low, high = change["revenue_interval"]
    assert low < change["revenue"] < high
    assert change["change"]["revenue"]["amount"] == pytest.approx(change["revenue"] - found["unchanged"]["revenue"])
    assert change["cpc"] == pytest.approx(change["revenue"] / change["clicks"])
    assert change["profit"] == pytest.approx(change["welfare"] - change["revenue"])
    assert found["interval_over"] == "auctions"
    losses = [row["profit_change"] for row in found["advertisers"]]
    assert losses == sorted(losses)
    assert sum(losses) == pytest.approx(change["change"]["profit"]["amount"])
    assert change["gain"] + change["lose"] == 6
    row = found["advertisers"][0]
    assert row["profit_change"] == pytest.approx(row["profit"] - row["profit_unchanged"])
    assert row["profit_relative"] == pytest.approx(row["profit_change"] / row["profit_unchanged"])
    assert row["profit_change_low"] < row["profit_change"] < row["profit_change_high"]


def test_the_text_begins_with_how_well_the_replay_fits_the_log(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    lines = answered(tmp_path, capsys, as_json=False).splitlines()
    assert lines[0].startswith("replay of the log: not defined: the table says nothing")
    assert any(line.startswith("unchanged ") for line in lines)
    assert any(line.startswith("mechanism.reserve=0.4 ") for line in lines)


def test_files_hold_the_answer_and_a_name_is_no_formula_and_no_markup(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    out = tmp_path / "answer"
    for _ in range(2):  # An earlier answer is replaced.
        found = json.loads(answered(tmp_path, capsys, "--out", str(out)))
    written = json.loads((out / "whatif.json").read_text())
    assert written == {key: value for key, value in found.items() if key != "page"}
    advertisers = pl.read_csv(out / "advertisers.csv")
    assert set(advertisers["advertiser"]) == {f"'{HOSTILE}", *(f"shop {i}" for i in range(1, 6))}
    assert pl.read_csv(out / "changes.csv")["revenue"].to_list() == [
        found["unchanged"]["revenue"],
        found["changes"][0]["revenue"],
    ]
    page = (out / "index.html").read_text()
    assert "<script>alert" not in page
    assert "&lt;script&gt;alert" in page
    assert not re.search(r"(?:src|href)=[\"'](?!data:|#)", page)
    assert "Does the replay reproduce the log?" in page


def test_the_workbook_holds_text_as_text_and_the_same_answer_gives_the_same_bytes(tmp_path: Path):
    pytest.importorskip("xlsxwriter")
    import zipfile

    rows = frame(n=100)
    rows = rows.with_columns(advertiser=rows["advertiser"].str.replace("shop 0", HOSTILE, literal=True))
    for name in ("first", "second"):
        auctionsim.whatif(rows, "mechanism.reserve=0.4").write(tmp_path / name)
    one, two = ((tmp_path / name / "whatif.xlsx").read_bytes() for name in ("first", "second"))
    assert one == two
    with zipfile.ZipFile(tmp_path / "first" / "whatif.xlsx") as book:
        text = {name: book.read(name).decode() for name in book.namelist()}
    assert "=HYPERLINK(" in text["xl/sharedStrings.xml"]
    assert not any("<f>" in part for name, part in text.items() if name.startswith("xl/worksheets/"))


def test_without_the_library_of_workbooks_the_rest_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    from auctionsim.analysis.whatif import files

    monkeypatch.setattr(files, "is_installed", lambda name: False)
    answer = auctionsim.whatif(table(n=50), "mechanism.reserve=0.4", intervals=False)
    with pytest.warns(UserWarning, match=r"whatif.xlsx is left out.*auctionsim\[xlsx\]"):
        answer.write(tmp_path / "answer")
    assert sorted(path.name for path in (tmp_path / "answer").iterdir() if path.is_file()) == [
        "advertisers.csv", "changes.csv", "index.html", "report.md", "whatif.json",
    ]  # fmt: skip


def test_a_folder_with_other_files_is_left_alone(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "notes.txt").write_text("mine")
    frame(n=50).write_parquet(tmp_path / "log.parquet")
    words = ["whatif", str(tmp_path / "log.parquet"), "--set", "mechanism.reserve=1", "--out", str(tmp_path / "mine")]
    assert main(words) == 2
    assert capsys.readouterr().err.startswith(f"{tmp_path / 'mine'}: expected a new or empty folder")
    assert [path.name for path in (tmp_path / "mine").iterdir()] == ["notes.txt"]


def test_text_in_csv_files_is_no_formula(tmp_path: Path):
    names = ["=cmd|' /C calc'!A0", "@SUM(A1)", "-2", "+1", "\tx", "\rx", "a=b", "", None]
    write_csv(pl.DataFrame({"name": names, "count": [-1] * 9}), tmp_path / "t.csv")
    found = pl.read_csv(tmp_path / "t.csv", schema_overrides={"name": pl.String})
    assert found["name"].to_list() == [*(f"'{name}" for name in names[:6] if name), *names[6:]]
    assert found["count"].to_list() == [-1] * 9
    write_csv(pl.DataFrame({"count": [-1]}), tmp_path / "numbers.csv")
    assert (tmp_path / "numbers.csv").read_text() == "count\n-1\n"


@pytest.mark.parametrize("module", ["auctionsim.analysis.whatif.files", "auctionsim.analysis.whatif.landscape"])
def test_an_answer_goes_on_in_the_folder_that_a_full_disk_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, module: str):
    if module.endswith("files"):
        kind = auctionsim.whatif(frame(n=60), "mechanism.reserve=0.3", intervals=False)
    else:
        kind = auctionsim.landscape(frame(n=60), "shop 0", intervals=False)

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as context:
        context.setattr(f"{module}.write_tables", full)
        with pytest.raises(OSError, match="No space"):
            kind.write(tmp_path / "answer")
    kind.write(tmp_path / "answer")
    assert (tmp_path / "answer" / "index.html").is_file()


@pytest.mark.parametrize("foreign", ["notes.txt", "report.md", "index.html", "changes.csv", "whatif.json", "figures/mine.png"])
def test_an_earlier_answer_with_a_foreign_file_is_left_alone(tmp_path: Path, capsys: pytest.CaptureFixture[str], foreign: str):
    out = tmp_path / "answer"
    auctionsim.whatif(table(n=50), "mechanism.reserve=0.4", intervals=False).write(out)
    (out / foreign).write_text('{"mine": 1}')
    before = {path: path.read_bytes() for path in out.rglob("*") if path.is_file()}
    frame(n=50).write_parquet(tmp_path / "log.parquet")
    assert main(["whatif", str(tmp_path / "log.parquet"), "--set", "mechanism.reserve=1", "--out", str(out)]) == 2
    error = capsys.readouterr().err
    assert error.startswith(f"{out}: expected a new or empty folder, or that of an earlier answer alone, got one that holds ")
    assert repr(foreign.partition("/")[0]) in error
    assert error.count("\n") == 1
    assert {path: path.read_bytes() for path in out.rglob("*") if path.is_file()} == before


@pytest.mark.parametrize("linked", [False, True])
def test_an_answer_never_replaces_its_input(tmp_path: Path, capsys: pytest.CaptureFixture[str], linked: bool):
    out = tmp_path / "answer"
    log = out / "changes.csv"
    out.mkdir()
    (out / "whatif.json").write_text("{}")
    frame(n=50).write_csv(log)
    before, named = log.read_bytes(), log
    if linked:
        named = tmp_path / "log.csv"
        named.symlink_to(log)
    assert main(["whatif", str(named), "--set", "mechanism.reserve=1", "--out", str(out)]) == 2
    assert capsys.readouterr().err == f"--out: expected a folder that holds no input, got {out}, which holds {named}\n"
    for flag in ("--budgets", "--observed"):
        frame(n=50).write_parquet(tmp_path / "other.parquet")
        words = ["whatif", str(tmp_path / "other.parquet"), "--set", "mechanism.reserve=1", flag, str(log), "--out", str(out)]
        assert main(words) == 2
        assert f"which holds {log}" in capsys.readouterr().err
    assert log.read_bytes() == before


def test_figures_draw_what_the_tables_say():
    answer = auctionsim.whatif(table(n=200), ["mechanism.reserve=0.3", "mechanism.reserve=0.6"])
    (axes,) = answer.figure("revenue").axes
    points = [line.get_xdata()[0] for line in axes.lines if len(line.get_xdata()) == 1]
    assert points == answer.changes["revenue"].to_list()
    (axes,) = answer.advertisers_figure("mechanism.reserve=0.6").axes
    points = [line.get_xdata()[0] for line in axes.lines if len(line.get_xdata()) == 1]
    assert points == answer.advertiser_table.filter(set="mechanism.reserve=0.6")["profit_change"].to_list()
    with pytest.raises(ValueError, match="label: unknown"):
        answer.advertisers_figure("mechanism.reserve=0.7")


def test_sentences_count_unclear_changes_and_the_page_draws_no_change_of_nothing(tmp_path: Path):
    answer = auctionsim.whatif(table(n=200), ["mechanism.reserve=0.3", "mechanism.reserve=0"])
    rows = answer.advertiser_table.filter(set="mechanism.reserve=0.3")
    moved = [row for row in rows.iter_rows(named=True) if row["profit_change"] != 0]
    unclear = [row for row in moved if row["profit_change_low"] <= 0 <= row["profit_change_high"]]
    assert moved
    said = change_sentence(answer, answer.answers[0])
    assert said.endswith(f"; the interval holds 0 for {len(unclear)}" if unclear else " lose")
    assert change_sentence(answer, answer.answers[1]).endswith("; no advertiser's profit changes")
    page = answer.write(tmp_path / "answer").read_text()
    assert "No advertiser&#x27;s profit changes." in page
    assert "Currency and counts of all" in page
    assert page.count("Change of profit under ") == 2


def test_without_values_of_conversions_advertisers_are_judged_by_clicks():
    rows = frame(n=200).with_columns(item_price=pl.lit(0.0))
    answer = auctionsim.whatif(rows, "mechanism.reserve=0.5")
    assert answer.judged == "clicks"
    found = answer.as_dict()
    changes = [row["clicks_change"] for row in found["advertisers"]]
    assert changes == sorted(changes)
    # Profit would be cost alone there, which is known as revenue.
    assert found["changes"][0]["change"]["profit"]["relative"] is None
    assert "profit not defined" in change_sentence(answer, answer.answers[0])


def test_observed_totals_say_how_well_the_replay_fits(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    traffic = table(n=200)
    answer = auctionsim.whatif(traffic, "mechanism.reserve=0.4", intervals=False)
    own = answer.advertiser_table.select("advertiser", clicks="clicks_unchanged", cost=2 * pl.col("spend_unchanged"))
    again = auctionsim.whatif(traffic, "mechanism.reserve=0.4", observed=own, intervals=False).as_dict()["replay_of_log"]
    assert again["totals"]["clicks"]["ratio"] == pytest.approx(1.0)
    assert again["totals"]["clicks"]["error"] == 0
    assert again["totals"]["cost"]["ratio"] == pytest.approx(0.5)
    assert again["totals"]["cost"]["error"] == pytest.approx(0.5)
    assert again["reason"] is None
    assert again["totals"]["clicks"]["gaps"] == []
    # One advertiser's invoice is no total of the market.
    part = pl.concat([own.head(1), own.head(1).with_columns(advertiser=pl.lit("nobody"))]).with_columns(day=0)
    fit = auctionsim.whatif(traffic, "mechanism.reserve=0.4", observed=part, intervals=False).log_fit
    n, days = own.height, len(set(traffic.day.tolist()))
    gaps = [f"observed totals: {n - 1} of {n} advertisers have no row and count as 0"]
    gaps += [f"observed totals: {days - 1} of {days} days have no row and count as 0"] * (days > 1)
    assert fit.lines[-len(gaps) - 1 :] == [
        *gaps,
        "observed totals: 1 rows of advertisers or days that are not replayed are left out",
    ]
    for change, words in (
        ({"advertiser": ["shop 1"], "clicks": ["many"]}, r"observed: row 1, column clicks: expected .*<= 1e\+15, got 'many'"),
        ({"advertiser": ["shop 1"], "clicks": [1e308]}, r"column clicks: expected a number >= 0 and <= 1e\+15, got 1e\+308"),
        ({"advertiser": ["shop 1"], "click": [1]}, "column 'click': unknown; choose from .*did you mean 'clicks'"),
        ({"advertiser": ["other"], "clicks": [1]}, "expected rows of the replayed advertisers and days, got none"),
        ({"clicks": [1]}, "column advertiser: expected, got none"),
    ):
        with pytest.raises(ValueError, match=words):
            auctionsim.whatif(traffic, "mechanism.reserve=0.4", observed=change, intervals=False)


LOG = """\
auction,day,hour,kw,seller,bid,pctr,slot,charge,click
1,0,1,q,a,0.9,0.1,1,0.5,1
1,0,1,q,b,0.5,0.1,,,
2,0,1,q,a,0.4,0.1,,,
2,0,1,q,b,0.8,0.1,1,0.4,0
3,0,2,q,a,oops,0.1,,,
3,0,2,q,b,0.8,0.1,1,0.4,0
4,0,3,q,a,0.6,0.2,1,0.2,1
4,0,3,q,b,0.4,0.1,,,
"""
MAPPING = """\
[columns]
auction = "auction"
day = "day"
hour = "hour"
query = "kw"
advertiser = "seller"
manual_bid = "bid"
pctr = "pctr"
slot = "slot"
cost_per_click = "charge"
clicked = "click"
"""


def test_a_log_with_dirty_rows_becomes_an_answer_that_begins_with_its_replay(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
):
    pytest.importorskip("duckdb")
    monkeypatch.chdir(tmp_path)
    Path("log.csv").write_text(LOG)
    Path("map.toml").write_text(MAPPING)
    words = ["ingest", "log.csv", "--format", "auctions-csv", "--mapping", "map.toml", "--out", "t.parquet", "--max-bad", "0.5"]
    assert main(words) == 0
    line = capsys.readouterr().out.splitlines()[0]
    assert line.startswith("replay of the log's own bids: 100.0% of the winners")
    assert main(["whatif", "t.parquet", "--set", "mechanism.reserve=0.55", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["replay_of_log"]["auctions"] == line
    # Second prices: clicks of 0.1, 0.1 and 0.2 at 0.5, 0.4 and 0.2, and under the reserve at 0.55 each.
    assert found["unchanged"]["revenue"] == pytest.approx(0.05 + 0.04 + 0.04)
    assert found["changes"][0]["revenue"] == pytest.approx(0.4 * 0.55)
