"""Every public object is shown in a few words, in a shell and in a notebook."""

from __future__ import annotations

import inspect
import re
from dataclasses import dataclass, fields
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

import auctionsim
from auctionsim.agents.learners.base import trained
from auctionsim.agents.learners.registry import learner_names, make_learner
from auctionsim.agents.policies.base import Reactive, Scaled
from auctionsim.analysis.economics.collusion import without_control
from auctionsim.analysis.economics.deviations import best_responses
from auctionsim.analysis.statistics import compare_paired, mean_interval
from auctionsim.jobs.training.trained import Trained
from auctionsim.market.simulate import Recorded, simulate_day
from auctionsim.names.display import LONGEST, cut, html_frame, html_table, in_few_words, ranges, short_repr, some
from auctionsim.run_checks.metric_rows import MetricRows
from auctionsim.scenario import Section
from auctionsim.scenario.file import builtin_scenarios, parse_scenario

from .conftest import SMALL

API = Path(auctionsim.__file__).parents[1] / "docs" / "api.md"
LARGE = SMALL.replace("count = 5", "count = 300").replace("auctions_per_day = 600", "auctions_per_day = 100")


@pytest.fixture(scope="module")
def large() -> auctionsim.Market:
    return auctionsim.build_market(parse_scenario(LARGE, "large.toml"))


@pytest.fixture(scope="module")
def objects(large: auctionsim.Market, tmp_path_factory: pytest.TempPathFactory) -> list[Any]:
    """One of every class that a user meets, on a market of 300 advertisers."""
    small = auctionsim.build_market(parse_scenario(SMALL, "small.toml"))
    keyword_bids = auctionsim.replay(large.traffic, coefficients=np.ones((300, 1, 3)), details=True)
    learners = [make_learner(large.scenario)]
    policies = [learner.policy(large, learner.start(large)) for learner in learners]
    policies += [Scaled(policies[0], np.ones(300)), Reactive(lambda state: state.coefficients)]
    day = simulate_day(large, 2, policies[0])
    judged = without_control(small, trained_policy(small), (2,))
    told: list[Any] = []
    result = auctionsim.train(small.scenario, tmp_path_factory.mktemp("shown") / "run", seeds=3, callbacks=[Listener(told)])
    return [
        *(large.scenario, large.scenario.traffic, large.scenario.learner, *large.groups[:1], large.traffic, large, large.rules),
        *(keyword_bids, day, Recorded(day), *learners, *policies, auctionsim.lp_bound(small, 2)),
        *(judged, judged.found, *judged.tests.values(), best_responses(small, 2, trained_policy(small))),
        *(mean_interval([1.0, 2.0]), compare_paired([1.0, 2.0], [2.0, 2.5])),
        *(result, result.run, result.metrics, result.outcomes, result.summary, auctionsim.ProgressBar(), *told),
        *(auctionsim.parallel_env(small), auctionsim.env(small), auctionsim.AuctionVectorEnv(small, num_envs=2)),
    ]


class Listener(auctionsim.Callback):
    def __init__(self, told: list[Any]) -> None:
        for moment in ("on_start", "on_iteration", "on_seed_end", "on_end"):
            setattr(self, moment, told.append)


def trained_policy(market: auctionsim.Market) -> auctionsim.Policy:
    learner = make_learner(market.scenario)
    return learner.policy(market, trained(learner, market, 1))


def test_every_repr_is_short_and_on_one_line(objects: list[Any]):
    shown = {type(one).__name__: repr(one) for one in objects}
    assert {name: len(text) for name, text in shown.items() if len(text) > LONGEST} == {}
    assert [name for name, text in shown.items() if "\n" in text] == []
    assert [name for name, text in shown.items() if "object at 0x" in text] == []


def test_every_public_class_was_shown(objects: list[Any]):
    public = {getattr(auctionsim, name) for name in re.findall(r"^\.\. autoclass:: auctionsim\.(\w+)$", API.read_text(), re.M)}
    # Protocols, base classes and errors have no objects of their own.
    public -= {auctionsim.Policy, auctionsim.Learner, auctionsim.Callback, auctionsim.InputError}
    assert public - {type(one) for one in objects} == set()


