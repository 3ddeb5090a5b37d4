"""Open what a what-if question is asked about: a scenario, a traffic table, or a folder of stored traffic."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from auctionsim import arguments
from auctionsim.agents.build import build_market
from auctionsim.arguments.frames import is_frame
from auctionsim.errors import InputError, shown
from auctionsim.market.market import Market
from auctionsim.names.display import cut, short_repr
from auctionsim.names.kinds import kind_of_path
from auctionsim.names.text import printable
from auctionsim.scenario import Scenario
from auctionsim.scenario.file import builtin_scenarios, load_scenario, no_scenario, parse_scenario
from auctionsim.scenario.text import scenario_text, toml_string
from auctionsim.traffic.given import BUDGETS, TABLE, GivenTraffic
from auctionsim.traffic.stored.store import StoredTraffic, is_stored, open_traffic
from auctionsim.traffic.table import Traffic

_TABLES = (".parquet", ".csv")
TABLE_GROUP = "advertiser"
"""Name of the group that the advertisers of a table are in."""


@dataclass(frozen=True, eq=False)
class Opened:
    """A market to ask about, and the scenario text that changes are laid over."""

    market: Market
    name: str
    """The scenario or table in words, for titles and messages."""
    days: tuple[int, ...]
    """Days that the traffic has and the scenario names."""
    is_table: bool
    """Whether it is a table without a scenario, so that the mechanism is the default one unless it is told."""
    basis: Scenario
    """The scenario that changes are laid over."""

    __repr__ = short_repr

    def with_overrides(self, overrides: Sequence[str]) -> Scenario:
        """Return the scenario with some keys replaced, checked as the scenario itself.

        Args:
            overrides: Items `KEY.PATH=VALUE`.

        Raises:
            InputError: A key is unknown or a value is wrong.
        """
        return parse_scenario(scenario_text(self.basis), self.name, overrides=overrides, folder=self.basis.folder)


def open_source(source: Any, *, base: Sequence[str] = (), budgets: Any = None, seed: int | None = None) -> Opened:
    """Open a scenario, a traffic table or stored traffic, and build its market.

    Args:
        source: A scenario (object, file or name), a traffic table (object, frame, Parquet or CSV file), or stored traffic
            (object or folder).
        base: Items `KEY.PATH=VALUE` that say more about the starting point, for example the log's mechanism.
        budgets: Daily budgets of a table, as `load_traffic` takes them.
        seed: Seed of synthetic traffic and sampled outcomes; the scenario's own where None.

    Raises:
        InputError: There is no such source, or it is wrong.
    """
    base = arguments.texts("base", base)
    is_scenario = isinstance(source, Scenario) or _names_scenario(source)
    if not is_scenario:
        traffic, name = _traffic(source, budgets)
        basis = _scenario_on(traffic, name, base)
        scenario = _on_its_days(basis, traffic)
    elif budgets is not None:
        raise InputError("budgets: expected none with a scenario, which states its budgets itself, got some")
    elif isinstance(source, Scenario):
        basis = scenario = _overridden(source, base)
        name = source.source
    else:
        basis = scenario = load_scenario(source, overrides=base, flag="--base")
        name = str(source)
    market = build_market(scenario, seed)
    market.expect_no_accounts("what-if questions")
    return Opened(market, printable(name), scenario.traffic.all_days, not is_scenario, basis)


def _overridden(scenario: Scenario, base: Sequence[str]) -> Scenario:
    if not base:
        return scenario
    changed = parse_scenario(scenario_text(scenario), scenario.source, overrides=base, folder=scenario.folder, flag="--base")
    return changed if scenario.given is None else changed.with_given(scenario.given)


def _names_scenario(source: Any) -> bool:
    """Return whether a source is the name of a scenario or its file, and no table."""
    if not isinstance(source, str | Path):
        return False
    path = arguments.path("source", source)
    if path.suffix in _TABLES or is_stored(path):
        return False
    if path.is_dir():
        raise InputError(
            f"{path}: expected a scenario, a traffic table or a folder of stored traffic, got {kind_of_path(path)}"
        )
    known = builtin_scenarios()
    if not path.is_file() and str(source) not in known:
        raise InputError(
            f"{source}: expected a scenario file, a built-in scenario ({', '.join(known)}), a traffic table "
            f"({', '.join(_TABLES)}) or a folder of stored traffic, got {no_scenario(str(source))}"
        )
    return True


def _traffic(source: Any, budgets: Any) -> tuple[Traffic | StoredTraffic, str]:
    """Return the traffic of a table or store, and its name in messages."""
    if isinstance(source, str | Path) and is_stored(Path(source)):
        source = open_traffic(source)
    if isinstance(source, StoredTraffic):
        if budgets is not None:
            raise InputError(
                f"{source.folder}: budgets: expected none with stored traffic, got some (set advertisers.budget with --base)"
            )
        return source, str(source.folder)
    if not (isinstance(source, Traffic | str | Path) or is_frame(source)):
        raise InputError(f"source: expected a scenario, a traffic table or stored traffic, got {shown(source)}")
    from auctionsim.traffic.files import table_of

    traffic = table_of("source", source, budgets=budgets)
    return traffic, str(source) if isinstance(source, str | Path) else "the table"


def _scenario_on(traffic: Traffic | StoredTraffic, name: str, base: Sequence[str]) -> Scenario:
    """Return the scenario of a table that has none: everybody bids the keyword bid; the last third of the days is held out."""
    days = list(traffic.days)
    n_test = len(days) // 3 or len(days) > 1
    train, test = days[: len(days) - n_test], days[len(days) - n_test :]
    has_budgets = isinstance(traffic, Traffic) and traffic.budgets is not None
    where = str(traffic.folder.absolute()) if isinstance(traffic, StoredTraffic) else TABLE
    text = f"""\
name = {toml_string(cut(printable(Path(name).stem), 60) or "table")}
[traffic]
source = {toml_string(where)}
{f'budgets = "{BUDGETS}"' if has_budgets else ""}
train_days = {train}
test_days = {test or [days[-1] + 1]}
[[advertisers]]
group = "{TABLE_GROUP}"
count = {len(traffic.advertisers)}
{'budget = "table"' if has_budgets else ""}
"""
    scenario = parse_scenario(text, printable(name), overrides=base, flag="--base")
    if scenario.traffic.source != where:
        raise InputError(f"{name}: traffic.source: expected no other traffic in --base, got {shown(scenario.traffic.source)}")
    counted = sum(group.count for group in scenario.advertisers)
    if counted != len(traffic.advertisers):
        raise InputError(
            f"{name}: advertisers: expected counts that add up to the {len(traffic.advertisers)} advertisers, got {counted}"
        )
    return scenario


def _on_its_days(scenario: Scenario, traffic: Traffic | StoredTraffic) -> Scenario:
    """Return the scenario with the table; the only day of a table is both a training and a test day."""
    section = scenario.traffic
    if len(traffic.days) == 1:
        section = section.model_copy(update={"train_days": traffic.days, "test_days": traffic.days, "validation_days": ()})
    for day in section.all_days:
        if day not in traffic.days:
            days = ", ".join(map(str, traffic.days))
            raise InputError(f"{scenario.source}: traffic: expected days of the table ({days}), got {day}")
    scenario = scenario.model_copy(update={"traffic": section})
    return scenario.with_given(GivenTraffic(traffic)) if isinstance(traffic, Traffic) else scenario
