"""The command line as a user meets it: exit codes, one-line errors, and runs that can be interrupted."""

from __future__ import annotations

import argparse
import json
import os
import re
import resource
import shlex
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from pydantic_core import SchemaError

from auctionsim.cli import command_modules, main, make_parser
from auctionsim.commands import scenarios
from auctionsim.commands._common import path_text, utf8_path
from auctionsim.errors import RenamedWarning
from auctionsim.runs import Run


def call(*arguments: str, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "auctionsim", *arguments], capture_output=True, text=True, cwd=cwd, timeout=120, check=False
    )


def subparsers() -> dict[str, argparse.ArgumentParser]:
    (action,) = (action for action in make_parser(command_modules())._actions if isinstance(action, argparse._SubParsersAction))
    return dict(action.choices)


def test_every_command_explains_itself(capsys: pytest.CaptureFixture[str]):
    expected = {"bench", "check", "demo", "evaluate", "init", "report", "resume", "scenarios", "train"}
    assert expected <= set(command_modules())
    for name in command_modules():
        with pytest.raises(SystemExit) as caught:
            main([name, "--help"])
        assert caught.value.code == 0
        said = capsys.readouterr().out
        assert said.startswith(f"usage: auctionsim {name} ")
        assert f"\nexample: auctionsim {name}" in said


@pytest.mark.parametrize("name", command_modules())
def test_the_example_of_a_command_s_help_can_be_parsed(name: str):
    program, *words = shlex.split(command_modules()[name].EXAMPLE)
    assert program == "auctionsim"
    assert make_parser(command_modules()).parse_args(words).command == name


@pytest.mark.parametrize("name", command_modules())
def test_every_flag_of_a_command_states_its_default(name: str):
    for action in subparsers()[name]._actions:
        if action.option_strings and action.help != argparse.SUPPRESS and action.dest != "help":
            stated = re.search(r"\((default: (.+)|required.*)\)$", action.help)
            assert stated, f"{action.option_strings[-1]}: {action.help}"
            if type(action.default) in (int, float, str):
                assert stated[2] == str(action.default), action.help


@pytest.mark.parametrize("name", command_modules())
def test_every_flag_with_a_type_says_what_it_expected(name: str):
    for action in subparsers()[name]._actions:
        if action.type not in (None, path_text, utf8_path):
            with pytest.raises(argparse.ArgumentTypeError, match=r"^expected .*, got '\u0663x'$"):
                action.type("\u0663x")


def test_the_old_spelling_of_minimize_still_works_with_a_warning():
    words = ["sweep", "three-arms", "--param", "learner.sigma=uniform(0.1,0.2)"]
    assert make_parser(command_modules()).parse_args([*words, "--minimize"]).minimize
    assert not make_parser(command_modules()).parse_args(words).minimize
    with pytest.warns(RenamedWarning, match="--minimise is called --minimize now; the old name works until version 0.3"):
        assert make_parser(command_modules()).parse_args([*words, "--minimise"]).minimize


def test_check_says_what_a_valid_scenario_holds(capsys: pytest.CaptureFixture[str]):
    assert main(["check", "three-arms", "--set", "traffic.auctions_per_day=1000"]) == 0
    said = capsys.readouterr()
    assert said.out == "three-arms: valid (12 advertisers, 12 of them learners, 4 days, 4000 auctions)\n"
    assert said.err == "next: auctionsim train three-arms\n"


