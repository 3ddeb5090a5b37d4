"""A scenario to start from, on an ingested table."""

from __future__ import annotations

import json
import os
from pathlib import Path

from auctionsim.traffic.ingest.budgets import LoggedAdvertiser
from auctionsim.traffic.ingest.formats.base import Format
from auctionsim.traffic.ingest.summary import Summary

_MAX_GROUPS = 100


def starter_scenario(summary: Summary, form: Format, table: Path, scenario: Path, budgets: Path | None = None) -> str:
    """Write a scenario on a table as TOML text. The last third of the days is held out for testing.

    If the log has budgets, each advertiser is a group with its own budget. More than 100 advertisers are one group, whose
    budgets are in the file `budgets`.

    Args:
        summary: The summary of the log, which must have two or more days.
        form: The log's format.
        table: The traffic table.
        scenario: The scenario file to be written. Paths in it are relative to its folder.
        budgets: The file of budgets, if one was written.
    """
    days = list(summary.days)
    n_test = max(len(days) // 3, 1)
    source = _from(scenario, table)
    if summary.logged and summary.advertisers <= _MAX_GROUPS:
        budgets = None
        advertisers = "\n".join(_own_group(one) for one in summary.logged)
    else:
        budget = '"table"' if budgets else '"baseline*0.5"'
        words = "the log's" if budgets else "per day, as a share of what the logged bids spend"
        advertisers = _group("advertiser", summary.advertisers, f"budget = {budget:<24}# {words}")
    budgets_line = "" if budgets is None else f"budgets = {json.dumps(_from(scenario, budgets))}\n"
    return f"""\
# Written by `auctionsim ingest --scenario`; every key: docs/scenario.md.
name = {json.dumps(scenario.stem)}
seed = 0

[traffic]
source = {json.dumps(source)}
{budgets_line}train_days = {days[:-n_test]}
test_days = {days[-n_test:]}

[mechanism]
pricing = "gsp"
slot_effect = {list(form.slot_effect)}
reserve = {form.reserve}

[platform]
baseline = "manual"             # the logged bids

{advertisers}
[learner]
algorithm = "macg-es"
own_weight = 1.0
global_weight = 0.0

[train]
iterations = 100
"""


def _from(scenario: Path, file: Path) -> str:
    """Return the path of `file` relative to the scenario's folder."""
    return os.path.relpath(file.absolute(), scenario.absolute().parent)


def _group(name: str, count: int, *lines: str) -> str:
    return "\n".join(
        [
            "[[advertisers]]",
            f"group = {json.dumps(name)}",
            f"count = {count}",
            'controller = "learner"',
            "objectives = { conversions = 1.0 }",
            *lines,
            "",
        ]
    )


def _own_group(one: LoggedAdvertiser) -> str:
    lines = [] if one.budget is None else [f"budget = {one.budget!r:<24}# per day, the log's"]
    if one.has_cpa:
        lines.append(f"roi_floor = {0.0!r:<21}# soft: a conversion costs no more than item_price, the log's CPA constraint")
    return _group(one.name, 1, *lines)
