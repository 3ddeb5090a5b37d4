"""Measures on cases with a known answer; the report is self-contained and escapes names."""

from __future__ import annotations

import html
import json
import re
import shutil
import subprocess
from pathlib import Path

import polars as pl
import pytest

from auctionsim.analysis.documents import page
from auctionsim.analysis.documents.plots import runs as plots
from auctionsim.analysis.reports import metrics
from auctionsim.analysis.reports.report import write_report
from auctionsim.analysis.reports.run_collusion import TEST_COLUMNS, SeedVerdict, collusion_sentence, one_wording
from auctionsim.analysis.reports.summary import summarize
from auctionsim.cli import main
from auctionsim.errors import InputError
from auctionsim.runs import Run
from auctionsim.scenario.file import parse_scenario

from ..conftest import SMALL


def rows(arm: str, seed: int, costs: tuple[float, float], gmvs: tuple[float, float]) -> list[dict]:
    return [
        {
            "arm": arm, "seed": seed, "day": 2, "hour": hour, "advertiser": name, "group": "seller", "bid": 1.0,
            "impressions": 1.0, "clicks": 1.0, "conversions": 1.0, "gmv": gmv / 24, "cost": cost / 24, "budget_left": None,
            "revenue": cost / 24,
        }
        for hour in range(24)
        for name, cost, gmv in zip(("<b>north</b>", "south"), costs, gmvs, strict=True)
    ]  # fmt: skip


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """Two seeds: revenue 9 and 11 against 10; total profit 15 and 17 against 10; the worst earns 0.8 and 1.2."""
    run = Run.create(tmp_path / "story", parse_scenario(SMALL, "s"), SMALL, seeds=(0, 1), command="x <script>")
    learned = rows(
        "learned",
        0,
        (4, 5),
        (15, 9),
    ) + rows("learned", 1, (5, 6), (16, 12))
    baseline = [row for seed in (0, 1) for row in rows("reference", seed, (5, 5), (10, 10))]
    run.write_table("outcomes", pl.DataFrame(learned + baseline, infer_schema_length=None))
    benchmarks = [
        {"seed": seed, "day": 2, "benchmark": name, "revenue": revenue, "welfare": 30.0, "profit": 30.0 - revenue}
        for seed in (0, 1)
        for name, revenue in (("efficient", 10.0), ("truthful", 18.0))
    ]
    run.write_table("benchmarks", pl.DataFrame(benchmarks))
    run.append_metrics(
        [{"iteration": i, "seed": seed, "revenue_ratio": 1.0, "profit_ratio": 1.1} for i in (1, 2) for seed in (0, 1)]
    )
    return run


def test_more_runs_than_there_are_colours_stand_in_one_report(run: Run, tmp_path: Path):
    copies = [Run.open(shutil.copytree(run.path, tmp_path / f"copy{i}")) for i in range(9)]
    text = write_report([run, *copies], tmp_path / "report").parent.joinpath("report.md").read_text()
    for one in copies:
        assert f"{one.path.name}: revenue" in text


def test_ratios_of_a_run_written_by_hand(run: Run):
    table = metrics.seed_ratios(run)
    assert table["revenue"].to_list() == pytest.approx([0.9, 1.1])
    assert table["profit"].to_list() == pytest.approx([1.5, 1.7])
    assert table["worst_advertiser"].to_list() == pytest.approx([0.8, 1.2])
    assert table["better_off"].to_list() == pytest.approx([0.5, 1.0])
    # 0.75 +- 3.2 as Student has it.
    share = summarize(run).ratios["better_off"]
    assert (share.mean, share.low, share.high) == (0.75, 0.0, 1.0)
    assert table["bound"].to_list() == pytest.approx([2.0, 2.0])
    assert table["gap_closed"].to_list() == pytest.approx([0.5, 0.7])
    assert table["truthful_revenue"].to_list() == pytest.approx([1.8, 1.8])
    assert metrics.mean_advertiser_ratios(run)["ratio"].to_list() == pytest.approx([22 / 10, 1.0])
    assert str(metrics.floor_on_test_days(run)) == "1 of 2 days (50.0%), worst 0.900 (seed 0, day 2)"


def test_the_summary_is_one_sentence(run: Run):
    assert summarize(run).sentence == (
        "story: revenue +0.00 (from 10.00 to 10.00; 1.000 of the baseline), total profit +6.00 (from 10.00 to 16.00; 1.600 of "
        "the baseline, bound 2.000), 75% of advertisers and seeds better off, floor held on 1 of 2 days (50.0%), worst 0.900 "
        "(seed 0, day 2) (2 seeds)"
    )
    assert summarize(run).as_dict()["floor"] == {
        "held": 1, "days": 2, "worst": 0.9, "worst_seed": 0, "worst_day": 2, "share": 0.5,
    }  # fmt: skip


