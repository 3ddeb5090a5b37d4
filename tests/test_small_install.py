"""The base alone: what an installation without extras does, and the one line in which the rest ends.

The libraries of the extras are installed here, so the tests run processes that refuse to import them.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tomllib
from collections.abc import Mapping
from pathlib import Path

import pytest

import auctionsim
from auctionsim.extras import EXTRA_OF, MissingExtra, expect_library, is_installed

from .conftest import SMALL

CHECKOUT = Path(auctionsim.__file__).parents[1]
HIDE = f"""
import json, sys
class Hide:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in {sorted([*EXTRA_OF, "pandas"])!r}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)
sys.meta_path.insert(0, Hide())
"""
COMMANDS = """
import contextlib, io
from auctionsim.cli import main
ended = []
for words in json.loads(sys.argv[1]):
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = main(words)
    ended.append([code, out.getvalue(), err.getvalue()])
print(json.dumps(ended))
"""


def run_base(folder: Path, code: str, *arguments: str) -> str:
    """What a process prints that has the base alone; it must end well."""
    path = os.pathsep.join(os.path.abspath(entry) for entry in sys.path)
    done = subprocess.run([sys.executable, "-c", HIDE + code, *arguments], cwd=folder, capture_output=True, text=True,
                          env={**os.environ, "PYTHONPATH": path})  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout


def commands(folder: Path, *lines: list[str]) -> list[tuple[int, str, str]]:
    """Exit code, stdout and stderr of command lines of `auctionsim`, run one after the other in one process."""
    (folder / "small.toml").write_text(SMALL)
    return [(code, out, err) for code, out, err in json.loads(run_base(folder, COMMANDS, json.dumps(lines)))]


def project() -> Mapping[str, object]:
    found: Mapping[str, object] = tomllib.loads((CHECKOUT / "pyproject.toml").read_text())["project"]
    return found


@pytest.mark.slow
@pytest.mark.long
def test_the_base_checks_trains_and_reports_without_any_extra(tmp_path: Path):
    few = ["--set", "train.iterations=2"]
    ended = commands(
        tmp_path,
        ["scenarios"],
        ["check", "small.toml"],
        ["train", "small.toml", *few, "--set", 'learner.algorithm="cma-es"', "--out", "run"],
        ["demo", "--scenario", "small.toml", "--quick", "--seeds", "1", *few, "--out", "demo"],
    )
    assert [(code, err) for code, _, err in ended if code] == []
    assert "one process, as Ray is not installed (one per core: pip install 'auctionsim[cluster]')" in ended[3][2]
    for page in ("run/report", "demo/report"):
        assert (tmp_path / page / "index.html").stat().st_size > 10_000
    assert list((tmp_path / "run" / "tensorboard").iterdir())


def test_environments_and_replays_need_no_extra(tmp_path: Path):
    (tmp_path / "small.toml").write_text(SMALL)
    code = """
