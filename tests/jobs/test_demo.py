"""A demo that was interrupted goes on by the same command, to the same bytes, and says what it skips."""

from __future__ import annotations

from pathlib import Path

import pytest

from auctionsim.cli import main
from auctionsim.jobs.demos.three_arms import plan
from auctionsim.jobs.training.generations import Generations
from auctionsim.runs import Run

from ..conftest import SMALL
from .test_runs import contents

ARMS = ("competing", "colluding", "cooperating", "value-scale-paced")


@pytest.fixture
def words(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    monkeypatch.chdir(tmp_path)
    Path("small.toml").write_text(SMALL)
    settings = ["--set", "train.iterations=3", "--set", "train.checkpoint_every=1"]
    return ["demo", "--scenario", "small.toml", "--seeds", "2", "--workers", "0", *settings]


def interrupt_after(monkeypatch: pytest.MonkeyPatch, count: int) -> None:
    """Interrupt the demo once so many generations were computed, as a second Ctrl-C does."""
    computed, left = Generations.next, [count]

    def next_one(self: Generations, states: object, **ahead: object) -> object:
        left[0] -= 1
        if left[0] < 0:
            raise KeyboardInterrupt
        return computed(self, states, **ahead)

    monkeypatch.setattr(Generations, "next", next_one)


@pytest.mark.parametrize("generations", [7, *(pytest.param(n, marks=pytest.mark.long) for n in (0, 2, 3, 11))])
@pytest.mark.long
def test_an_interrupted_demo_ends_at_the_same_bytes(
    generations: int, words: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    assert main([*words, "--out", "whole"]) == 0
    with monkeypatch.context() as context:
        interrupt_after(context, generations)
        assert main([*words, "--out", "cut"]) == 130
    lines = capsys.readouterr().err.splitlines()
    assert "cut: interrupted; what is done so far is kept" in lines
    finished = [arm for arm in ARMS if (Path("cut") / arm).exists() and Run(Path("cut") / arm).status == "finished"]
    assert len(finished) == min(generations // 3, 3)
    assert main([*words, "--out", "cut"]) == 0
    lines = capsys.readouterr().err.splitlines()
    assert [line for line in lines if "skipped" in line] == [f"{arm}: finished before, skipped" for arm in finished]
    done = generations - 3 * len(finished)
    # The search of the rule has one checkpoint, at its end.
    if done and len(finished) < 3:
        assert f"{ARMS[len(finished)]}: goes on after iteration {done}" in lines
    for arm in ARMS:
        assert contents(Run(Path("cut") / arm)) == contents(Run(Path("whole") / arm))
    assert (Path("cut") / "report" / "report.md").read_bytes() == (Path("whole") / "report" / "report.md").read_bytes().replace(
        b"whole", b"cut"
    )


@pytest.mark.long
def test_a_finished_demo_is_reported_again_and_another_one_refused(words: list[str], capsys: pytest.CaptureFixture[str]):
    assert main([*words, "--out", "out"]) == 0
    before = {arm: contents(Run(Path("out") / arm)) for arm in ARMS}
    assert main([*words, "--out", "out"]) == 0
    assert {arm: contents(Run(Path("out") / arm)) for arm in ARMS} == before
    capsys.readouterr()
    for other in (["--seed", "5"], ["--set", "learner.sigma=0.2"], ["--quick"]):
        assert main([*words, *other, "--out", "out"]) == 2
        assert capsys.readouterr().err.startswith("out/plan.json: expected the plan of this very command, got another ")


def test_a_folder_that_holds_something_else_is_left_as_it_is(words: list[str], capsys: pytest.CaptureFixture[str]):
    Path("out").mkdir()
    Path("out/mine.txt").write_text("mine")
    assert main([*words, "--out", "out"]) == 2
    assert "out: expected a new or empty folder, got one that holds files" in capsys.readouterr().err
    assert [path.name for path in Path("out").iterdir()] == ["mine.txt"]


@pytest.mark.parametrize("shared", [(), ('learner.start="keyword-bid"',)])
def test_arms_from_keyword_bids_do_not_search_in_the_small_steps_of_a_fitted_start(shared: tuple[str, ...]):
    arms = {arm.name: arm.scenario for arm in plan("three-arms", shared)}
    for name in ("competing", "colluding"):
        learner, train = arms[name].learner, arms[name].train
        assert (learner.start, learner.sigma, learner.learning_rate, train.iterations) == ("keyword-bid", 0.1, 0.1, 100)
    assert arms["cooperating"].learner.sigma == 0.02
