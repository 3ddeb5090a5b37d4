"""No code that a file names runs where a command refuses it, and the one line says how to allow it."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import auctionsim
from auctionsim.agents.build import build_market
from auctionsim.cli import main
from auctionsim.errors import InputError
from auctionsim.jobs.training.train import train
from auctionsim.plugins import code_allowed
from auctionsim.runs import Run
from auctionsim.scenario.file import load_scenario, parse_scenario

from ..conftest import SMALL
from ..own_learner import write_lab

RULE = """
from pathlib import Path
Path("ran").touch()
class Rule:
    def __init__(self, market, advertisers): self.who = advertisers
    def begin(self, market, day, n_policies):
        from auctionsim.market.policy import DayPolicy
        import numpy as np
        return DayPolicy(lambda state: np.ones((len(self.who), 4, n_policies)) * [[[0], [0], [0], [1]]])
"""
GROUP = '[[advertisers]]\ngroup = "ruled"\ncount = 2\ncontroller = "refused_rule:Rule"\n[learner]'


@pytest.fixture(autouse=True)
def _modules_of_a_test_are_forgotten() -> Iterator[None]:
    yield
    for name in ("refused_rule", "lab_learner", "lab_constants"):
        sys.modules.pop(name, None)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder, with a rule that leaves a trace when it is imported, and a scenario that names it."""
    (tmp_path / "refused_rule.py").write_text(RULE)
    (tmp_path / "s.toml").write_text(SMALL.replace("[learner]", GROUP))
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def half_trained(folder: Path) -> Path:
    """A run that names the rule and is not at its end; the rule's trace is removed."""
    scenario = load_scenario("s.toml")
    run = Run.create(folder / "run", scenario, (folder / "s.toml").read_text(), seeds=(0,), command="test")
    train(run, until=1)
    (folder / "ran").unlink()
    sys.modules.pop("refused_rule")
    return run.path


REFUSED = [
    ("check", "s.toml"),
    ("train", "s.toml", "--out", "o", "--no-code"),
    ("demo", "--scenario", "s.toml", "--out", "o", "--no-code"),
    ("sweep", "s.toml", "--param", "learner.sigma=choice(0.1,0.2)", "--out", "o", "--no-code"),
]


@pytest.mark.parametrize("words", REFUSED, ids=lambda words: words[0])
def test_a_scenario_that_names_a_class_is_refused_before_anything_is_imported_or_written(
    folder: Path, words: tuple[str, ...], capsys: pytest.CaptureFixture[str]
):
    assert main(list(words)) == 2
    (line,) = capsys.readouterr().err.splitlines()[-1:]
    assert line == (
        "s.toml: advertisers[1].controller: expected a built-in name where no code may run, got 'refused_rule:Rule' "
        "(--allow-code imports and runs it)"
    )
    assert not (folder / "ran").exists()
    assert not (folder / "o").exists()


def test_a_sweep_over_classes_is_refused(folder: Path, capsys: pytest.CaptureFixture[str]):
    words = ["sweep", "three-arms", "--param", 'learner.algorithm=choice("macg-es","refused_rule:Rule")', "--no-code"]
    assert main([*words, "--out", "o"]) == 2
    assert "expected a built-in name where no code may run" in capsys.readouterr().err
    assert not (folder / "ran").exists()


@pytest.mark.parametrize("command", ["resume", "evaluate"])
def test_the_stored_scenario_of_a_run_is_not_trusted(half_trained: Path, command: str, capsys: pytest.CaptureFixture[str]):
    before = {path: path.read_bytes() for path in half_trained.rglob("*") if path.is_file()}
    assert main([command, str(half_trained)]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"{half_trained}/scenario.toml: advertisers[1].controller: expected a built-in name where no code")
    assert not Path("ran").exists()
    assert {path: path.read_bytes() for path in half_trained.rglob("*") if path.is_file()} == before


def test_the_control_of_such_a_run_is_refused_before_it_is_made(folder: Path, capsys: pytest.CaptureFixture[str]):
    text = SMALL.replace("count = 5", "count = 5\nbudget = 1.0").replace("[learner]", GROUP)
    run = Run.create(folder / "run", parse_scenario(text, "s.toml"), text, seeds=(0,), command="test")
    run.set_status("finished")
    assert main(["control", "run"]) == 2
    assert "expected a built-in name where no code may run, got 'refused_rule:Rule'" in capsys.readouterr().err
    assert not (folder / "ran").exists()
    assert not (run.path / "control").exists()


def test_a_run_with_a_class_goes_on_where_code_is_allowed(half_trained: Path):
    assert main(["resume", str(half_trained), "--allow-code"]) == 0
    assert Path("ran").exists()
    assert Run.open(half_trained).status == "finished"


def test_check_says_which_code_it_runs(folder: Path, capsys: pytest.CaptureFixture[str]):
    assert main(["check", "s.toml", "--allow-code"]) == 0
    assert "s.toml: advertisers[1].controller: refused_rule:Rule is code of your own" in capsys.readouterr().err
    assert (folder / "ran").exists()


def test_a_learner_of_one_s_own_is_refused_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys):
    name = write_lab(tmp_path)
    (tmp_path / "s.toml").write_text(SMALL.replace("[learner]", f'[learner]\nalgorithm = "{name}"'))
    monkeypatch.chdir(tmp_path)
    assert main(["check", "s.toml"]) == 2
    assert f"learner.algorithm: expected a built-in name where no code may run, got '{name}'" in capsys.readouterr().err
    assert "lab_learner" not in sys.modules


def test_both_flags_are_one_too_many(capsys: pytest.CaptureFixture[str]):
    assert main(["check", "three-arms", "--no-code", "--allow-code"]) == 2
    assert "--allow-code: not allowed with argument --no-code" in capsys.readouterr().err


def test_in_python_code_is_refused_only_where_it_is_asked(folder: Path):
    scenario = load_scenario("s.toml")
    with code_allowed(False), pytest.raises(InputError, match="expected a built-in name where no code may run"):
        build_market(scenario)
    assert not (folder / "ran").exists()
    build_market(scenario)
    assert (folder / "ran").exists()


def test_a_file_of_the_current_folder_stands_in_for_no_library(tmp_path: Path):
    for name in ("numpy", "pydantic", "tomllib", "argparse"):
        (tmp_path / f"{name}.py").write_text("raise SystemExit(7)")
    root = str(Path(auctionsim.__file__).parents[1])
    done = subprocess.run(
        [sys.executable, "-m", "auctionsim", "check", "three-arms", "--set", "traffic.auctions_per_day=1000"],
        cwd=tmp_path, env={"PYTHONPATH": root, "PATH": ""}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stderr.splitlines()[-1:]) == (0, ["next: auctionsim train three-arms"])


@pytest.mark.parametrize(
    ("key", "name", "message"),
    [
        ("advertisers.0.controller", "auctionsim.market.policy:Constant", "made with (market, advertisers), got an error of"),
        ("advertisers.0.controller", "builtins:object", "expected a class with begin(market, day, n_policies), got"),
        (
            "learner.algorithm",
            "auctionsim.agents.learners.base:Learner",
            "expected a class that can be made with (scenario), got",
        ),
    ],
)
def test_a_class_that_is_none_of_the_kind_is_told_in_one_line(folder: Path, key: str, name: str, message: str, capsys):
    (folder / "plain.toml").write_text(SMALL)
    assert main(["check", "plain.toml", "--allow-code", "--set", f'{key}="{name}"']) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("plain.toml: ")
    assert message in line
