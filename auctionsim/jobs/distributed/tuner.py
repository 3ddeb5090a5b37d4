"""Run tasks as trials of Ray Tune, which places them and watches over them: a pool like those of `cluster.py`, inside one.

What Ray Tune writes for itself goes to a temporary folder and is thrown away: nothing of ours reads it. A trial whose worker is
killed runs again; it goes on from its last checkpoint, so the result is the same. A trial that raises an error of its own does
not: it would raise it again.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from tempfile import TemporaryDirectory
from typing import Any

from auctionsim.errors import RunError
from auctionsim.jobs.distributed.connection import MOST_RETRIES, expect_alive, one_line
from auctionsim.jobs.distributed.sharing import Arrays, Replication

# Read by Ray Tune: no loggers but ours, no tables on the terminal, no signal handler of its own.
_QUIET = {"TUNE_DISABLE_AUTO_CALLBACK_LOGGERS": "1", "RAY_AIR_NEW_OUTPUT": "0", "TUNE_DISABLE_STRICT_METRIC_CHECKING": "1"}
_log = logging.getLogger("auctionsim")


class TunePool:
    """Compute each task as a trial on one core; Ray must be running."""

    def put(self, shared: Any) -> Any:
        """Return the object as its own handle."""
        return shared

    def put_arrays(self, arrays: Arrays, before: Any = None, replication: Replication | None = None) -> Any:  # noqa: ARG002
        """Return the arrays as their own handle."""
        return arrays

    def map(self, function: Callable[..., Any], tasks: Sequence[tuple[Any, ...]]) -> list[Any]:
        """Return `function(*task)` for every task, in order."""
        return [result for _, result in self.each(function, tasks)]

    def on_each_node(self, function: Callable[..., Any], *arguments: Any) -> dict[str, Any]:  # noqa: ARG002
        """Return nothing: every trial compares its own machine with the run's."""
        return {}

    def each(self, function: Callable[..., Any], tasks: Sequence[tuple[Any, ...]]) -> Iterator[tuple[int, Any]]:
        """Yield the same as pairs of index and result, in order, when all are done.

        Raises:
            RunError: A trial failed, or Ray did.
            KeyboardInterrupt: Trials were stopped before their end.
        """
        found = {}
        for metrics in _run(function, tasks):
            if "raised" in metrics:
                raise metrics["raised"]
            found[metrics["index"]] = metrics["result"]
        if len(found) < len(tasks):
            raise KeyboardInterrupt
        yield from sorted(found.items())


def _run(function: Callable[..., Any], tasks: Sequence[tuple[Any, ...]]) -> list[dict[str, Any]]:
    """Return what every trial that came to its end has reported: its index, and its result or what it raised.

    Raises:
        RunError: A trial's worker was killed too often, or Ray itself was.
    """
    os.environ.update(_QUIET)
    import ray
    from ray import tune
    from ray.tune.error import TuneError
    from ray.tune.logger import JsonLoggerCallback

    def trial(config: dict[str, int]) -> None:
        try:
            reported = {"result": function(*tasks[config["index"]])}
        except Exception as error:
            reported = {"raised": error}
        tune.report({"index": config["index"], **reported})

    log, watch = _typed(JsonLoggerCallback), _watch(ray)
    with TemporaryDirectory(prefix="auctionsim-tune-") as folder, _without_remarks(), one_line(ray):
        tuner = tune.Tuner(
            tune.with_resources(trial, {"cpu": 1}),
            param_space={"index": tune.grid_search(list(range(len(tasks))))},
            tune_config=tune.TuneConfig(reuse_actors=True),
            # From its log Ray Tune takes the results it hands back.
            run_config=tune.RunConfig(
                name="sweep", storage_path=folder, verbose=0, callbacks=[log(), watch],
                failure_config=tune.FailureConfig(max_failures=MOST_RETRIES),
            ),
        )  # fmt: skip
        try:
            results = tuner.fit()
        except TuneError as error:
            expect_alive(ray)
            raise RunError(f"sweep: Ray Tune failed: {str(error).strip().splitlines()[0]}") from error
    ended = [results[i] for i in range(len(results))]
    if any(result.error is not None for result in ended):
        raise RunError(f"sweep: a trial's worker was killed {MOST_RETRIES + 1} times (too little memory for --workers?)")
    return [result.metrics for result in ended if result.metrics and "index" in result.metrics]


def _watch(ray: Any) -> Any:
    """Return a callback of Ray Tune that tells of a killed worker in one line, and ends the trials if Ray itself has ended."""
    from ray.tune import Callback

    class Watch(_typed(Callback)):  # type: ignore[misc]
        def on_step_begin(self, **_: Any) -> None:
            expect_alive(ray)

        def on_trial_recover(self, trial: Any, **_: Any) -> None:
            index = trial.config["index"]
            _log.warning("auctionsim: the worker of task %d of this rung was lost; the task runs again", index)

    return Watch()


@contextmanager
def _without_remarks() -> Iterator[None]:
    """Keep Ray Tune's own lines from the screen: a worker that is lost is told in one line by `_watch`."""
    before = {name: logging.getLogger(name).level for name in ("ray.tune", "ray.air", "ray.train")}
    for name in before:
        logging.getLogger(name).setLevel(logging.CRITICAL + 1)
    try:
        yield
    finally:
        for name, level in before.items():
            logging.getLogger(name).setLevel(level)


def _typed(thing: Any) -> Any:
    """Return a thing of a library that has no type information."""
    return thing
