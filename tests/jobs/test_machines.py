"""Machines whose arithmetic differs in what a learner depends on are told apart, in one line, and others never."""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from auctionsim.agents.learners.fingerprint import SAME_EVERYWHERE, fingerprint, parts
from auctionsim.agents.learners.registry import learner_names
from auctionsim.jobs.distributed.cluster import RayPool, SerialPool, open_pool
from auctionsim.jobs.training.machines import compare_machines
from auctionsim.runs import Run

from .test_runs import new_run


class Nodes(SerialPool):
    """A pool of machines whose fingerprints are given."""

    def __init__(self, **found: dict[str, str] | None) -> None:
        self._found = found

    def on_each_node(self, function: Any, *arguments: Any) -> dict[str, Any]:
        return dict(self._found)


def said(run: Run, pool: SerialPool, algorithm: str, caplog: pytest.LogCaptureFixture) -> list[str]:
    caplog.clear()
    with caplog.at_level(logging.WARNING, "auctionsim"):
        compare_machines(run, pool, algorithm)
    return [record.getMessage() for record in caplog.records]


@pytest.fixture
def run(tmp_path: Path) -> Run:
    return new_run(tmp_path / "run")


def test_torch_counts_for_learners_that_train_networks_by_it_alone():
    assert {name for name in learner_names() if parts(name) == ("own",)} == set(SAME_EVERYWHERE)
    assert parts("mine:Learner")[:2] == ("own", "numpy")


def test_like_machines_are_not_mentioned(run: Run, caplog: pytest.LogCaptureFixture):
    here = fingerprint(("own", "torch"))
    assert said(run, Nodes(a=here, b=here), "ippo", caplog) == []
    assert said(run, SerialPool(), "ippo", caplog) == []


def test_nodes_that_round_torch_otherwise_are_named_in_one_line(run: Run, caplog: pytest.LogCaptureFixture):
    here = fingerprint(("own", "torch"))
    (line,) = said(run, Nodes(a=here, b={**here, "torch": "0"}), "ippo", caplog)
    assert line.startswith("auctionsim: 1 of 2 nodes (b) round torch otherwise than this machine, so ippo gives other bytes")


def test_what_a_learner_does_not_depend_on_is_not_mentioned(run: Run, caplog: pytest.LogCaptureFixture):
    here = fingerprint(("own", "torch"))
    assert said(run, Nodes(b={**here, "torch": "0"}), "macg-es", caplog) == []
    (line,) = said(run, Nodes(b={"own": "0"}), "macg-es", caplog)
    assert "round auctionsim's own arithmetic otherwise" in line


def test_a_node_that_does_not_answer_is_not_taken_for_alike(run: Run, caplog: pytest.LogCaptureFixture):
    (line,) = said(run, Nodes(busy=None), "macg-es", caplog)
    assert line.startswith("auctionsim: 1 of 1 nodes (busy) are busy")


def test_a_run_that_goes_on_elsewhere_says_so(run: Run, caplog: pytest.LogCaptureFixture):
    assert said(run, SerialPool(), "ippo", caplog) == []
    path = run.path / "manifest.json"
    manifest = json.loads(path.read_text())
    assert manifest["arithmetic"] == fingerprint(("own", "torch"))
    path.write_text(json.dumps({**manifest, "arithmetic": {**manifest["arithmetic"], "torch": "0"}}))
    (line,) = said(run, SerialPool(), "ippo", caplog)
    assert line.startswith(f"auctionsim: {run.path}: begun on a machine that rounds torch otherwise than this one")
    # The run keeps where it began.
    assert run.arithmetic is not None
    assert run.arithmetic["torch"] == "0"


def test_a_run_of_a_version_without_fingerprints_goes_on_silently(run: Run, caplog: pytest.LogCaptureFixture):
    assert run.arithmetic is None
    assert said(run, SerialPool(), "macg-es", caplog) == []


@pytest.mark.parametrize(
    ("variables", "differs"),
    [({"ATEN_CPU_CAPABILITY": "default"}, True), ({"OPENBLAS_CORETYPE": "Nehalem", "OMP_NUM_THREADS": "2"}, False)],
    ids=["torch without vector instructions", "what torch does not use"],
)
def test_the_fingerprint_sees_what_torch_computes_otherwise(variables: dict[str, str], differs: bool):
    code = "from auctionsim.agents.learners.fingerprint import *; import json; print(json.dumps(fingerprint(('own', 'torch'))))"
    ended = subprocess.run(
        [sys.executable, "-c", code], env={**os.environ, **variables}, capture_output=True, text=True, check=True
    )
    here, there = fingerprint(("own", "torch")), json.loads(ended.stdout)
    assert here["own"] == there["own"]
    assert (here["torch"] != there["torch"]) is differs


@pytest.mark.long
@pytest.mark.ray
@pytest.mark.xdist_group("ray")
@pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.filterwarnings("ignore:Tip. In future versions of Ray:FutureWarning")
def test_every_node_of_ray_is_asked():
    with open_pool(1) as pool:
        assert isinstance(pool, RayPool)
        (found,) = RayPool(pool.ray).on_each_node(fingerprint, ("own",)).values()
    assert found == fingerprint(("own",))
