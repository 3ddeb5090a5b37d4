"""A small sample table, for the template `own-logs` until the user has a table."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from auctionsim.scenario import TrafficSection
from auctionsim.traffic.files import save_budgets, save_traffic
from auctionsim.traffic.generator import make_traffic
from auctionsim.traffic.profile import load_profile

TABLE, BUDGETS = "sample-traffic.parquet", "sample-budgets.csv"
_SELLERS = tuple(f"campaign-{i}" for i in range(6))
_DAYS = tuple(range(6))
_BUDGET_SHARE = 0.5


def write_sample(folder: Path) -> None:
    """Write the sample `TABLE`, six days of six advertisers from the generator, and their `BUDGETS`, which bind."""
    section = TrafficSection(
        days=len(_DAYS), auctions_per_day=1500, queries=30, candidates=4, train_days=_DAYS[:4], test_days=_DAYS[4:]
    )
    traffic = make_traffic(section, load_profile("alimama"), _SELLERS, seed=0)
    worth = traffic.pctr * traffic.keyword_bid * traffic.row_weight
    spend = np.bincount(traffic.advertiser, worth, minlength=len(_SELLERS)) / len(_DAYS) / section.candidates
    traffic = replace(traffic, budgets=np.round(_BUDGET_SHARE * spend, 4))
    save_traffic(traffic, folder / TABLE)
    save_budgets(traffic, folder / BUDGETS)
