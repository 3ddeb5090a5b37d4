"""Arguments of the public functions of `auctionsim`, one or two of them of a wrong kind, range or shape."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from hypothesis import strategies as st

import auctionsim
from auctionsim.agents.policies.base import Constant
from auctionsim.analysis import statistics
from auctionsim.analysis.economics.collusion import verdict
from auctionsim.analysis.economics.deviations import best_responses, punishment
from auctionsim.auction.reference import clear
from auctionsim.envs import FlattenAgents, as_policy
from auctionsim.market.simulate import simulate_day
from auctionsim.runs import Run
from auctionsim.scenario.file import parse_scenario
from auctionsim.traffic.files import save_traffic

from ..base import Case, Target
from ..folders import SCENARIO, home, put
from ..oracle import check_call
from ..values import VALUES, hostile

_made: dict[str, Any] = {}


def _prepare() -> None:
    scenario = parse_scenario(SCENARIO, "scenario.toml")
    market = auctionsim.build_market(scenario)
    theta = np.tile([[0.0, 0.0, 0.5, 0.0]], (3, 1))[:, :, None]
    home()
    _made.update(scenario=scenario, market=market, traffic=market.traffic, theta=theta, policy=Constant(theta),
                 env=auctionsim.parallel_env(market))  # fmt: skip


def _calls() -> dict[str, Callable[[], tuple[Callable[..., Any], dict[str, Any]]]]:
    """Return functions with right arguments by name; those of a case replace some."""
    m = _made
    return {
        "load_scenario": lambda: (auctionsim.load_scenario, {"path_or_name": "three-arms", "overrides": ["seed=1"]}),
        "build_market": lambda: (auctionsim.build_market, {"scenario": m["scenario"], "seed": 3}),
        "load_traffic": lambda: (auctionsim.load_traffic, {"path": home() / "table.parquet", "budgets": None}),
        "replay": lambda: (auctionsim.replay, {
            "traffic": m["traffic"], "day": 0, "coefficients": np.ones((3, 1, 2)), "features": ("keyword_bid",), "budgets": 3.0,
            "slot_effect": (1.0, 0.5), "pricing": "gsp", "reserve": 0.0, "squash": 1.0, "outcomes": "sampled", "seed": 0,
            "bid_floor": 0.0, "bid_cap": 9.0, "threads": 1, "details": False,
        }),
        "clear": lambda: (clear, {"bids": [1.0, 2.0], "pctr": [0.1, 0.2], "slot_effect": (1.0, 0.5), "pricing": "vcg",
                                  "reserve": 0.1, "squash": 1.0, "external_score": 0.0}),
        "simulate_day": lambda: (simulate_day, {"market": m["market"], "day": 0, "policy": m["policy"], "n_policies": 2}),
        "lp_bound": lambda: (auctionsim.lp_bound, {"market": m["market"], "day": 0, "own_weight": 1.0, "global_weight": 1.0,
                                                   "self_bidder_floor": 0.0}),
        "write_run": lambda: (auctionsim.write_run, {
            "path": "new", "scenario": m["scenario"], "policies": {0: m["theta"]}, "learner": "mine", "overrides": (),
            "metrics": [], "command": "x",
        }),
        "Run.open": lambda: (Run.open, {"path": home() / "run"}),
        "train": lambda: (auctionsim.train, {"run": Run.open("interrupted"), "until": None}),
        "evaluate": lambda: (auctionsim.evaluate, {"run": Run.open("run")}),
        "register_learner": lambda: (auctionsim.register_learner, {"name": "mine", "learner": auctionsim.Learner}),
        "as_policy": lambda: (as_policy, {"act": lambda agent, seen: np.zeros(3), "env": m["env"], "is_joint": False}),
        "FlattenAgents": lambda: (FlattenAgents, {"env": auctionsim.AuctionVectorEnv(m["market"], 2)}),
        "save_traffic": lambda: (save_traffic, {"traffic": m["traffic"], "path": "t.parquet"}),
        "verdict": lambda: (verdict, {"market": m["market"], "policy": m["policy"], "days": (0,), "control": m["policy"]}),
        "best_responses": lambda: (best_responses, {"market": m["market"], "day": 0, "policy": m["policy"]}),
        "punishment": lambda: (punishment, {"market": m["market"], "day": 0, "policy": m["policy"], "deviator": 0, "hour": 3,
                                            "multiplier": 2.0}),
        "mean_interval": lambda: (statistics.mean_interval, {"values": [1.0, 2.0]}),
        "day_interval": lambda: (statistics.day_interval, {"values": [[1.0, 2.0]]}),
        "pseudo_values": lambda: (statistics.pseudo_values, {"whole": [1.0], "without": [[1.0, 2.0]]}),
        "t_quantile": lambda: (statistics.t_quantile, {"freedom": 3.0}),
        "central_range": lambda: (statistics.central_range, {"values": [1.0, 2.0], "level": 0.5}),
        "compare_paired": lambda: (statistics.compare_paired, {"first": [1.0, 2.0], "second": [1.0, 3.0]}),
        "ranks": lambda: (statistics.ranks, {"scores": {"a": 1.0, "b": 2.0}}),
        "gini": lambda: (statistics.gini, {"values": [1.0, 2.0]}),
    }  # fmt: skip


CALLS = _calls()
_WORDS = {"whole": ("whole", "without"), "without": ("whole", "without"), "overrides": ("--set",),
          "first": ("first", "second"), "second": ("first", "second"), "bid_cap": ("bid_cap", "bid_floor")}  # fmt: skip


@st.composite
def _cases(draw: st.DrawFn) -> Case:
    name = draw(st.sampled_from(list(CALLS)))
    wrong = draw(st.dictionaries(st.integers(0, 14), hostile(), min_size=1, max_size=2))
    return {"call": name, "wrong": {str(index): value for index, value in wrong.items()}}


def _run(case: Case) -> None:
    if case["call"] in ("train", "evaluate"):
        put("run", "interrupted")
    function, arguments = CALLS[case["call"]]()
    names = sorted({list(arguments)[int(index) % len(arguments)] for index in case["wrong"]})
    for index, value in case["wrong"].items():
        arguments[list(arguments)[int(index) % len(arguments)]] = VALUES[value]()
    # Of a file's contents the message names the file.
    words = [word for name in names for word in (name, *_WORDS.get(name, ()))]
    words += [" ".join(str(one).splitlines()) for one in arguments.values() if isinstance(one, str | Path)]
    check_call(lambda: function(**arguments), words)


TARGET = Target(cases=_cases, run=_run, prepare=_prepare, quick=200, seconds=60)
