"""The study `equilibria`: every figure has a part that measures it, and the quick form agrees."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from auctionsim.cli import main
from auctionsim.equilibria import fppe
from auctionsim.jobs.studies.equilibria import markets, pacing
from auctionsim.jobs.studies.equilibria.figures import FIGURES
from auctionsim.jobs.studies.equilibria.study import STUDY


@pytest.mark.long
def test_the_quick_form_reproduces_all_closed_forms(tmp_path: Path):
    assert main(["reproduce", "equilibria", "--quick", "--seeds", "1", "--out", str(tmp_path / "out")]) == 0
    results = pl.read_parquet(tmp_path / "out" / "results.parquet")
    figures = {metric: figure for _, metric, figure in FIGURES}
    shown = results.filter(pl.col("metric").is_in(list(figures)))
    assert shown.height >= 25
    wrong = [
        (metric, value)
        for metric, value in shown.select("metric", "value").iter_rows()
        if not figures[metric].low <= value <= figures[metric].high
    ]
    assert wrong == []
    assert "FPPE example 1: prices" in (tmp_path / "out" / "table.md").read_text()


def test_figures_are_named_once_and_their_ranges_are_ranges():
    metrics = [metric for _, metric, _ in FIGURES]
    assert len(metrics) == len(set(metrics))
    assert all(figure.low <= figure.high for _, _, figure in FIGURES)
    assert STUDY.n_seeds == 5


def test_every_figure_is_measured_by_some_part(monkeypatch: pytest.MonkeyPatch):
    for name in ("AUTOBIDDING_MARKETS", "PACED_MARKETS", "ADWORDS_MARKETS"):
        monkeypatch.setattr(markets, name, 1)
    for name in ("MONOTONE_MARKETS", "THROTTLED_MARKETS"):
        monkeypatch.setattr(pacing, name, 1)
    monkeypatch.setattr(pacing, "BIDDERS", (2, 6))
    monkeypatch.setattr(pacing, "GOODS", (4,))
    measured = {
        *pacing.examples(), *pacing.random_markets(0), *pacing.monotone(0), *pacing.throttling(0), *markets.tight_instance(),
        *markets.one_object(), *markets.multiplicative_weights(0), *markets.gradient_pacing(0), *markets.adwords(0),
        *markets.slot_toy(), *(name for option in markets.OPTIONS for name in markets.autobidding(0, option)),
    }  # fmt: skip
    assert {metric for _, metric, _ in FIGURES} <= measured


def test_regret_is_computed_a_bidder_that_could_bid_less_has_some():
    # Alone with a budget for everything it bids its value for goods that it would get for nothing.
    found = fppe([(1, 1), (0.01, 0.01)], [5, 5])
    assert pacing.regret(found)[0] == pytest.approx(0.99, abs=1e-3)
    tied = fppe([(1, 1), (1, 1)], [5, 5])
    assert np.abs(pacing.regret(tied)).max() < 1e-6
