"""The corpus: a line of JSON per case that was found, with what was wrong, in a file per target. All of them stay repaired."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

from .base import find_target
from .child import Session, limit_memory

CORPUS = Path(__file__).parent / "corpus"


def entries() -> dict[str, dict[str, Any]]:
    """Return the cases of the corpus by name, `TARGET:LINE`: each holds `target`, `found` (in words) and `case`."""
    return {
        f"{path.stem}:{number}": {"target": path.stem, **json.loads(line)}
        for path in sorted(CORPUS.glob("*.jsonl"))
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1)
    }


def add(finding: Path) -> str:
    """Add the case of a finding to the corpus, unless it is there; return the name of the target's file."""
    found = json.loads(finding.read_text())
    path = CORPUS / f"{found['target']}.jsonl"
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    if all(json.loads(line)["case"] != found["case"] for line in lines):
        lines.append(json.dumps({"found": found["found"], "case": found["case"]}))
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    return path.name


def replay(out: Path, names: list[str]) -> None:
    """Run cases of the corpus, or files of findings, in this process; print a line before each, and one if it fails.

    So the parent can tell which case ended this process.
    """
    known = entries()
    cases = {name: known[name] if name in known else json.loads(Path(name).read_text()) for name in names or known}
    sessions = {}
    for target in sorted({entry["target"] for entry in cases.values()}):
        (out / target).mkdir(parents=True, exist_ok=True)
        sessions[target] = Session(find_target(target), target, out / target)
        sessions[target].target.prepare()
    limit_memory(max((session.target.megabytes for session in sessions.values()), default=0))
    for name, entry in cases.items():
        print(f"begin {name}", flush=True)
        found = sessions[entry["target"]].attempt(entry["case"])
        if found is not None:
            print(f"FOUND {name}: {found}", flush=True)
    print(f"replayed {len(cases)}", flush=True)
    shutil.rmtree(out, ignore_errors=True)
