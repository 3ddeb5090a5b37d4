"""The frame of the fuzzers finds faults of every kind, and outlives them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from .__main__ import child, fuzz_target
from .base import Violation, all_targets, signature
from .corpus import entries


@pytest.mark.parametrize(
    ("fault", "found"),
    [
        ("RAISES", "KeyError in elsewhere"),
        ("SEGFAULTS", "the process ended with -11: "),
        pytest.param("HANGS", "the process ended with 1: ", marks=pytest.mark.long),
        ("EATS_MEMORY", "MemoryError in elsewhere"),
        ("WRITES_OUTSIDE", "writes nothing outside of its folder: "),
        ("LEAVES_TEMPORARY_FILES", "leaves no temporary files: "),
        ("NAMES_NOTHING", "a message names the argument: "),
    ],
)
def test_a_fault_is_found_and_kept_with_its_case(tmp_path: Path, fault: str, found: str):
    name = f"tests.fuzz.faulty:{fault}"
    tally = fuzz_target(name, tmp_path, seed=1, seconds=100, cases=1 if "ended" in found else 60)
    assert tally.findings >= 1
    kept = [json.loads(path.read_text()) for path in (tmp_path / name).glob("*.json") if path.stem not in ("counts", "current")]
    assert any(one["found"].startswith(found) for one in kept), kept
    # What does not end the process is made as small as it gets.
    assert tally.ended == ("ended" in found)
    assert tally.ended or [one["case"]["n"] for one in kept] == [101]


def test_what_keeps_its_promises_is_no_finding(tmp_path: Path):
    tally = fuzz_target("tests.fuzz.faulty:RIGHT", tmp_path, seed=1, seconds=60, cases=20)
    assert (tally.findings, tally.ended) == (0, 0)
    assert tally.executed == 20


def test_findings_of_one_cause_have_one_signature():
    first, second = (Violation("exit 2 writes nothing", f"out/{n}/x is new") for n in (1, 2))
    assert signature(first) == signature(second)
    assert signature(first) != signature(Violation("inputs stay as they were", "out/1/x is new"))


def test_every_case_that_was_found_stays_repaired(tmp_path: Path):
    known = entries()
    assert {entry["target"] for entry in known.values()} <= set(all_targets())
    done = child({"replay": [], "out": str(tmp_path / "out")}, timeout=280)
    assert done.returncode == 0, (done.stdout[-300:], done.stderr[-2000:])
    assert "FOUND" not in done.stdout, [line for line in done.stdout.splitlines() if line.startswith("FOUND")]
    assert done.stdout.splitlines()[-1] == f"replayed {len(known)}"
