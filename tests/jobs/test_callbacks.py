"""Callbacks of training: what they see and when, that they change nothing, and how they end a training."""

from __future__ import annotations

import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import auctionsim
from auctionsim.errors import InputError, RunError
from auctionsim.jobs.distributed.cluster import open_pool
from auctionsim.jobs.training.train import Interrupted
from auctionsim.run_checks.metric_rows import MetricRows

from ..conftest import SMALL
from .test_runs import contents

LONG = SMALL.replace("iterations = 6", "iterations = 4")


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("scenario") / "small.toml"
    path.write_text(LONG)
    return path


@pytest.fixture(scope="module")
def whole(file: Path, tmp_path_factory: pytest.TempPathFactory) -> auctionsim.Run:
    """A run of two seeds without callbacks."""
    return auctionsim.train(file, tmp_path_factory.mktemp("whole") / "run", seeds=2).run


class Recorder(auctionsim.Callback):
    """Write down what happens, under a name."""

    def __init__(self, name: str, log: list[tuple[Any, ...]]) -> None:
        self.name, self.log = name, log

    def on_start(self, start: Any) -> None:
        self.log.append((self.name, "start", start.iteration, start.iterations, start.seeds))

    def on_iteration(self, iteration: Any) -> None:
        self.log.append((self.name, "iteration", iteration.iteration, tuple(iteration.metrics)))

    def on_seed_end(self, seed: Any) -> None:
        self.log.append((self.name, "seed", seed.seed, seed.iteration, tuple(seed.outcomes["seed"].unique())))

    def on_end(self, end: Any) -> None:
        self.log.append((self.name, "end", end.status, end.iteration, end.stopped))


def expected(*names: str, first: int = 0, last: int = 4) -> list[tuple[Any, ...]]:
    events: list[tuple[Any, ...]] = [("start", first, 4, (0, 1))]
    events += [("iteration", i, (0, 1)) for i in range(first + 1, last + 1)]
    events += [("seed", seed, last, (seed,)) for seed in (0, 1)]
    events.append(("end", "finished", last, None))
    return [(name, *event) for event in events for name in names]


def test_callbacks_are_told_everything_in_the_stated_order(file: Path, tmp_path: Path):
    log: list[tuple[Any, ...]] = []
    auctionsim.train(file, tmp_path / "run", seeds=2, callbacks=[Recorder("a", log), Recorder("b", log)])
    assert log == expected("a", "b")


@pytest.mark.long
@pytest.mark.ray
@pytest.mark.xdist_group("ray")
@pytest.mark.filterwarnings("ignore::ResourceWarning")
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.filterwarnings("ignore:Tip. In future versions of Ray:FutureWarning")
def test_with_workers_of_ray_they_see_the_same_in_this_process(file: Path, whole: auctionsim.Run, tmp_path: Path):
    log: list[tuple[Any, ...]] = []
    with open_pool(1) as pool:
        result = auctionsim.train(file, tmp_path / "run", seeds=2, callbacks=[Recorder("a", log)], pool=pool)
    assert log == expected("a")
    assert contents(result.run) == contents(whole)


def vandal(iteration: Any) -> None:
    """Change whatever can be changed."""
    for seed, state in iteration.states.items():
        for array in state.values():
            array[...] = 7
        market = iteration.market(seed)
        for array in (market.fixed, market.budgets, market.mean_features, market.baseline[0].cost):
            array[...] = 7
        iteration.policy(seed).theta[...] = 7
        with pytest.raises(TypeError):
            iteration.metrics[seed]["revenue_ratio"] = 7
    np.random.seed(7)  # noqa: NPY002  (as a vandal would)


def test_nothing_that_a_callback_does_changes_a_byte(file: Path, whole: auctionsim.Run, tmp_path: Path):
    result = auctionsim.train(file, tmp_path / "run", seeds=2, callbacks=[vandal])
    assert contents(result.run) == contents(whole)


