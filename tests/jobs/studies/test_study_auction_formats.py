"""The study `auction-formats`: every cell of the factorials counts once, and the committed figures are those of the page."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import polars as pl
import pytest

from auctionsim.analysis.documents.sections import Table
from auctionsim.jobs.studies.auction_formats import learners, pacing
from auctionsim.jobs.studies.auction_formats.study import FIGURES, STUDY

RESULTS = Path(__file__).parents[3] / "docs" / "results" / "auction-formats.parquet"


def test_means_over_levels_are_those_over_all_cells(monkeypatch: pytest.MonkeyPatch):
    drawn = pacing.draw_market
    monkeypatch.setattr(pacing, "draw_market", lambda *args, **keys: drawn(*args, **keys, episodes=11, rounds=40))
    found = pacing.pacing(0, "pi", pacing.PI_LEVELS)
    for factor in ("level", "bidders", "budget", "reserve", "sigma"):
        for price in ("first", "second"):
            halves = [value for key, value in found.items() if key.startswith(f"pi_{factor}_") and key.endswith(price)]
            assert len(halves) == 2
            assert sum(halves) / 2 == pytest.approx(found[f"pi_{price}"])
    assert found["pi_more"] == pytest.approx(100 * (found["pi_first"] / found["pi_second"] - 1))
    assert found["pi_budget_loose_first"] > found["pi_budget_tight_first"]
    assert found["pi_worst"] >= 1 - 1e-9


@pytest.mark.parametrize(("is_thompson", "times"), [(False, 2), (True, 4)])
def test_eight_seeds_play_every_cell_of_the_bandits_equally_often(
    is_thompson: bool, times: int, monkeypatch: pytest.MonkeyPatch
):
    played: Counter[tuple[object, ...]] = Counter()

    def play(seed: int, key: tuple[int, ...], **setting: object) -> float:
        played[tuple(sorted(setting.items()))] += 1
        return 1.0

    monkeypatch.setattr(learners, "bandit_revenue", play)
    for seed in range(8):
        learners.bandits(seed, "x", is_thompson=is_thompson)
    assert len(played) == (96 if is_thompson else 384)
    assert set(played.values()) == {times}


def test_figures_are_named_once_and_the_committed_results_measure_each():
    metrics = [metric for _, metric, _ in FIGURES]
    assert len(metrics) == len(set(metrics))
    assert all(figure.low < figure.high for _, _, figure in FIGURES)
    results = pl.read_parquet(RESULTS)
    assert set(metrics) <= set(results["metric"])
    assert results["seed"].n_unique() == 8
    # Statements that no tolerance softens: the sign depends on how bidders bid, and the bound on the price of anarchy.
    for prefix in ("dual", "pi"):
        assert results.filter(metric=f"{prefix}_more")["value"].min() > 0
        assert results.filter(metric=f"{prefix}_worst")["value"].max() < 2
    for prefix in ("ucb", "thompson"):
        assert results.filter(metric=f"{prefix}_more")["value"].max() < 0
    tables = [section for section in STUDY.sections(results, pl.DataFrame()) if isinstance(section, Table)]
    assert {row[0] for row in tables[-1].rows} == {scenario for scenario, _, _ in FIGURES}


def test_committed_figures_are_those_of_the_code():
    results = pl.read_parquet(RESULTS)
    kept = dict(results.filter(pl.col("metric").str.starts_with("q_"), seed=5).select("metric", "value").iter_rows())
    assert learners.q_learning(5) == kept
