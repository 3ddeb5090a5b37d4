"""A scenario to start from, for an ingested table."""

from __future__ import annotations

import json
import os
from pathlib import Path

from auctionsim.traffic.ingest.budgets import LoggedAdvertiser
from auctionsim.traffic.ingest.formats.base import Format
from auctionsim.traffic.ingest.summary import Summary

_MOST_BLOCKS = 100


def starter_scenario(summary: Summary, form: Format, table: Path, scenario: Path, budgets: Path | None = None) -> str:
    """The text of a scenario file `scenario` on `table`: the last third of the days is for testing.

    The log has at least two days. Where it knows budgets, each advertiser is a group with its own; many of them are one group,
    whose budgets are in the file `budgets`, if it was written.
    """
    days = list(summary.days)
    n_test = max(len(days) // 3, 1)
    source = _from(scenario, table)
    if summary.logged and summary.advertisers <= _MOST_BLOCKS:
        budgets = None
        advertisers = "\n".join(_block(one) for one in summary.logged)
    else:
        budget = '"table"' if budgets else '"baseline*0.5"'
        words = "of the log" if budgets else "a day, as a share of what the logged bids spend"
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


def _block(one: LoggedAdvertiser) -> str:
    lines = [] if one.budget is None else [f"budget = {one.budget!r:<24}# a day, of the log"]
    if one.has_cpa:
        lines.append(f"roi_floor = {0.0!r:<21}# soft: a conversion costs at most the CPA constraint, which is item_price")
    return _group(one.name, 1, *lines)
