"""Train one trial of a sweep up to a rung, and measure it. Runs in any process."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from pathlib import Path

from auctionsim.agents.build import build_market
from auctionsim.agents.learners.registry import with_constants
from auctionsim.errors import InputError, RunError
from auctionsim.files import write_json
from auctionsim.jobs.distributed.cluster import SerialPool
from auctionsim.jobs.training.figures import run_figures
from auctionsim.jobs.training.train import Interrupted, train
from auctionsim.runs import Run
from auctionsim.scenario.file import parse_scenario


@dataclass(frozen=True)
class TrialTask:
    """Train one trial up to one rung."""

    out: Path
    """The sweep's folder."""
    trial: int
    rung: int
    iterations: int
    """Iterations of training at the end of the rung, counted from the trial's start."""
    text: str
    """The scenario file's text."""
    source: str
    """The scenario's name in messages."""
    folder: Path | None
    """The folder that paths in the scenario are relative to."""
    overrides: tuple[str, ...]
    """The trial's `--set` items, the drawn settings included."""
    seeds: tuple[int, ...]
    command: str
    """The command line that trains this trial alone, to the end."""
    started_in: Path
    """The folder in which the user's own classes may lie; a worker runs in another one."""

    @property
    def result_path(self) -> Path:
        """Return the file that the rung's figures are written to."""
        return self.out / "parts" / f"{self.trial:04d}-{self.rung}.json"

    @property
    def run_path(self) -> Path:
        """Return the trial's run folder."""
        return run_folder(self.out, self.trial)


def run_folder(out: Path, trial: int) -> Path:
    """Return the run folder of a trial."""
    return out / "trials" / f"{trial:04d}"


def trial_command(source: str, overrides: tuple[str, ...], seeds: int, trial: int, until: int | None = None) -> str:
    """Return the command line that trains one trial and prints its figures, equal to the bit to those of the sweep.

    Args:
        source: The scenario's file or name, as it was given to the sweep.
        overrides: The trial's `--set` items.
        seeds: The number of seeds.
        trial: The trial's number, which names the run folder.
        until: The iteration at which the sweep stopped the trial; None if it went to the end.
    """
    words = ["auctionsim", "train", source, *(word for item in overrides for word in ("--set", item))]
    words += [*(["--seeds", str(seeds)] if seeds > 1 else []), *([] if until is None else ["--until", str(until)])]
    return shlex.join([*words, "--out", f"runs/trial-{trial:04d}"])


def train_to_rung(_: None, task: TrialTask) -> None:
    """Train a trial from its last checkpoint up to a rung, and write the rung's figures.

    Raises:
        InputError: The trial's market cannot be built or learned on; the message names the trial.
        RunError: Its training diverged; the message names the trial.
        KeyboardInterrupt: Training was stopped by a signal; its checkpoint is written.
    """
    try:
        _train_to_rung(task)
    except Interrupted:
        raise KeyboardInterrupt from None
    except (InputError, RunError) as error:
        kind = InputError if isinstance(error, InputError) else RunError
        raise kind(f"trial {task.trial} ({', '.join(task.overrides)}): {error}") from error


def _train_to_rung(task: TrialTask) -> None:
    scenario = parse_scenario(task.text, task.source, overrides=task.overrides, folder=task.folder)
    scenario = with_constants(scenario.with_source(task.source, task.folder, task.started_in))
    path = task.run_path
    markets = {seed: build_market(scenario, seed) for seed in task.seeds}
    if not (path / "manifest.json").is_file():
        Run.create(
            path, scenario, task.text, seeds=task.seeds, command=task.command, overrides=task.overrides,
            started_in=task.started_in,
        )  # fmt: skip
    run = Run.open(path)
    train(run, SerialPool(), lambda _: None, markets, until=task.iterations)
    write_json(task.result_path, run_figures(run, markets, task.iterations))
