"""The report's section on accounts: amounts and limits by hand, undefined figures with reasons, and what evaluation stores."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import polars as pl
import pytest

from auctionsim.agents.build import build_market
from auctionsim.agents.policies.base import Constant
from auctionsim.analysis.documents.sections import Heading, Note, Table
from auctionsim.analysis.reports.accounts.measures import account_measures, account_rows, campaign_measures
from auctionsim.analysis.reports.accounts.section import MOST_ROWS, account_sections
from auctionsim.errors import InputError
from auctionsim.jobs.training.evaluate import outcome_rows, write_evaluation
from auctionsim.market.simulate import simulate_day
from auctionsim.run_checks.tables import checked_table
from auctionsim.runs import Run
from auctionsim.scenario.file import parse_scenario

LEVELS = ("seed", "account", "advertiser", "budget", "min_spend", "floor", "ceiling")
SHARED = """
name = "shared"
[traffic]
auctions_per_day = 600
queries = 10
candidates = 4
[[accounts]]
account = "acme"
budget = "baseline*0.4"
min_spend = "baseline*0.3"
[[advertisers]]
group = "campaign"
count = 2
controller = "max-value"
account = "acme"
account_floor = 0.3
account_ceiling = 0.6
[[advertisers]]
group = "rival"
count = 2
controller = "manual"
"""
PLAIN = """
[[advertisers]]
group = "rival"
count = 4
controller = "manual"
"""


class Stored:
    """A run that stored outcomes, and what its accounts may spend or not."""

    def __init__(self, outcomes: pl.DataFrame | None, accounts: pl.DataFrame | None, named: tuple[str, ...] = ()) -> None:
        self.tables = {"outcomes": outcomes, "accounts": accounts}
        self.named = named

    def table(self, name: str) -> pl.DataFrame:
        table = self.tables[name]
        assert table is not None
        return table

    def optional_table(self, name: str) -> pl.DataFrame | None:
        return self.tables[name]

    def scenario(self) -> Any:
        return SimpleNamespace(accounts=self.named)


def outcomes(spent: dict[str, tuple[float, ...]], gmv: float = 30.0, conversions: float = 2.0) -> pl.DataFrame:
    """Spend of each campaign on days 3, 4, ..., half of it in each of two hours; the baseline spends and earns half."""
    rows = [
        (arm, 0, 3 + k, hour, who, "g", 10.0, 5.0, conversions / 2, gmv / 2 / share, cost / 2 / share, 0.0)
        for arm, share in (("learned", 1), ("reference", 2))
        for who, costs in spent.items() for k, cost in enumerate(costs) for hour in (0, 1)
    ]  # fmt: skip
    columns = ["arm", "seed", "day", "hour", "advertiser", "group", "impressions", "clicks", "conversions", "gmv", "cost"]
    return pl.DataFrame(rows, schema=[*columns, "budget_left"], orient="row")


def levels(*rows: tuple[Any, ...]) -> pl.DataFrame:
    return pl.DataFrame(rows, schema=LEVELS, orient="row")


TWO = levels((0, "acme", "a", 20.0, 8.0, 5.0, 12.0), (0, "acme", "b", 20.0, 8.0, 4.0, 20.0))


def test_amounts_of_an_account_are_those_of_its_campaigns_by_hand():
    run: Any = Stored(outcomes({"a": (4.0, 8.0), "b": (6.0, 12.0), "rival": (50.0, 50.0)}), TWO)
    (row,) = account_measures(run).to_dicts()
    assert (row["account"], row["campaigns"], row["days"]) == ("acme", 2, 2)
    # 10 on the first day and 20 on the second; 60 of GMV and 4 conversions a day.
    assert (row["budget"], row["cost"], row["used"]) == (20.0, 15.0, 0.75)
    assert (row["gmv"], row["baseline_gmv"], row["profit"], row["conversions"]) == (60.0, 30.0, 45.0, 4.0)
    assert (row["roas"], row["cpa"]) == (4.0, 3.75)
    campaigns = campaign_measures(run)
    assert campaigns["advertiser"].to_list() == ["a", "b"]
    assert campaigns["share"].to_list() == [6 / 15, 9 / 15]
    assert campaigns["roas"].to_list() == [30 / 6, 30 / 9]


@pytest.mark.parametrize(
    ("spent", "broken"),
    [
        ({"a": (5.0, 12.0), "b": (3.0, 8.0)}, {}),
        ({"a": (10.0, 10.0), "b": (10.0, 10.01)}, {"over_budget": 1, "floor_missing": 1}),
        ({"a": (3.0, 8.0), "b": (4.9, 8.0)}, {"below_min_spend": 1}),
        ({"a": (12.5, 12.0), "b": (4.0, 4.0)}, {"over_ceiling": 1}),
        # 16 of 20 are spent by one campaign, so that 1 of the other's 5 is gone. What it leaves unspent breaks nothing.
        ({"a": (0.0, 0.0), "b": (16.0, 15.0)}, {"floor_missing": 1}),
    ],
)
def test_each_broken_limit_is_counted_and_nothing_else(spent: dict[str, tuple[float, ...]], broken: dict[str, int]):
    run: Any = Stored(outcomes(spent), TWO)
    (row,) = account_measures(run).to_dicts()
    kinds = ("over_budget", "below_min_spend", "floor_missing", "over_ceiling")
    assert {kind: row[kind] for kind in kinds if row[kind]} == broken
    _, _, limits, _ = account_sections({"run": run})
    assert isinstance(limits, Table)
    of = {"over_ceiling": "4 campaign-days"}
    for cell, kind in zip(limits.rows[0][1:], kinds, strict=True):
        cases = of.get(kind, "2 days")
        assert cell == (f"broken on {broken[kind]} of {cases}" if kind in broken else f"kept on {cases[0]} of {cases}")


def test_figures_without_a_denominator_say_why_and_limits_that_nobody_set_are_not_kept():
    free = levels((0, "acme", "a", 20.0, 0.0, 0.0, 20.0), (0, "acme", "b", 20.0, 0.0, 0.0, 20.0))
    run: Any = Stored(outcomes({"a": (0.0,), "b": (0.0,)}, conversions=0.0), free)
    heading, amounts, limits, campaigns = account_sections({"run": run})
    assert heading == Heading("Accounts")
    assert isinstance(amounts, Table)
    assert isinstance(limits, Table)
    assert isinstance(campaigns, Table)
    assert amounts.rows[0][-2:] == ["not defined: nothing was spent", "not defined: no conversions"]
    assert limits.rows[0] == ["acme", "kept on 1 of 1 days", "none set", "none set", "none set"]
    assert campaigns.rows[0][3] == "not defined: nothing was spent"


def test_runs_without_accounts_have_no_section_and_old_ones_say_what_is_missing():
    plain: Any = Stored(None, None)
    assert account_sections({"plain": plain}) == []
    old: Any = Stored(None, None, ("acme",))
    heading, note = account_sections({"old": old, "plain": plain})
    assert heading == Heading("Accounts")
    assert isinstance(note, Note)
    assert "Accounts of old: not defined" in note.text
    assert "`auctionsim evaluate`" in note.text


def test_several_runs_are_named_and_no_more_campaigns_are_listed_than_fit():
    n = MOST_ROWS + 3
    many = levels(*((0, "acme", f"c{k}", 1e6, 0.0, 0.0, 1e6) for k in range(n)))
    run: Any = Stored(outcomes({f"c{k}": (float(k),) for k in range(n)}), many)
    other: Any = Stored(outcomes({"a": (4.0,), "b": (6.0,)}), TWO)
    _, amounts, _, campaigns = account_sections({"one": run, "two": other})
    assert isinstance(amounts, Table)
    assert isinstance(campaigns, Table)
    assert [row[:3] for row in amounts.rows] == [["acme", "one", str(n)], ["acme", "two", "2"]]
    assert len(campaigns.rows) == MOST_ROWS
    assert campaigns.rows[0][0] == f"c{n - 1}"
    assert f"Shown are {MOST_ROWS} of {n + 2} campaigns" in campaigns.note


def test_a_campaign_without_outcomes_is_refused():
    run: Any = Stored(outcomes({"a": (4.0,)}), TWO)
    run.path = Path("run")
    with pytest.raises(InputError, match=r"run/accounts\.parquet: column advertiser: expected advertisers of .*, got 'b'"):
        account_measures(run)


def test_a_simulated_account_keeps_its_limits_and_stores_its_levels():
    market = build_market(parse_scenario(SHARED, "s.toml"))
    (account,) = market.accounts
    rows = account_rows(0, market)
    assert rows.columns == list(LEVELS)
    assert rows["advertiser"].to_list() == ["campaign_0", "campaign_1"]
    assert rows["budget"].to_list() == [account.budget] * 2
    assert rows["floor"].to_list() == pytest.approx([0.3 * account.budget] * 2)
    assert rows["ceiling"].to_list() == pytest.approx([0.6 * account.budget] * 2)
    policy = Constant(market.static("truthful") * 20)
    days = [outcome_rows(market, arm, 0, simulate_day(market, 2, policy)) for arm in ("learned", "reference")]
    run: Any = Stored(pl.concat(days), rows)
    (row,) = account_measures(run).to_dicts()
    assert row["used"] > 0.9
    assert [row[kind] for kind in ("over_budget", "below_min_spend", "floor_missing", "over_ceiling")] == [0, 0, 0, 0]


def test_evaluation_stores_the_table_where_there_are_accounts(tmp_path: Path):
    for name, text in (("with", SHARED), ("without", SHARED.partition("[[accounts]]")[0] + PLAIN)):
        market = build_market(parse_scenario(text, "s.toml"))
        (tmp_path / name).mkdir()
        write_evaluation(Run(tmp_path / name), {7: market}, {7: Constant(market.static("truthful"))})
    stored = pl.read_parquet(tmp_path / "with" / "accounts.parquet")
    assert stored["seed"].to_list() == [7, 7]
    assert stored["min_spend"][0] == pytest.approx(0.75 * stored["budget"][0])
    assert not (tmp_path / "without" / "accounts.parquet").exists()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (pl.col("budget").cast(pl.String), "column budget: expected numbers"),
        (pl.lit(None, pl.Float64).alias("floor"), "column floor: expected a finite number"),
        (pl.lit("a").alias("advertiser"), "expected one row of seed 0, account 'acme', advertiser 'a', got another one"),
    ],
)
def test_a_table_that_holds_something_else_is_refused(change: pl.Expr, message: str):
    with pytest.raises(InputError, match=message):
        checked_table(Path("accounts.parquet"), TWO.with_columns(change), [0])
