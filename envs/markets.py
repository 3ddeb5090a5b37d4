"""Find the market of an environment: built once, and shared by all environments that use it."""

from __future__ import annotations

from pathlib import Path
from weakref import WeakValueDictionary

from auctionsim.agents.build import build_market
from auctionsim.arguments import instance_of
from auctionsim.market.market import Market
from auctionsim.scenario import Scenario
from auctionsim.scenario.file import load_scenario

# Users make environments by the dozen, and a generated market never changes, so those in use are shared.
_in_use: WeakValueDictionary[str, Market] = WeakValueDictionary()


def market_of(scenario: Market | Scenario | str | Path) -> Market:
    """Return the market of a scenario.

    Args:
        scenario: A scenario, the path of a scenario file, or the name of a built-in scenario; a market is returned as it is.

    Raises:
        InputError: The scenario is wrong.
    """
    if isinstance(scenario, Market):
        return scenario
    if not isinstance(scenario, Scenario):
        instance_of("scenario", scenario, (str, Path), "a Scenario, a Market, a path, or the name of a built-in scenario")
        scenario = load_scenario(scenario)
    if not scenario.traffic.is_synthetic or scenario.folder is not None:
        return build_market(scenario)
    key = scenario.model_dump_json()
    market = _in_use.get(key)
    if market is None:
        _in_use[key] = market = build_market(scenario)
    return market
