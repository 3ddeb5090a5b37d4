"""Scenario files: what is right loads, what is wrong is told in one line."""

from __future__ import annotations

from pathlib import Path

import pytest
from auctionsim.agents.learner import learner_names
from hypothesis import given, settings
from hypothesis import strategies as st

from auctionsim import load_scenario
from auctionsim.errors import InputError
from auctionsim.scenario import LearnerSection
from auctionsim.scenario_file import builtin_scenarios, parse_scenario


@pytest.mark.parametrize("name", list(builtin_scenarios()))
def test_built_in_scenarios_load_and_bear_their_name(name: str):
    assert load_scenario(name).name == name


def test_every_algorithm_a_scenario_may_name_has_a_learner():
    assert set(LearnerSection.model_fields["algorithm"].annotation.__args__) == set(learner_names())  # type: ignore[union-attr]


BAD = [
    ('name = "small"', "nam = 'small'", "nam: unknown key; choose from name, seed, traffic"),
    ("revenue_floor = 1.0", "revenue_flor = 1.0", "platform.revenue_flor: unknown key"),
    ("revenue_floor = 1.0", "revenue_flor = 1.0", "(did you mean 'revenue_floor'?)"),
    ("count = 5", "count = 0", "advertisers[0].count: expected a number at least 1, got 0"),
    ("count = 5", "count = 5.5", "advertisers[0].count: expected a whole number, got 5.5"),
    ("count = 5", 'count = "five"', "advertisers[0].count: expected a whole number, got 'five'"),
    (
        "count = 5",
        "budget = -50.0",
        "advertisers[0].budget: expected a number above 0, 'reference*SHARE', or 'table', got -50.0",
    ),
    ("count = 5", 'budget = "half"', "budget: expected a number above 0, 'reference*SHARE', or 'table', got 'half'"),
    ("count = 5", "budget = nan", "advertisers[0].budget: expected a finite number, got nan"),
    (
        "count = 5",
        'controller = "manuel"',
        "controller: unknown 'manuel'; choose from learner, manual, truthful, linear, ortb, pid, dual-pacing, uscb-oracle, or "
        "package.module:Class (did you mean 'manual'?)",
    ),
    (
        "count = 5",
        "objectives = { gvm = 1.0 }",
        "unknown 'gvm'; choose from clicks, conversions, gmv, profit (did you mean 'gmv'?)",
    ),
    ("count = 5", "objectives = { gmv = 0.0 }", "objectives: expected at least one weight above 0"),
    (
        "reserve = 0.01",
        'pricing = "gps"',
        "mechanism.pricing: unknown 'gps'; choose from gsp, first, vcg (did you mean 'gsp'?)",
    ),
    ("reserve = 0.01", "slot_effect = [0.9]", "mechanism.slot_effect: expected 1.0 for the first slot, got 0.9"),
    ("reserve = 0.01", "slot_effect = [1.0, 0.2, 0.3]", "slot_effect: expected numbers that do not rise, got 0.3"),
    ("reserve = 0.01", "reserve = -1", "mechanism.reserve: expected a number at least 0, got -1"),
    ("reserve = 0.01", "reserve = inf", "mechanism.reserve: expected a finite number, got inf"),
    ("train_days = [0, 1]", "train_days = [0, 2]", "test_days: expected days that are not trained on, got 2"),
    ("train_days = [0, 1]", "train_days = []", "traffic.train_days: expected at least 1 entries, got []"),
    ("train_days = [0, 1]", "train_days = [9]", "days: expected more than 9"),
    ("population = 8", "population = 7", "learner.population: expected a multiple of 2, got 7"),
    ("population = 8", "sigma = 0", "learner.sigma: expected a number above 0, got 0"),
    ("iterations = 6", "iterations = true", "train.iterations: expected a whole number, got True"),
    ("[mechanism]", "[mechanism", "expected TOML, got a syntax error"),
    ('group = "seller"', "", "advertisers[0].group: expected a value, got nothing"),
    ("[traffic]", "[traffic]\nbudgets = 'b.csv'", "budgets: expected only with a traffic table"),
    ("[traffic]", "[traffic]\nsource = 't.parquet'", "expected only with source = 'synthetic', got it with a traffic table"),
]


@pytest.mark.parametrize(("old", "new", "expected"), BAD)
def test_a_mistake_is_told_with_file_key_expectation_and_value(small_text: str, old: str, new: str, expected: str):
    assert old in small_text
    with pytest.raises(InputError) as caught:
        parse_scenario(small_text.replace(old, new, 1), "x.toml")
    message = str(caught.value)
    assert message.startswith("x.toml: ")
    assert expected in message
    assert "\n" not in message


def test_two_groups_of_one_name_are_told(small_text: str):
    with pytest.raises(InputError, match="expected a different name for each group, got 'seller' twice"):
        parse_scenario(small_text + '\n[[advertisers]]\ngroup = "seller"\n', "x.toml")


def test_a_missing_file_is_told_with_the_nearest_built_in_scenario():
    with pytest.raises(InputError, match=r"three-arm: expected a scenario file .* \(did you mean 'three-arms'\?\)"):
        load_scenario("three-arm")


def test_overrides_reach_nested_keys_and_list_entries(small_text: str):
    scenario = parse_scenario(
        small_text,
        "x.toml",
        overrides=["advertisers.0.count=7", "learner.sigma=0.2", "name=other", 'advertisers.0.budget="reference*0.5"'],
    )
    assert (scenario.advertisers[0].count, scenario.learner.sigma, scenario.name) == (7, 0.2, "other")
    assert scenario.advertisers[0].budget == "reference*0.5"


@pytest.mark.parametrize(
    ("item", "expected"),
    [
        ("sigma", "expected KEY.PATH=VALUE"),
        ("advertisers.4.count=1", "expected an index from 0 to 0, got '4'"),
        ("name.x=1", "expected a section before 'x'"),
        ("learner.sgima=1", "learner.sgima: unknown key"),
    ],
)
def test_a_wrong_override_is_told(small_text: str, item: str, expected: str):
    with pytest.raises(InputError) as caught:
        parse_scenario(small_text, "x.toml", overrides=[item])
    assert expected in str(caught.value)


def test_paths_in_a_scenario_start_at_its_folder(small_file: Path):
    assert load_scenario(small_file).resolve("t.parquet") == small_file.parent / "t.parquet"


KEYS = ["name", "seed", "traffic.days", "traffic.train_days", "mechanism.reserve", "advertisers.0.budget", "learner.sigma"]


@settings(max_examples=300)
@given(st.sampled_from(KEYS), st.text(max_size=20))
def test_any_value_of_any_key_loads_or_is_told_in_one_line(key: str, text: str):
    from .conftest import SMALL

    try:
        parse_scenario(SMALL, "x.toml", overrides=[f"{key}={text}"])
    except InputError as error:
        assert "\n" not in str(error)
