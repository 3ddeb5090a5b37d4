"""How changes are written: what they mean, and the one line that a wrong one ends in."""

from __future__ import annotations

from pathlib import Path

import pytest

import auctionsim
from auctionsim.cli import main
from auctionsim.errors import InputError
from auctionsim.jobs.whatif.change import read_changes
from auctionsim.jobs.whatif.opened import open_source
from auctionsim.names.display import some
from auctionsim.scenario.file import parse_scenario

from .tables import frame, table

pytestmark = pytest.mark.usefixtures("without_figures")

BUDGETS = {f"shop {i}": 2.0 for i in range(6)}


def test_a_comma_joins_the_keys_of_one_change_and_a_grid_crosses_its_values():
    opened = open_source(table(n=50), budgets=BUDGETS)
    (both,) = read_changes(opened, ["mechanism.reserve=0.3, mechanism.slot_effect=[1.0, 0.5], advertisers.budget=3"], [])
    assert (both.mechanism.reserve, both.mechanism.slot_effect) == (0.3, (1.0, 0.5))
    assert len(both.items) == 1
    grid = ["mechanism.reserve=0.1,0.2", "mechanism.slot_effect=[1.0],[1.0,0.5]"]
    labels = [one.label for one in read_changes(opened, [], grid)]
    assert labels == [
        "mechanism.reserve=0.1,mechanism.slot_effect=[1.0]",
        "mechanism.reserve=0.1,mechanism.slot_effect=[1.0,0.5]",
        "mechanism.reserve=0.2,mechanism.slot_effect=[1.0]",
        "mechanism.reserve=0.2,mechanism.slot_effect=[1.0,0.5]",
    ]


def test_a_factor_multiplies_what_the_starting_point_has():
    opened = open_source(table(n=50), base=["mechanism.reserve=0.2"])
    (change,) = read_changes(opened, ["mechanism.reserve=*1.5"], [])
    assert change.mechanism.reserve == pytest.approx(0.3)


def test_a_preranker_is_changed_key_by_key():
    opened = open_source(table(n=50), base=["mechanism.preranker.keep=5"])
    plain, both = read_changes(
        opened, ["mechanism.reserve=0.1", "mechanism.preranker.noise=0.5,mechanism.preranker.keep=3"], []
    )
    for change, expected in ((plain, (5, 0.0)), (both, (3, 0.5))):
        assert change.mechanism.preranker is not None
        assert (change.mechanism.preranker.keep, change.mechanism.preranker.noise) == expected


def test_the_unchanged_mechanism_names_its_preranker():
    answer = auctionsim.whatif(table(n=50), "mechanism.reserve=0.1", base=["mechanism.preranker.keep=5"], intervals=False)
    assert "squashing 1, the best 5 candidates of a pre-ranker" in str(answer)


@pytest.mark.parametrize("name", ["Smith, Ltd. & Co.", "a=b", "x.budget=3", "advertiser"])
def test_one_advertiser_is_changed_by_its_name_whatever_signs_and_words_it_has(name: str):
    rows = frame(n=200).with_columns(advertiser=frame(n=200)["advertiser"].str.replace("shop 1", name))
    budgets = dict.fromkeys(rows["advertiser"].unique(), 1.0)
    answer = auctionsim.whatif(rows, f"advertisers.{name}.budget=*2", budgets=budgets, intervals=False)
    spend = {row["advertiser"]: row["spend"] for row in answer.advertiser_table.iter_rows(named=True)}
    assert 1.0 < spend[name] <= 2.0 + 1e-9
    assert all(value <= 1.0 + 1e-9 for other, value in spend.items() if other != name)


def test_a_group_and_an_advertiser_of_one_name_are_not_taken_for_each_other():
    base = ["advertisers.0.group=shop 1"]
    opened = open_source(table(n=50), base=base, budgets=BUDGETS)
    with pytest.raises(InputError, match=r"expected a group or an advertiser, got 'shop 1', which is the name of both"):
        read_changes(opened, ["advertisers.shop 1.budget=*2"], [])
    (change,) = read_changes(opened, ["advertisers.0.budget=*2"], [])
    assert len(change.items[0].who) == 6


