"""The memory of a scenario is estimated before it is taken, and what does not fit is refused in one line."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest

from auctionsim.agents.build import build_market
from auctionsim.agents.policies.base import Constant
from auctionsim.cli import main
from auctionsim.envs import AuctionVectorEnv
from auctionsim.errors import InputError
from auctionsim.machine import memory
from auctionsim.market.simulate import simulate_day
from auctionsim.market.size import copies_bytes, expect_room, expected_bytes
from auctionsim.scenario.file import parse_scenario
from auctionsim.traffic.table import CELL_COLUMNS, ROW_COLUMNS

from ..conftest import SMALL


@pytest.mark.parametrize(
    "overrides",
    [
        ("traffic.auctions_per_day=60000",),
        ("traffic.auctions_per_day=60000", "mechanism.squash=0.5"),
        ("advertisers.0.count=1000", "traffic.queries=8000"),
    ],
)
def test_the_estimate_is_right_within_a_factor_of_two(overrides: tuple[str, ...]):
    scenario = parse_scenario(SMALL, "s.toml", overrides=overrides)
    # Whatever is compiled or imported by a first market is none of this one's.
    build_market(parse_scenario(SMALL, "s.toml"))
    tracemalloc.start()
    build_market(scenario)
    taken = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert 0.5 < sum(expected_bytes(scenario).values()) / taken < 2


@pytest.mark.parametrize("budget", ["", 'budget = "baseline*0.5"'])
def test_building_a_market_takes_at_most_one_and_a_half_times_its_table(budget: str):
    """Seven columns of 8 bytes a row: no second copy of them, neither on the way nor for the auction."""
    text = SMALL.replace("profit_floor = 1.0", budget)
    text = text.replace("count = 5", 'count = 48\ncontroller = "pid"')
    size = ("traffic.auctions_per_day=3000", "traffic.candidates=48", "mechanism.slot_effect=[1.0,0.8,0.6]")
    scenario = parse_scenario(text, "s.toml", overrides=size)
    build_market(parse_scenario(text, "s.toml"))
    tracemalloc.start()
    market = build_market(scenario)
    held, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    own = sum(getattr(market.traffic, name).nbytes for name in (*CELL_COLUMNS, *ROW_COLUMNS, "cell_start"))
    assert own > 25e6
    assert held < 1.4 * own
    assert peak < 1.5 * own


@pytest.mark.parametrize(("key", "value"), [
    ("traffic.queries", 10**12), ("traffic.auctions_per_day", 10**12), ("advertisers.0.count", 10**12),
    ("learner.population", 10**9),
])  # fmt: skip
def test_a_market_larger_than_memory_is_refused(key: str, value: int, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(memory, "available_memory", lambda: 4 * 10**9)
    scenario = parse_scenario(SMALL, "s.toml", overrides=(f"{key}={value}",))
    shown = key.removesuffix(".0.count")
    with pytest.raises(InputError, match=f"^s.toml: {shown}: expected a market of <= 4 GB, the memory available, got about "):
        build_market(scenario)


def test_markets_of_many_seeds_are_refused_together(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(memory, "available_memory", lambda: 4 * 10**9)
    expect_room(parse_scenario(SMALL, "s.toml"), 100)
    with pytest.raises(InputError, match=r"expected markets of 10000 seeds of <= 4 GB.*; train fewer seeds in one run"):
        expect_room(parse_scenario(SMALL, "s.toml"), 10_000)


@pytest.mark.parametrize("copies", [2**31, 2**63, 10**400])
def test_more_copies_of_a_day_than_memory_holds_are_refused(copies: int):
    market = build_market(parse_scenario(SMALL, "s.toml"))
    policy = Constant(np.zeros((len(market.advertisers), 4, 1)))
    with pytest.raises(InputError, match=r"^n_policies: expected (\d+|that many) copies of a day of <= .*, got about "):
        simulate_day(market, market.traffic.days[0], policy, n_policies=copies)
    with pytest.raises(InputError, match=r"^num_envs: expected (\d+|that many) copies of a day of <= .*, got about "):
        AuctionVectorEnv(market, num_envs=copies)


def test_the_estimate_of_copies_is_right_within_a_factor_of_three():
    market = build_market(parse_scenario(SMALL, "s.toml", overrides=("advertisers.0.count=40",)))
    policy, copies = Constant(np.zeros((len(market.advertisers), 4, 1))), 64
    simulate_day(market, market.traffic.days[0], policy, n_policies=copies)
    tracemalloc.start()
    simulate_day(market, market.traffic.days[0], policy, n_policies=copies)
    taken = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert 1 / 3 < copies_bytes(copies, len(market.advertisers)) / taken < 3


@pytest.mark.parametrize("command", ["train", "sweep"])
def test_seeds_without_bound_are_refused(command: str, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "s.toml").write_text(SMALL)
    more = ["--param", "learner.sigma=choice(0.1,0.2)"] if command == "sweep" else []
    assert main([command, "s.toml", "--seeds", "1000000000000", *more]) == 2
    said = capsys.readouterr().err
    assert said == "--seeds: expected a number <= 10000, got 1000000000000 (for more, begin further runs with --seed)\n"
    assert main([command, "s.toml", "--seeds", "9" * 5000]) == 2
    said = capsys.readouterr().err
    assert said.startswith(f"auctionsim {command}: argument --seeds: expected a whole number >= 1 and < 10^13, got '9999")
    assert len(said) < 200


def test_available_memory_is_what_every_limit_leaves(tmp_path, monkeypatch):
    free = memory.available_memory()
    assert 10**6 < free < 10**15
    (tmp_path / "max").write_text("5000000\n")
    (tmp_path / "now").write_text("4000000\n")
    monkeypatch.setattr(memory, "_CONTROL_GROUPS", ((str(tmp_path / "max"), str(tmp_path / "now")), ("/none", "/none")))
    assert memory.available_memory() == 1_000_000
    (tmp_path / "max").write_text("max\n")
    assert memory.available_memory() > 1_000_000
    assert memory.shown_bytes(1.5e9) == "1.5 GB"