import numpy as np
import auctionsim
from auctionsim.envs import AuctionVectorEnv, env, parallel_env
one = parallel_env("small.toml")
one.reset(seed=0)
one.step({agent: one.action_space(agent).sample() for agent in one.agents})
AuctionVectorEnv("small.toml", num_envs=2).reset(seed=0)
env("small.toml").reset(seed=0)
market = auctionsim.build_market(auctionsim.load_scenario("small.toml"))
bids = np.ones((5, 1, 3))
print(auctionsim.replay(market.traffic, coefficients=bids, features=("keyword_bid",)).revenue.sum() > 0)
"""
    assert run_base(tmp_path, code).strip() == "True"


NEED_NONE = "macg-es, openai-es, cma-es, value-scale, value-scale-paced, objective-scale"
TORCH = f"needs torch: pip install 'auctionsim[rl]' ({NEED_NONE} need no extra)"
RAY = "needs ray: pip install 'auctionsim[cluster]' (0 workers need no extra, and the results are the same)"
IPPO = ["--set", 'learner.algorithm="ippo"']


def test_whatever_needs_a_missing_extra_ends_in_one_line_and_writes_nothing(tmp_path: Path):
    cases = [
        (["train", "small.toml", *IPPO], f'small.toml: learner.algorithm = "ippo" {TORCH}'),
        (["demo", "--scenario", "small.toml", *IPPO], f'small.toml: learner.algorithm = "ippo" {TORCH}'),
        (["train", "small.toml", "--workers", "2"], f"--workers 2 {RAY}"),
        (["train", "small.toml", "--workers", "auto"], f"--workers auto {RAY}"),
        (["train", "small.toml", "--set", "cluster.workers=3"], f"cluster.workers = 3 {RAY}"),
        (["demo", "--quick", "--workers", "1"], f"--workers 1 {RAY}"),
        (["train", "small.toml", "--address", "auto"], "--address auto needs ray: pip install 'auctionsim[cluster]'"),
        (["bench", "--cluster"], "auctionsim bench --cluster needs ray: pip install 'auctionsim[cluster]'"),
        (["reproduce", "ss-rtb", "--quick"], "auctionsim reproduce ss-rtb needs torch: pip install 'auctionsim[rl]'"),
        (["reproduce", "leaderboard"], "auctionsim reproduce leaderboard needs torch: pip install 'auctionsim[rl]'"),
        (["ingest", "logs", "--format", "ipinyou", "--out", "t.parquet"],
         "auctionsim ingest needs duckdb: pip install 'auctionsim[ingest]'"),
    ]  # fmt: skip
    ended = commands(tmp_path, *(words for words, _ in cases))
    assert [(code, err) for code, _, err in ended] == [(2, f"{line}\n") for _, line in cases]
    assert [path.name for path in tmp_path.iterdir()] == ["small.toml"]


def test_a_swept_learner_that_needs_a_missing_extra_is_refused_before_anything_is_written(tmp_path: Path):
    words = ["sweep", "small.toml", "--param", 'learner.algorithm=choice("macg-es","maab")']
    ((code, _, err),) = commands(tmp_path, words)
    assert (code, err.count("\n")) == (2, 1)
    assert f'learner.algorithm = "maab" {TORCH}' in err
    assert [path.name for path in tmp_path.iterdir()] == ["small.toml"]


def test_check_warns_of_a_learner_whose_library_is_missing(tmp_path: Path):
    ((code, out, err),) = commands(tmp_path, ["check", "small.toml", *IPPO])
    assert code == 0
    assert f'small.toml: warning: learner.algorithm = "ippo" {TORCH}' in out + err


LEARNERS = "auctionsim.agents.learners"


@pytest.mark.parametrize(
    ("module", "line"),
    [
        (f"{LEARNERS}.rl.ppo", "auctionsim.agents.device.array needs torch: pip install 'auctionsim[rl]'"),
        (f"{LEARNERS}.grouped.dcmab", f"{LEARNERS}.rl.stacked_mlp needs torch: pip install 'auctionsim[rl]'"),
        (f"{LEARNERS}.ss_rtb.rmdp", f"{LEARNERS}.rl.stacked_mlp needs torch: pip install 'auctionsim[rl]'"),
        ("auctionsim.traffic.ingest.pipeline", "auctionsim.traffic.ingest needs duckdb: pip install 'auctionsim[ingest]'"),
    ],
)
def test_python_names_the_missing_extra_too(tmp_path: Path, module: str, line: str):
    caught = f"try: import {module}\nexcept ImportError as error: print(error)"
    assert run_base(tmp_path, caught).strip() == line


def test_an_environment_in_torch_names_the_missing_extra(tmp_path: Path):
    caught = "from auctionsim.envs import torch_env\ntry: torch_env()\nexcept ImportError as error: print(error)"
    assert run_base(tmp_path, caught).strip() == "torch_env needs torch: pip install 'auctionsim[rl]'"


def test_a_pool_of_workers_names_the_missing_extra_in_python(tmp_path: Path):
    code = """
from auctionsim.jobs.distributed.cluster import open_pool
try:
    with open_pool(2): pass
except ValueError as error: print(error)
"""
    assert run_base(tmp_path, code).strip() == f"workers = 2 {RAY}"


def test_a_folder_named_like_a_library_is_no_library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "sparse_library").mkdir()
    assert not is_installed("sparse_library")
    monkeypatch.setitem(EXTRA_OF, "sparse_library", "rl")
    with pytest.raises(MissingExtra, match=r"^here needs sparse_library: pip install 'auctionsim\[rl\]' \(there\)$"):
        expect_library("sparse_library", "here", "there")


def test_every_extra_that_is_named_exists_and_brings_its_library():
    extras = project()["optional-dependencies"]
    assert isinstance(extras, dict)
    assert set(EXTRA_OF.values()) < set(extras)
    for library, extra in EXTRA_OF.items():
        distribution = {"sklearn": "scikit-learn", "stable_baselines3": "stable-baselines3"}.get(library, library)
        assert any(re.match(rf"{distribution}\b", item) for item in extras[extra]), library
    # Other people's learners are not in it.
    assert extras["all"] == ["auctionsim[cluster,ingest,rl,xlsx]"]


def test_the_base_holds_no_library_of_an_extra():
    dependencies = project()["dependencies"]
    assert isinstance(dependencies, list)
    names = {re.split(r"[\[<>=]", item)[0] for item in dependencies}
    assert not names & {*EXTRA_OF, "scikit-learn"}
