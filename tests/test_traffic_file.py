"""Traffic tables: what is written is read back, and every wrong value is told with file, row and column."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from auctionsim import load_traffic
from auctionsim.errors import InputError
from auctionsim.market.profile import load_profile
from auctionsim.market.synthetic import make_traffic
from auctionsim.market.traffic import CELL_COLUMNS, ROW_COLUMNS
from auctionsim.market.traffic_file import load_budgets, save_traffic
from auctionsim.scenario import TrafficSection

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


@pytest.mark.parametrize(
    ("row", "column", "value", "expected"),
    [
        (1, "pctr", "1.2", "expected a number in (0, 1], got 1.2"),
        (1, "pctr", "0", "expected a number in (0, 1], got 0.0"),
        (2, "pctr", "nan", "expected a number in (0, 1], got nan"),
        (0, "pcvr", "-0.1", "expected a number in [0, 1], got -0.1"),
        (0, "pcvr", "inf", "expected a number in [0, 1], got inf"),
        (2, "item_price", "-3", "expected a number at least 0 (currency per conversion), got -3.0"),
        (2, "manual_bid", "-0.5", "expected a number at least 0 (currency per click), got -0.5"),
        (1, "manual_bid", "cheap", "expected a number at least 0 (currency per click), got 'cheap'"),
        (1, "manual_bid", "", "expected a number at least 0 (currency per click), got None"),
        (0, "hour", "24", "expected a whole number from 0 to 23, got 24"),
        (0, "day", "-1", "expected a whole number at least 0, got -1"),
        (0, "weight", "0", "expected a whole number at least 1, got 0"),
        (0, "weight", "2.5", "expected a whole number at least 1, got '2.5'"),
        (1, "advertiser", "north", "expected each advertiser once in a cell, got 'north' again in cell 0"),
        (1, "query", "bags", "expected 'shoes' as in the rest of cell 0, got 'bags'"),
        (1, "weight", "3", "expected 2 as in the rest of cell 0, got 3"),
    ],
)
def test_a_wrong_value_is_told_with_file_row_and_column(tmp_path: Path, row: int, column: str, value: str, expected: str):
    path = written(tmp_path, changed(row, column, value))
    with pytest.raises(InputError) as caught:
        load_traffic(path)
    assert str(caught.value) == f"{path}: row {row + 1}, column {column}: {expected}"


def test_cells_out_of_time_order_are_told(tmp_path: Path):
    with pytest.raises(
        InputError, match="row 2, column hour: expected cells in time order, got day 0 hour 0 after day 0 hour 7"
    ):
        load_traffic(written(tmp_path, [ROWS[2], ROWS[0], ROWS[1]]))


def test_a_cell_torn_apart_is_told(tmp_path: Path):
    rows = [ROWS[0], ROWS[2].replace("0,7,1", "0,0,1"), ROWS[1]]
    with pytest.raises(InputError, match="row 3, column cell: expected the rows of a cell to stand together, got cell 0 again"):
        load_traffic(written(tmp_path, rows))


@pytest.mark.parametrize(
    ("header", "rows", "expected"),
    [
        (HEADER.replace("pctr", "pcrt"), ROWS, "column pctr: expected in a traffic table, got none (did you mean 'pcrt'?)"),
        (HEADER + ",crt", [row + ",1" for row in ROWS], "column 'crt': unknown; choose from"),
        (HEADER, [], "expected at least one row"),
    ],
)
def test_a_wrong_header_is_told(tmp_path: Path, header: str, rows: list[str], expected: str):
    with pytest.raises(InputError) as caught:
        load_traffic(written(tmp_path, rows, header))
    assert expected in str(caught.value)


def test_a_missing_file_and_a_file_that_is_no_table_are_told(tmp_path: Path):
    with pytest.raises(InputError, match="got no such file"):
        load_traffic(tmp_path / "none.parquet")
    (tmp_path / "bad.parquet").write_bytes(b"PAR1 this is not Parquet")
    with pytest.raises(InputError, match="expected a parquet table"):
        load_traffic(tmp_path / "bad.parquet")


def test_fractional_weights_of_a_parquet_table_are_told(tmp_path: Path):
    table = pl.read_csv(written(tmp_path, ROWS)).with_columns(weight=pl.col("weight") + 0.5)
    table.write_parquet(tmp_path / "t.parquet")
    with pytest.raises(InputError, match=r"row 1, column weight: expected a whole number at least 1, got 2\.5"):
        load_traffic(tmp_path / "t.parquet")


@settings(max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.integers(0, 2), st.sampled_from(HEADER.split(",")), st.text(max_size=12))
def test_any_text_in_any_cell_is_read_or_told_in_one_line(tmp_path: Path, row: int, column: str, text: str):
    clean = text.replace("\x00", "").encode("utf-8", "replace").decode()
    path = tmp_path / "fuzz.csv"
    path.write_text("\n".join([HEADER, *changed(row, column, clean)]) + "\n", encoding="utf-8")
    try:
        load_traffic(path)
    except InputError as error:
        assert str(error).startswith(str(path))
        assert "\n" not in str(error)


def test_budgets_are_read_by_name_and_checked(tmp_path: Path):
    path = tmp_path / "budgets.csv"
    path.write_text("advertiser,budget\nsouth,3\nnorth,2\n")
    assert load_budgets(path, ("north", "south")).tolist() == [2.0, 3.0]
    with pytest.raises(InputError, match=r"expected a row for advertiser 'nort', got none \(did you mean 'north'\?\)"):
        load_budgets(path, ("nort",))
    path.write_text("advertiser,budget\nsouth,-3\n")
    with pytest.raises(InputError, match="row 1, column budget: expected a number above 0, got '-3'"):
        load_budgets(path, ("south",))