def test_a_product_is_tried_whatever_the_starting_point_says_of_its_own():
    text = """
name = "s"
[delays]
[adoption]
share = 0.5
[[advertisers]]
group = "a"
count = 3
controller = "target-cpa"
cpa_cap = 3.0
autobid = { estimate = "survival" }
"""
    opened = open_source(parse_scenario(text, "s.toml", overrides=("traffic.auctions_per_day=50", "traffic.queries=5")))
    for name in ("manual", "pid", "target-cpa"):
        (change,) = read_changes(opened, [f"advertisers.controller={name}"], [])
        assert change.items[0].controller == name
    with pytest.raises(
        InputError, match=r"^s.toml: advertisers\[0\].objectives: expected a weight on gmv alone with the goal 'target-roas'"
    ):
        read_changes(opened, ["advertisers.controller=target-roas"], [])


LISTED = some(frame(n=50)["advertiser"].unique(maintain_order=True).to_list())
WRONG = {
    "mechanism.reserve=-1": "LOG: mechanism.reserve: expected a number >= 0, got -1",
    "mechanism.pricing=gps": "LOG: mechanism.pricing: unknown 'gps'; choose from gsp, first, vcg (did you mean 'gsp'?)",
    "mechanism.reserv=1": "LOG: mechanism.reserv: unknown key; choose from pricing, slot_effect, reserve, squash, outcomes, "
    "bid_floor, bid_cap, preranker (did you mean 'reserve'?)",
    "mechanism.reserve": "--set mechanism.reserve: expected KEY.PATH=VALUE, got 'mechanism.reserve'",
    "seed=3": "--set seed=3: expected a key that leaves auctions and bids as they are (mechanism.*, advertisers.budget, "
    "advertisers.controller), got 'seed' (--base sets any key of the starting point)",
    "advertisers.budget=*1.1": "--set advertisers.budget=*1.1: expected a budget of the advertisers to multiply, got none "
    "(advertisers.budget=NUMBER)",
    "advertisers.budget=*x": "--set advertisers.budget=*x: expected a factor > 0 as in *1.1, got '*x'",
    "advertisers.budget=-3": "LOG: advertisers[0].budget: expected a number > 0, 'baseline*SHARE', 'profile*SHARE', "
    "'table' or 'none', got -3.0",
    "advertisers.shpo 1.budget=3": "--set advertisers.shpo 1.budget=3: expected a group of advertisers (advertiser) or the "
    "name of one of 6 advertisers (LISTED), got 'shpo 1' (did you mean 'shop 1'?)",
    "advertisers.controller=truthfull": "LOG: advertisers[0].controller: unknown 'truthfull'; choose from learner, manual, "
    "truthful, linear, ortb, pid, dual-pacing, throttle, timetable, uscb-oracle, target-cpa, target-roas, "
    "max-value, or package.module:Class (did you mean 'truthful'?)",
    "advertisers.controller=truthful@1.5": "--set advertisers.controller=truthful@1.5: expected a share > 0 and <= 1 after @, "
    "got '1.5'",
    "advertisers.controller=learner": "--set advertisers.controller=learner: expected a bidding product, got 'learner', "
    "which has to be trained",
    "mechanism.reserve=0.3,mechanism.reserve=0.4": "--set mechanism.reserve=0.3,mechanism.reserve=0.4: expected each key once "
    "in a change, got 'mechanism.reserve' twice",
    "mechanism.pricing=*2": "--set mechanism.pricing=*2: expected a value, as mechanism.pricing is no number "
    "to multiply, got *2",
}


@pytest.mark.parametrize("change", WRONG)
def test_a_wrong_change_ends_in_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str], change: str):
    log = tmp_path / "log.parquet"
    frame(n=50).write_parquet(log)
    assert main(["whatif", str(log), "--set", change, "--out", str(tmp_path / "answer")]) == 2
    assert capsys.readouterr().err == WRONG[change].replace("LOG", str(log)).replace("LISTED", LISTED) + "\n"
    assert not (tmp_path / "answer").exists()


