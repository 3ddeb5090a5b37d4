"""A document written again removes what a killed process left of it."""

from __future__ import annotations

from pathlib import Path

from auctionsim.analysis.documents.sections import Text, write_document


def test_what_a_killed_report_left_is_removed_by_the_next(tmp_path: Path):
    figures = tmp_path / "report" / "figures"
    figures.mkdir(parents=True)
    places = (tmp_path, tmp_path / "report", figures)
    for place in places:
        (place / ".trade-off.svg.26493-4ee2c9d8f5e927dc.part").write_text("half")
    write_document("t", ["auctionsim report"], [Text("a")], tmp_path)
    assert [path.name for place in places for path in place.glob(".*")] == []
