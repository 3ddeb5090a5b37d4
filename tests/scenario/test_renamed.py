"""A key, level, column or feature known by its old name still works, and a scenario's says so in one line."""

from __future__ import annotations

import re

import numpy as np
import polars as pl
import pytest

import auctionsim
from auctionsim.cli import main
from auctionsim.errors import InputError, RenamedWarning
from auctionsim.scenario.file import parse_scenario
from auctionsim.scenario.renamed import RENAMED, RENAMED_VALUES

from ..conftest import SMALL

NEW = SMALL.replace("[platform]", '[platform]\nbaseline = "truthful"').replace(
    'group = "seller"', 'group = "seller"\ncpc_cap = "baseline*0.9"\nbudget = "baseline*0.5"'
)
OLD = NEW.replace("baseline =", "reference =").replace("cpc_cap", "ppc_cap").replace("baseline*", "reference*")


def test_old_keys_and_levels_mean_what_the_new_ones_do_and_each_is_reported():
    with pytest.warns(RenamedWarning) as reported:
        old = parse_scenario(OLD, "s.toml")
    assert old == parse_scenario(NEW, "s.toml")
    assert [str(warning.message).partition(" is ")[0] for warning in reported] == [
        "s.toml: platform.reference", "s.toml: advertisers[0].ppc_cap", "s.toml: advertisers[0].budget: 'reference*SHARE'",
        "s.toml: advertisers[0].cpc_cap: 'reference*SHARE'",
    ]  # fmt: skip


def test_overrides_may_use_old_keys_too():
    with pytest.warns(RenamedWarning):
        old = parse_scenario(SMALL, "s.toml", overrides=["platform.reference=truthful"])
    assert old.platform.baseline == "truthful"


def test_a_key_given_by_both_names_is_refused():
    both = NEW.replace("[platform]", '[platform]\nreference = "manual"')
    with pytest.raises(InputError, match="s.toml: platform.baseline: expected one of 'baseline' and its old name 'reference'"):
        parse_scenario(both, "s.toml")


def test_the_command_line_reports_old_names_in_one_line_each_unless_it_fails(tmp_path, capsys):
    path = tmp_path / "s.toml"
    path.write_text(OLD)
    assert main(["check", str(path)]) == 0
    lines = [line for line in capsys.readouterr().err.splitlines() if "old name" in line or "old word" in line]
    assert len(lines) == 4
    path.write_text(OLD.replace('group = "seller"', 'group = "seller"\nbudgte = 1'))
    assert main(["check", str(path)]) == 2
    assert len(capsys.readouterr().err.splitlines()) == 1


def test_a_table_may_call_the_keyword_bid_by_either_name(tmp_path):
    columns = {
        "day": [0, 0], "hour": [0, 0], "cell": [0, 0], "weight": [1, 1], "query": ["q", "q"], "advertiser": ["a", "b"],
        "pctr": [0.5, 0.5], "pcvr": [0.1, 0.1], "item_price": [3.0, 3.0],
    }  # fmt: skip
    days = []
    for name in ("manual_bid", "keyword_bid"):
        path = tmp_path / f"{name}.parquet"
        pl.DataFrame({**columns, name: [2.0, 1.0]}).write_parquet(path)
        traffic = auctionsim.load_traffic(path)
        days.append(auctionsim.replay(traffic, coefficients=np.ones((2, 1, 1)), features=(name,)))
    assert days[0].revenue.sum() == days[1].revenue.sum() == 0.5


# One value for each old key, and what it reads as.
CONSTANTS = {
    "learner": "sigma_last = 0.05",
    "learner.ppo": "hidden = [8]\ngae = 0.9\nfirst_std = 0.4",
    "learner.maab": "hidden = [8]\nbars = false\nlevels = 11\nbatch = 10\nreplay_days = 20\ntarget_every = 20\nupdates = 2\n"
    "exploration = 0.6\nlast_epsilon = 0.1",
    "learner.dcmab": "hidden = [8]\nbatch = 10\nsoft = 0.03\nreplay_days = 20\nupdates = 2\nlast_noise = 0.1",
    "learner.dqn": "hidden = [8]\nbatch = 10\nreplay = 4800\ntarget_every = 96\ncopies = 2\nupdates = 2\nexploration = 0.5\n"
    'overspend = "charge"',
}


def test_every_old_constant_of_a_learner_is_read_as_the_new_one():
    sections = {f"{name}.{line.partition(' = ')[0]}" for name, text in CONSTANTS.items() for line in text.split("\n")}
    assert sections == {key for key in RENAMED if key.startswith("learner.")} | set(RENAMED_VALUES)
    own = CONSTANTS["learner"]
    old = SMALL.replace("[learner]", f"[learner]\n{own}")
    old += "".join(f"[{name}]\n{text}\n" for name, text in CONSTANTS.items() if name != "learner")
    new = old.replace('"charge"', '"lagrangian"')
    for path, name in RENAMED.items():
        section, _, key = path.rpartition(".")
        head, mark, tail = new.partition(f"[{section}]\n")
        if mark:
            inside, end, rest = tail.partition("\n[")
            new = head + mark + re.sub(rf"^{key} = ", f"{name} = ", inside, flags=re.MULTILINE) + end + rest
    with pytest.warns(RenamedWarning) as told:
        found = parse_scenario(old, "s.toml")
    assert found == parse_scenario(new, "s.toml")
    assert found.learner.dqn.num_envs == 2
    assert found.learner.dqn.overspend == "lagrangian"
    assert len(told) == len(sections)


def test_an_old_name_in_an_override_lies_over_the_new_name_in_a_file():
    text = f"{SMALL}[learner.dqn]\nnum_envs = 3\n"
    for item in ("learner.dqn.copies=5", "learner.dqn={copies = 5}"):
        with pytest.warns(RenamedWarning, match="s.toml: learner.dqn.copies is called num_envs now"):
            assert parse_scenario(text, "s.toml", overrides=[item]).learner.dqn.num_envs == 5
    with pytest.warns(RenamedWarning, match=r"advertisers.0.ppc_cap is called cpc_cap now"):
        capped = parse_scenario(NEW, "s.toml", overrides=["advertisers.0.ppc_cap=2.5"])
    assert capped.advertisers[0].cpc_cap == 2.5
    with pytest.warns(RenamedWarning, match="s.toml: learner.dqn.overspend: 'charge' is called 'lagrangian' now"):
        assert parse_scenario(text, "s.toml", overrides=["learner.dqn.overspend=charge"]).learner.dqn.overspend == "lagrangian"
