"""Stored traffic and arrays that are wrong are refused before compiled code reads them."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from auctionsim import Traffic, open_traffic, replay
from auctionsim.errors import InputError
from auctionsim.traffic.array_checks import check_once_per_cell
from auctionsim.traffic.stored.store import CELL_TYPES, ROW_TYPES, StoredTraffic
from auctionsim.traffic.stored.writer import store_traffic

from ...conftest import make_market

COLUMNS: dict[str, list[Any]] = {
    "size": [2, 1], "weight": [3, 4], "query": [0, 0], "market_ecpm": [0.0, 0.0],
    "advertiser": [0, 1, 1], "pctr": [0.1, 0.2, 0.1], "pcvr": [0.1] * 3, "item_price": [1.0] * 3, "keyword_bid": [1.0] * 3,
}  # fmt: skip
KINDS = CELL_TYPES | ROW_TYPES


def arrays(**changed: Any) -> dict[str, np.ndarray]:
    return {name: np.array(column) for name, column in (COLUMNS | changed).items()}


@pytest.fixture
def stored(tmp_path: Path) -> StoredTraffic:
    return store_traffic(tmp_path / "day", ("a", "b"), ("q",), [(0, 5, arrays()), (1, 0, arrays())])


def write(stored: StoredTraffic, name: str, index: int, value: float) -> None:
    """Change one number of a column on disk."""
    path = stored.folder / ("manual_bid" if name == "keyword_bid" else name)
    column = np.fromfile(path, KINDS[name])
    column[index] = value
    column.tofile(path)


def edit(stored: StoredTraffic, change: Callable[[dict[str, Any]], object], *, keep_checksums: bool = False) -> None:
    """Change the index on disk, as a file of a version without checksums, or with its old ones."""
    path = stored.folder / "traffic.json"
    index = json.loads(path.read_text())
    if not keep_checksums:
        del index["checksum"], index["checksums"]
    change(index)
    path.write_text(json.dumps(index))


WRONG_NUMBERS = [
    ("advertiser", 2, r"advertiser: expected indices >= 0 and < 2, got 2 at index 1"),
    ("advertiser", -1, r"advertiser: expected indices >= 0 and < 2, got -1 at index 1"),
    ("advertiser", 0, r"advertiser: expected each advertiser once in a cell, got 0 again in cell 0, index 1"),
    ("query", 1, r"query: expected indices >= 0 and < 1, got 1 at index 1"),
    ("size", -1, r"size: expected numbers of rows from 0 to 2, got -1 at index 1"),
    ("size", 0, r"size: expected numbers that add up to 3 rows for the 2 cells from index 0 on, got 2"),
    ("weight", 0, r"weight: expected whole numbers >= 1, got 0 at index 1"),
    ("market_ecpm", np.inf, r"market_ecpm: expected numbers >= 0 and < 1e9, got inf at index 1"),
    ("pctr", np.nan, r"pctr: expected numbers in \(0, 1\], got nan at index 1"),
    ("pctr", 0, r"pctr: expected numbers in \(0, 1\], got 0.0 at index 1"),
    ("pcvr", 1.5, r"pcvr: expected numbers in \[0, 1\], got 1.5 at index 1"),
    ("item_price", -1, r"item_price: expected numbers >= 0 and < 1e9, got -1.0 at index 1"),
    ("keyword_bid", 2e9, r"manual_bid: expected numbers >= 0 and < 1e9, got 2000000000.0 at index 1"),
]


@pytest.mark.parametrize(("name", "value", "said"), WRONG_NUMBERS)
def test_a_number_outside_its_range_is_refused_on_opening(stored: StoredTraffic, name: str, value: float, said: str):
    edit(stored, lambda index: None)
    write(stored, name, 1, value)
    with pytest.raises(InputError, match=said):
        open_traffic(stored.folder)


@pytest.mark.parametrize(("name", "value", "said"), [one for one in WRONG_NUMBERS if "once" not in one[2]])
def test_a_number_that_changes_after_opening_is_refused_on_reading(stored: StoredTraffic, name: str, value: float, said: str):
    opened = open_traffic(stored.folder)
    write(stored, name, 1, value)
    with pytest.raises(InputError, match=said):
        replay(opened, coefficients=np.ones((2, 1, 1)))


@pytest.mark.parametrize("cells", [None, (0, 1), (1, 2)])
def test_a_number_beyond_what_units_were_chosen_for_is_refused_also_in_a_part_of_a_chunk(
    stored: StoredTraffic, cells: tuple[int, int] | None
):
    opened = open_traffic(stored.folder)
    assert sum(len(part["size"]) for part in opened.columns(0, 5, cells)) == (2 if cells is None else 1)
    write(stored, "item_price", 0 if cells == (0, 1) else 2, 1000.0)
    with pytest.raises(InputError, match=r"traffic.json: ends: expected \[.* 1.0, 1.0, .* 1000.0, .*: a file has changed"):
        list(opened.columns(0, 5, cells))


def test_a_valid_number_that_changed_is_found_by_the_checksum(stored: StoredTraffic):
    write(stored, "pctr", 1, 0.25)
    with pytest.raises(InputError, match=r"traffic.json: checksums\[0\]: expected \d+ .*, got \d+: a file has changed"):
        open_traffic(stored.folder)
    edit(stored, lambda index: index.update(advertisers=["a", "c"]), keep_checksums=True)
    with pytest.raises(InputError, match=r"traffic.json: checksum: expected \d+, that of this index, got \d+"):
        open_traffic(stored.folder)


def test_a_file_that_is_cut_off_after_opening_is_refused_and_ends_nothing(stored: StoredTraffic):
    opened = open_traffic(stored.folder)
    (stored.folder / "pctr").write_bytes(b"")
    with pytest.raises(InputError, match=r"pctr: expected 3 numbers, got 0: the file was cut off"):
        replay(opened, coefficients=np.ones((2, 1, 1)))
    (stored.folder / "pctr").unlink()
    with pytest.raises(InputError, match="pctr: expected a column of stored traffic, got .*No such file"):
        replay(opened, coefficients=np.ones((2, 1, 1)))


@pytest.mark.parametrize(("change", "said"), [
    (lambda i: i.update(pieces=[]), "pieces: expected one or more, got none"),
    (lambda i: i["pieces"][0].append(1), r"pieces: expected six whole numbers >= 0 for each, got \[0, 5"),
    (lambda i: i["pieces"][1].__setitem__(3, 2**70), r"pieces\[1\]: expected it to begin at cell 2 and row 3, .* and 118"),
    (lambda i: i["pieces"][1].__setitem__(0, 0), r"pieces\[1\]: expected a day .* not before day 0 hour 5, got day 0 hour 0"),
    (lambda i: i["pieces"][0].__setitem__(1, 24), r"pieces\[0\]: expected a day <= 1000000000, an hour <= 23, .*hour 24"),
    (lambda i: i.update(cells=3), "size: expected 12 bytes for 3 numbers, got 16"),
    (lambda i: i.update(rows=2**64), "advertiser: expected 73786976294838206464 bytes for 18446744073709551616"),
    (lambda i: i["pieces"].pop(), "cells: expected 2, the sum of the pieces, got 4"),
    (lambda i: i["pieces"][1].__setitem__(5, 2), "rows: expected 5, the sum of the pieces, got 6"),
    (lambda i: i.update(most_rows=10**12), "most_rows: expected a whole number from 0 to 6, got 1000000000000"),
    (lambda i: i.update(most_rows=3), "most_rows: expected 2 as in the columns, got 3"),
    (lambda i: i.update(auctions=True), "auctions: expected a whole number, got True"),
    (lambda i: i.update(auctions=13), "auctions: expected 14 as in the columns, got 13"),
    (lambda i: i.update(advertisers=["a", "a"]), "advertisers: expected each name once, got 'a' again"),
    (lambda i: i.update(advertisers=["a"]), "advertiser: expected indices >= 0 and < 1, got 1 at index 1"),
    (lambda i: i.update(queries=["\ud800"]), "queries: expected names of one letter or more, got '.ud800'"),
    (lambda i: i.update(checksums=[1]), r"checksums: expected a whole number for each of the 2 pieces, got \[1\]"),
])  # fmt: skip
def test_an_index_that_contradicts_itself_or_the_columns_is_refused(stored: StoredTraffic, change: Any, said: str):
    edit(stored, change)
    with pytest.raises(InputError, match=said):
        open_traffic(stored.folder)


@pytest.mark.parametrize(
    "text", ["[" * 100_000, '{"format": ' + "9" * 5000 + "}", "\ud800".encode("utf-8", "surrogatepass"), "[]"]
)
def test_an_index_that_is_none_is_refused(stored: StoredTraffic, text: str | bytes):
    (stored.folder / "traffic.json").write_bytes(text.encode() if isinstance(text, str) else text)
    with pytest.raises(InputError, match="traffic.json: expected "):
        open_traffic(stored.folder)


@pytest.mark.parametrize(("changed", "said"), [
    ({"advertiser": [0, 2, 1]}, "column advertiser: expected indices >= 0 and < 2, got 2 at index 1"),
    ({"advertiser": [0, 0, 1]}, "column advertiser: expected each advertiser once in a cell, got 0 again in cell 0, index 1"),
    ({"advertiser": ["a", "b", "b"]}, "column advertiser: expected numbers, got an array of <U1"),
    ({"query": [0, 0.5]}, "column query: expected whole numbers, got 0.5"),
    ({"size": [2, 2]}, "column size: expected numbers that add up to 3 rows, got 4"),
    ({"weight": [3, -(2**40)]}, r"column weight: expected whole numbers <= 2147483647 in stored traffic, got -1099511627776"),
    ({"weight": [3]}, r"column weight: expected 2 numbers, one for each of the cells as in size, got shape \[1\]"),
    ({"item_price": [1, 1, 1e39]}, "column item_price: expected numbers >= 0 and < 1e9, got inf at index 2"),
])  # fmt: skip
def test_wrong_columns_are_refused_by_the_writer(tmp_path: Path, changed: dict[str, Any], said: str):
    with pytest.raises(InputError, match=said):
        store_traffic(tmp_path / "day", ("a", "b"), ("q",), [(0, 5, arrays(**changed))])
    assert not (tmp_path / "day").exists()


def test_parts_out_of_time_order_are_refused_by_the_writer(tmp_path: Path):
    with pytest.raises(InputError, match="hours: expected a day .* in time order, got day 0 hour 4 after day 0 hour 5"):
        store_traffic(tmp_path / "day", ("a", "b"), ("q",), [(0, 5, arrays()), (0, 4, arrays())])


@pytest.mark.parametrize("n_advertisers", [10, 10**6])
def test_an_advertiser_twice_in_a_cell_is_found_among_few_and_among_many(n_advertisers: int):
    size = np.full(10_000, 3)
    advertiser = np.tile(np.array([n_advertisers - 1, 0, 5]), 10_000)
    check_once_per_cell("a", advertiser, size, n_advertisers)
    advertiser[29_000] = advertiser[28_999]
    with pytest.raises(
        InputError, match=r"a: expected each advertiser once in a cell, got \d+ again in cell 9666, index 29000"
    ):
        check_once_per_cell("a", advertiser, size, n_advertisers)


TABLE = make_market([2, 1], [0, 1], [3, 4], [0, 1, 1], [0.1, 0.2, 0.1], [1.0] * 3, 2)


def table(**changed: Any) -> Traffic:
    return Traffic(**{one.name: getattr(TABLE, one.name) for one in fields(Traffic)} | changed)


@pytest.mark.parametrize(("changed", "said"), [
    ({"advertiser": [0, 1, 10**9]}, "Traffic: advertiser: expected indices >= 0 and < 2, got 1000000000 at index 2"),
    ({"advertiser": [0.0, 1.0, 1.0]}, "Traffic: advertiser: expected an array of whole numbers, got an array of float64"),
    ({"advertiser": [[0, 1, 1]]}, r"Traffic: advertiser: expected \d numbers, one for each of the rows .* got shape \[1, 3\]"),
    ({"cell_start": [0, 5, 3]}, "Traffic: cell_start: expected numbers that do not fall, got 3 after 5 in cell 2"),
    ({"cell_start": [0, 2, 99]}, "Traffic: cell_start: expected numbers from 0 to the 3 rows, got 0 to 99"),
    ({"cell_start": [0, 3]}, r"Traffic: cell_start: expected 3 numbers for 2 cells, got shape \[2\]"),
    ({"weight": [3, -4]}, "Traffic: weight: expected whole numbers >= 1, got -4 at index 1"),
    ({"weight": [2**53, 4]}, r"Traffic: weight: expected weights that sum to <= 9007199254740992 \(2\^53\), got more"),
    ({"weight": np.array([2**63, 4], dtype=np.uint64)}, "Traffic: weight: expected whole numbers < 2.63, got 92233720"),
    ({"hour": [1, 0]}, "Traffic: hour: expected cells in time order, got an hour after a later one"),
    ({"hour": [0, 24]}, "Traffic: hour: expected whole numbers from 0 to 23, got 24 at index 1"),
    ({"pctr": [0.1, 0.2]}, r"Traffic: pctr: expected 3 numbers, one for each of the rows as in advertiser, got shape \[2\]"),
    ({"pctr": [0.1, np.nan, 0.1]}, r"Traffic: pctr: expected numbers in \(0, 1\], got nan at index 1"),
    ({"item_price": [1, 1, np.inf]}, "Traffic: item_price: expected finite numbers >= 0, got inf at index 2"),
    ({"keyword_bid": "cheap"}, "Traffic: keyword_bid: expected an array of numbers, got an array of <U5"),
    ({"budgets": [1.0]}, r"Traffic: budgets: expected 2 numbers >= 0, one for each advertiser, got \[1.0\]"),
    ({"queries": ()}, "Traffic: query: expected indices >= 0 and < 0, got 0 at index 0"),
])  # fmt: skip
def test_wrong_arrays_are_refused_by_the_table(changed: dict[str, Any], said: str):
    with pytest.raises(InputError, match=said):
        table(**changed)


def test_lists_and_narrower_numbers_make_the_same_table():
    made = table(advertiser=np.array([0, 1, 1], dtype=np.int32), weight=[3, 4], pctr=[0.1, 0.2, 0.1])
    assert made.advertiser.dtype == np.int64
    theta = np.ones((2, 1, 1))
    assert (replay(made, coefficients=theta).cost == replay(TABLE, coefficients=theta).cost).all()


def test_an_array_that_changes_under_a_table_is_refused_by_the_replay():
    indices = np.array([[0, 1, 1]])
    made = table(advertiser=indices[0])
    indices[0, 1] = 10**9
    with pytest.raises(InputError, match="advertiser: expected indices >= 0 and < 2, got 1000000000 at index 1"):
        replay(made, coefficients=np.ones((2, 1, 1)))
