"""Give a scenario its traffic in memory, without a file: a table of one's own is simulated end to end in Python."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from auctionsim import arguments
from auctionsim.errors import InputError
from auctionsim.names.display import cut, short_repr
from auctionsim.names.text import printable
from auctionsim.scenario import Scenario, TrafficSection
from auctionsim.scenario.file import load_scenario, parse_scenario
from auctionsim.scenario.text import toml_string
from auctionsim.traffic.array_checks import check_range, range_of
from auctionsim.traffic.table import Traffic

if TYPE_CHECKING:
    # With polars, which a scenario without a table of its own does not need: imported where a table is read or written.
    from auctionsim.traffic.files import Frame

TABLE, BUDGETS = "traffic.parquet", "budgets.csv"
"""Names of the files that hold the table and its budgets in a run folder."""


@dataclass(frozen=True, eq=False)
class GivenTraffic:
    """Traffic that a scenario holds itself."""

    traffic: Traffic

    __repr__ = short_repr

    def write(self, folder: Path) -> None:
        """Write the files that the scenario names, so that a run folder needs nothing from memory."""
        from auctionsim.traffic.files import save_budgets, save_traffic

        save_traffic(self.traffic, folder / TABLE)
        if self.traffic.budgets is not None:
            save_budgets(self.traffic, folder / BUDGETS)


def with_traffic(
    scenario: Scenario | str | Path, table: Traffic | Frame, *, budgets: Frame | Mapping[str, float] | None = None
) -> Scenario:
    """Return a scenario on a traffic table in memory, in place of its own traffic.

    Everything takes the result as it takes any scenario: `build_market`, environments, `train`, `write_run`. A run folder of it
    holds the table as `traffic.parquet`. All seeds share the table.

    Args:
        scenario: The scenario, a file of it, or the name of a built-in one; its advertisers, training days and test days must
            be those of the table.
        table: A traffic table, or whatever `load_traffic` takes.
        budgets: Daily budgets as `load_traffic` takes them, for groups with `budget = "table"`.

    Raises:
        InputError: The scenario or the table is wrong, or one does not fit the other.
    """
    if not isinstance(scenario, Scenario):
        scenario = load_scenario(scenario)
    from auctionsim.traffic.files import table_of

    traffic = table_of("table", table, budgets=budgets)
    # A table that a program made may hold any price; a run folder, which is to be opened again, may not.
    for name in ("item_price", "keyword_bid", "market_ecpm"):
        check_range(f"table: {name}", getattr(traffic, name), range_of(name, len(traffic.advertisers), len(traffic.queries)))
    counted = sum(group.count for group in scenario.advertisers)
    if counted != len(traffic.advertisers):
        raise InputError(
            f"{scenario.source}: advertisers: expected counts that add up to the {len(traffic.advertisers)} advertisers of the "
            f"table, got {counted} (auctionsim.scenario_for(table) makes a scenario that fits)"
        )
    for i, group in enumerate(scenario.advertisers):
        if group.budget == "table" and traffic.budgets is None:
            raise InputError(f"{scenario.source}: advertisers[{i}].budget: expected a table with budgets, got one without")
    for key in scenario.traffic.split_keys:
        missing = [day for day in getattr(scenario.traffic, key) if day not in traffic.days]
        if missing:
            days = ", ".join(map(str, traffic.days))
            raise InputError(f"{scenario.source}: traffic.{key}: expected days of the table ({days}), got {missing[0]}")
    section = TrafficSection(
        source=TABLE,
        budgets=None if traffic.budgets is None else BUDGETS,
        train_days=scenario.traffic.train_days,
        test_days=scenario.traffic.test_days,
        validation_days=scenario.traffic.validation_days,
    )
    return scenario.model_copy(update={"traffic": section}).with_given(GivenTraffic(traffic))


def scenario_for(
    table: Traffic | Frame,
    *,
    name: str = "own-table",
    budgets: Frame | Mapping[str, float] | None = None,
    overrides: Sequence[str] = (),
) -> Scenario:
    """Make a scenario to start from, on a traffic table in memory.

    All advertisers are one group of learners for their own profit, by `macg-es`. The last third of the days is held out for
    testing. Slots, pricing, reserve and the platform's floor are the defaults of docs/scenario.md: set what is known of them.

    Args:
        table: A traffic table of two or more days, or whatever `load_traffic` takes.
        name: The scenario's name.
        budgets: Daily budgets as `load_traffic` takes them; nobody has one where None and where the table has none.
        overrides: `key.path=value` items, as of `--set`: `mechanism.reserve=0.1`.

    Raises:
        InputError: The table is wrong or has one day, or an override is.

    Example:
        scenario = auctionsim.scenario_for(frame, overrides=["mechanism.slot_effect=[1.0, 0.5]", "train.iterations=50"])
        result = auctionsim.train(scenario, "runs/own-table")
    """
    from auctionsim.traffic.files import table_of

    name, overrides = arguments.text("name", name), arguments.texts("overrides", overrides)
    traffic = table_of("table", table, budgets=budgets)
    days, n_test = list(traffic.days), max(len(traffic.days) // 3, 1)
    if len(days) < 2:
        raise InputError(f"table: expected two days or more, one to test on, got day {days[0]} alone")
    limited = traffic.budgets is not None
    text = f"""\
name = {toml_string(name)}
[traffic]
source = "{TABLE}"
{f'budgets = "{BUDGETS}"' if limited else ""}
train_days = {days[:-n_test]}
test_days = {days[-n_test:]}
[[advertisers]]
group = "advertiser"
count = {len(traffic.advertisers)}
objectives = {{ profit = 1.0 }}
{'budget = "table"' if limited else ""}
[learner]
algorithm = "macg-es"
own_weight = 1.0
global_weight = 0.0
[train]
iterations = 100
"""
    return with_traffic(parse_scenario(text, cut(printable(name), 100) or "scenario", overrides=overrides), traffic)


def given_traffic(scenario: Scenario) -> Traffic:
    """Return the traffic that a scenario holds itself."""
    return arguments.instance_of(f"{scenario.source}: traffic", scenario.given, GivenTraffic, "traffic of with_traffic").traffic
