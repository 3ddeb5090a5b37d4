"""Scenario files: what is valid loads, what is invalid is reported in one line."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import get_args

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import BaseModel

from auctionsim import load_scenario
from auctionsim.agents.learners.registry import learner_names
from auctionsim.errors import InputError
from auctionsim.scenario import Scenario
from auctionsim.scenario.advertisers import level_keys
from auctionsim.scenario.base import is_none_by_default
from auctionsim.scenario.file import builtin_scenarios, parse_scenario
from auctionsim.scenario.schema import scenario_schema

from ..conftest import SMALL, fewer


@pytest.mark.parametrize("name", list(builtin_scenarios()))
def test_built_in_scenarios_load_and_bear_their_name(name: str):
    assert load_scenario(name).name == name


def test_every_algorithm_a_scenario_may_name_has_a_learner():
    named, own = scenario_schema()["$defs"]["LearnerSection"]["properties"]["algorithm"]["anyOf"]
    assert named["enum"] == list(learner_names())
    assert re.match(own["pattern"], "package.module:Class")


def test_overrides_reach_nested_keys_and_list_entries(small_text: str):
    scenario = parse_scenario(
        small_text,
        "x.toml",
        overrides=["advertisers.0.count=7", "learner.sigma=0.2", "name=other", 'advertisers.0.budget="baseline*0.5"'],
    )
    assert (scenario.advertisers[0].count, scenario.learner.sigma, scenario.name) == (7, 0.2, "other")
    assert scenario.advertisers[0].budget == "baseline*0.5"


def test_generated_advertisers_are_named_by_group_and_number_and_none_twice(small_text: str):
    more = "".join(
        f'[[advertisers]]\ngroup = "{name}"\ncount = 11\n' for name in ("seller_1", "seller1", "seller_1_0", "seller_")
    )
    scenario = parse_scenario(small_text.replace("[learner]", more + "[learner]"), "x.toml")
    names = scenario.numbered_names
    assert names[:6] == ("seller_0", "seller_1", "seller_2", "seller_3", "seller_4", "seller_1_0")
    assert len(set(names)) == len(names) == 5 + 4 * 11
    # TorchRL and AgileRL group by what stands before the last underscore.
    groups = [group.group for group in scenario.advertisers for _ in range(group.count)]
    assert ["_".join(name.split("_")[:-1]) for name in names] == [name.rsplit("_", 1)[0] for name in names] == groups


def test_paths_in_a_scenario_start_at_its_folder(small_file: Path):
    assert load_scenario(small_file).resolve("t.parquet") == small_file.parent / "t.parquet"


def keys_of(section: type[BaseModel], above: str = "") -> Iterator[str]:
    """Every key of a scenario, as `--set` names it."""
    for name, field in section.model_fields.items():
        inner = [kind for kind in (field.annotation, *get_args(field.annotation)) if isinstance(kind, type)]
        below = [kind for kind in inner if issubclass(kind, BaseModel)]
        yield from keys_of(below[0], f"{above}{name}{'.0' if name == 'advertisers' else ''}.") if below else [above + name]


KEYS = list(keys_of(Scenario))
VALUES = st.text(max_size=20) | st.sampled_from(["nan", "inf", "-1", "1e999", "0", "[]", "{}", "true", "1979-05-27", "99" * 40])


@settings(max_examples=fewer(300))
@given(st.lists(st.tuples(st.sampled_from(KEYS), VALUES), min_size=1, max_size=3))
def test_any_value_of_any_key_loads_or_is_reported_in_one_line(changes: list[tuple[str, str]]):
    try:
        scenario = parse_scenario(SMALL, "x.toml", overrides=[f"{key}={text}" for key, text in changes])
    except InputError as error:
        assert "\n" not in str(error)
        assert str(error).startswith(("x.toml: ", "--set "))
    else:
        assert Scenario.model_validate_json(scenario.model_dump_json()).model_dump() == scenario.model_dump()


@settings(max_examples=fewer(200), suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.integers(0, len(SMALL)), st.integers(0, 40), st.binary(max_size=40))
def test_any_bytes_in_a_scenario_file_load_or_are_reported_in_one_line(tmp_path: Path, start: int, length: int, patch: bytes):
    path = tmp_path / "fuzz.toml"
    path.write_bytes(SMALL.encode()[:start] + patch + SMALL.encode()[start + length :])
    try:
        load_scenario(path)
    except InputError as error:
        assert str(error).startswith(f"{path}: ")
        assert "\n" not in str(error)


@pytest.mark.parametrize("key", level_keys())
@pytest.mark.parametrize("value", ['"basline*0.9"', "-3.0"])
def test_every_level_of_an_advertiser_is_checked_where_the_scenario_is_read(key: str, value: str, small_text: str):
    text = small_text.replace("count = 5", f"count = 5\n{key} = {value}")
    with pytest.raises(
        InputError, match=rf"small.toml: advertisers\[0\].{key}: expected a number >=? 0(,| or) 'baseline\*SHARE'.*, got"
    ):
        parse_scenario(text, "small.toml")


@pytest.mark.parametrize("key", ["drift", "hour_noise", "ctr_noise", "cvr_noise", "manual_error", "manual_spread"])
@pytest.mark.parametrize("value", ["1e200", "-1e200"])
def test_a_log_deviation_that_would_overflow_is_refused(key: str, value: str):
    with pytest.raises(InputError, match=rf"traffic\.{key}: expected .*, got -?1e\+200"):
        parse_scenario(SMALL, "s", overrides=(f"traffic.{key}={value}",))


def _nothing_by_default(model: type[BaseModel], path: str = "") -> Iterator[str]:
    """Every key of the schema that is nothing by default, the first group of advertisers and its like by number."""
    for key, field in model.model_fields.items():
        inner = next((one for one in (field.annotation, *get_args(field.annotation)) if isinstance(one, type)), object)
        is_list = str(field.annotation).startswith("tuple")
        if is_none_by_default(model, key):
            yield f"{path}{key}"
        elif issubclass(inner, BaseModel) and (not is_list or key == "advertisers"):
            yield from _nothing_by_default(inner, f"{path}{key}.0." if is_list else f"{path}{key}.")


NOTHING = list(_nothing_by_default(Scenario))


def test_keys_that_are_nothing_by_default_are_found():
    assert {"mechanism.bid_cap", "advertisers.0.cpa_cap", "advertisers.0.goal", "traffic.budgets", "delays"} <= set(NOTHING)


@pytest.mark.parametrize("key", NOTHING)
def test_a_key_that_is_nothing_by_default_takes_the_word_for_it(key: str):
    plain = parse_scenario(SMALL, "s.toml")
    assert parse_scenario(SMALL, "s.toml", overrides=(f"{key}=none",)) == plain
    assert parse_scenario(SMALL, "s.toml", overrides=(f'{key}="none"',)) == plain


def test_the_word_for_nothing_removes_what_the_file_says():
    text = SMALL.replace("count = 5", 'count = 5\ncpa_cap = 3.0\ngoal = "target-cpa"\nroas_floor = "none"')
    assert parse_scenario(text, "s.toml").advertisers[0].cpa_cap == 3.0
    freed = parse_scenario(text, "s.toml", overrides=("advertisers.0.cpa_cap=none", "advertisers.0.goal=none"))
    assert freed == parse_scenario(SMALL, "s.toml")
    delayed = SMALL + "[delays]\nmean = 3.0\n"
    assert parse_scenario(delayed, "s.toml").delays is not None
    assert parse_scenario(delayed, "s.toml", overrides=("delays=none",)) == parse_scenario(SMALL, "s.toml")
