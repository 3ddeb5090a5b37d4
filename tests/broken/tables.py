"""Traffic tables and budgets files that are wrong."""

from __future__ import annotations

import io

import polars as pl

from .case import Broken

HEADER = "day,hour,cell,weight,query,advertiser,pctr,pcvr,item_price,manual_bid"
ROWS = (
    "0,0,0,2,shoes,north,0.1,0.05,20,0.5",
    "0,0,0,2,shoes,south,0.2,0.04,30,0.4",
    "1,7,1,1,bags,north,0.1,0.05,20,0.5",
)
_HTML = "<img src=x onerror=alert(1)>"
_NAMES = HEADER.split(",")


def scenario(source: str, more: str = "", group: str = "") -> str:
    """A scenario on a table."""
    return (
        f'name = "on a table"\n[traffic]\nsource = "{source}"\ntrain_days = [0]\ntest_days = [1]\n{more}\n'
        f'[[advertisers]]\ngroup = "g"\ncount = 2\n{group}\n'
    )


def csv(*rows: str, header: str = HEADER) -> str:
    """A table as text."""
    return "\n".join([header, *rows]) + "\n"


def changed(row: int, column: str, value: str) -> str:
    """The table with one value changed."""
    cells = [line.split(",") for line in ROWS]
    cells[row][_NAMES.index(column)] = value
    return csv(*map(",".join, cells))


def parquet(**columns: object) -> bytes:
    """The table as Parquet, some columns replaced."""
    stored = io.BytesIO()
    pl.read_csv(csv(*ROWS).encode()).with_columns(**columns).write_parquet(stored)  # type: ignore[arg-type]
    return stored.getvalue()


_CENTS = "a number >= 0 and < 1e9"
# What is wrong, row from 0, column, value, and what was expected and came.
_VALUES = [
    ("a click rate above 1", 1, "pctr", "1.2", "a number in (0, 1], got 1.2"),
    ("a click rate of 0", 1, "pctr", "0", "a number in (0, 1], got 0.0"),
    ("a click rate that is no number", 2, "pctr", "nan", "a number in (0, 1], got nan"),
    ("a negative conversion rate", 0, "pcvr", "-0.1", "a number in [0, 1], got -0.1"),
    ("an infinite conversion rate", 0, "pcvr", "inf", "a number in [0, 1], got inf"),
    ("a negative price", 2, "item_price", "-3", f"{_CENTS} (currency per conversion), got -3.0"),
    ("a price of a thousand million", 2, "item_price", "1000000000", f"{_CENTS} (currency per conversion), got 1000000000.0"),
    ("a negative bid", 2, "manual_bid", "-0.5", f"{_CENTS} (currency per click), got -0.5"),
    ("a bid in words", 1, "manual_bid", "cheap", f"{_CENTS} (currency per click), got 'cheap'"),
    ("a bid in millionths", 1, "manual_bid", "1e9", f"{_CENTS} (currency per click), got 1000000000.0"),
    ("a bid left out", 1, "manual_bid", "", f"{_CENTS} (currency per click), got None"),
    ("a 25th hour", 0, "hour", "24", "a whole number from 0 to 23, got 24"),
    ("a negative day", 0, "day", "-1", "a whole number from 0 to 1000000000, got -1"),
    ("a weight of 0", 0, "weight", "0", "a whole number >= 1, got 0"),
    ("half an auction", 0, "weight", "2.5", "a whole number >= 1, got '2.5'"),
    ("a weight beyond 64 bits", 0, "weight", str(10**30), f"a whole number >= 1, got '{10**30}'"),
    ("an advertiser twice in a cell", 1, "advertiser", "north", "each advertiser once in a cell, got 'north' again in cell 0"),
    ("an advertiser without a name", 1, "advertiser", "", "text, got None"),
    ("two queries in a cell", 1, "query", "bags", "'shoes' as in the rest of cell 0, got 'bags'"),
    ("two weights in a cell", 1, "weight", "3", "2 as in the rest of cell 0, got 3"),
]  # fmt: skip

