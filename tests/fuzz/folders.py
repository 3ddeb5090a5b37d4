"""What targets break: a finished run, an interrupted one, a table, a stored day. Made once, copied into a case's folder."""

from __future__ import annotations

import atexit
import contextlib
import io
import json
import shutil
import tempfile
from functools import cache
from pathlib import Path

from auctionsim.agents.build import build_market
from auctionsim.cli import main
from auctionsim.jobs.distributed.cluster import SerialPool
from auctionsim.jobs.training.train import train
from auctionsim.runs import Run
from auctionsim.scenario.file import parse_scenario
from auctionsim.traffic.files import save_traffic

SCENARIO = """
name = "small"
[traffic]
auctions_per_day = 60
queries = 5
candidates = 3
days = 2
train_days = [0]
test_days = [1]
[mechanism]
reserve = 0.01
[[advertisers]]
group = "seller"
count = 3
budget = "baseline*0.8"
[learner]
population = 4
[train]
iterations = 2
checkpoint_every = 1
"""


@cache
def home() -> Path:
    """Return a folder with `run`, `interrupted`, `scenario.toml`, `table.parquet` and `table.csv`."""
    folder = Path(tempfile.mkdtemp(prefix="auctionsim-fuzz-home-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    (folder / "scenario.toml").write_text(SCENARIO)
    run = Run.create(folder / "run", parse_scenario(SCENARIO, "scenario.toml"), SCENARIO, seeds=(0, 1), command="test")
    train(run, SerialPool(), lambda _: None)
    shutil.copytree(folder / "run", folder / "interrupted")
    shutil.copytree(folder / "run", folder / "warm")
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        # What these import takes longer than they do.
        for command in ("evaluate", "report", "control"):
            main([command, str(folder / "warm")])
    manifest = folder / "interrupted" / "manifest.json"
    manifest.write_text(json.dumps(json.loads(manifest.read_text()) | {"status": "interrupted"}))
    save_traffic(build_market(parse_scenario(SCENARIO, "scenario.toml")).traffic, folder / "table.parquet")
    return folder


def put(*names: str) -> None:
    """Copy some of `home` into the current folder."""
    for name in names:
        source = home() / name
        if source.is_dir():
            shutil.copytree(source, name)
        else:
            shutil.copy(source, name)
