"""A key, level, column or feature known by its old name still works, and a scenario's says so in one line."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

import auctionsim
from auctionsim.cli import main
from auctionsim.errors import InputError, RenamedWarning
from auctionsim.scenario.file import parse_scenario

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
