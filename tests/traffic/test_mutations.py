"""Mutated stored traffic and mutated tables are read or refused: nothing else is raised, and outcomes stay sound."""

from __future__ import annotations

from pathlib import Path

import pytest

from ..mutations import stored
from ..mutations.__main__ import run_cases


@pytest.mark.parametrize("what", ["stored", "tables"])
def test_mutations_end_in_outcomes_or_in_one_line(tmp_path: Path, what: str):
    stored.write_day(tmp_path / "day")
    ends = run_cases(what, tmp_path, range(10_000, 10_150))
    assert set(ends) == {"sound", "refused"}
    assert min(ends.values()) > 5