def test_init_check_train_evaluate_report_in_a_row(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    scenario, out = tmp_path / "mine.toml", tmp_path / "run"
    assert main(["init", str(scenario)]) == 0
    small = ["--set", "traffic.auctions_per_day=300", "--set", "train.iterations=2", "--set", "learner.population=4"]
    assert main(["check", str(scenario), *small]) == 0
    assert main(["train", str(scenario), *small, "--out", str(out), "--seeds", "2", "--json"]) == 0
    result = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert result["run"] == str(out)
    assert 0 < result["revenue"]["mean"] < 3
    assert Run.open(out).seeds == (0, 1)
    assert main(["evaluate", str(out)]) == 0
    assert main(["report", str(out), "--out", str(tmp_path / "report")]) == 0
    assert (tmp_path / "report" / "index.html").is_file()
    assert main(["resume", str(out)]) == 0
    capsys.readouterr()
    assert main(["train", str(scenario), "--out", str(out)]) == 2
    assert "expected a new or empty folder" in capsys.readouterr().err


def test_bench_measures_every_case_beside_the_reference_kernel(capsys: pytest.CaptureFixture[str]):
    assert main(["bench", "--auctions", "20", "--candidates", "4", "--json"]) == 0
    measured = json.loads(capsys.readouterr().out)
    assert measured["yardstick"] > 1e6
    cases = {(c["policies"], c["slots"], c["pricing"]) for c in measured["cases"] if c["outcomes"] == "expected"}
    assert cases == {(p, k, rule) for p in (1, 8, 32, 64) for k in (1, 3) for rule in ("gsp", "first", "vcg")}
    assert {(c["outcomes"], c["threads"]) for c in measured["cases"]} == {("expected", 1), ("expected", 2), ("sampled", 1)}
    assert all(c["auctions_per_s"] > 0 for c in measured["cases"])
    assert all(c["candidate_bids_per_s"] == pytest.approx(4 * c["auctions_per_s"]) for c in measured["cases"])


def test_scenarios_are_listed_with_what_they_are(capsys: pytest.CaptureFixture[str]):
    assert main(["scenarios", "--json"]) == 0
    listed = json.loads(capsys.readouterr().out)
    assert {"three-arms", "calibrated"} <= set(listed["scenarios"])
    assert all(listed["scenarios"].values())


def test_a_mistake_ends_in_one_line_and_exit_code_2_of_the_process(tmp_path: Path):
    # What is said of which mistake: tests/broken/test_broken_inputs.py, in one process.
    done = call("train", "three-arm", cwd=tmp_path)
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.startswith("three-arm: expected a scenario file")
    assert len(done.stderr.splitlines()) == 1
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("number", [pytest.param(signal.SIGINT, marks=pytest.mark.long), signal.SIGTERM])
def test_an_interrupted_training_leaves_a_readable_run_that_resumes_to_the_same_bytes(tmp_path: Path, number: int):
    small = ["--set", "traffic.auctions_per_day=2000", "--set", "train.iterations=60", "--set", "learner.population=4"]
    process = subprocess.Popen(
        [sys.executable, "-m", "auctionsim", "train", "three-arms", *small, "--out", "run"],
        cwd=tmp_path, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    metrics = tmp_path / "run" / "metrics.jsonl"
    deadline = time.monotonic() + 60
    while not (metrics.is_file() and len(metrics.read_text().splitlines()) >= 3):
        assert process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.01)
    process.send_signal(number)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "auctionsim resume run" in errors
    assert "Traceback" not in errors
    run = Run.open(tmp_path / "run")
    assert run.status == "interrupted"
    assert 3 <= run.last_checkpoint() < 60
    assert call("resume", "run", cwd=tmp_path).returncode == 0
    assert call("train", "three-arms", *small, "--out", "whole", cwd=tmp_path).returncode == 0
    whole = Run.open(tmp_path / "whole")
    name = "checkpoints/000060/seed-0.safetensors"
    assert (run.path / name).read_bytes() == (whole.path / name).read_bytes()
    assert (run.path / "outcomes.parquet").read_bytes() == (whole.path / "outcomes.parquet").read_bytes()


INTERRUPTED_WITHIN_EXEC = """
import os, signal, sys
from auctionsim.cli import main
from auctionsim.commands import scenarios
name = sys.argv.pop()
scenarios.run = lambda *_: exec(f"import os, signal; os.kill(os.getpid(), signal.{name})")
sys.exit(main())
"""


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM", "SIGHUP"])
def test_an_interrupt_within_exec_ends_with_130_too(name: str, tmp_path: Path):
    # Python marks it, and would kill itself by SIGINT at the end of `python -m`.
    (tmp_path / "within.py").write_text(INTERRUPTED_WITHIN_EXEC)
    words = [sys.executable, "-m", "within", "scenarios", name]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(tmp_path), *sys.path])}
    done = subprocess.run(words, capture_output=True, text=True, timeout=60, check=False, env=environment)
    assert (done.returncode, done.stderr) == (130, "interrupted\n")


def test_an_interrupt_that_a_library_tells_as_its_own_error_ends_with_130(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    # So it came while pydantic made the models of a scenario.
    text = "Error building `default` serializer:\n  SchemaError: Error building `literal` serializer:\n  KeyboardInterrupt: "

    def raising(*_: object) -> int:
        raise SchemaError(text)

    monkeypatch.setattr(scenarios, "run", raising)
    assert main(["scenarios"]) == 130
    assert capsys.readouterr().err == "interrupted\n"
    text = "Error building `literal` serializer:\n  TypeError: no list"
    with pytest.raises(SchemaError):
        main(["scenarios"])


INTERRUPTED_AT_THE_END = """
import atexit, os, signal, sys
from auctionsim.cli import main
name = sys.argv.pop()
atexit.register(lambda: os.kill(os.getpid(), getattr(signal, name)))
sys.exit(main())
"""


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM", "SIGHUP"])
def test_an_interrupt_that_comes_when_all_is_done_changes_nothing(name: str):
    words = [sys.executable, "-c", INTERRUPTED_AT_THE_END, "scenarios", name]
    done = subprocess.run(words, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0
    assert "Traceback" not in done.stderr
    assert "three-arms" in done.stdout


def test_help_answers_in_half_a_second():
    def seconds() -> float:
        # Of the processor, so that what else the machine does counts for nothing.
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        assert call("--help").returncode == 0
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime

    assert min(seconds() for _ in range(3)) < 0.5
