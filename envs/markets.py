"""Find the market of an environment: built once, shared by all environments that use it, and pickled as what it is built of."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from weakref import WeakValueDictionary

from auctionsim import arguments
from auctionsim.agents.build import build_market
from auctionsim.arguments import hint_for_table, instance_of
from auctionsim.errors import InputError, shown
from auctionsim.market.market import Market
from auctionsim.scenario import Scenario
from auctionsim.scenario.file import load_scenario
from auctionsim.scenario.record import from_record, to_record
from auctionsim.traffic.profile import builtin_profiles

AnyScenario = Market | Scenario | str | Path | Mapping[str, Any]
"""A scenario, the path of a scenario file, the name of a built-in scenario, plain data of `to_record`, or a market."""

DEFAULT_SCENARIO = "three-arms"

# Users make environments by the dozen, and a generated market never changes, so those in use are shared.
_in_use: WeakValueDictionary[str, Market] = WeakValueDictionary()


@dataclass(frozen=True)
class GeneratedMarket:
    """Builds the market of a scenario, or finds the one that is in use: a few kilobytes in place of a market's megabytes.

    Only for markets that depend on nothing but the scenario: generated traffic of a built-in profile.
    """

    scenario: Scenario

    def __call__(self) -> Market:
        """Return the market."""
        key = json.dumps(to_record(self.scenario))
        market = _in_use.get(key)
        if market is None:
            market = build_market(self.scenario)
            market.set_builder(self)
            _in_use[key] = market
        return market


def market_of(scenario: AnyScenario, overrides: Sequence[str] = ()) -> Market:
    """Return the market of a scenario.

    Args:
        scenario: A scenario, the path of a scenario file, the name of a built-in scenario, or plain data of
            `scenario.record.to_record`; a market is returned as it is.
        overrides: Items `key.path=value` that replace values of the file or built-in scenario, as with `--set`.

    Raises:
        InputError: The scenario is wrong, or overrides are given with something else than a path or a name.
    """
    overrides = arguments.texts("overrides", overrides)
    words = "a Scenario, a Market, a path, or the name of a built-in scenario"
    instance_of("scenario", scenario, (str, Path, Scenario, Market, Mapping), words + hint_for_table(scenario))
    if overrides and not isinstance(scenario, str | Path):
        raise InputError(
            f"overrides: expected none with {type(scenario).__name__}, which is made already, got {shown(overrides)}"
        )
    if isinstance(scenario, Market):
        return scenario
    if isinstance(scenario, Mapping):
        scenario = from_record(scenario, "scenario")
    if not isinstance(scenario, Scenario):
        scenario = load_scenario(scenario, overrides=overrides)
    traffic = scenario.traffic
    if not traffic.is_synthetic or traffic.profile not in builtin_profiles():
        return build_market(scenario)
    return GeneratedMarket(scenario)()