def test_a_function_sees_the_numbers_of_metrics_jsonl_and_the_states_of_checkpoints(file: Path, tmp_path: Path):
    seen: dict[int, Any] = {}
    result = auctionsim.train(
        file, tmp_path / "run", callbacks=[lambda it: seen.update({it.iteration: (it.metrics, it.states)})]
    )
    assert isinstance(result.metrics, MetricRows)
    for row in result.metrics:
        assert {"iteration": row["iteration"], "seed": 0, **seen[row["iteration"]][0][0]} == row
    for iteration in result.run.checkpoints():
        kept, told = result.run.load_checkpoint(iteration)[0], seen[iteration][1][0]
        assert all(np.array_equal(kept[name], told[name]) for name in kept)


def test_the_policy_of_an_iteration_is_that_of_its_checkpoint(file: Path, tmp_path: Path):
    policies: list[Any] = []
    result = auctionsim.train(file, tmp_path / "run", callbacks=[lambda it: policies.append(it.policy(0))])
    assert np.array_equal(policies[-1].theta, result.policy().theta)
    assert not np.array_equal(policies[0].theta, policies[-1].theta)


def stop_after(number: int) -> Callable[[Any], None]:
    def stop(iteration: Any) -> None:
        if iteration.iteration == number:
            iteration.stop("it is\nenough")

    return stop


def test_a_callback_ends_a_training_that_can_be_resumed_to_the_same_bytes(file: Path, whole: auctionsim.Run, tmp_path: Path):
    log: list[tuple[Any, ...]] = []
    early = auctionsim.train(file, tmp_path / "run", seeds=2, callbacks=[stop_after(1), Recorder("a", log)])
    assert (early.status, early.stopped, early.run.checkpoints()) == ("interrupted", "it is enough", [1])
    assert log[-1] == ("a", "end", "interrupted", 1, "it is enough")
    assert [event[1] for event in log] == ["start", "iteration", "seed", "seed", "end"]
    # The run is whole: it is evaluated, and a report can be written.
    assert early.summary.seeds == 2
    assert early.report().is_file()
    log.clear()
    resumed = auctionsim.train(file, tmp_path / "run", seeds=2, callbacks=[Recorder("a", log)], resume=True)
    assert (resumed.status, resumed.stopped) == ("finished", None)
    assert log == expected("a", first=1)
    written = {name: text for name, text in contents(resumed.run).items() if not name.startswith("report")}
    assert written == contents(whole)


def test_a_long_reason_to_stop_is_cut(file: Path, tmp_path: Path):
    result = auctionsim.train(file, tmp_path / "run", callbacks=[lambda iteration: iteration.stop("x" * 5000)])
    assert result.stopped is not None
    assert (len(result.stopped), result.stopped[:3], "..." in result.stopped) == (500, "xxx", True)


def test_a_callback_that_stops_in_the_last_iteration_stops_nothing(file: Path, tmp_path: Path):
    result = auctionsim.train(file, tmp_path / "run", callbacks=[stop_after(4)])
    assert (result.status, result.stopped) == ("finished", None)


class Failing(auctionsim.Callback):
    def __init__(self, moment: str, number: int = 0) -> None:
        def fail(event: Any) -> None:
            if getattr(event, "iteration", number) == number:
                raise KeyError("mine\nand more")

        setattr(self, moment, fail)


@pytest.mark.parametrize(
    ("moment", "number", "where", "status", "checkpoints"),
    [
        ("on_start", 0, "at the start", "failed", []),
        ("on_iteration", 1, "in iteration 1", "failed", [1]),
        ("on_seed_end", 4, "after the evaluation of seed 0", "failed", [2, 4]),
        ("on_end", 4, "at the end", "finished", [2, 4]),
    ],
)
def test_an_error_in_a_callback_is_named_and_leaves_a_run_that_can_be_resumed(
    moment: str, number: int, where: str, status: str, checkpoints: list[int], file: Path, whole: auctionsim.Run, tmp_path: Path
):
    log: list[tuple[Any, ...]] = []
    with pytest.raises(RunError) as error:
        auctionsim.train(file, tmp_path / "run", seeds=2, callbacks=[Failing(moment, number), Recorder("a", log)])
    place = f"{tmp_path / 'run'}: callbacks[0] Failing: {moment} failed {where}: KeyError: "
    assert str(error.value).startswith(place)
    assert str(error.value).endswith("(the run can be resumed)")
    assert "\n" not in str(error.value)
    assert isinstance(error.value.__cause__, KeyError)
    # Loggers close their files whatever happened; a failure at the end is the last word.
    assert [event[1:3] for event in log if event[1] == "end"] == ([] if moment == "on_end" else [("end", "failed")])
    run = auctionsim.Run.open(tmp_path / "run")
    assert (run.status, run.checkpoints()) == (status, checkpoints)
    assert contents(auctionsim.train(run).run) == contents(whole)


