"""Train all seeds of a scenario in step, each iteration mapped over the pool; resumable at any moment."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress

from auctionsim.agents.build import build_market
from auctionsim.agents.learners.base import Arrays, Learner
from auctionsim.agents.learners.registry import make_learner
from auctionsim.agents.policies.base import Constant
from auctionsim.arguments import instance_of
from auctionsim.checkpoints import expect_arrays
from auctionsim.errors import InputError
from auctionsim.jobs.distributed.cluster import Pool, SerialPool
from auctionsim.jobs.training.callbacks import Callbacks, End, SeedEnd, Start
from auctionsim.jobs.training.divergence import reported_if_diverging
from auctionsim.jobs.training.evaluate import write_evaluation, write_learned
from auctionsim.jobs.training.iterations import Done, Interrupted, Progress, Training
from auctionsim.jobs.training.machines import compare_machines
from auctionsim.locks import locked
from auctionsim.market.market import Market
from auctionsim.market.warnings import warnings_of
from auctionsim.numbers import whole_number
from auctionsim.runs import Run, Status

__all__ = ["Interrupted", "Progress", "evaluate", "has_learners", "starting_states", "train"]


def train(
    run: Run,
    pool: Pool | None = None,
    report: Callable[[Progress], None] | None = None,
    markets: dict[int, Market] | None = None,
    *,
    starts: dict[int, Arrays] | None = None,
    until: int | None = None,
    callbacks: Callbacks | None = None,
) -> None:
    """Train from the last checkpoint (or the start) to the end, then evaluate on the test days.

    If every advertiser follows a rule, there is nothing to train, and the rules are evaluated. The run's status ends as
    `finished`, `interrupted` (SIGINT, SIGTERM or SIGHUP, after a checkpoint) or `failed`.

    Args:
        run: The run folder.
        pool: Pool in which tasks are computed; this process where None.
        report: A progress callback, called after every iteration; None for no progress.
        markets: The markets of all seeds, where the caller has built them already.
        starts: The learner's states before the first iteration on them, where the caller has computed those too.
        until: An iteration to stop at, after its checkpoint; the run then counts as interrupted. The end where None.
        callbacks: The callbacks (`jobs.training.callbacks`). Where one ends the training, the run has a checkpoint and is
            evaluated, but counts as interrupted, and its manifest says why.

    Raises:
        InputError: The run's learner cannot be found, or was trained outside, or another process is writing the run.
        RunError: Training diverged: a parameter or a bid became infinite or NaN; or a callback failed.
        Interrupted: A signal came. The run can be resumed.
    """
    instance_of("run", run, Run, "a Run (auctionsim.Run.create, Run.open)")
    if until is not None:
        whole_number("until", until, 0)
    with locked(run.path, "run"):
        _train_locked(run, pool or SerialPool(), report, markets, starts, until, callbacks or Callbacks())


def evaluate(run: Run) -> None:
    """Evaluate the last checkpoint on the test days again.

    Raises:
        InputError: There is none, or the run was trained outside, or another process is writing it.
        RunError: Training diverged: what was learned makes infinite bids.
    """
    instance_of("run", run, Run, "a Run (auctionsim.Run.open)")
    run.expect_trained_here("evaluate")
    with locked(run.path, "run"):
        scenario = run.scenario()
        run.expect_scenario_kept(scenario)
        markets = {seed: build_market(scenario, seed) for seed in run.seeds}
        if not has_learners(markets):
            _evaluate_rules(run, markets)
            return
        learner = make_learner(scenario)
        run.last_checkpoint()
        iteration, states = _last_states(run, starting_states(learner, markets))
        run.note_warnings(warnings_of(markets.values()))
        with reported_if_diverging(scenario, iteration):
            write_learned(run, learner, markets, states)


def has_learners(markets: Mapping[int, Market]) -> bool:
    """Return True if a learner controls an advertiser, False if every advertiser follows a rule."""
    return any(len(market.learners) > 0 for market in markets.values())


def starting_states(learner: Learner, markets: dict[int, Market]) -> dict[int, Arrays]:
    """Return the learner's state before the first iteration, for every seed.

    Raises:
        InputError: A state is no dictionary of arrays.
    """
    states = {seed: learner.start(market) for seed, market in markets.items()}
    for seed, state in states.items():
        scenario = markets[seed].scenario
        expect_arrays(f"{scenario.source}: learner.algorithm: start of {scenario.learner.algorithm}", state)
    return states


def _train_locked(
    run: Run,
    pool: Pool,
    report: Callable[[Progress], None] | None,
    markets: dict[int, Market] | None,
    starts: dict[int, Arrays] | None,
    until: int | None,
    callbacks: Callbacks,
) -> None:
    # Before anything is written: what is wrong with a run folder is said, and the folder left as it is.
    run.expect_trained_here("resume")
    scenario = run.scenario()
    run.expect_scenario_kept(scenario)
    markets = markets or {seed: build_market(scenario, seed) for seed in run.seeds}
    if not has_learners(markets):
        _evaluate_rules(run, markets, callbacks)
        return
    learner = make_learner(scenario)
    iteration, states = _last_states(run, starts or starting_states(learner, markets))
    run.metrics()
    last = scenario.train.iterations if until is None else min(until, scenario.train.iterations)
    with _ending(run, callbacks) as done:
        run.set_status("running")
        callbacks.call("on_start", Start(run, scenario, run.seeds, iteration, last), "at the start")
        compare_machines(run, pool, scenario.learner.algorithm)
        run.note_warnings(warnings_of(markets.values()))
        run.tidy(keep=scenario.train.keep_checkpoints)
        training = Training(run, scenario, learner, markets, pool, report, callbacks, last, done)
        states = training.from_iteration(iteration, states)
        if done.stopped is None and last < scenario.train.iterations:
            done.status = "interrupted"
            return
        with reported_if_diverging(scenario, done.iteration):
            write_learned(run, learner, markets, states, pool, training.handles)
        _tell_seeds(run, callbacks, done.iteration)
        # A callback that stops in the last iteration stops nothing.
        done.status = "finished" if done.iteration == scenario.train.iterations else "interrupted"


@contextmanager
def _ending(run: Run, callbacks: Callbacks) -> Iterator[Done]:
    """Note how a run ended, and tell the callbacks; what ended it is told even where its folder has gone or is full."""
    done = Done()
    try:
        yield done
    except BaseException as error:
        status: Status = "interrupted" if isinstance(error, Interrupted | KeyboardInterrupt) else "failed"
        with suppress(OSError, InputError):
            run.set_status(status)
        reason = None if status == "interrupted" else f"{type(error).__name__}: {error}"
        callbacks.call("on_end", End(run, status, done.iteration, error=reason), "at the end", is_last_word=True)
        raise
    stopped = done.stopped if done.status == "interrupted" else None
    run.set_status(done.status, stopped=stopped)
    callbacks.call("on_end", End(run, done.status, done.iteration, stopped), "at the end")


def _tell_seeds(run: Run, callbacks: Callbacks, iteration: int) -> None:
    """Tell the callbacks what the evaluation found, seed by seed."""
    if not callbacks:
        return
    outcomes = run.table("outcomes")
    logged = {row["seed"]: row for row in run.metrics()}
    for seed in run.seeds:
        metrics = {name: value for name, value in logged.get(seed, {}).items() if name not in ("iteration", "seed")}
        event = SeedEnd(run, seed, iteration, metrics, outcomes.filter(seed=seed))
        callbacks.call("on_seed_end", event, f"after the evaluation of seed {seed}")


def _evaluate_rules(run: Run, markets: dict[int, Market], callbacks: Callbacks | None = None) -> None:
    """Evaluate a run in which every advertiser follows a rule; the rules stand where the learned policy does."""
    callbacks = callbacks or Callbacks()
    with _ending(run, callbacks):
        callbacks.call("on_start", Start(run, run.scenario(), run.seeds, 0, 0), "at the start")
        run.note_warnings(warnings_of(markets.values()))
        write_evaluation(run, markets, {seed: Constant(market.fixed[:, :, None]) for seed, market in markets.items()})
        _tell_seeds(run, callbacks, 0)


def _last_states(run: Run, starts: dict[int, Arrays]) -> tuple[int, dict[int, Arrays]]:
    """Return iteration and states of the last checkpoint, or of the start where there is none."""
    checkpoints, last = run.checkpoints(), run.scenario().train.iterations
    if checkpoints and checkpoints[-1] > last:
        path = run.checkpoint_folder(checkpoints[-1])
        raise InputError(f"{path}: expected a checkpoint of an iteration <= train.iterations = {last}, got a later one")
    return (checkpoints[-1], run.load_checkpoint(checkpoints[-1], starts)) if checkpoints else (0, starts)
