"""The study of the verdict on collusion: units, and what its document says."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from auctionsim.analysis.economics.outcome_library.kinds import kinds
from auctionsim.cli import main


@pytest.mark.long
def test_the_quick_form_judges_both_halves_and_ends_in_a_confusion_table(tmp_path: Path):
    assert main(["reproduce", "collusion-library", "--quick", "--seeds", "1", "--out", str(tmp_path / "out")]) == 0
    results = pl.read_parquet(tmp_path / "out" / "results.parquet")
    assert set(results["scenario"]) == {"held back", "tuning"}
    verdicts = results.filter(pl.col("metric").str.starts_with("verdict"))
    judged = verdicts.group_by("scenario", "arm", "seed").agg(pl.col("value").sum())
    # Every 27th kind, one seed, in both halves, each with one verdict.
    assert len(judged) == 2 * len(kinds()[::27])
    assert set(judged["value"]) == {1.0}
    text = (tmp_path / "out" / "table.md").read_text()
    assert "| nobody colludes |" in text
    assert "On the half that was held back, " in text


def test_the_committed_verdicts_keep_the_promised_rates():
    results = pl.read_parquet(Path(__file__).parents[3] / "docs" / "results" / "collusion-library.parquet")
    colludes = {kind.name: kind.colludes for kind in kinds()}
    held_back = results.filter(scenario="held back", metric="verdict coordination")
    assert set(held_back["arm"]) == set(colludes)
    called = {
        truth: held_back.filter(pl.col("arm").replace_strict(colludes) == truth)["value"].mean() for truth in (False, True)
    }
    assert called[False] <= 0.02  # type: ignore[operator]
    assert called[True] >= 0.9  # type: ignore[operator]
