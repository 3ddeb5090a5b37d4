"""What a log does not know is not defined: it is no conversion count of 0, and no profit of minus the cost."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest

import auctionsim
from auctionsim.agents.build import build_market
from auctionsim.analysis.whatif.text import answer_lines
from auctionsim.cli import main
from auctionsim.errors import InputError
from auctionsim.market.warnings import market_warnings
from auctionsim.traffic.files import load_traffic

from ..traffic.ingest import mapped
from .tables import frame

pytestmark = pytest.mark.usefixtures("without_figures")

RESERVE = "mechanism.reserve=0.4"
CLICKS = mapped.MAPPING.replace('pcvr = "pcvr"', 'clicked = "clk"\nconverted = "conv"')


def without(column: str) -> pl.DataFrame:
    return frame(days=2).with_columns(pl.lit(0.0).alias(column))


@pytest.mark.parametrize(
    ("column", "unknown"), [("pcvr", {"conversions", "welfare", "profit"}), ("item_price", {"welfare", "profit"})]
)
def test_figures_that_need_what_no_row_has_are_not_defined_and_all_others_stay(column: str, unknown: set[str]):
    answer, known = auctionsim.whatif(without(column), [RESERVE]), auctionsim.whatif(frame(days=2), [RESERVE])
    for row, same in zip(answer.changes.iter_rows(named=True), known.changes.iter_rows(named=True), strict=True):
        assert {
            name for name in ("revenue", "clicks", "conversions", "cpc", "welfare", "profit") if row[name] is None
        } == unknown
        assert (row["revenue"], row["clicks"]) == (same["revenue"], same["clicks"])
    change = answer.as_dict()["changes"][0]["change"]
    assert change["profit"]["amount"] is None
    assert change["revenue"]["amount"] is not None
    assert answer.judged == "clicks"
    assert "profit are not defined" in answer_lines(answer)[-1]


def test_a_landscape_gives_no_advice_where_nothing_has_a_value(tmp_path: Path):
    found = auctionsim.landscape(without("pcvr"), intervals=False, target_roas=2.0, target_cpa=5.0)
    assert "highest profit: not defined" in str(found)
    assert found.table["profit"].null_count() == found.table.height
    assert (found.table["clicks"] > 0).any()
    assert set(found.targets["x"]) == {None}
    assert {reason.partition(":")[0] for reason in found.targets["reason"]} == {"not defined"}
    text = found.write(tmp_path / "out").with_name("report.md").read_text()
    assert "nan" not in text.lower()
    with pytest.raises(InputError, match="expected conversions with a value"):
        auctionsim.landscape(without("pcvr"), intervals=False, adapt=True)


@pytest.mark.parametrize(
    ("column", "unknown"), [("pcvr", {"conversions", "welfare", "profit"}), ("item_price", {"welfare", "profit"})]
)
def test_an_experiment_says_nothing_of_metrics_that_no_row_tells(tmp_path: Path, column: str, unknown: set[str]):
    found = auctionsim.experiment(without(column), [RESERVE], designs=["user"], replicates=3)
    assert set(found.unknown) == unknown
    (told,) = found.lines("profit")
    assert told.startswith("profit: not defined: no ")
    assert len(found.lines("revenue")) > 3
    for row in found.to_frame().iter_rows(named=True):
        figures = [value for name, value in row.items() if name not in ("design", "test", "metric", "replicates")]
        assert (set(figures) == {None}) == (row["metric"] in unknown)
    assert set(found.as_dict()["not_defined"]) == unknown
    page = found.write(tmp_path / "out", "").read_text(encoding="utf-8")
    assert page.count("<h2") - page.count("<table") == len(unknown)


def test_observed_conversions_stand_beside_none():
    observed = {"advertiser": ["shop 0"], "conversions": [3.0]}
    answer = auctionsim.whatif(without("pcvr"), [RESERVE], observed=observed, intervals=False)
    assert "conversions: replay not defined, observed 3" in answer.log_fit.lines[0]


def test_a_log_that_would_show_conversions_and_has_none_knows_no_profit(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    lines = [
        f"{i // 2},2024-03-0{4 + day} {i // 4:02d}:00:00,k,shop {i % 2},{1 + i % 3},10,0.1,{int(i % 5 == 0)},0\n"
        for day in range(3)
        for i in range(80)
    ]
    table = mapped.ingest_log(tmp_path, mapped.HEADER.replace("pcvr", "clk,conv") + "".join(lines), mapping=CLICKS)
    capsys.readouterr()
    assert main(["whatif", str(table), "--set", RESERVE, "--no-intervals"]) == 0
    out = capsys.readouterr().out
    assert "Conversions, welfare and profit are not defined" in out
    assert np.isfinite(float(out.split("unchanged ")[1].split()[0]))


def test_check_says_that_nothing_has_a_value_and_not_that_the_baseline_loses_money():
    market = build_market(auctionsim.scenario_for(load_traffic(without("pcvr"))))
    said = [line for line in market_warnings(market) if line.startswith("platform.baseline")]
    assert said
    assert all(line.endswith("are not defined: nothing in this traffic has a value") for line in said)
