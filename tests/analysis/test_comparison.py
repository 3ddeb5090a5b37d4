"""Runs are compared in currency on the same traffic, with one named baseline; other traffic is refused."""

from __future__ import annotations

import json
from pathlib import Path

import polars as pl
import pytest

from auctionsim.analysis.reports.comparable import difference_texts, scenario_differences
from auctionsim.analysis.reports.comparison import compare_runs, write_comparison
from auctionsim.cli import main
from auctionsim.errors import InputError
from auctionsim.runs import Run
from auctionsim.scenario.file import parse_scenario

from ..conftest import SMALL
from .by_hand import Money, run_by_hand

pytestmark = pytest.mark.usefixtures("without_figures")

LOW: Money = {"a": (8.0, 14.0), "b": (2.0, 6.0)}
HIGH: Money = {"a": (9.0, 14.0), "b": (3.4, 6.0)}
"""Revenue 12.4 instead of 10: 24 % more."""
OF_HIGH: Money = {"a": (12.0, 14.0), "b": (3.0, 6.0)}


@pytest.fixture
def gsp(tmp_path: Path) -> Run:
    return run_by_hand(tmp_path / "gsp", {0: LOW, 1: LOW, 2: LOW}, {0: LOW, 1: LOW, 2: LOW})


def other(tmp_path: Path, name: str, *overrides: str, seeds: tuple[int, ...] = (0, 1, 2), welfare: float = 30.0) -> Run:
    """Return a run with more revenue than `gsp`, whose own baseline has still more."""
    return run_by_hand(
        tmp_path / name,
        dict.fromkeys(seeds, HIGH),
        dict.fromkeys(seeds, OF_HIGH if overrides else LOW),
        overrides=overrides,
        welfare=welfare,
    )


def test_first_price_raises_revenue_though_its_ratio_to_its_own_baseline_falls(gsp: Run, tmp_path: Path):
    first = other(tmp_path, "first", "mechanism.pricing=first")
    found = compare_runs([gsp, first])
    assert found.lines[0].startswith("first minus gsp: revenue +2.40 (+24.0%), GMV +0.00 (+0.0%), total profit -2.40 (-24.0%)")
    assert found.lines[1] == "  mechanism.pricing: gsp -> first"
    (difference,) = found.differences
    assert difference.amounts["learned"]["revenue"].difference.mean == pytest.approx(2.4)
    assert difference.amounts["baseline"]["revenue"].difference.mean == pytest.approx(5.0)


def test_the_page_refers_all_ratios_to_the_first_run_s_baseline(gsp: Run, tmp_path: Path):
    first = other(tmp_path, "first", "mechanism.pricing=first")
    write_comparison(compare_runs([gsp, first]), tmp_path / "out")
    text = (tmp_path / "out" / "report.md").read_text(encoding="utf-8")
    assert "| ratio to the baseline of gsp | gsp | first |" in text
    assert "| Revenue | 1.000 [1.000, 1.000] | 1.240 [1.240, 1.240] |" in text
    assert "| mechanism.pricing: gsp -> first |" in text
    assert "| Revenue, baseline | +5.00 (+50.0%) |" in text
    assert "| b | -1.40 (from 4.00 to 2.60) |" in text