def test_the_figure_of_arms_draws_the_ratios_and_the_bound(run: Run):
    figure = plots.arms_figure([summarize(run)])
    heights = [bar.get_height() for bar in figure.axes[0].patches]
    assert heights == pytest.approx([1.0, 1.6, 1.0])
    (bound,) = [line for line in figure.axes[0].collections if "G*" in str(line.get_label())]
    assert bound.get_segments()[0][0, 1] == pytest.approx(2.0)


def test_one_seed_draws_no_error_bar_and_gives_json_null(tmp_path: Path, run: Run):
    alone = Run.create(tmp_path / "alone", parse_scenario(SMALL, "s"), SMALL, seeds=(0,), command="x")
    for table in ("outcomes", "benchmarks"):
        alone.write_table(table, run.table(table).filter(pl.col("seed") == 0))
    summary = summarize(alone)
    assert str(summary.ratios["revenue"]) == "0.900 (one seed, no interval)"
    assert json.loads(json.dumps(summary.as_dict(), allow_nan=False))["revenue"] == {"mean": 0.9, "low": None, "high": None}
    figure = plots.arms_figure([summary])
    figure.canvas.draw()
    labels = [text for text in figure.axes[0].texts if text.get_text()]
    assert [label.get_text() for label in labels] == ["0.90", "1.50", "0.80"]
    bottom = figure.axes[0].get_window_extent().y0
    assert all(label.get_window_extent().y1 < bottom for label in labels), "labels stand beneath their bars"


def test_the_report_is_self_contained_and_escapes_names(run: Run, tmp_path: Path):
    text = write_report([run], tmp_path / "report").read_text()
    assert "<b>north</b>" not in text
    assert "&lt;b&gt;north&lt;/b&gt;" in text
    assert "x &lt;script&gt;" in text
    # Tables, d3, Observable Plot and charts; and the data of each figure.
    assert text.count("\n<script>") == 4
    assert text.count('<script type="application/json">') == 6
    # Everything a browser would fetch stands inside the page.
    assert set(re.findall(r'(?:src|href)="([^":]*:)', text)) == {"data:"}
    assert {path.name for path in (tmp_path / "report" / "figures").iterdir()} == {
        f"{name}.{kind}"
        for name in ("arms", "hourly", "learning", "advertisers", "trade-off", "hours")
        for kind in ("svg", "png")
    }


def test_the_report_states_the_verdict_on_collusion_and_the_violated_constraints(run: Run, tmp_path: Path):
    run.write_table("collusion", verdict_rows("coordination", "north, south"))
    write_report([run], tmp_path / "report")
    text = (tmp_path / "report" / "report.md").read_text()
    assert "story: tacit or explicit coordination of north, south on 2 of 2 seeds; profit gain 0.90 to 0.90" in text
    assert "giving way" in text
    # Revenue 9 and 11 against a floor of 10: violated on one of two days, by a tenth, a twentieth over both.
    assert "| revenue floor | 50.0%, by 5.00% |" in text
    # Profits 11, 4, 11 and 6 against floors of 5: one of four is a fifth short.
    assert "| profit floor | 25.0%, by 5.00% |" in text


def verdict_rows(kind: str, coalition: str | list[str] = "") -> pl.DataFrame:
    """Return the rows of collusion.parquet of two seeds with a verdict."""
    row = {"profit_gain": 0.9, "suppression": 0.8, "normalised_suppression": 0.9, "verdict": kind, "alone": "coordination"}
    row |= {"coalition": coalition, "reason": "because", **dict.fromkeys(TEST_COLUMNS.values(), 0.9)}
    return pl.DataFrame([{"seed": seed, "benchmark": b, **row} for seed in (0, 1) for b in ("truthful", "manual")])


def test_budgets_without_a_control_get_no_verdict(run: Run):
    run.write_table("collusion", verdict_rows("no control"))
    sentence = collusion_sentence(run, "story")
    assert sentence is not None
    assert "no verdict on 2 of 2 seeds: budgets could bind" in sentence


def test_a_verdict_of_an_earlier_version_is_not_repeated(run: Run):
    run.write_table("collusion", verdict_rows("collusion").drop("alone", "coalition", "reason"))
    sentence = collusion_sentence(run, "story")
    assert sentence is not None
    assert "earlier version" in sentence
    assert "coordination" not in sentence


def test_an_undefined_verdict_says_why(run: Run):
    run.write_table("collusion", verdict_rows("not defined"))
    assert "story: not defined (because) on 2 of 2 seeds" in str(collusion_sentence(run, "story"))


