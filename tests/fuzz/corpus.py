"""The corpus: one file per case that was found, with what was wrong. All of them stay repaired."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path
from typing import Any

from .base import Case, all_targets
from .child import Session, limit_memory

CORPUS = Path(__file__).parent / "corpus"


def entries() -> dict[str, dict[str, Any]]:
    """Return the files of the corpus by name, `TARGET/CASE`: each holds `target`, `found` (in words) and `case`."""
    paths = sorted(CORPUS.glob("*/*.json"))
    return {str(path.relative_to(CORPUS).with_suffix("")): json.loads(path.read_text()) for path in paths}


def replay(out: Path, names: list[str]) -> None:
    """Run cases of the corpus, or files of findings, in this process; print a line for each that fails.

    The parent reads which case was the last one, so that it can tell of one that ended this process.
    """
    known = entries()
    cases: list[tuple[str, str, Case]] = []
    for name in names or list(known):
        entry = known[name] if name in known else json.loads(Path(name).read_text())
        cases.append((name, entry["target"], entry["case"]))
    targets = all_targets()
    sessions = {}
    for target in sorted({target for _, target, _ in cases}):
        (out / target).mkdir(parents=True, exist_ok=True)
        targets[target].prepare()
        sessions[target] = Session(targets[target], target, out / target)
    limit_memory(max((targets[target].megabytes for target in sessions), default=0))
    for name, target, case in cases:
        print(f"begin {name}", flush=True)
        found = sessions[target].attempt(case)
        if found is not None:
            print(f"FOUND {name}: {found}", flush=True)
    print(f"replayed {len(cases)}", flush=True)
    shutil.rmtree(out, ignore_errors=True)
    sys.stdout.flush()
