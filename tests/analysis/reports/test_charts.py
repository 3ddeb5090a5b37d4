"""Interactive figures hold what the pictures show, escape what comes from outside, and stand in a page that loads nothing."""

from __future__ import annotations

import base64
import hashlib
import json
import math
import re
from pathlib import Path

import numpy as np
import pytest

from auctionsim.analysis.documents import page
from auctionsim.analysis.documents.assets import CHART_SCRIPTS, asset
from auctionsim.analysis.documents.charts.model import Axis, Chart, Panel, Series
from auctionsim.analysis.documents.charts.runs import arms_chart, hours_chart, trade_off_chart
from auctionsim.analysis.reports.report import write_report
from auctionsim.analysis.reports.summary import summarize

from ..by_hand import Money, run_by_hand

BASE: Money = {"a": (5.0, 10.0), "b": (5.0, 10.0)}
# The files as npm serves them: d3@7.9.2/dist/d3.min.js and @observablehq/plot@0.6.17/dist/plot.umd.min.js.
PUBLISHED = {
    "d3.min.js": "912111098ea99503a6f4967361d2bbdc9dbf58cf9c678c8e27e5b02d1a07f0c1",
    "plot.umd.min.js": "4358086467740777dd788d6b27a95cebdbaefdd50c730a3060117073bd7134cb",
}


def line(name: str, y: list[float]) -> Chart:
    series = Series(name, range(len(y)), y, [v - 1 for v in y], [v + 1 for v in y])
    return Chart((Panel("lines", Axis("hour"), Axis("revenue"), (series,)),))


@pytest.mark.parametrize("name", PUBLISHED)
def test_the_charting_library_is_the_published_one(name: str):
    assert hashlib.sha256(asset(name).encode("utf-8")).hexdigest() == PUBLISHED[name]


def test_no_name_can_leave_the_data_of_a_figure():
    text = line("</script><script>alert(1)</script><!--", [1.0, math.nan]).text()
    assert not set("<>&") & set(text)
    series = json.loads(text)["panels"][0]["series"][0]
    assert series["name"].startswith("</script>")
    assert series["y"] == [1.0, None]


def test_a_figure_s_table_has_every_value():
    header, rows, note = line("run", [1.0, math.nan]).table()
    assert header == ["series", "at", "value", "interval"]
    assert rows == [["run", "0", "1", "0 to 2"], ["run", "1", "not defined", "none"]]
    assert note == ""
    _, many, note = line("run", [1.0] * 1001).table()
    assert (len(many), note) == (1000, "The first 1000 of 1001 values.")


def test_bars_have_the_ratios_and_the_bound_over_the_profit(tmp_path: Path):
    run = run_by_hand(tmp_path / "run", {0: {"a": (4.0, 10.0), "b": (5.0, 10.0)}}, {0: BASE})
    bars, bound = arms_chart([summarize(run)]).panels[0].series
    assert list(bars.y) == pytest.approx([0.9, 1.1, 1.0])
    assert (list(bound.x), list(bound.y), list(bound.rows)) == ([1], [pytest.approx(2.0)], [0])


def test_means_on_the_front_are_joined_and_dominated_ones_are_not():
    points = {"best": np.array([[2.0, 2.0]]), "worse": np.array([[1.0, 1.0]]), "other": np.array([[3.0, 1.5]])}
    chart = trade_off_chart(points, {name: [0] for name in points}, in_currency=False)
    front = chart.panels[0].series[-1]
    assert (front.name, list(front.x), list(front.y)) == ("Pareto front", [2.0, 3.0], [2.0, 1.5])


def test_cells_name_their_advertiser():
    values = np.arange(48, dtype=np.float64).reshape(2, 24)
    _, rows, _ = hours_chart({"run": (["a", "b"], values)}, "profit").table()
    assert rows[25][:3] == ["b", "1", "25"]


def test_a_page_lets_its_own_scripts_run_and_nothing_else():
    text = page.page("t", [page.picture("<svg/>", "c", line("a", [1.0]))])
    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', text)
    assert policy is not None
    assert "default-src 'none'" in policy[1]
    scripts = re.findall(r"<script>(.*?)</script>", text, re.DOTALL)
    assert len(scripts) == 1 + len(CHART_SCRIPTS)
    for script in scripts:
        digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
        assert f"'sha256-{digest}'" in policy[1]
    assert "d3.min" not in page.page("t", [page.picture("<svg/>", "c")])
    assert "Observable" not in page.page("t", [page.table(["a"], [["b"]])])


@pytest.mark.long
def test_a_report_stays_small_and_its_pictures_stay_in_it(tmp_path: Path):
    many: Money = {f"advertiser-{i}": (5.0, 10.0 + i) for i in range(400)}
    base: Money = dict.fromkeys(many, (5.0, 10.0))
    run = run_by_hand(tmp_path / "run", {0: many, 1: many}, {0: base, 1: base})
    text = write_report([run], tmp_path / "report").read_text(encoding="utf-8")
    assert len(text.encode()) < 3_000_000
    assert text.count("<img ") == text.count('<script type="application/json">') == 6
    assert text.count("<h2 ") == text.count('<li><a href="#s')
    assert "400 of 400" not in text, "counts are made by the script"
    assert text.count("advertiser-399") >= 2


def test_only_gains_and_losses_for_sure_are_coloured():
    changes = ["-0.49 [-0.90, -0.0808]", "+0.38 [+0.01, +0.79]", "-0.21 [-0.89, +0.47]", "+0.2 [0.00, +0.4]", "-1.5", "+0.00"]
    drawn = page.table(["change"], [[one] for one in changes], signed=[0])
    assert [one.split(">")[0] for one in drawn.split("<td")[1:]] == [
        ' class="loss"',
        ' class="gain"',
        "",
        "",
        ' class="loss"',
        "",
    ]
