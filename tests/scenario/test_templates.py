"""What `auctionsim init` writes: every key is explained, every file is right at once; and the schema editors read."""

from __future__ import annotations

import json
import re
import tomllib
from pathlib import Path

import jsonschema
import numpy as np
import pytest

from auctionsim.agents.build import build_market
from auctionsim.agents.learners.base import iterate
from auctionsim.agents.learners.registry import learner_names, make_learner
from auctionsim.cli import main
from auctionsim.scenario import Scenario
from auctionsim.scenario.file import builtin_scenarios, load_scenario, parse_scenario, templates
from auctionsim.scenario.schema import scenario_schema

TEMPLATES = ("leaderboard", "own-logs", "quickstart", "ss-rtb", "taobao-mix", "three-arms")
SMALL = ("train.iterations=1", "learner.population=4", "learner.dqn.num_envs=2", "traffic.auctions_per_day=400")


def test_the_templates_are_those_the_help_names():
    assert tuple(templates()) == TEMPLATES


@pytest.mark.parametrize("name", TEMPLATES)
def test_a_template_is_right_as_written(tmp_path: Path, name: str, capsys: pytest.CaptureFixture[str]):
    path = tmp_path / "mine.toml"
    assert main(["init", str(path), "--template", name]) == 0
    few = ["--set", "traffic.auctions_per_day=200000"] if name == "ss-rtb" else []
    assert main(["check", str(path), *few]) == 0
    assert f"{name}: valid (" in capsys.readouterr().out


@pytest.mark.parametrize("name", TEMPLATES)
def test_every_key_of_a_template_bears_a_comment(name: str):
    lines = templates()[name].splitlines()
    assert lines[0].startswith("# ")
    bare = [line for line in lines if re.match(r"\[|\w+ *=", line) and not re.search(r"\s# \S", line)]
    assert bare == []


@pytest.mark.parametrize("name", sorted(set(TEMPLATES) & set(builtin_scenarios())))
def test_a_template_says_what_the_built_in_scenario_of_its_name_says(tmp_path: Path, name: str):
    (tmp_path / "t.toml").write_text(templates()[name])
    assert load_scenario(tmp_path / "t.toml").model_dump() == load_scenario(name).model_dump()


def test_the_template_of_own_logs_overwrites_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    (tmp_path / "sample-traffic.parquet").write_text("mine")
    assert main(["init", str(tmp_path / "s.toml"), "--template", "own-logs"]) == 2
    assert "sample-traffic.parquet: expected a new file, got one that exists" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["sample-traffic.parquet"]


@pytest.mark.parametrize("algorithm", learner_names())
def test_every_learner_plays_the_leaderboard_with_equal_means(algorithm: str):
    whole = parse_scenario(templates()["leaderboard"], "l.toml", overrides=[f"learner.algorithm={algorithm}"])
    assert whole.learner.population == whole.learner.dqn.num_envs
    assert {group.budget for group in whole.advertisers} == {"baseline*0.8"}
    scenario = parse_scenario(templates()["leaderboard"], "l.toml", overrides=[f"learner.algorithm={algorithm}", *SMALL])
    market, learner = build_market(scenario), make_learner(scenario)
    state = learner.start(market)
    after, logged = iterate(learner, market, state)
    assert np.isfinite(list(logged.values())).all()
    assert any((after[name] != state[name]).any() for name in after)


def test_the_schema_describes_every_key(capsys: pytest.CaptureFixture[str]):
    assert main(["check", "--schema"]) == 0
    schema = json.loads(capsys.readouterr().out)
    assert schema == scenario_schema()
    jsonschema.Draft202012Validator.check_schema(schema)
    # A section's description stands where it is defined.
    sections = {"scenario": schema, **schema["$defs"]}
    assert all("description" in section for section in sections.values())
    keys = [(name, key, value) for name, section in sections.items() for key, value in section["properties"].items()]
    assert [f"{name}.{key}" for name, key, value in keys if not {"description", "$ref"} & set(value)] == []
    assert set(schema["properties"]) == set(Scenario.model_fields)
    assert "folder" not in json.dumps(schema["properties"])


@pytest.mark.parametrize("name", TEMPLATES)
def test_the_schema_takes_what_the_loader_takes(name: str):
    jsonschema.validate(tomllib.loads(templates()[name]), scenario_schema())


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("revenue_floor", "revenue_flor"), ('pricing = "gsp"', 'pricing = "gps"'), ("count = 6", "count = 0"),
        ("count = 6", 'count = "six"'), ("slot_effect = [1.0]", "slot_effect = []"),
         ("train_days = [0, 1]", "train_days = [-1]"),
    ],
)  # fmt: skip
def test_the_schema_refuses_what_the_loader_refuses(old: str, new: str):
    text = templates()["quickstart"]
    assert old in text
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(tomllib.loads(text.replace(old, new, 1)), scenario_schema())
