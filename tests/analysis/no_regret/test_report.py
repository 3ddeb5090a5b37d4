"""The report's section on regret: totals, cumulative figures by the day, and runs without it."""

from __future__ import annotations

from typing import Any

import polars as pl

from auctionsim.analysis.documents.sections import Heading, Table
from auctionsim.analysis.reports.regret.section import MOST_ROWS, regret_sections


class Stored:
    """A run that stored one table, or none."""

    def __init__(self, table: pl.DataFrame | None) -> None:
        self.stored = table

    def optional_table(self, name: str) -> pl.DataFrame | None:
        assert name == "regret"
        return self.stored


def table_of(n: int) -> pl.DataFrame:
    """Two days and seeds of n advertisers; advertiser k regrets k a day, and 1.5 k over both days together."""
    rows = [
        (seed, day, f"seller_{k}", 10.0 + seed, float(k), 2.0 * k, 1.5 * k if day == 3 else float(k), 3.0 * k)
        for seed in (0, 1) for day in (3, 2) for k in range(n)
    ]  # fmt: skip
    columns = ["seed", "day", "advertiser", "earned", "external_regret", "swap_regret"]
    columns += ["cumulative_external_regret", "cumulative_swap_regret"]
    return pl.DataFrame(rows, schema=columns, orient="row")


def sections(**runs: Any) -> list[Any]:
    return regret_sections(runs)


def test_a_run_without_the_table_has_no_section():
    assert sections(old=Stored(None)) == []


def test_figures_are_a_day_and_the_most_regretful_come_first():
    heading, table = sections(run=Stored(table_of(3)), old=Stored(None))
    assert heading == Heading("Regret")
    assert isinstance(table, Table)
    assert [row[0] for row in table.rows] == ["all together", "seller_2", "seller_1", "seller_0"]
    total, second = table.rows[0], table.rows[1]
    # Of three advertisers: 0 + 1 + 2 a day; both days together 1.5 times that, so 0.75 times it a day.
    assert [cell.split()[0] for cell in total[2:]] == ["3.000", "2.250", "6.000", "4.500"]
    assert [cell.split()[0] for cell in second[2:]] == ["2.000", "1.500", "4.000", "3.000"]
    assert total[1].startswith("31.50")


def test_no_more_than_the_most_regretful_are_shown():
    _, table = sections(run=Stored(table_of(MOST_ROWS + 5)))
    assert len(table.rows) == 1 + MOST_ROWS
    assert table.rows[1][0] == f"seller_{MOST_ROWS + 4}"
