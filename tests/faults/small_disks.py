"""Train on file systems of many sizes, all too small but the last; run by a test in a namespace in which it may mount them.

    unshare -rm python -m tests.faults.small_disks FOLDER SIZE...

It prints a line of JSON for each size, in kilobytes: how the training ended, and whether it went on to the same bytes.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

from auctionsim.jobs.distributed.cluster import SerialPool
from auctionsim.jobs.training.train import train
from auctionsim.runs import Run

from ..jobs.test_runs import contents, new_run, nothing


def main() -> None:
    """Try every size."""
    folder = Path(sys.argv[1])
    whole = new_run(folder / "whole", seeds=(0,))
    train(whole, SerialPool(), nothing)
    for size in map(int, sys.argv[2:]):
        small = folder / f"small-{size}"
        small.mkdir()
        subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}k", "tmpfs", str(small)], check=True)
        print(json.dumps({"size": size, **tried(small, folder / f"larger-{size}", whole)}), flush=True)


def tried(small: Path, larger: Path, whole: Run) -> dict[str, object]:
    """Train on a small file system, then go on in a folder on a larger one."""
    found: dict[str, object] = {"error": None, "file": None}
    try:
        train(new_run(small / "run", seeds=(0,)), SerialPool(), nothing)
    except OSError as error:
        found = {"error": error.strerror, "file": str(Path(str(error.filename)).relative_to(small))}
    found["hidden"] = [path.name for path in small.rglob(".*")]
    found["status"] = Run(small / "run").status if (small / "run").exists() else None
    if found["status"] is not None:
        shutil.copytree(small / "run", larger)
        train(Run(larger), SerialPool(), nothing)
        found["same"] = contents(Run(larger)) == contents(whole)
    return found


if __name__ == "__main__":
    main()
