"""The page in a real browser: values under the pointer, filters, zoom, keyboard, no error, no request, accessible, on paper."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from auctionsim.analysis.documents.charts.whatif import intervals_chart, landscape_chart
from auctionsim.analysis.documents.plots.landscape import BANDS
from auctionsim.analysis.documents.plots.style import Figure
from auctionsim.analysis.documents.sections import Picture, write_document
from auctionsim.analysis.reports.report import write_report
from auctionsim.analysis.statistics import Interval
from auctionsim.jobs.watch.server import served

from ..by_hand import Money, run_by_hand

NEEDED = "needs playwright, axe-playwright-python and Chromium (make test-browser)"
BASE: Money = {"north": (5.0, 10.0), "south": (5.0, 10.0), "<i>west": (5.0, 10.0)}


def open_browser() -> Iterator[Any]:
    from playwright.sync_api import Error, sync_playwright

    with sync_playwright() as playwright:
        found = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
        try:
            browser = playwright.chromium.launch(executable_path=found)
        except Error:
            if "BROWSER_REQUIRED" in os.environ:
                raise
            pytest.skip(NEEDED)
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    if "BROWSER_REQUIRED" not in os.environ:
        pytest.importorskip("playwright", reason=NEEDED)
        pytest.importorskip("axe_playwright_python", reason=NEEDED)
    yield from open_browser()


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A report on two runs, with queries."""
    folder, draws = tmp_path_factory.mktemp("runs"), np.random.default_rng(3)
    runs = []
    for name, cost in (("competing", 6.0), ("cooperating", 5.1)):
        learned = {seed: {who: (cost, 10.0 + i + draws.normal()) for i, who in enumerate(BASE)} for seed in (0, 1, 2)}
        run = run_by_hand(folder / name, learned, dict.fromkeys((0, 1, 2), BASE), welfare=50.0)
        rows = [
            {"seed": seed, "arm": arm, "query": query, "auctions": 9.0, "clicks": 2.0, "value": 8.0, "cost": 3.0}
            for seed in (0, 1, 2)
            for arm in ("learned", "reference")
            for query in ("shoes", "hats")
        ]
        run.write_table("queries", pl.DataFrame(rows))
        runs.append(run)
    return write_report(runs, folder / "report")


@pytest.fixture
def opened(browser: Any, report: Path) -> Iterator[Any]:
    """The page, which at its end has reported no error and asked for nothing."""
    page = browser.new_page(viewport={"width": 1200, "height": 900})
    page.wrong = watched(page)
    page.goto(report.as_uri())
    yield page
    assert page.wrong == []
    page.close()


def watched(page: Any) -> list[str]:
    wrong: list[str] = []
    page.on("console", lambda message: wrong.append(message.text))
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on("request", lambda request: None if request.url.startswith(("file:", "data:")) else wrong.append(request.url))
    return wrong


def figure(page: Any, caption: str) -> Any:
    return page.locator("figure:has(> script)").filter(has=page.locator("figcaption", has_text=caption))


def test_every_figure_is_drawn_in_place_of_its_picture(opened: Any):
    assert opened.locator("figure:has(> script)").count() == opened.locator("figure.live").count() == 6
    assert opened.locator("figure.live > img:visible").count() == 0
    assert opened.locator("figure.live svg[viewBox] path, figure.live svg[viewBox] rect").count() > 20


def test_pointing_at_a_figure_shows_the_value_beneath(opened: Any):
    hourly = figure(opened, "Platform revenue by hour")
    hourly.scroll_into_view_if_needed()
    box = hourly.locator(".panel svg[viewBox]").bounding_box()
    opened.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    tip = hourly.locator("g[aria-label=tip] text")
    tip.first.wait_for()
    assert "Hour of the day: " in hourly.locator("output").inner_text()
    # Spend is spread evenly over the hours: 3 x 6.0 / 24, 3 x 5.1 / 24, and 3 x 5.0 / 24 of the baseline.
    values = ("currency per hour): 0.75", "currency per hour): 0.6375", "currency per hour): 0.625")
    assert any(value in hourly.locator("output").inner_text() for value in values)