@pytest.mark.parametrize("name", re.findall(r"^\.\. automodule:: ([\w.]+)$", API.read_text(), re.MULTILINE))
def test_dataclasses_of_the_api_s_modules_have_a_short_repr(name: str):
    def is_own(one: Any) -> bool:
        return inspect.isclass(one) and one.__module__ == name and hasattr(one, "__dataclass_fields__")

    for own in (one for _, one in inspect.getmembers(import_module(name), is_own)):
        plain = all(one.type in ("str", "float", "int", "bool", "float | None", "Interval") for one in fields(own))
        # A dataclass's own repr wraps another function, against recursion.
        assert plain or not hasattr(own.__repr__, "__wrapped__"), own.__name__


def test_a_learner_names_its_algorithm(large: auctionsim.Market):
    for name in learner_names():
        scenario = parse_scenario(SMALL.replace("[learner]", f'[learner]\nalgorithm = "{name}"'), "small.toml")
        assert f"(algorithm='{name}', scenario='small')" in repr(make_learner(scenario))


@pytest.mark.parametrize("name", builtin_scenarios())
def test_a_scenario_is_shown_by_what_makes_it(name: str):
    scenario = auctionsim.load_scenario(name)
    assert repr(scenario).startswith(f"Scenario('{name}': ")
    assert str(scenario) == repr(scenario)
    assert len(repr(scenario)) <= LONGEST
    assert all(len(repr(part)) <= LONGEST for _, part in scenario if isinstance(part, Section))


def test_objects_for_notebooks_are_escaped(tmp_path: Path):
    nasty = "<script>alert(1)</script>"
    scenario = parse_scenario(SMALL.replace('"seller"', f'"{nasty}"').replace('"small"', f'"{nasty}"'), "small.toml")
    market = auctionsim.build_market(scenario)
    outcome = auctionsim.replay(market.traffic, coefficients=np.ones((5, 1, 1)))
    for one in (scenario, market, market.traffic, outcome):
        assert "<script>" not in one._repr_html_()
        assert "&lt;script&gt;" in one._repr_html_()
    rows = MetricRows([{"iteration": 1, "seed": 0, nasty: 1.0}])
    assert "<script>" not in rows._repr_html_()
    result = auctionsim.train(scenario, tmp_path / "run", until=1)
    assert "<script>" not in result._repr_html_() + result.outcomes._repr_html_()


@dataclass
class Shown:
    numbers: Any

    __repr__ = short_repr


def test_values_are_shown_in_a_few_words():
    assert in_few_words(np.zeros((24, 3))) == "float64[24, 3]"
    assert in_few_words(np.float64(0.5)) == "0.5"
    assert in_few_words({"a": 1}) == "{'a': 1}"
    assert in_few_words({str(i): i for i in range(99)}) == "{99 entries}"
    assert in_few_words([np.zeros(2)]) == "(1 entry)"
    assert in_few_words(tuple(range(1000))) == "(1000 entries)"
    assert repr(Shown(np.ones(9))) == "Shown(numbers=float64[9])"
    assert repr(Shown(Shown(np.ones(9)))) == "Shown(numbers=Shown(numbers=float64[9]))"
    assert cut("x" * 600 + ")").endswith("...)")
    assert len(cut("x" * 600)) == LONGEST
    assert some(["a", "b", "c", "d", "e", "f"]) == "a, b, c, d and 2 more"
    assert ranges((0, 1, 2)) == "0 to 2"
    assert ranges((0, 2)) == "0, 2"
    assert html_table("a&b", {"<k>": "<v>"}).count("&lt;") == 2
    assert "5 more rows" in html_frame("t", pl.DataFrame({"x": range(15)}))


def test_a_market_is_shown_by_its_size_and_days(large: auctionsim.Market):
    assert repr(large) == "Market('small', seed 0: 300 advertisers, 300 of them learn; train days 0, 1, test days 2, 3)"
    assert repr(large.traffic).startswith("Traffic(days 0 to 3: ")


def test_a_result_without_an_evaluation_is_shown_too(tmp_path: Path):
    run = auctionsim.Run.create(tmp_path / "run", parse_scenario(SMALL, "s"), SMALL, seeds=(0,), command="test")
    assert "interrupted" in Trained(run)._repr_html_()
    assert Trained(run).metrics.to_frame().height == 0
