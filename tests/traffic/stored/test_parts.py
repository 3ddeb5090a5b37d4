"""Stored traffic read part by part: the same columns, checked as whole chunks are, in memory that is written over."""

from __future__ import annotations

import io
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from auctionsim import open_traffic
from auctionsim.auction import sources
from auctionsim.auction.rules import Rules
from auctionsim.auction.sources import StoreSource
from auctionsim.errors import InputError
from auctionsim.traffic.stored import column_files
from auctionsim.traffic.stored.column_files import PartMemory
from auctionsim.traffic.stored.store import CELL_TYPES, ROW_TYPES, StoredTraffic
from auctionsim.traffic.stored.writer import store_traffic

SIZES = [2, 0, 1, 3, 3, 1, 2, 0, 0]
"""Candidates of each cell; the last two cells have none."""


def stored_with(folder: Path, sizes: list[int]) -> StoredTraffic:
    rng, rows = np.random.default_rng(3), sum(sizes)
    columns: dict[str, Any] = {name: rng.uniform(0.1, 0.9, rows) for name in ("pctr", "pcvr", "item_price", "keyword_bid")}
    columns |= {"size": np.array(sizes), "weight": np.arange(1, len(sizes) + 1), "query": np.zeros(len(sizes), dtype=np.int64)}
    columns["advertiser"] = np.concatenate([np.arange(size) for size in sizes]).astype(np.int64)
    columns["market_ecpm"] = rng.uniform(0, 1, len(sizes))
    return store_traffic(folder, tuple("abcd"), ("q",), [(0, 5, columns)])


@pytest.fixture
def stored(tmp_path: Path) -> StoredTraffic:
    return stored_with(tmp_path / "day", SIZES)


def copied(parts: Any) -> list[dict[str, Any]]:
    return [{name: column.copy() for name, column in part.items()} for part in parts]


def change(stored: StoredTraffic, name: str, index: int, value: float) -> None:
    path = stored.folder / name
    column = np.fromfile(path, (CELL_TYPES | ROW_TYPES)[name])
    column[index] = value
    column.tofile(path)


@given(sizes=st.lists(st.integers(0, 4), min_size=1, max_size=12), rows=st.integers(1, 6), data=st.data())
def test_parts_joined_are_the_chunk_and_are_cut_between_cells(
    tmp_path_factory: pytest.TempPathFactory, sizes: list[int], rows: int, data: st.DataObject
):
    stored = stored_with(tmp_path_factory.mktemp("parts") / "day", sizes)
    first = data.draw(st.integers(0, len(sizes) - 1))
    within = data.draw(st.sampled_from([None, (first, data.draw(st.integers(first + 1, len(sizes))))]))
    parts = copied(stored.columns(0, 5, within, PartMemory(rows)))
    whole = copied(stored.columns(0, 5, within))
    for name in CELL_TYPES | ROW_TYPES:
        np.testing.assert_array_equal(
            np.concatenate([part[name] for part in parts]), np.concatenate([part[name] for part in whole])
        )
    for part in parts:
        assert part["size"].sum() == len(part["pctr"]) < rows + 4
    assert len(parts) <= sum(sizes) / rows + 1


def test_a_part_lies_where_the_one_before_it_did(stored: StoredTraffic):
    memory, places = PartMemory(3), set()
    memory.column("pctr", "<f4", 8)
    for part in stored.columns(0, 5, None, memory):
        places.add(part["pctr"].__array_interface__["data"][0])
    assert len(places) == 1


def test_memory_does_not_travel(stored: StoredTraffic):
    source = StoreSource(stored, Rules()).in_parts()
    list(source.chunks(0, 5))
    memory = PartMemory(3)
    assert memory.column("pctr", "<f4", 5000).nbytes == 20_000
    assert len(pickle.dumps(memory)) < 1000
    assert pickle.loads(pickle.dumps(memory)).rows == 3


@pytest.mark.parametrize(
    ("name", "index", "value", "said"),
    [
        ("advertiser", 7, 4, "advertiser: expected indices >= 0 and < 4, got 4 at index 7"),
        ("pctr", 11, np.nan, r"pctr: expected numbers in \(0, 1\], got nan at index 11"),
        ("size", 3, 4, "size: expected numbers of rows from 0 to 3, got 4 at index 3"),
        ("pcvr", 6, 0.95, "ends: expected .* a file has changed"),
    ],
)
def test_what_changes_after_opening_is_refused_before_its_part_is_given(
    stored: StoredTraffic, name: str, index: int, value: float, said: str
):
    opened = open_traffic(stored.folder)
    change(stored, name, index, value)
    rows: list[int] = []
    with pytest.raises(InputError, match=said):
        rows.extend(len(part["pctr"]) for part in opened.columns(0, 5, None, PartMemory(3)))
    assert sum(rows) <= index


def test_smallest_and_largest_that_no_part_reaches_are_missed_at_the_end(stored: StoredTraffic):
    opened = open_traffic(stored.folder)
    column = np.fromfile(stored.folder / "pctr", "<f4")
    change(stored, "pctr", int(column.argmax()), float(np.sort(column)[-2]))
    rows: list[int] = []
    with pytest.raises(InputError, match="a file has changed"):
        rows.extend(len(part["pctr"]) for part in opened.columns(0, 5, None, PartMemory(3)))
    assert sum(rows) == sum(SIZES), "each part is valid, only all together are not"


def test_a_column_cut_off_or_removed_after_opening_is_refused(stored: StoredTraffic):
    opened = open_traffic(stored.folder)
    path = stored.folder / "item_price"
    path.write_bytes(path.read_bytes()[:-6])
    with pytest.raises(InputError, match=r"item_price: expected 12 numbers, got 10: the file was cut off"):
        list(opened.columns(0, 5, None, PartMemory(3)))
    path.unlink()
    with pytest.raises(InputError, match=r"item_price: expected a column of stored traffic, got .*No such file"):
        list(opened.columns(0, 5, None, PartMemory(3)))


def test_a_system_that_returns_less_than_asked_for_is_asked_again(stored: StoredTraffic, monkeypatch: pytest.MonkeyPatch):
    class Slow(io.FileIO):
        def readinto(self, buffer: Any, /) -> int:
            return super().readinto(memoryview(buffer)[:5])

    whole = copied(stored.columns(0, 5))
    monkeypatch.setattr(column_files, "FileIO", Slow)
    parts = copied(stored.columns(0, 5, None, PartMemory(3)))
    np.testing.assert_array_equal(np.concatenate([part["pctr"] for part in parts]), whole[0]["pctr"])


def test_chunks_in_parts_have_the_index_of_their_first_bucket(stored: StoredTraffic, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(sources, "_ROWS_OF_A_PART", 3)
    source = StoreSource(stored, Rules()).in_parts()
    found = [
        (chunk.first_index, len(chunk.buckets.weight), chunk.candidates.advertiser.tolist()) for chunk in source.chunks(0, 5)
    ]
    assert len(found) > 2
    assert [index for index, _, _ in found] == np.cumsum([0, *(count for _, count, _ in found[:-1])]).tolist()
    assert [who for _, _, own in found for who in own] == [who for size in SIZES for who in range(size)]