def test_a_class_of_the_user_s_own_is_refused_without_leave(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    log = tmp_path / "log.parquet"
    frame(n=50).write_parquet(log)
    assert main(["whatif", str(log), "--set", "advertisers.controller=own:Rule"]) == 2
    assert "expected a built-in name where no code may run, got 'own:Rule'" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "line"),
    [
        ([], "--set: expected a change KEY.PATH=VALUE, or values of a key with --grid, got neither"),
        (["--set", "mechanism.reserve=1"] * 2, "--set mechanism.reserve=1: expected each change once, got it twice"),
        (["--set", "mechanism.reserve=1", "--set", "mechanism.reserve = 1.0"],
         "--set mechanism.reserve = 1.0: expected each change once, got it twice"),
        (["--set", "mechanism.reserve=1", "--base", "zzz"], "--base zzz: expected KEY.PATH=VALUE, got no '='"),
        (["--set", "advertisers..budget=1"], "--set advertisers..budget=1: expected a group of advertisers (advertiser) or the "
         "name of one of 6 advertisers (LISTED), got ''"),
        (["--grid", "mechanism.reserve=1,"], "--grid mechanism.reserve=1,: expected KEY.PATH=VALUE,VALUE,..., got "
         "'mechanism.reserve=1,'"),
        (["--set", "mechanism.reserve=1", "--days", "7"], "--days: expected days of LOG (0), got 7"),
        (["--set", "mechanism.reserve=1", "--days", "x"], "--days: expected whole numbers with commas, got 'x'"),
        (["--set", "mechanism.reserve=1", "--base", "traffic.source=b.csv"],
         "LOG: traffic.source: expected no other traffic in --base, got 'b.csv'"),
        (["--set", "mechanism.reserve=1", "--base", "advertisers.0.count=3"],
         "LOG: advertisers: expected counts that add up to the 6 advertisers, got 3"),
    ],
)  # fmt: skip
def test_a_wrong_flag_ends_in_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str], words: list[str], line: str):
    log = tmp_path / "log.parquet"
    frame(n=50).write_parquet(log)
    assert main(["whatif", str(log), *words]) == 2
    assert capsys.readouterr().err == line.replace("LOG", str(log)).replace("LISTED", LISTED) + "\n"


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("three-arm", "got no such file (did you mean 'three-arms'?)"),
        ("missing.parquet", "missing.parquet: expected a traffic table (Parquet or CSV), got no such file"),
        (".", "expected a scenario, a traffic table or a folder of stored traffic, got another folder"),
    ],
)
def test_a_wrong_source_ends_in_one_line(source: str, words: str, capsys: pytest.CaptureFixture[str]):
    assert main(["whatif", source, "--set", "mechanism.reserve=1"]) == 2
    assert words in capsys.readouterr().err


def test_a_dirty_table_is_told_by_row_and_column(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    rows = frame(n=50).to_dicts()
    for value, words in (("free", "got 'free'"), ("-1", "got -1.0"), ("", "got None"), ("nan", "got nan"), ("7e12", "got 7")):
        dirty = [row | {"manual_bid": str(row["manual_bid"])} for row in rows]
        dirty[12]["manual_bid"] = value
        log = tmp_path / "log.csv"
        log.write_text("\n".join([",".join(dirty[0]), *(",".join(map(str, row.values())) for row in dirty)]) + "\n")
        assert main(["whatif", str(log), "--set", "mechanism.reserve=1"]) == 2
        said = capsys.readouterr().err
        assert said.startswith(f"{log}: line 14, column manual_bid: expected a number >= 0")
        assert words in said
        assert said.count("\n") == 1


def test_a_scenario_has_its_budgets_itself():
    with pytest.raises(InputError, match="budgets: expected none with a scenario"):
        auctionsim.whatif("three-arms", "mechanism.reserve=1", budgets={"a": 1.0})


def test_a_factor_that_makes_a_budget_infinite_is_refused():
    budgets = dict.fromkeys(frame(n=50)["advertiser"].unique(), 100.0)
    with pytest.raises(InputError, match=r"expected a factor that leaves budgets finite, got \*1e\+308"):
        auctionsim.whatif(frame(n=50), "advertisers.budget=*1e308", budgets=budgets, intervals=False)