def test_pointing_at_an_hour_names_its_advertiser(opened: Any):
    hours = figure(opened, "in each hour")
    hours.scroll_into_view_if_needed()
    box = hours.locator("g[aria-label=cell] rect").nth(30).bounding_box()
    opened.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    said = hours.locator("output").inner_text()
    assert said.split(" · ")[0] in BASE
    assert "Change of profit (currency per hour): " in said


def test_the_legend_switches_a_run_off_and_on(opened: Any):
    hourly = figure(opened, "Platform revenue by hour")
    lines = hourly.locator("g[aria-label=line]")
    button = hourly.get_by_role("button", name="competing")
    before = lines.count()
    button.click()
    assert button.get_attribute("aria-pressed") == "false"
    assert lines.count() == before - 1
    button.press("Enter")
    assert lines.count() == before


def test_the_legend_shows_marks_as_they_are_drawn(opened: Any):
    bound = figure(opened, "as ratios to").get_by_role("button", name="bound G*")
    assert bound.locator("svg path").count() == 0
    line = bound.locator("svg line")
    assert line.get_attribute("x1") == line.get_attribute("x2")
    # Marks of the first and last hour are not cut by the frame: a radius of 3 has room at both ends.
    hourly = figure(opened, "Platform revenue by hour").locator(".panel svg[viewBox]")
    width = float(str(hourly.get_attribute("viewBox")).split()[2])
    dots = hourly.locator("g[aria-label=dot]").first.locator("circle")
    places = dots.evaluate_all("all => all.map(one => one.cx.baseVal.value)")
    assert 62 + 3 < min(places) < max(places) < width - 16 - 3


def test_zoom_narrows_the_axis_by_button_and_by_dragging(opened: Any):
    hourly = figure(opened, "Platform revenue by hour")

    def last() -> float:
        return float(hourly.locator("g[aria-label='x-axis tick label'] text").last.text_content())

    assert last() > 20
    hourly.get_by_role("button", name="Zoom in").press("Enter")
    assert last() < 20
    hourly.get_by_role("button", name="Show all").click()
    assert last() > 20
    hourly.scroll_into_view_if_needed()
    box = hourly.locator(".panel svg[viewBox]").bounding_box()
    y = box["y"] + box["height"] / 2
    opened.mouse.move(box["x"] + 0.2 * box["width"], y)
    opened.mouse.down()
    opened.mouse.move(box["x"] + 0.5 * box["width"], y, steps=3)
    opened.mouse.up()
    assert last() < 14


def test_arrow_keys_read_out_values(opened: Any):
    panel = figure(opened, "as ratios to").locator(".panel")
    panel.focus()
    panel.press("ArrowRight")
    said = figure(opened, "as ratios to").locator("output").inner_text()
    assert said.startswith("competing · Platform revenue: 1.2")


def test_advertisers_are_searched_filtered_and_sorted(opened: Any):
    table = opened.locator("table[data-filters]").first
    tools = opened.locator(".tools.filters").first
    rows = table.locator("tbody tr:visible")
    assert rows.count() == 6
    tools.get_by_role("searchbox").fill("<i>WE")
    assert rows.count() == 2
    assert tools.get_by_role("status").inner_text() == "2 of 6 rows"
    tools.get_by_label("Filter by run").select_option("cooperating")
    assert rows.count() == 1
    assert rows.first.locator("td").first.inner_text() == "<i>west"
    tools.get_by_role("searchbox").fill("")
    table.get_by_role("button", name="advertiser").click()
    assert [rows.nth(i).locator("td").first.inner_text() for i in range(3)] == sorted(BASE)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1200, 390])
