"""Parquet tables of unusual types are read or refused with the row, and broken ones end in one line and in silence."""

from __future__ import annotations

import io
from decimal import Decimal
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from auctionsim import load_traffic
from auctionsim.errors import InputError
from auctionsim.machine import memory
from auctionsim.traffic.files import NOTES_KEY, load_budgets

from ..mutations.tables import base

BASE = base()


def load(folder: Path, *columns: Any, metadata: dict[str, str] | None = None) -> Any:
    BASE.with_columns(*columns).write_parquet(folder / "t.parquet", metadata=metadata)
    return load_traffic(folder / "t.parquet")


@pytest.mark.parametrize("kind", [pl.String, pl.Categorical, pl.Int8, pl.UInt64, pl.Int128, pl.Float32, pl.Decimal(20, 3)])
def test_whole_numbers_of_any_type_are_read(tmp_path: Path, kind: Any):
    texts = pl.col("weight").cast(pl.String).cast(kind) if kind == pl.Categorical else pl.col("weight").cast(kind)
    assert load(tmp_path, texts).weight.tolist() == [2, 5, 1]


def test_names_of_any_text_type_are_read(tmp_path: Path):
    names = pl.Enum(["north", "south", "west", "nobody"])
    table = load(tmp_path, pl.col("advertiser").cast(names), pl.col("query").cast(pl.Categorical))
    assert (table.advertisers, table.queries) == (("north", "south", "west"), ("shoes", "bags"))
    assert load(tmp_path, pl.Series("advertiser", [7, 8, 8, 7, 9])).advertisers == ("7", "8", "9")


WEIGHT = [2, 2, 5, 1, 1]
DECIMALS = [Decimal("3.7"), Decimal("3.7"), Decimal(5), Decimal(1), Decimal(1)]


@pytest.mark.parametrize(("column", "said"), [
    (pl.Series("weight", DECIMALS), r"row 1, column weight: expected a whole number >= 1, got Decimal\('3.7'\)"),
    (pl.Series("weight", [2.0, 2.0, 5.5, 1.0, 1.0]), "row 3, column weight: expected a whole number >= 1, got 5.5"),
    (pl.Series("weight", [2.0, 2.0, float("nan"), 1.0, 1.0]), "row 3, column weight: expected a whole number >= 1, got nan"),
    (pl.Series("weight", [2**63, *WEIGHT[1:]], dtype=pl.UInt64), "row 1, column weight: expected a whole number >= 1, got 9"),
    (pl.Series("weight", [2**61, 2**61, *[2**62] * 3]), "row 1, column weight: expected weights .* 9007199254740992"),
    (pl.Series("advertiser", [float("nan"), 2.0, 2.0, 1.0, 3.0]), "row 1, column advertiser: expected text, got nan"),
    (pl.Series("advertiser", [1.0, 2.0, 2.0, 1.0, 3.0]), "row 1, column advertiser: expected text, got 1.0"),
    (pl.Series("advertiser", [None] * 5), "row 1, column advertiser: expected text, got None"),
    (pl.Series("hour", ["0", "0", "three", "7", "7"]).cast(pl.Categorical), "row 3, column hour: expected a .* got 'three'"),
    (pl.col("hour").cast(pl.Datetime("ns")), "column hour: expected a whole number from 0 to 23, got a column of Datetime"),
    (pl.col("hour").cast(pl.Duration("ns")), "column hour: expected a whole number from 0 to 23, got a column of Duration"),
    (pl.concat_list("weight").alias("weight"), r"column weight: expected a whole number >= 1, got a column of List\(Int64\)"),
    (pl.struct("pctr").alias("pctr"), r"column pctr: expected a number in \(0, 1\], got a column of Struct"),
    (pl.col("query").cast(pl.Binary), "column query: expected text, got a column of Binary"),
])  # fmt: skip
def test_values_that_are_none_of_their_column_are_refused(tmp_path: Path, column: Any, said: str):
    with pytest.raises(InputError, match=f"t.parquet: {said}"):
        load(tmp_path, column)


@pytest.mark.parametrize(
    "notes", ["{", "[]", '{"source": 1}', '{"source": "\\ud800"}', "[" * 5000, '{"a": ' + "9" * 5000 + "}"]
)
def test_notes_that_are_no_texts_are_refused(tmp_path: Path, notes: str):
    with pytest.raises(InputError, match=f"t.parquet: metadata {NOTES_KEY}: expected a JSON object of texts, got "):
        load(tmp_path, metadata={NOTES_KEY: notes})


def test_budgets_of_advertisers_without_names_are_refused(tmp_path: Path):
    path = tmp_path / "b.parquet"
    pl.DataFrame({"advertiser": [float("nan"), 1.0], "budget": [1, 2]}).write_parquet(path)
    with pytest.raises(InputError, match=r"b.parquet: row 1, column advertiser: expected text, got nan"):
        load_budgets(path, ("NaN", "1.0"))
    pl.DataFrame({"advertiser": ["a", "b"], "budget": ["1.5", "2"]}, schema_overrides={"budget": pl.Categorical}).write_parquet(
        path
    )
    assert load_budgets(path, ("b", "a")).tolist() == [2.0, 1.5]


@pytest.mark.parametrize("gap", [(66, 67), (66, 130), (84, 270), (198, 206), (0, 400), (4, 900)])
def test_a_parquet_file_with_a_gap_ends_in_one_line_and_silence(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], gap: tuple[int, int]
):
    whole = io.BytesIO()
    # Polars panics over some of these gaps, and its threads print a backtrace each.
    pl.DataFrame({"day": [0, 1, 2], "weight": [1, 1, 1]}).write_parquet(whole, compression="uncompressed")
    contents = whole.getvalue()
    (tmp_path / "t.parquet").write_bytes(contents[: gap[0]] + contents[gap[1] :])
    with pytest.raises(InputError, match="t.parquet: expected a parquet table, got "):
        load_traffic(tmp_path / "t.parquet")
    assert capfd.readouterr().err == ""


def test_a_parquet_file_that_unpacks_to_more_than_memory_is_refused_before(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    path = tmp_path / "t.parquet"
    pl.DataFrame({"day": pl.repeat(0, 10**7, eager=True)}).write_parquet(path)
    assert path.stat().st_size < 100_000
    monkeypatch.setattr(memory, "available_memory", lambda: 4 * 10**7)
    with pytest.raises(
        InputError, match=r"t.parquet: expected a parquet table of <= 40 MB, the memory available, got about 80 MB"
    ):
        load_traffic(path)