# What is wrong, the file, its contents, and what is said after its name.
_FILES: list[tuple[str, str, str | bytes, str]] = [
    ("cells out of time order", "t.csv", csv(ROWS[2], ROWS[0], ROWS[1]),
     "line 3, column hour: expected cells in time order, got day 0 hour 0 after day 1 hour 7"),
    ("a cell torn apart", "t.csv", csv(ROWS[0], ROWS[2].replace("1,7,1", "0,0,1"), ROWS[1]),
     "line 4, column cell: expected the rows of a cell to be contiguous, got cell 0 again"),
    ("a column misspelt", "t.csv", csv(*ROWS, header=HEADER.replace("pctr", "pcrt")),
     "column pctr: expected in a traffic table, got none (did you mean 'pcrt'?)"),
    ("an unknown column, with HTML", "t.csv", csv(*(row + ",1" for row in ROWS), header=f"{HEADER},{_HTML}"),
     f"column '{_HTML}': unknown; choose from day, hour, cell"),
    ("an advertiser twice, with HTML", "t.csv", csv(*(row.replace("north", _HTML).replace("south", _HTML) for row in ROWS)),
     f"line 3, column advertiser: expected each advertiser once in a cell, got '{_HTML}' again in cell 0"),
    ("a column with an endless name", "t.csv", csv(*(row + ",1" for row in ROWS), header=f'{HEADER},"{"x" * 200_000}"'),
     "the header: expected names of columns, got 'field larger than field limit (131072)'"),
    ("a table without rows", "t.csv", csv(), "expected one or more rows, got an empty table"),
    ("an empty file for a table", "t.csv", b"", "expected a csv table, got 'empty CSV'"),
    ("a table cut by semicolons", "t.csv", csv(*ROWS).replace(",", ";"),
     "the header: expected columns separated by ',', got columns separated by ';'"),
    ("a row with a value too many", "t.csv", csv(ROWS[0], ROWS[1] + ",9", ROWS[2]),
     "line 3: expected 10 values as in the header, got 11"),
    ("a row with a value too few", "t.csv", csv(ROWS[0], ROWS[1].rpartition(",")[0], ROWS[2]), "line 3, column manual_bid"),
    ("a table in Latin-1", "t.csv", csv(*ROWS).replace("shoes", "Stra\u00dfe").encode("latin-1"),
     "line 2: expected UTF-8, got byte 0xdf"),
    ("a table partly in Latin-1", "t.csv",
     csv(*ROWS).replace("shoes", "\u00fc").encode() + "1,8,2,1,\u00fc,north,0.1,0.1,1,1\n".encode("latin-1"),
     "line 5: expected UTF-8, got byte 0xfc"),
    ("a column given twice", "t.csv", csv(*(row + ",1" for row in ROWS), header=HEADER + ",pctr"),
     "column 'pctr': expected once, got it twice"),
    ("a table of NUL bytes", "t.csv", bytes(400), "expected one or more rows, got an empty table"),
    ("a table that is no Parquet", "t.parquet", b"PAR1 this is not Parquet", "expected a parquet table, got"),
    ("a Parquet file cut short", "t.parquet", parquet()[:-40], "expected a parquet table, got"),
    ("a pickle for a Parquet file", "t.parquet", b"\x80\x04\x95\x0b\x00\x00\x00\x00\x00\x00\x00\x8c\x04rows\x94.",
     "expected a parquet table, got"),
    ("fractional weights in Parquet", "t.parquet", parquet(weight=pl.col("weight") + 0.5),
     "row 1, column weight: expected a whole number >= 1, got 2.5"),
    ("lists for rates in Parquet", "t.parquet", parquet(pctr=pl.concat_list("pctr")),
     "column pctr: expected a number in (0, 1], got a column of List(Float64)"),
    ("truth values for rates in Parquet", "t.parquet", parquet(pctr=pl.col("pctr") > 0),
     "column pctr: expected a number in (0, 1], got a column of Boolean"),
    ("dates for days in Parquet", "t.parquet", parquet(day=pl.date(2024, 1, 1)),
     "column day: expected a whole number from 0 to 1000000000, got a column of Date"),
]  # fmt: skip

STORED = (
    '{"format": "auctionsim-traffic-1", "advertisers": ["a", "b"], "queries": ["q"], "pieces": [[0, 0, 0, 0, 1, 1]], '
    '"cells": 1, "rows": 1, "most_rows": 1, "auctions": 1}'
)
_BUDGETED = scenario("t.csv", 'budgets = "b.csv"', "budget = 'table'")
_BUDGETS: list[tuple[str, str | bytes, str]] = [
    ("budgets without a column of budgets", "advertiser,money\nnorth,1\nsouth,2\n",
     "column budget: expected in the budgets file, got advertiser, money"),
    ("budgets cut by semicolons", "advertiser;budget\nnorth;1\nsouth;2,5\n",
     "the header: expected columns separated by ',', got columns separated by ';'"),
    ("a column of budgets twice", "advertiser,budget, budget\nnorth,1,1\nsouth,3,3\n",
     "column 'budget': expected once, got it twice"),
    ("a negative budget in the file", "advertiser,budget\nnorth,1\nsouth,-3\n",
     "line 3, column budget: expected a number > 0, got '-3'"),
    ("a budget of NaN in the file", "advertiser,budget\nnorth,nan\nsouth,3\n",
     "line 2, column budget: expected a number > 0, got 'nan'"),
    ("an advertiser without a budget", "advertiser,budget\nnort,1\nsouth,2\n",
     "expected a row for advertiser 'north', got none (did you mean 'nort'?)"),
    ("an advertiser with two budgets", "advertiser,budget\nnorth,1\nnorth,2\nsouth,2\n",
     "line 3, column advertiser: expected each advertiser once, got 'north' again"),
    ("an empty file of budgets", "", "expected a csv table, got 'empty CSV'"),
]  # fmt: skip

