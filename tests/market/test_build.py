"""A market's budgets and baseline are those of its days replayed one by one, whoever replays them."""

from __future__ import annotations

import re
import tracemalloc
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from auctionsim.agents.build import build_market
from auctionsim.errors import InputError
from auctionsim.market import build
from auctionsim.market.market import Market
from auctionsim.market.warnings import market_warnings
from auctionsim.scenario.file import load_scenario, parse_scenario
from auctionsim.traffic.files import load_traffic, save_traffic
from auctionsim.traffic.table import CELL_COLUMNS, ROW_COLUMNS

from ..conftest import SMALL


@pytest.mark.parametrize("budget", ['budget = "baseline*0.4"', "budget = 3.0", ""])
@pytest.mark.parametrize("threads", [1, 3])
def test_budgets_and_baseline_are_those_of_days_replayed_alone(budget: str, threads: int, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(build, "threads_for", lambda _: threads)
    market = build_market(parse_scenario(SMALL.replace("profit_floor = 1.0", budget), "s.toml"))
    manual, free = market.static("manual"), market.without_budgets()
    if "baseline" in budget:
        spend = np.mean([free.outcome(day, manual).cost.sum(axis=(0, 2)) for day in (0, 1)], axis=0)
        assert (market.budgets == 0.4 * spend).all()
    else:
        assert (market.budgets == (3.0 if budget else np.inf)).all()
    assert list(market.baseline) == [0, 1, 2, 3]
    for day, outcome in market.baseline.items():
        alone = replace(market, rule_policies=()).outcome(day, manual)
        assert outcome.cost.tobytes() == alone.cost.tobytes()
        assert outcome.clicks.tobytes() == alone.clicks.tobytes()


def test_no_day_is_replayed_without_budgets_unless_a_budget_is_a_share_of_spend(monkeypatch: pytest.MonkeyPatch):
    replayed: list[tuple[int, bool]] = []
    outcome = Market.outcome

    def noted(market: Market, day: int, coefficients: np.ndarray) -> object:
        replayed.append((day, bool(np.isfinite(market.budgets).all())))
        return outcome(market, day, coefficients)

    monkeypatch.setattr(Market, "outcome", noted)
    build_market(parse_scenario(SMALL.replace("profit_floor = 1.0", "budget = 3.0"), "s.toml"))
    assert replayed == [(day, True) for day in range(4)]
    replayed.clear()
    build_market(parse_scenario(SMALL.replace("profit_floor = 1.0", 'budget = "baseline*0.5"'), "s.toml"))
    assert replayed == [(0, False), (1, False), *((day, True) for day in range(4))]


def test_a_market_on_a_file_holds_its_table_once(tmp_path: Path):
    drawn = build_market(parse_scenario(SMALL, "s.toml", overrides=("traffic.auctions_per_day=10000",)))
    save_traffic(drawn.traffic, tmp_path / "traffic.parquet")
    head, tail = SMALL.partition("[traffic]")[0], SMALL[SMALL.index("[mechanism]") :]
    days = "train_days = [0, 1]\ntest_days = [2, 3]\n"
    (tmp_path / "s.toml").write_text(f'{head}[traffic]\nsource = "traffic.parquet"\n{days}{tail}')
    scenario = load_scenario(tmp_path / "s.toml")
    build_market(scenario)
    tracemalloc.start()
    market = build_market(scenario)
    held = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    table = load_traffic(tmp_path / "traffic.parquet")
    assert market.traffic_source._candidates.features is market.traffic.rows  # type: ignore[attr-defined]
    for name in (*CELL_COLUMNS, *ROW_COLUMNS, "cell_start"):
        assert getattr(market.traffic, name).tobytes() == getattr(table, name).tobytes(), name
        assert getattr(market.traffic, name).dtype == getattr(table, name).dtype, name
    assert market.traffic.notes == table.notes
    assert held < 1.4 * sum(getattr(table, name).nbytes for name in (*CELL_COLUMNS, *ROW_COLUMNS, "cell_start"))


@pytest.mark.parametrize(
    ("budget", "words"),
    [
        ("1e31", r"a budget <= 1e\+30 a day, got 1e\+31"),
        ('"profile*1e308"', r"a budget <= 1e\+30 a day, got"),
        ('"baseline*1e308"', r"a budget <= 1e\+30 a day, got"),
        ('"profile*0"', "a number > 0, .*, got 'profile\\*0'"),
    ],
)
def test_a_budget_that_no_run_could_hold_is_refused(budget: str, words: str):
    with pytest.raises(InputError, match=rf"^s\.toml: advertisers\[0\].budget: expected {words}"):
        build_market(parse_scenario(SMALL, "s.toml", overrides=(f"advertisers.0.budget={budget}",)))
    if "*0" not in budget and "profile" not in budget:
        house = f'[[agencies]]\nagency = "house"\nmembers = ["seller"]\nbudget = {budget}\n'
        with pytest.raises(InputError, match=rf"^s\.toml: agencies\[0\].budget: expected {words}"):
            build_market(parse_scenario(SMALL + house, "s.toml"))


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda m: m.static("manul"), "controller: unknown 'manul'; choose from manual, truthful (did you mean 'manual'?)"),
        (lambda m: m.static(3), "controller: expected one of manual, truthful, got 3"),
        (lambda m: m.under("Truthful", np.array([0])), "rule: unknown 'Truthful'; choose from manual, truthful (did you mean"),
        (lambda m: m.outcome(9, m.static("manual")), "day: expected one of 0 to 3, got 9"),
        (lambda m: m.outcome(0, np.ones((2, 4, 1))), "coefficients: expected shape [5, 4, 1], got [2, 4, 1]"),
        (lambda m: m.outcome(0, np.ones(4)), "coefficients: expected [advertisers, 4, P], got shape [4]"),
        (lambda m: m.outcome(0, "manual"), "coefficients: expected numbers [advertisers, 4, P], got 'manual'"),
        (lambda m: m.traffic.cells_of(9, 0), "day: expected one of 0 to 3, got 9"),
    ],
)
def test_a_wrong_argument_of_a_market_is_told_by_its_name(call: Callable[[Market], object], words: str):
    with pytest.raises(InputError, match=f"^{re.escape(words)}"):
        call(build_market(parse_scenario(SMALL, "s.toml")))


def test_more_candidates_than_advertisers_are_warned_of_where_the_scenario_asks_for_them():
    few = parse_scenario(SMALL.replace("candidates = 4\n", ""), "s.toml")
    assert few.traffic.candidates > 5
    assert market_warnings(build_market(few)) == []
    assert market_warnings(build_market(parse_scenario(SMALL, "s.toml", overrides=("traffic.candidates=5",)))) == []
    many = parse_scenario(SMALL, "s.toml", overrides=("traffic.candidates=60",))
    assert market_warnings(build_market(many)) == [
        "traffic.candidates: 60 are more than the 5 advertisers, who all meet in each auction"
    ]