def test_the_page_is_accessible_and_fits(browser: Any, report: Path, scheme: str, width: int):
    from axe_playwright_python.sync_playwright import Axe

    page = browser.new_page(viewport={"width": width, "height": 900}, color_scheme=scheme)
    wrong = watched(page)
    page.goto(report.as_uri())
    for details in page.locator("details").all():
        details.evaluate("details => { details.open = true; }")
    found = Axe().run(page)
    assert found.response["violations"] == [], found.generate_report()
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert wrong == []
    page.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1200, 390])
def test_the_page_of_a_run_that_goes_on_is_accessible_and_keeps_what_is_open(
    browser: Any, tmp_path: Path, scheme: str, width: int
):
    from axe_playwright_python.sync_playwright import Axe

    run = run_by_hand(tmp_path / "run", dict.fromkeys((0, 1), BASE), dict.fromkeys((0, 1), BASE), welfare=50.0)
    page = browser.new_page(viewport={"width": width, "height": 900}, color_scheme=scheme)
    wrong: list[str] = []
    page.on("console", lambda message: wrong.append(message.text))
    page.on("pageerror", lambda error: wrong.append(str(error)))
    with served(run.path) as server:
        page.goto(server.url)
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        # All at once, as the next look may come between two of them.
        page.evaluate("document.querySelectorAll('details').forEach(one => { one.open = true; })")
        found = Axe().run(page)
        assert found.response["violations"] == [], found.generate_report()
        count = page.locator("details[open]").count()
        assert count == 2
        # What the next look replaces stays open.
        page.evaluate("document.querySelectorAll('#revenue, #profit').forEach(one => { one.dataset.html = ''; })")
        for name in ("revenue", "profit"):
            page.locator(f"#{name}:not([data-html=''])").wait_for()
        assert page.locator("details[open]").count() == count
    assert wrong == []
    page.close()


def test_values_with_intervals_and_panels_of_curves_are_drawn_too(browser: Any, tmp_path: Path):
    found = [Interval(3.0, 2.5, 3.5), Interval(2.0, 1.0, 2.5), Interval(4.0, np.nan, np.nan)]
    names = ["unchanged", "mechanism.reserve=0.3", "mechanism.pricing=vcg and a name that is too long for any figure"]
    rows = pl.DataFrame({"x": [1.0, 2.0], **{f"{name}{end}": [1.0, 2.0] for name in BANDS for end in ("", "_low", "_high")}})
    sections = [
        Picture("changes", Figure(figsize=(2, 1)), "Revenue under changes.", intervals_chart(names, found, "Revenue", 3.0)),
        Picture(
            "curves", Figure(figsize=(2, 1)), "Landscape.", landscape_chart({("bid", "fixed"): rows, ("bid", "adapting"): rows})
        ),
    ]
    page = browser.new_page(viewport={"width": 1000, "height": 900})
    wrong = watched(page)
    page.goto(write_document("t", ["c"], sections, tmp_path, page_in="").as_uri())
    assert page.locator("figure.live").count() == 2
    assert figure(page, "Landscape").locator(".panel svg[viewBox]").count() == 3
    box = figure(page, "Revenue").locator(".panel svg[viewBox]").bounding_box()
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + 25 + 22)
    assert figure(page, "Revenue").locator("output").inner_text() == "mechanism.reserve=0.3: 2 [1, 2.5]"
    assert wrong == []
    page.close()


def test_without_script_the_pictures_stand_and_tables_are_whole(browser: Any, report: Path):
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(report.as_uri())
    assert page.locator("figure:has(> script) > img:visible").count() == 6
    assert page.locator("table[data-filters]").first.locator("tbody tr").count() == 6
    context.close()


def test_on_paper_figures_stand_and_controls_do_not(browser: Any, report: Path, tmp_path: Path):
    page = browser.new_page()
    page.goto(report.as_uri())
    page.emulate_media(media="print")
    assert page.locator("nav:visible, .tools.filters:visible, .zoom:visible").count() == 0
    assert page.locator("figure.live svg[viewBox]:visible").count() >= 6
    with suppress(NotImplementedError):
        assert len(page.pdf()) > 10_000
    page.close()