def test_runs_are_compared_in_pairs_of_seeds(run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    other = tmp_path / "other"
    shutil.copytree(run.path, other)
    table = run.table("outcomes").with_columns(
        revenue=pl.when(pl.col("arm") == "learned").then(2.0).otherwise(1.0) * pl.col("revenue")
    )
    Run.open(other).write_table("outcomes", table)
    assert main(["compare", str(run.path), str(other), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)["differences"][str(other)]
    # Revenues of 9 and 11, doubled; in currency, whatever each run's own baseline is.
    assert found["revenue"]["mean"] == pytest.approx(10.0)
    assert (found["profit"]["mean"], found["profit"]["low"], found["profit"]["high"]) == (0.0, 0.0, 0.0)
    assert main(["compare", str(run.path)]) == 2


@pytest.mark.skipif(shutil.which("chromium") is None, reason="chromium is not installed")
@pytest.mark.parametrize("width", [1280, 390])
def test_the_report_opens_in_a_browser_without_errors_or_requests(run: Run, tmp_path: Path, width: int):
    page = write_report([run], tmp_path / "report")
    # Reported by the page itself: errors, what was loaded, figures drawn, and a table sorted by a click.
    probe = """<script>
    const errors = []; addEventListener("error", event => errors.push(event.message));
    addEventListener("load", () => { document.querySelectorAll("table")[0].querySelectorAll("th button")[0].click();
      const images = [...document.images];
      document.title = JSON.stringify({errors, requests: performance.getEntriesByType("resource").filter(
        entry => !entry.name.startsWith("data:")).length, drawn: images.every(i => i.complete && i.naturalWidth > 0),
        figures: images.length, wide: document.documentElement.scrollWidth,
        sorted: document.querySelectorAll("th[aria-sort=ascending]").length}); });
    </script>"""
    watched = tmp_path / "report" / "watched.html"
    watched.write_text(page.read_text().replace("</title>", "</title>" + probe, 1))
    command = [
        "chromium", "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking",
        "--disable-component-update", "--disable-sync", f"--user-data-dir={tmp_path / 'profile'}",
        f"--window-size={width},2000", "--virtual-time-budget=3000", "--dump-dom", watched.as_uri(),
    ]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
    title = re.search(r"<title>(.*?)</title>", done.stdout, re.DOTALL)
    assert title is not None
    found = json.loads(html.unescape(title.group(1)))
    assert found["errors"] == []
    assert found["requests"] == 0
    assert found["drawn"]
    assert found["figures"] == 6
    assert found["sorted"] == 1
    assert found["wide"] <= max(width, 500)


def test_the_same_run_gives_the_same_report_to_the_byte(run: Run, tmp_path: Path):
    one, other = (write_report([run], tmp_path / name).read_bytes() for name in ("a", "b"))
    assert one == other


def test_the_report_names_what_was_assumed_also_in_runs_of_earlier_versions(run: Run, tmp_path: Path):
    run.write_provenance({"source": "s", "supposed": "old notes", "assumed": "new notes"})
    write_report([run], tmp_path / "report")
    text = (tmp_path / "report" / "report.md").read_text()
    assert "Assumed: old notes" in text
    assert "Assumed: new notes" in text
    assert "Source: s" in text


def test_a_run_given_twice_is_refused(run: Run, tmp_path: Path):
    with pytest.raises(InputError, match="expected each run once"):
        write_report([run, run], tmp_path / "report")


def test_a_table_s_cells_are_escaped():
    assert "<i>" not in page.table(["<i>"], [["<i>"]])


def test_coalitions_that_differ_by_seed_are_told_by_the_members_they_share():
    def of(*names: str) -> SeedVerdict:
        return SeedVerdict("coordination of ", names)

    pacing = SeedVerdict("pacing")
    shared = "coordination of b, c, and of others by seed"
    assert one_wording([of("a", "b", "c"), pacing, of("b", "c", "d")]) == [shared, "pacing", shared]
    assert one_wording([of(), of("a", "b")]) == ["coordination of a, b, and of others by seed"] * 2
    assert one_wording([of("a", "b"), of("c", "d")]) == ["coordination of coalitions that differ by seed"] * 2
    assert one_wording([of("a", "b"), pacing]) == ["coordination of a, b", "pacing"]
    # A name may hold a comma.
    assert one_wording([of("a, b", "c"), of("a, b", "d")]) == ["coordination of a, b, and of others by seed"] * 2
    assert one_wording([of("a, b", "c"), of("a", "b")]) == ["coordination of coalitions that differ by seed"] * 2


def test_a_coalition_is_stored_as_a_list_and_as_text_of_earlier_versions(run: Run):
    for coalition in (["north, west", "south"], "north, west, south"):
        run.write_table("collusion", verdict_rows("coordination", coalition))
        assert "coordination of north, west, south on 2 of 2 seeds" in str(collusion_sentence(run, "story"))
    run.write_table("collusion", verdict_rows("coordination", ["north, west", "south"]).with_columns(is_everybody=True))
    assert "coordination of all advertisers on 2 of 2 seeds" in str(collusion_sentence(run, "story"))
