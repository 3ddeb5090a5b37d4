"""Tables in memory are read like files: the same traffic, the same checks, the argument's name in place of the file's."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

import auctionsim
from auctionsim.arguments.frames import frame_of
from auctionsim.errors import InputError
from auctionsim.scenario.file import parse_scenario
from auctionsim.traffic.files import load_traffic, save_traffic
from auctionsim.traffic.table import CELL_COLUMNS, ROW_COLUMNS, Traffic

from ..conftest import SMALL

pd = pytest.importorskip("pandas", reason="pandas is not installed")
pa = pytest.importorskip("pyarrow", reason="pyarrow is not installed")


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("table") / "t.parquet"
    save_traffic(auctionsim.build_market(parse_scenario(SMALL, "small.toml")).traffic, path)
    return path


@pytest.fixture(scope="module")
def table(file: Path) -> pl.DataFrame:
    return pl.read_parquet(file)


def are_equal(one: Traffic, other: Traffic) -> bool:
    columns = (*CELL_COLUMNS, *ROW_COLUMNS, "cell_start")
    names = one.advertisers == other.advertisers and one.queries == other.queries
    return names and all(np.array_equal(getattr(one, name), getattr(other, name)) for name in columns)


FORMS = {
    "polars": lambda t: t,
    "lazy": lambda t: t.lazy(),
    "pandas": lambda t: t.to_pandas(),
    "pandas, another index": lambda t: t.to_pandas().set_axis(range(5, 5 + t.height), axis=0),
    "pandas, categories": lambda t: t.to_pandas().astype({"advertiser": "category", "query": "category"}),
    "pandas, nullable": lambda t: t.to_pandas().convert_dtypes(),
    "pandas, arrow": lambda t: t.to_pandas().convert_dtypes(dtype_backend="pyarrow"),
    "pyarrow": lambda t: t.to_arrow(),
    "dictionary of lists": lambda t: t.to_dict(as_series=False),
    "dictionary of arrays": lambda t: {name: t[name].to_numpy() for name in t.columns},
    "single precision of whole numbers": lambda t: t.with_columns(
        pl.col("weight").cast(pl.Float32), pl.col("day").cast(pl.Int8)
    ),
}


@pytest.mark.parametrize("form", FORMS)
def test_a_table_in_memory_is_the_table_of_the_file(form: str, table: pl.DataFrame, file: Path):
    assert are_equal(load_traffic(FORMS[form](table)), load_traffic(file))


def test_a_table_of_narwhals_or_of_whoever_exports_arrow_data_is_read(table: pl.DataFrame):
    narwhals = pytest.importorskip("narwhals", reason="narwhals is not installed")
    for given in (narwhals.from_native(table), narwhals.from_native(table.lazy()), Exporter(table)):
        assert are_equal(load_traffic(given), load_traffic(table))


class Exporter:
    """A table that is known by its Arrow stream alone."""

    def __init__(self, table: pl.DataFrame) -> None:
        self._table = table

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        return self._table.__arrow_c_stream__(requested_schema)


def test_the_source_of_a_table_in_memory_is_noted(table: pl.DataFrame):
    assert load_traffic(table.to_pandas()).notes == {"source": "a table given in Python (pandas DataFrame)"}
    assert load_traffic(table.to_dict()).notes == {"source": "a table given in Python (dictionary)"}


CELL = {"day": [0, 0], "hour": [0, 0], "cell": [0, 0], "weight": [1, 1], "query": ["q", "q"], "advertiser": ["a", "b"]}
ROWS = {"pctr": [0.1, 0.2], "pcvr": [0.1, 0.1], "item_price": [5.0, 5.0], "manual_bid": [1.0, 2.0]}
GOOD: dict[str, Any] = {**CELL, **ROWS}
WORDS = "a polars, pandas or pyarrow table, one that exports Arrow data, or a dictionary of columns"


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"pctr": [0.1, 1.5]}, "table: row 2, column pctr: expected a number in (0, 1], got 1.5"),
        ({"pctr": [0.1, None]}, "table: row 2, column pctr: expected a number in (0, 1], got None"),
        ({"pctr": [float("nan"), 0.1]}, "table: row 1, column pctr: expected a number in (0, 1], got nan"),
        ({"weight": [1, 1.5]}, "table: row 2, column weight: expected a whole number >= 1, got 1.5"),
        ({"advertiser": ["a", None]}, "table: row 2, column advertiser: expected text, got None"),
        ({"advertiser": ["a", "a"]}, "table: row 2, column advertiser: expected each advertiser once in a cell, got 'a' again"),
        ({"advertiser": ["a", 7]}, "table: column advertiser: expected values of one kind, numbers or text, got "),
        ({"hour": [[1], [2]]}, "table: column hour: expected values along one axis, got shape [2, 1]"),
        ({"hour": [1]}, "table: column hour: expected 2 rows as in column day, got 1"),
        ({"hour": "1"}, "table: column hour: expected a list or an array of values, got '1'"),
        ({"hour": [True, True]}, "table: column hour: expected a whole number from 0 to 23, got a column of Boolean"),
        ({"ctrr": [1, 1]}, "table: column 'ctrr': unknown; choose from"),
        ({3: [1, 1]}, "table: column 3: expected a name, which is text, got 3"),
    ],
)  # fmt: skip
def test_a_mistake_is_told_by_argument_row_and_column(changed: dict[Any, Any], message: str):
    with pytest.raises(InputError) as error:
        load_traffic({**GOOD, **changed})
    assert str(error.value).startswith(message)
    assert "\n" not in str(error.value)


def test_a_missing_column_or_row_is_told():
    with pytest.raises(InputError, match="table: column pcvr: expected in a traffic table, got none"):
        load_traffic({name: column for name, column in GOOD.items() if name != "pcvr"})
    frame = pd.DataFrame(GOOD)
    with pytest.raises(InputError, match="table: expected one or more rows, got an empty table"):
        load_traffic(frame[frame.day > 0])
    with pytest.raises(InputError, match="table: column 'day': expected once, got it twice"):
        load_traffic(pd.concat([frame, frame[["day"]]], axis=1))
    missing = frame.astype({"weight": "Int64"})
    missing.loc[1, "weight"] = pd.NA
    with pytest.raises(InputError, match="table: row 2, column weight: expected a whole number >= 1, got nan"):
        load_traffic(missing)


@pytest.mark.parametrize("given", [5, None, [1, 2], np.zeros(3), pl.DataFrame, object()])
def test_what_is_no_table_is_refused(given: Any):
    with pytest.raises(InputError, match="table: expected the path of a traffic table, or a polars, pandas or pyarrow table"):
        load_traffic(given)
    with pytest.raises(InputError, match=f"x: expected {WORDS}, got"):
        frame_of("x", given)


def test_budgets_come_as_a_dictionary_or_as_a_table():
    for budgets in (
        {"b": 2, "a": 1.5},
        {"advertiser": ["b", "a"], "budget": [2.0, 1.5]},
        pd.DataFrame({"advertiser": ["a", "b"], "budget": [1.5, 2]}),
    ):
        assert load_traffic(GOOD, budgets=budgets).budgets.tolist() == [1.5, 2.0]
    for wrong, message in (
        ({"a": 1.5}, "budgets: expected a row for advertiser 'b', got none"),
        ({"a": 0, "b": 1}, "budgets: row 1, column budget: expected a number > 0, got 0"),
        (pd.DataFrame({"advertiser": ["a"], "bugdet": [1]}), "budgets: column budget: expected in the budgets file, got"),
        (7, "budgets: expected the path of a file"),
        ({"a": True, "b": True}, "budgets: row 1, column budget: expected a number > 0, got True"),
        ({"a": None, "b": None}, "budgets: row 1, column budget: expected a number > 0, got None"),
        (
            pl.DataFrame({"advertiser": ["a", "b"], "budget": [[1], [2]]}),
            "budgets: row 1, column budget: expected a number > 0, got",
        ),
        ({"advertiser": [True, False], "budget": [1, 2]}, "budgets: row 1, column advertiser: expected text, got True"),
        ({"advertiser": [None, None], "budget": [1, 2]}, "budgets: row 1, column advertiser: expected text, got None"),
        ("x" * 5000, "budgets: expected the path of a file or folder of <= 4095 bytes"),
    ):
        with pytest.raises(InputError, match=message):
            load_traffic(GOOD, budgets=wrong)


def test_replay_takes_a_table_too(table: pl.DataFrame, file: Path):
    coefficients = np.ones((5, 1, 2))
    one, other = (auctionsim.replay(given, coefficients=coefficients) for given in (table.to_pandas(), load_traffic(file)))
    assert np.array_equal(one.cost, other.cost)
    with pytest.raises(InputError, match="traffic: row 2, column pctr: expected a number in"):
        auctionsim.replay({**GOOD, "pctr": [0.1, 9]}, coefficients=coefficients)


def test_a_scenario_on_a_table_in_memory_equals_that_on_the_file(table: pl.DataFrame, file: Path, tmp_path: Path):
    text = SMALL.replace("[traffic]", f'[traffic]\nsource = "{file}"')
    text = "\n".join(line for line in text.split("\n") if not line.startswith(("auctions_per_day", "queries", "candidates")))
    on_file = parse_scenario(text.replace("iterations = 6", "iterations = 2"), "small.toml")
    small = parse_scenario(SMALL.replace("iterations = 6", "iterations = 2"), "small.toml")
    in_memory = auctionsim.with_traffic(small, table.to_pandas())
    one, other = (auctionsim.train(s, tmp_path / n) for s, n in ((on_file, "file"), (in_memory, "memory")))
    for name in ("metrics.jsonl", "outcomes.parquet", "benchmarks.parquet", "checkpoints/000002/seed-0.safetensors"):
        assert (one.path / name).read_bytes() == (other.path / name).read_bytes()
    # The folder needs nothing from memory, wherever it is moved.
    moved = other.path.rename(tmp_path / "moved")
    auctionsim.evaluate(auctionsim.Run.open(moved))
    assert (moved / "outcomes.parquet").read_bytes() == (one.path / "outcomes.parquet").read_bytes()
    again = auctionsim.train(in_memory, moved, resume=True)
    assert again.status == "finished"
    other_table = table.with_columns(pl.col("pctr") * 0.5)
    with pytest.raises(InputError, match="traffic: expected the given table, got another one"):
        auctionsim.train(auctionsim.with_traffic(small, other_table), moved, resume=True)


def test_an_environment_runs_on_a_table_in_memory(table: pl.DataFrame):
    scenario = auctionsim.scenario_for(table)
    env = auctionsim.parallel_env(scenario)
    env.reset(seed=0)
    assert len(env.agents) == 5
    assert scenario.traffic.test_days == (3,)


def test_a_table_that_does_not_fit_the_scenario_is_refused(table: pl.DataFrame):
    small = parse_scenario(SMALL, "small.toml")
    six = parse_scenario(SMALL.replace("count = 5", "count = 6"), "s")
    few = table.filter(pl.col("day") < 3)
    budgeted = parse_scenario(SMALL.replace("count = 5", 'count = 5\nbudget = "baseline*0.5"'), "small.toml")
    assert auctionsim.with_traffic(budgeted, table).advertisers[0].budget == "baseline*0.5"
    for scenario, given, message in (
        (small, few, r"small.toml: traffic.test_days: expected days of the table \(0, 1, 2\), got 3"),
        (six, table, "s: advertisers: expected counts that add up to the 5 advertisers of the table, got 6"),
    ):
        with pytest.raises(InputError, match=message):
            auctionsim.with_traffic(scenario, given)
    with pytest.raises(InputError, match="table: expected two days or more, one to test on, got day 0 alone"):
        auctionsim.scenario_for(table.filter(pl.col("day") == 0))


@pytest.mark.parametrize("column", ["item_price", "keyword_bid", "market_ecpm"])
def test_prices_that_no_run_folder_may_hold_are_refused_before_training(table: pl.DataFrame, column: str):
    small, traffic = parse_scenario(SMALL, "small.toml"), load_traffic(table)
    dear = replace(traffic, **{column: getattr(traffic, column) + 2e9})
    with pytest.raises(InputError, match=f"table: {column}: expected numbers >= 0 and < 1e9, got .* at index 0"):
        auctionsim.with_traffic(small, dear)


def test_budgets_of_a_table_in_memory_reach_the_market_and_the_run_folder(table: pl.DataFrame, tmp_path: Path):
    names = table["advertiser"].unique(maintain_order=True).to_list()
    scenario = auctionsim.scenario_for(table, budgets=dict.fromkeys(names, 1.5), overrides=["train.iterations=1"])
    assert auctionsim.build_market(scenario).budgets.tolist() == [1.5] * 5
    run = auctionsim.train(scenario, tmp_path / "run").run
    assert auctionsim.build_market(run.scenario()).budgets.tolist() == [1.5] * 5