def test_json_holds_differences_in_currency_and_keys(gsp: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    first = other(tmp_path, "first", "mechanism.pricing=first")
    assert main(["compare", str(gsp.path), str(first.path), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["baseline"] == str(gsp.path)
    assert found["seeds"] == [0, 1, 2]
    own = found["differences"][str(first.path)]
    assert own["revenue"]["mean"] == pytest.approx(2.4)
    assert own["revenue"]["relative"] == pytest.approx(0.24)
    assert own["scenario"] == {"mechanism.pricing": ["gsp", "first"]}


@pytest.mark.parametrize(
    ("overrides", "key"),
    [
        (("traffic.auctions_per_day=900",), "traffic.auctions_per_day: expected 600 as in"),
        (("traffic.profile=alimama",), "traffic.profile: expected plain as in"),
        (("traffic.train_days=[0]", "traffic.test_days=[2]"), "traffic.test_days: expected [2, 3] as in"),
        (("traffic.days=5",), "traffic.days: expected 4 as in"),
        (("mechanism.outcomes=sampled",), "mechanism.outcomes: expected expected as in"),
        (("advertisers.0.count=4",), "advertisers.seller.count: expected 5 as in"),
    ],
)
def test_other_traffic_is_refused_in_one_line(
    gsp: Run, tmp_path: Path, overrides: tuple[str, ...], key: str, capsys: pytest.CaptureFixture[str]
):
    run = other(tmp_path, "other", *overrides)
    assert main(["compare", str(gsp.path), str(run.path)]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert f"{run.path}: {key} {gsp.path}, got " in line
    assert line.endswith("so the runs cannot be compared")
    assert not (tmp_path / "comparison").exists()


@pytest.mark.parametrize(
    "override",
    [
        "mechanism.reserve=0.2",
        "platform.baseline=truthful",
        "advertisers.0.budget=5.0",
        "learner.sigma=0.3",
        "traffic.train_days=[0]",
    ],
)
def test_other_rules_budgets_and_learners_are_compared_and_told(gsp: Run, tmp_path: Path, override: str):
    run = run_by_hand(tmp_path / "other", {0: HIGH}, {0: LOW}, overrides=(override,))
    assert any(
        override.split("=", maxsplit=1)[0].rsplit(".", maxsplit=1)[-1] in line for line in compare_runs([gsp, run]).lines[1:]
    )


def test_runs_without_a_common_seed_or_advertiser_or_traffic_are_refused(gsp: Run, tmp_path: Path):
    with pytest.raises(InputError, match="expected a seed in common"):
        compare_runs([gsp, other(tmp_path, "seeds", seeds=(7,))])
    with pytest.raises(InputError, match="expected the advertisers of .*gsp, got 'c' in only one"):
        compare_runs([gsp, run_by_hand(tmp_path / "names", {0: {**LOW, "c": (1.0, 2.0)}}, {0: {**LOW, "c": (1.0, 2.0)}})])
    with pytest.raises(InputError, match="another value of the efficient allocation"):
        compare_runs([gsp, other(tmp_path, "table", welfare=31.0)])
    with pytest.raises(InputError, match="another outcome of the same baseline"):
        compare_runs([gsp, run_by_hand(tmp_path / "bids", {0: HIGH}, {0: HIGH})])
    with pytest.raises(InputError, match="two or more"):
        compare_runs([gsp])


def test_one_shared_seed_claims_no_interval(gsp: Run, tmp_path: Path):
    found = compare_runs([gsp, other(tmp_path, "one", seeds=(2, 9))])
    assert "(1 shared seed, no interval, same test days)" in found.lines[0]
    value = found.as_dict()["differences"][str(tmp_path / "one")]["revenue"]
    assert (value["low"], value["high"], value["p_value"]) == (None, None, None)
    assert value["mean"] == pytest.approx(2.4)


def test_a_change_relative_to_a_loss_is_not_defined(tmp_path: Path):
    loss: Money = {"a": (8.0, 2.0), "b": (2.0, 6.0)}
    one = run_by_hand(tmp_path / "one", {0: loss, 1: loss}, {0: LOW, 1: LOW})
    (found,) = compare_runs([one, run_by_hand(tmp_path / "two", {0: LOW, 1: LOW}, {0: LOW, 1: LOW})]).differences
    assert found.text("learned", "profit") == "+12.00 (not defined: one loses money)"


def test_a_table_under_two_paths_is_one_traffic(tmp_path: Path):
    for name, text in (("a", "same"), ("b", "same"), ("c", "another")):
        (tmp_path / f"{name}.csv").write_text(text)
    runs = {}
    for name in "abc":
        text = SMALL.replace("auctions_per_day = 600\nqueries = 20\ncandidates = 4\n", f'source = "{tmp_path / name}.csv"\n')
        run = run_by_hand(tmp_path / name, {0: LOW}, {0: LOW})
        (run.path / "scenario.toml").write_text(text)
        runs[name] = run
    assert compare_runs([runs["a"], runs["b"]]).lines[0].startswith("b minus a: revenue +0.00")
    with pytest.raises(InputError, match=r"traffic.source: expected .*a.csv as in .*got .*c.csv"):
        compare_runs([runs["a"], runs["c"]])


def test_groups_of_advertisers_are_matched_by_name():
    two = SMALL + '[[advertisers]]\ngroup = "rule"\ncontroller = "manual"\n'
    swapped = two.replace('group = "seller"\ncount = 5\nprofit_floor = 1.0', 'group = "rule"\ncontroller = "manual"')
    swapped = (
        swapped[: swapped.rindex("[[advertisers]]")] + '[[advertisers]]\ngroup = "seller"\ncount = 5\nprofit_floor = 1.0\n'
    )
    assert scenario_differences(parse_scenario(two, "s"), parse_scenario(swapped, "s")) == {}
    cheaper = parse_scenario(two.replace("profit_floor = 1.0", "profit_floor = 0.5"), "s")
    assert difference_texts(scenario_differences(parse_scenario(two, "s"), cheaper)) == [
        "advertisers.seller.profit_floor: 1.0 -> 0.5"
    ]


def test_a_run_is_seen_on_the_shared_seeds_only(gsp: Run, tmp_path: Path):
    far: Money = {"a": (900.0, 14.0), "b": (2.0, 6.0)}
    run = run_by_hand(tmp_path / "more", {0: HIGH, 5: far}, {0: LOW, 5: LOW})
    found = compare_runs([gsp, run])
    assert found.named["more"].table("outcomes").select(pl.col("seed").unique()).to_series().to_list() == [0]
    write_comparison(found, tmp_path / "out")
    assert "900" not in (tmp_path / "out" / "report.md").read_text(encoding="utf-8")
