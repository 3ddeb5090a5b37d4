"""Run tasks as trials of Ray Tune, which places them and watches over them: a pool like those of `cluster.py`, inside one.

What Ray Tune writes for itself goes to a temporary folder and is thrown away: nothing of ours reads it.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from tempfile import TemporaryDirectory
from typing import Any

from auctionsim.errors import RunError
from auctionsim.jobs.distributed.sharing import Arrays, Replication

# Read by Ray Tune: no loggers but ours, no tables on the terminal.
_QUIET = {"TUNE_DISABLE_AUTO_CALLBACK_LOGGERS": "1", "RAY_AIR_NEW_OUTPUT": "0", "TUNE_DISABLE_STRICT_METRIC_CHECKING": "1"}


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

    def each(self, function: Callable[..., Any], tasks: Sequence[tuple[Any, ...]]) -> Iterator[tuple[int, Any]]:
        """Yield the same as pairs of index and result, in order, when all are done.

        Raises:
            RunError: A trial failed.
            KeyboardInterrupt: Trials were stopped before their end.
        """
        os.environ.update(_QUIET)
        from ray import tune
        from ray.tune.logger import JsonLoggerCallback

        def trial(config: dict[str, int]) -> None:
            tune.report({"index": config["index"], "result": function(*tasks[config["index"]])})

        log: Any = JsonLoggerCallback  # without type information
        with TemporaryDirectory(prefix="auctionsim-tune-") as folder:
            results = tune.Tuner(
                tune.with_resources(trial, {"cpu": 1}),
                param_space={"index": tune.grid_search(list(range(len(tasks))))},
                tune_config=tune.TuneConfig(reuse_actors=True),
                # From its log Ray Tune takes the results it hands back.
                run_config=tune.RunConfig(name="sweep", storage_path=folder, verbose=0, callbacks=[log()]),
            ).fit()
        found = {}
        for result in (results[i] for i in range(len(results))):
            if result.error is not None:
                raise RunError(f"sweep: a trial failed: {result.error}")
            if result.metrics and "result" in result.metrics:
                found[result.metrics["index"]] = result.metrics["result"]
        if len(found) < len(tasks):
            raise KeyboardInterrupt
        yield from sorted(found.items())