CASES = {
    **{
        name: Broken(
            "check s.toml", f"t.csv: line {row + 2}, column {column}: expected {says}",
            {"s.toml": scenario("t.csv"), "t.csv": changed(row, column, value)},
        )
        for name, row, column, value, says in _VALUES
    },
    **{name: Broken("check s.toml", f"{file}: {says}", {"s.toml": scenario(file), file: text}) for name, file, text,
    says in _FILES},
    **{
        name: Broken("check s.toml", f"b.csv: {says}", {"s.toml": _BUDGETED, "t.csv": csv(*ROWS), "b.csv": text})
        for name, text, says in _BUDGETS
    },
    "a table that is not there": Broken(
        "check s.toml", "none.parquet: expected a traffic table (Parquet or CSV), got no such file",
        {"s.toml": scenario("none.parquet")},
    ),
    "a table outside that is none": Broken("check in/s.toml", "in/../t.csv: ",
    {"in/s.toml": scenario("../t.csv"), "t.csv": "x\n1\n"}),
    "a folder for a table": Broken("train s.toml", "t.csv: expected a traffic table",
    {"s.toml": scenario("t.csv"), "t.csv/x": ""}),
    "a stored folder of another format": Broken("train s.toml", "t/traffic.json: expected format auctionsim-traffic-1, got",
    {"s.toml": scenario("t"), "t/traffic.json": '{"format": "other"}'}),
    "a stored folder without its counts": Broken("train s.toml", "t/traffic.json: advertisers: expected a list, got None",
    {"s.toml": scenario("t"), "t/traffic.json": '{"format": "auctionsim-traffic-1"}'}),
    "a stored folder of wrong pieces": Broken("train s.toml", "t/traffic.json: pieces: expected six whole numbers >= 0",
    {"s.toml": scenario("t"), "t/traffic.json": STORED.replace("[0, 0, 0,", "[0, 0, -1,")}),
    "a stored folder without its columns": Broken("train s.toml", "t/size: expected 4 bytes for 1 numbers, got 0",
    {"s.toml": scenario("t"), "t/traffic.json": STORED}),
    "counts that do not add up to the table": Broken(
        "train s.toml", "s.toml: advertisers: expected counts that add up to the 2 advertisers of t.csv, got 3",
        {"s.toml": scenario("t.csv", group="[[advertisers]]\ngroup = 'h'"), "t.csv": csv(*ROWS)},
    ),
    "a day the table does not have": Broken(
        "train s.toml", "s.toml: traffic.test_days: expected days of t.csv (0, 1), got 7",
        {"s.toml": scenario("t.csv").replace("[1]", "[7]"), "t.csv": csv(*ROWS)},
    ),
    "a fit of a table that is not there": Broken("fit none.csv --out s.toml", "none.csv: expected a traffic table"),
    "a fit of no advertisers that meet": Broken(
        "fit t.csv --out s.toml",
        "t.csv: column advertiser: expected two or more advertisers that meet, as the generator has no "
        "external competitors, got 1.00 candidates per auction", {"t.csv": csv(ROWS[0], ROWS[2])},
    ),
    "a fit that would overwrite": Broken(
        "fit t.csv --out s.toml", "s-profile.toml: expected a new file, got one that exists",
        {"t.csv": csv(*ROWS), "s-profile.toml": ""},
    ),
    "a fit into a table": Broken("fit t.csv --out t.csv", "--out: expected a name that ends in .toml, got t.csv",
    {"t.csv": "x"}),
    "no outside price that is one": Broken("check s.toml",
    "t.csv: line 4, column market_ecpm: expected a number >= 0 and < 1e9 (a rank score), got -1.0",
        {"s.toml": scenario("t.csv"),
        "t.csv": csv(*(f"{row},{x}" for row, x in zip(ROWS, (1, 1, -1), strict=True)), header=HEADER + ",market_ecpm")}),
}  # fmt: skip
