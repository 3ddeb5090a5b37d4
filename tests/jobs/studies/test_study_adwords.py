"""The study `adwords`: the public instance is read as it is written, drawn ones are of its kind, and figures hold."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from auctionsim.errors import InputError
from auctionsim.games.adwords import allocate
from auctionsim.jobs.studies.adwords.instances import ADVERTISERS, drawn_instance, public_instance
from auctionsim.jobs.studies.adwords.study import DRAWN, FIGURES, PUBLIC, STUDY, _shares
from auctionsim.jobs.studies.base import Options

RESULTS = Path(__file__).parents[3] / "docs" / "results" / "adwords.parquet"
BIDS = " ,Keyword,Bid Value,Budget\n0,storm,0.5,2\n0,it's a king,0.2,\n1,storm,0.7,1\n"


def written(folder: Path, bids: str = BIDS, queries: str = "storm\nit's a king\nstorm\nstorm\n") -> Path:
    (folder / "adwords").mkdir()
    (folder / "adwords" / "bidder_dataset.csv").write_text(bids)
    (folder / "adwords" / "queries.txt").write_text(queries)
    return folder


def test_the_public_files_are_read_as_bids_in_order_of_arrival(tmp_path: Path):
    bids, budgets = public_instance(written(tmp_path))
    assert bids.tolist() == [[0.5, 0.7], [0.2, 0.0], [0.5, 0.7], [0.5, 0.7]]
    assert budgets.tolist() == [2.0, 1.0]
    # Greedy: 0.7 and the last 0.3 of advertiser 1 would be less than 0.5, which advertiser 0 pays twice after 0.2.
    assert allocate(bids, budgets, "greedy") == pytest.approx(0.7 + 0.2 + 0.5 + 0.5)
    # By what is left: 2, 1.5 and 1.3 of advertiser 0, then advertiser 1 with 1 against 0.8.
    assert allocate(bids, budgets, "unspent") == pytest.approx(0.5 + 0.2 + 0.5 + 0.7)
    # By the share that is left: advertiser 0 at the first tie, then 1, whose share is 1, then 0, since 1 has 0.3.
    assert allocate(bids, budgets, "balance") == pytest.approx(0.5 + 0.2 + 0.7 + 0.5)


@pytest.mark.parametrize(
    ("bids", "queries", "message"),
    [
        (BIDS, "storm\nsun\n", r"queries\.txt: line 2: expected a query that bidder_dataset\.csv names, got 'sun'"),
        (BIDS.replace("0.7,1", "0.7,"), "storm\n", r"bidder_dataset\.csv: column 4: expected a budget in a row of each"),
        # A bid that is none would win nothing and say nothing.
        (BIDS.replace("0.7", ""), "storm\n", r"bidder_dataset\.csv: column 3: expected a finite number >= 0, got None"),
        (BIDS.replace("0.7", "-1"), "storm\n", r"bidder_dataset\.csv: column 3: expected a finite number >= 0, got -1\.0"),
        (BIDS.replace("0.7", "nan"), "storm\n", r"bidder_dataset\.csv: column 3: expected a finite number >= 0, got nan"),
        (BIDS.replace("0.7,1", "0.7,0"), "storm\n", r"bidder_dataset\.csv: column 4: expected a finite number > 0, got 0\.0"),
        (BIDS, "\n", r"queries\.txt: expected a query in each line, got none"),
        (BIDS.replace("0.7", "much"), "storm\n", r"bidder_dataset\.csv: expected columns advertiser, query, bid, budget"),
    ],
)
def test_other_files_are_refused(tmp_path: Path, bids: str, queries: str, message: str):
    with pytest.raises(InputError, match=message):
        public_instance(written(tmp_path, bids, queries))


def test_a_missing_file_is_named(tmp_path: Path):
    with pytest.raises(InputError, match=r"adwords/bidder_dataset\.csv: expected the public file of this name"):
        public_instance(tmp_path)


def test_drawn_instances_are_of_the_public_one_s_kind():
    bids, budgets = drawn_instance(0)
    again, _ = drawn_instance(0)
    assert bids.tobytes() == again.tobytes()
    assert bids.shape[1] == len(budgets) == ADVERTISERS
    assert 20_000 < len(bids) < 28_000
    assert set(np.rint(10 * bids[bids > 0]).astype(int).tolist()) == set(range(1, 10))
    # Bids are small against budgets, and all budgets together are what could just be earned.
    assert bids.max(axis=0).max() < 0.05 * np.median(budgets)
    assert 0.8 < budgets.sum() / bids.max(axis=1).sum() < 1.1
    assert allocate(bids, budgets, "msvv") > max(allocate(bids, budgets, rule) for rule in ("greedy", "unspent"))


def test_the_public_instance_is_measured_where_its_folder_is_named():
    assert {unit.scenario for unit in STUDY.units(Options((0, 1)))} == {DRAWN}
    assert {unit.scenario for unit in STUDY.units(Options((0, 1), data="x"))} == {PUBLIC, DRAWN}


def test_figures_are_named_once_and_the_committed_results_measure_each():
    metrics = [metric for _, metric, _ in FIGURES]
    assert len(metrics) == len(set(metrics))
    results = pl.read_parquet(RESULTS)
    assert set(metrics) == set(results["metric"])
    for scenario, metric, figure in FIGURES:
        assert figure.low <= results.filter(scenario=scenario, metric=metric)["value"].mean() <= figure.high, metric


def test_committed_figures_are_those_of_the_code():
    results = pl.read_parquet(RESULTS).filter(scenario=DRAWN, seed=4)
    assert _shares(4) == dict(results.select("metric", "value").iter_rows())
