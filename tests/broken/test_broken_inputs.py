"""The corpus of broken inputs: each ends in exit code 2 and one line that says where, what was expected and what came."""

from __future__ import annotations

import hashlib
import shlex
import shutil
from pathlib import Path

import pytest

from auctionsim.cli import main
from auctionsim.jobs.distributed.cluster import SerialPool
from auctionsim.jobs.training.train import train
from auctionsim.runs import Run
from auctionsim.scenario.file import parse_scenario

from ..conftest import SMALL
from . import flags, kinds, logs, runs, scenarios, tables
from .case import Broken

TABLES = (scenarios, tables, logs, runs, kinds, flags)
CORPUS = {name: broken for table in TABLES for name, broken in table.CASES.items()}


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run of one seed."""
    folder = tmp_path_factory.mktemp("finished") / "run"
    run = Run.create(folder, parse_scenario(SMALL, "small.toml"), SMALL, seeds=(0,), command="test")
    train(run, SerialPool(), lambda _: None)
    return folder


def fingerprint(folder: Path) -> dict[str, str]:
    """Every file and folder below, and what is in it."""
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else "folder"
        for path in folder.rglob("*")
    }


@pytest.mark.parametrize("broken", [pytest.param(broken, id=name) for name, broken in CORPUS.items()])
def test_broken_input_ends_in_one_line_and_nothing_is_written(
    tmp_path: Path,
    finished: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    broken: Broken,
):
    if broken.on_run is not None:
        shutil.copytree(finished, tmp_path / "run")
        broken.on_run(tmp_path / "run")
    for name, contents in broken.files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(contents.encode() if isinstance(contents, str) else contents)
    monkeypatch.chdir(tmp_path)
    before = fingerprint(tmp_path)
    code = main(shlex.split(broken.command))
    said = capsys.readouterr()
    assert code == 2
    assert said.out == ""
    assert said.err.startswith(broken.says), said.err
    assert said.err.count("\n") == 1
    assert len(said.err) < 2000
    # Where, what was expected, what came: the second and third in one of a few forms.
    assert " expected " in said.err or "unknown" in said.err
    assert " got " in said.err or "choose from" in said.err or "unknown arguments --" in said.err
    assert fingerprint(tmp_path) == before


def test_the_corpus_has_no_input_twice():
    sizes = [len(table.CASES) for table in TABLES]
    assert len(CORPUS) == sum(sizes) >= 60
    inputs = [(b.command, tuple(sorted((k, str(v)) for k, v in b.files.items())), b.on_run) for b in CORPUS.values()]
    assert len(set(inputs)) == len(inputs)
