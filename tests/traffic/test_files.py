"""Traffic tables: what is written is read back, and every invalid value is reported with file, row and column."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from auctionsim import load_traffic
from auctionsim.errors import InputError
from auctionsim.scenario import TrafficSection
from auctionsim.traffic.files import load_budgets, save_traffic
from auctionsim.traffic.generator import make_traffic
from auctionsim.traffic.profile import load_profile
from auctionsim.traffic.table import CELL_COLUMNS, ROW_COLUMNS

from ..conftest import fewer

HEADER = "day,hour,cell,weight,query,advertiser,pctr,pcvr,item_price,manual_bid"
ROWS = [
    "0,0,0,2,shoes,north,0.1,0.05,20,0.5",
    "0,0,0,2,shoes,south,0.2,0.04,30,0.4",
    "0,7,1,1,bags,north,0.1,0.05,20,0.5",
]


def written(folder: Path, rows: list[str], header: str = HEADER) -> Path:
    path = folder / "traffic.csv"
    path.write_text("\n".join([header, *rows]) + "\n")
    return path


def test_a_csv_table_is_read(tmp_path: Path):
    traffic = load_traffic(written(tmp_path, ROWS))
    assert traffic.advertisers == ("north", "south")
    assert traffic.weight.tolist() == [2, 1]
    assert traffic.cells_of(0, 7) == (1, 2)
    assert (traffic.ctr == traffic.pctr).all()


def test_a_table_read_back_equals_the_one_written(tmp_path: Path):
    section = TrafficSection(auctions_per_day=300, queries=10, candidates=3)
    traffic = make_traffic(section, load_profile("plain"), ("a", "b", "c"), seed=1)
    save_traffic(traffic, tmp_path / "t.parquet")
    again = load_traffic(tmp_path / "t.parquet")
    assert sorted(again.advertisers) == ["a", "b", "c"]
    order = [again.advertisers.index(name) for name in traffic.advertisers]
    for name in (*CELL_COLUMNS, *ROW_COLUMNS):
        if name == "advertiser":
            assert (again.advertiser == np.array(order)[traffic.advertiser]).all()
        elif name != "query":
            assert (getattr(again, name) == getattr(traffic, name)).all(), name
    assert again.notes == traffic.notes


def changed(row: int, column: str, value: str) -> list[str]:
    cells = [line.split(",") for line in ROWS]
    cells[row][HEADER.split(",").index(column)] = value
    return [",".join(line) for line in cells]


@settings(max_examples=fewer(200), suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.integers(0, 2), st.sampled_from(HEADER.split(",")), st.text(max_size=12))
def test_any_text_in_any_cell_is_read_or_reported_in_one_line(tmp_path: Path, row: int, column: str, text: str):
    clean = text.replace("\x00", "").encode("utf-8", "replace").decode()
    path = tmp_path / "fuzz.csv"
    path.write_text("\n".join([HEADER, *changed(row, column, clean)]) + "\n", encoding="utf-8")
    try:
        load_traffic(path)
    except InputError as error:
        assert str(error).startswith(str(path))
        assert "\n" not in str(error)


@settings(max_examples=fewer(200), suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.sampled_from(["fuzz.csv", "fuzz.parquet"]), st.integers(0, 900), st.integers(0, 60), st.binary(max_size=60))
def test_any_bytes_in_a_table_are_read_or_reported_in_one_line(
    tmp_path: Path, name: str, start: int, length: int, patch: bytes
):
    path, whole = tmp_path / name, tmp_path / "whole.csv"
    if not whole.is_file():
        written(tmp_path, ROWS).rename(whole)
        pl.read_csv(whole).write_parquet(tmp_path / "whole.parquet")
    contents = (tmp_path / f"whole{path.suffix}").read_bytes()
    path.write_bytes(contents[:start] + patch + contents[start + length :])
    try:
        load_traffic(path)
    except InputError as error:
        assert str(error).startswith(f"{path}: ")
        assert "\n" not in str(error)


CELLS = st.fixed_dictionaries(
    {
        "day": st.integers(-1, 2), "hour": st.integers(-1, 25), "cell": st.integers(0, 3), "weight": st.integers(-1, 3),
        "query": st.sampled_from(["a", "b"]), "advertiser": st.sampled_from(["x", "y", "<b>"]),
        **dict.fromkeys(("pctr", "pcvr", "item_price", "manual_bid", "market_ecpm"), st.floats(-0.5, 2e9) | st.just(0.5)),
    }
)  # fmt: skip


@settings(max_examples=fewer(200), suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(CELLS, min_size=1, max_size=6))
def test_any_parquet_of_the_right_types_is_a_table_or_reported_in_one_line(tmp_path: Path, rows: list[dict[str, object]]):
    path = tmp_path / "t.parquet"
    pl.DataFrame(rows).write_parquet(path)
    try:
        traffic = load_traffic(path)
    except InputError as error:
        assert str(error).startswith(f"{path}: row ")
        assert "\n" not in str(error)
    else:
        assert len(traffic.pctr) == len(rows)
        assert (np.diff(traffic.day * 24 + traffic.hour) >= 0).all()


def test_budgets_are_read_by_name(tmp_path: Path):
    path = tmp_path / "budgets.csv"
    path.write_text("advertiser,budget\nsouth,3\nnorth,2\n")
    assert load_budgets(path, ("north", "south")).tolist() == [2.0, 3.0]


def test_blanks_around_numbers_and_names_of_columns_do_not_matter(tmp_path: Path):
    path = tmp_path / "budgets.csv"
    path.write_text(" advertiser, budget\nsouth, 3\nnorth,2 \n")
    assert load_budgets(path, ("north", "south")).tolist() == [2.0, 3.0]
    table = written(tmp_path, [row.replace(",", ", ").replace(", north", ",north") for row in ROWS], HEADER.replace(",", " ,"))
    assert load_traffic(table).weight.tolist() == [2, 1]


def test_line_ends_of_all_kinds_are_read(tmp_path: Path):
    path, text = tmp_path / "t.csv", "\n".join([HEADER, *ROWS]) + "\n"
    for ends in (text.replace("\n", "\r"), text.replace("\n", "\r\n"), text.replace("\n", "\r\n", 2)):
        path.write_bytes(ends.encode())
        assert load_traffic(path).weight.tolist() == [2, 1], ends


def test_names_of_files_are_no_patterns(tmp_path: Path):
    for i, name in enumerate(("t[1]", "t1", "t*", "t2")):
        table = pl.read_csv(written(tmp_path, ROWS)).with_columns(weight=i + 1)
        table.write_parquet(tmp_path / f"{name}.parquet", metadata={"auctionsim-notes": f'{{"source": "{name}"}}'})
        table.write_csv(tmp_path / f"{name}.csv")
    for i, name in enumerate(("t[1]", "t1", "t*")):
        for kind in ("parquet", "csv"):
            assert load_traffic(tmp_path / f"{name}.{kind}").weight.tolist() == [i + 1] * 2, name
        assert load_traffic(tmp_path / f"{name}.parquet").notes["source"] == name


def test_weights_whose_sum_would_wrap_around_are_refused_with_file_and_row(tmp_path: Path):
    most = 2**63 - 1
    rows = [f"0,0,0,{most},q,a,0.1,0.1,1,1", f"0,0,0,{most},q,b,0.1,0.1,1,1", "1,0,1,9,q,a,0.1,0.1,1,1"]
    with pytest.raises(
        InputError, match=r"traffic.csv: line 2, column weight: expected weights of cells that sum to <= .*2\^53"
    ):
        load_traffic(written(tmp_path, rows))
    half = [f"0,{hour},{hour},{2**52},q,a,0.1,0.1,1,1" for hour in range(3)]
    with pytest.raises(InputError, match="line 4, column weight"):
        load_traffic(written(tmp_path, half))
    assert load_traffic(written(tmp_path, half[:2])).auctions == 2**53


def test_days_beyond_any_calendar_are_refused(tmp_path: Path):
    with pytest.raises(
        InputError, match="line 2, column day: expected a whole number from 0 to 1000000000, got 9223372036854775807$"
    ):
        load_traffic(written(tmp_path, changed(0, "day", str(2**63 - 1))))
    assert load_traffic(written(tmp_path, [line.replace("0,", "20240304,", 1) for line in ROWS])).days == (20240304,)


def test_a_folder_named_like_the_home_is_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    Path("home").mkdir()
    Path("~").mkdir()
    written(tmp_path, ROWS).rename(Path("~", "t.csv"))
    traffic = load_traffic(Path("~", "t.csv"))
    save_traffic(traffic, Path("~", "t.parquet"))
    assert load_traffic(Path("~", "t.parquet")).weight.tolist() == [2, 1]
    assert sorted(path.name for path in Path("~").absolute().iterdir()) == ["t.csv", "t.parquet"]
    assert not list(Path("home").iterdir())
