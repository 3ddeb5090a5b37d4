"""The share of days on which a revenue floor was kept, and the worst of them."""

from __future__ import annotations

from auctionsim.objectives.floor_days import FloorDays, SeedDay, floor_days
from auctionsim.ratios import NotDefined

DAYS = [SeedDay(0, 4, 102.0, 100.0), SeedDay(0, 5, 99.0, 100.0), SeedDay(1, 4, 200.0, 200.0), SeedDay(1, 5, 240.0, 200.0)]


def test_days_at_the_floor_keep_it_and_the_worst_is_named_by_seed_and_day():
    found = floor_days(DAYS, 1.0)
    assert found == FloorDays(held=3, days=4, worst=0.99, worst_seed=0, worst_day=5)
    assert found.share == 0.75
    assert str(found) == "3 of 4 days (75.0%), worst 0.990 (seed 0, day 5)"


def test_a_day_that_misses_the_floor_by_rounding_keeps_it():
    assert SeedDay(0, 1, 100.0 - 1e-12, 100.0).keeps(1.0)
    assert not SeedDay(0, 1, 100.0 - 1e-5, 100.0).keeps(1.0)


def test_a_floor_of_nine_tenths_is_judged_against_nine_tenths_of_the_baseline():
    found = floor_days([SeedDay(0, 1, 89.9, 100.0), SeedDay(0, 2, 90.0, 100.0)], 0.9)
    assert isinstance(found, FloorDays)
    assert (found.held, found.worst_day) == (1, 1)


def test_without_a_floor_or_a_baseline_nothing_is_claimed():
    assert floor_days(DAYS, 0.0) == NotDefined("the scenario has no revenue floor")
    assert floor_days([SeedDay(0, 1, 0.0, 0.0)], 1.0) == NotDefined("the baseline earned nothing")
    assert isinstance(floor_days([], 1.0), NotDefined)


def test_a_day_on_which_the_baseline_earns_nothing_is_no_worst_day():
    found = floor_days([SeedDay(0, 1, 0.0, 0.0), SeedDay(0, 2, 1.1, 1.0)], 1.0)
    assert isinstance(found, FloorDays)
    assert (found.held, found.days, found.worst) == (2, 2, 1.1)
