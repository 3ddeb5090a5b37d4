"""A scenario to start from, for an ingested table."""

from __future__ import annotations

import json
import os
from pathlib import Path

from auctionsim.market.ingest.formats import Format
from auctionsim.market.ingest.summary import Summary


def starter_scenario(summary: Summary, form: Format, table: Path, scenario: Path) -> str:
    """The text of a scenario file `scenario` on `table`: the last third of the days is for testing.

    The log has at least two days.
    """
    days = list(summary.days)
    n_test = max(len(days) // 3, 1)
    source = os.path.relpath(table.absolute(), scenario.absolute().parent)
    return f"""\
# Written by `auctionsim ingest --scenario`; every key: docs/scenario.md.
name = {json.dumps(scenario.stem)}
seed = 0

[traffic]
source = {json.dumps(source)}
train_days = {days[:-n_test]}
test_days = {days[-n_test:]}

[mechanism]
pricing = "gsp"
slot_effect = {list(form.slot_effect)}
reserve = {form.reserve}

[platform]
reference = "manual"            # the logged bids

[[advertisers]]
group = "advertiser"
count = {summary.advertisers}
controller = "learner"
objectives = {{ conversions = 1.0 }}
budget = "reference*0.5"        # a day, as a share of what the logged bids spend

[learner]
algorithm = "macg-es"
own_weight = 1.0
global_weight = 0.0

[train]
iterations = 100
"""