def test_a_signal_ends_with_a_checkpoint_and_the_callbacks_are_told(file: Path, tmp_path: Path):
    log: list[tuple[Any, ...]] = []
    with pytest.raises(Interrupted, match="interrupted after iteration 3, checkpoint written"):
        auctionsim.train(
            file,
            tmp_path / "run",
            callbacks=[lambda it: signal.raise_signal(signal.SIGINT) if it.iteration == 2 else None, Recorder("a", log)],
        )
    assert auctionsim.Run.open(tmp_path / "run").checkpoints() == [2, 3]
    assert log[-1] == ("a", "end", "interrupted", 3, None)


class Misspelled:
    def on_iteraton(self, iteration: Any) -> None:
        pass


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ([3], r"callbacks\[0\]: expected a function, or an object with one of on_start, .*, got 3"),
        ([print, Recorder], r"callbacks\[1\]: expected a callback, got the class 'Recorder' \(make an object of it\)"),
        ([Misspelled()], r"callbacks\[0\]: unknown method 'on_iteraton'; choose from .* \(did you mean 'on_iteration'\?\)"),
        (print, "callbacks: expected a list of callbacks, got <built-in function print>"),
        ("print", "callbacks: expected a list of callbacks, got 'print'"),
        (np.array(1), "callbacks: expected a list of callbacks, got array"),
    ],
)
def test_what_is_no_callback_is_refused_before_anything_is_written(given: Any, message: str, file: Path, tmp_path: Path):
    with pytest.raises(InputError, match=message):
        auctionsim.train(file, tmp_path / "run", callbacks=given)
    assert not (tmp_path / "run").exists()


def test_an_iteration_names_the_metrics_and_seeds_that_there_are(file: Path, tmp_path: Path):
    def ask(iteration: Any) -> None:
        with pytest.raises(InputError, match=r"name: expected one of .*, got 'fitnes' \(did you mean 'fitness'\?\)"):
            iteration.mean("fitnes")
        with pytest.raises(InputError, match="seed: expected one of 0, got 5"):
            iteration.policy(5)
        with pytest.raises(InputError, match="reason: expected text, got None"):
            iteration.stop(None)

    auctionsim.train(file, tmp_path / "run", callbacks=[ask], until=1)


def test_settings_are_what_makes_the_scenario(file: Path, tmp_path: Path):
    told: list[Any] = []
    scenario = auctionsim.load_scenario(file, overrides=["learner.sigma=0.25", "traffic.test_days=[3]"])
    callback = type("OnStart", (), {"on_start": lambda self, start: told.append(start.settings)})()
    auctionsim.train(scenario, tmp_path / "run", callbacks=[callback], until=1)
    (settings,) = told
    assert settings["learner.sigma"] == 0.25
    assert settings["learner.algorithm"] == "macg-es"
    assert settings["advertisers.0.count"] == 5
    assert settings["traffic.test_days"] == "[3]"
    assert "learner.learning_rate" not in settings


def test_where_nobody_learns_callbacks_are_told_of_the_evaluation(tmp_path: Path):
    text = SMALL.replace("count = 5", 'count = 5\ncontroller = "manual"')
    (tmp_path / "rules.toml").write_text(text)
    log: list[tuple[Any, ...]] = []
    auctionsim.train(tmp_path / "rules.toml", tmp_path / "run", callbacks=[Recorder("a", log)])
    assert log == [("a", "start", 0, 0, (0,)), ("a", "seed", 0, 0, (0,)), ("a", "end", "finished", 0, None)]
