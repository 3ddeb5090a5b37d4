"""Odd surroundings: variables of the environment, no home, nothing to write to."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from auctionsim.auction.environment import check_environment, quiet_matplotlib
from auctionsim.cli import main
from auctionsim.compiled_code import jit as jit_module
from auctionsim.errors import InputError
from auctionsim.numbers import SEED_LIMIT

from .conftest import SMALL


@pytest.mark.parametrize("name", ["NUMBA_NUM_THREADS", "POLARS_MAX_THREADS"])
@pytest.mark.parametrize("value", ["0", "-2", "2.5", "many"])
def test_a_bad_number_of_threads_is_refused_by_its_name(monkeypatch: pytest.MonkeyPatch, name: str, value: str):
    monkeypatch.setenv(name, value)
    with pytest.raises(InputError, match=f"^{name}: expected a whole number >= 1 in the environment, got '{value}'"):
        check_environment()
    for fine in ("", "1", " 16 "):
        monkeypatch.setenv(name, fine)
        check_environment()


def test_a_command_under_a_bad_variable_ends_in_one_line(tmp_path: Path):
    (tmp_path / "small.toml").write_text(SMALL)
    for variable in ({"NUMBA_NUM_THREADS": "0"}, {"NUMBA_DISABLE_JIT": "1"}):
        words = [sys.executable, "-m", "auctionsim", "check", str(tmp_path / "small.toml")]
        ended = subprocess.run(words, capture_output=True, text=True, env={**os.environ, **variable})
        assert ended.returncode == 2
        assert ended.stderr.splitlines() == [
            line for line in ended.stderr.splitlines() if line.startswith(next(iter(variable)))
        ]
        assert len(ended.stderr.splitlines()) == 1


def test_every_function_is_compiled_through_the_one_place():
    root = Path(jit_module.__file__).parents[1]
    users = [path for path in root.rglob("*.py") if "njit" in path.read_text(encoding="utf-8")]
    assert users == [Path(jit_module.__file__)]


def test_matplotlib_gets_a_folder_only_where_the_user_has_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("MPLCONFIGDIR", "")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "new"))
    with quiet_matplotlib():
        pass
    assert os.environ["MPLCONFIGDIR"] == ""
    monkeypatch.setattr(os, "access", lambda *_: False)
    with quiet_matplotlib():
        pass
    assert Path(os.environ["MPLCONFIGDIR"]).is_dir()


@pytest.mark.parametrize(
    "command", [["train", "small.toml"], ["sweep", "small.toml", "--param", "learner.sigma=uniform(0.1,0.2)"]]
)
def test_seeds_beyond_the_last_are_refused_before_training(
    command: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.chdir(tmp_path)
    Path("small.toml").write_text(SMALL)
    last = str(SEED_LIMIT - 2)
    assert main([*command, "--seeds", "3", "--set", f"seed={last}", "--workers", "0", "--out", "out"]) == 2
    wanted = f"seed: expected a whole number <= {SEED_LIMIT - 3} for 3 seeds < 2^63, got {last}"
    assert capsys.readouterr().err.splitlines() == [wanted]
    assert not Path("out").exists()


def test_the_last_seed_of_all_is_trained_and_reported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    Path("small.toml").write_text(SMALL)
    words = ["train", "small.toml", "--seed", str(SEED_LIMIT - 1), "--set", "train.iterations=1", "--workers", "0"]
    assert main([*words, "--out", "out"]) == 0


@pytest.mark.parametrize(("backend", "used"), [("nonsense", None), ("", None), ("svg", "svg")])
def test_figures_are_drawn_under_a_backend_that_matplotlib_does_not_know(tmp_path: Path, backend: str, used: str | None):
    code = (
        "import os; from auctionsim.analysis.documents import plots; from matplotlib import rcParams; "
        "from matplotlib.figure import Figure; Figure().savefig('a.png'); "
        "print(os.environ['MPLBACKEND'], rcParams._get_backend_or_none())"
    )
    words = [sys.executable, "-c", code]
    paths = os.pathsep.join(path or os.getcwd() for path in sys.path)
    surroundings = {**os.environ, "MPLBACKEND": backend, "PYTHONPATH": paths}
    ended = subprocess.run(words, capture_output=True, text=True, cwd=tmp_path, env=surroundings)
    assert ended.stdout.split(" ") == [backend, f"{used}\n"], ended.stderr
    assert not ended.stderr
    assert (tmp_path / "a.png").stat().st_size > 0
