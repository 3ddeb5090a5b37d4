"""Simulate sponsored-search ad auctions in which many advertisers' agents learn to bid at once.

Start here::

    import auctionsim

    scenario = auctionsim.load_scenario("three-arms")      # a built-in name, or the path of a TOML file
    market = auctionsim.build_market(scenario, seed=0)     # traffic, advertisers, budgets, baseline
    env = auctionsim.parallel_env("three-arms")            # PettingZoo: an hour is a step, a day an episode
    traffic = auctionsim.load_traffic("traffic.parquet")   # your own auctions
    day = auctionsim.replay(traffic, coefficients=bids)    # clear a day for many policies at once

Every name of `dir(auctionsim)` is imported on first use. So `import auctionsim` is quick and loads neither numba nor torch,
Ray or Gymnasium. The subpackages are `scenario`, `traffic`, `auction`, `objectives`, `market`, `bounds`, `equilibria`,
`games`, `agents`, `envs`, `analysis` and `jobs`.
"""

from __future__ import annotations

import sys
from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from auctionsim import agents as agents
    from auctionsim import analysis as analysis
    from auctionsim import auction as auction
    from auctionsim import bounds as bounds
    from auctionsim import envs as envs
    from auctionsim import equilibria as equilibria
    from auctionsim import games as games
    from auctionsim import jobs as jobs
    from auctionsim import market as market
    from auctionsim import objectives as objectives
    from auctionsim import scenario as scenario
    from auctionsim import traffic as traffic
    from auctionsim.agents.build import build_market as build_market
    from auctionsim.agents.learners.base import Learner as Learner
    from auctionsim.agents.learners.registry import register_learner as register_learner
    from auctionsim.agents.policies.base import Policy as Policy
    from auctionsim.analysis.run_objects.run import Run as Run
    from auctionsim.auction.outcome import Outcome as Outcome
    from auctionsim.auction.replay import replay as replay
    from auctionsim.bounds.oracle import lp_bound as lp_bound
    from auctionsim.envs import AuctionVectorEnv as AuctionVectorEnv
    from auctionsim.envs import env as env
    from auctionsim.envs import parallel_env as parallel_env
    from auctionsim.errors import InputError as InputError
    from auctionsim.jobs.experiment import experiment as experiment
    from auctionsim.jobs.training.callbacks import Callback as Callback
    from auctionsim.jobs.training.launch import train as train
    from auctionsim.jobs.training.outside import write_run as write_run
    from auctionsim.jobs.training.progress_bar import ProgressBar as ProgressBar
    from auctionsim.jobs.training.train import evaluate as evaluate
    from auctionsim.jobs.whatif.ask import whatif as whatif
    from auctionsim.jobs.whatif.landscape import landscape as landscape
    from auctionsim.market.market import Market as Market
    from auctionsim.scenario import Scenario as Scenario
    from auctionsim.scenario.file import load_scenario as load_scenario
    from auctionsim.traffic.files import load_traffic as load_traffic
    from auctionsim.traffic.given import scenario_for as scenario_for
    from auctionsim.traffic.given import with_traffic as with_traffic
    from auctionsim.traffic.stored.store import open_traffic as open_traffic
    from auctionsim.traffic.table import Traffic as Traffic

__version__ = "0.1.0"

_HOME = {
    "AuctionVectorEnv": "auctionsim.envs",
    "Callback": "auctionsim.jobs.training.callbacks",
    "InputError": "auctionsim.errors",
    "Learner": "auctionsim.agents.learners.base",
    "Market": "auctionsim.market.market",
    "Outcome": "auctionsim.auction.outcome",
    "Policy": "auctionsim.agents.policies.base",
    "ProgressBar": "auctionsim.jobs.training.progress_bar",
    "Run": "auctionsim.analysis.run_objects.run",
    "Scenario": "auctionsim.scenario",
    "Traffic": "auctionsim.traffic.table",
    "build_market": "auctionsim.agents.build",
    "env": "auctionsim.envs",
    "evaluate": "auctionsim.jobs.training.train",
    "experiment": "auctionsim.jobs.experiment",
    "landscape": "auctionsim.jobs.whatif.landscape",
    "load_scenario": "auctionsim.scenario.file",
    "load_traffic": "auctionsim.traffic.files",
    "lp_bound": "auctionsim.bounds.oracle",
    "open_traffic": "auctionsim.traffic.stored.store",
    "parallel_env": "auctionsim.envs",
    "register_learner": "auctionsim.agents.learners.registry",
    "replay": "auctionsim.auction.replay",
    "scenario_for": "auctionsim.traffic.given",
    "train": "auctionsim.jobs.training.launch",
    "whatif": "auctionsim.jobs.whatif.ask",
    "with_traffic": "auctionsim.traffic.given",
    "write_run": "auctionsim.jobs.training.outside",
}
_ROOMS = (
    "agents", "analysis", "auction", "bounds", "envs", "equilibria", "games", "jobs", "market", "objectives", "scenario",
    "traffic",
)  # fmt: skip

__all__ = ["__version__", *_HOME, *_ROOMS]  # noqa: PLE0604  (all are strings)


def __getattr__(name: str) -> Any:
    """Import a public name, or a room of the house, when it is first used."""
    if name in _ROOMS:
        return import_module(f"auctionsim.{name}")
    if name not in _HOME:
        raise AttributeError(f"module 'auctionsim' has no attribute {name!r}")
    return getattr(import_module(_HOME[name]), name)


def __dir__() -> list[str]:
    """List the public names."""
    return sorted(__all__)


# Gymnasium users begin with `import gymnasium, auctionsim`; importing the environments registers them. Where Gymnasium was not
# asked for, it is not imported: that would triple the time of `auctionsim --help`.
if "gymnasium" in sys.modules:
    import_module("auctionsim.envs")
