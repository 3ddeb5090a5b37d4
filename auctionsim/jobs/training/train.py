"""Train all seeds of a scenario in step, each iteration mapped over the pool; resumable at any moment."""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from types import FrameType

import numpy as np

from auctionsim.agents.build import build_market
from auctionsim.agents.learners.base import Arrays, Learner
from auctionsim.agents.learners.registry import make_learner
from auctionsim.agents.policies.base import Constant
from auctionsim.arguments import instance_of
from auctionsim.checkpoints import expect_arrays
from auctionsim.errors import InputError, RunError
from auctionsim.jobs.distributed.cluster import Pool, SerialPool
from auctionsim.jobs.training.evaluate import write_evaluation
from auctionsim.jobs.training.events import event_files
from auctionsim.jobs.training.generations import LOGGED, Generations
from auctionsim.jobs.training.machines import compare_machines
from auctionsim.locks import locked
from auctionsim.machine.signals import handled
from auctionsim.market.actions import NotFinite
from auctionsim.market.market import Market
from auctionsim.numbers import whole_number
from auctionsim.ratios import NotDefined, ratio_to_amount
from auctionsim.runs import Run
from auctionsim.scenario import Scenario


@dataclass(frozen=True)
class Progress:
    """Progress after an iteration; ratios are to the baseline, means over seeds and replays, None if they are not defined."""

    iteration: int
    iterations: int
    revenue_ratio: float | None
    profit_ratio: float | None
    auctions: int
    """Auctions replayed in the iteration, in all replays of all training days."""


class Interrupted(Exception):
    """Training was stopped by a signal after its checkpoint was written."""


def train(
    run: Run,
    pool: Pool | None = None,
    report: Callable[[Progress], None] | None = None,
    markets: dict[int, Market] | None = None,
    *,
    starts: dict[int, Arrays] | None = None,
    until: int | None = None,
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

    Raises:
        InputError: The run's learner cannot be found, or was trained outside, or another process is writing the run.
        RunError: Training diverged: a parameter or a bid became infinite or NaN.
        Interrupted: A signal came. The run can be resumed.
    """
    instance_of("run", run, Run, "a Run (auctionsim.Run.create, Run.open)")
    if until is not None:
        whole_number("until", until, 0)
    with locked(run.path, "run"):
        _train_locked(run, pool or SerialPool(), report, markets, starts, until)


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
        markets = {seed: build_market(scenario, seed) for seed in run.seeds}
        if not has_learners(markets):
            _evaluate_rules(run, markets)
            return
        learner = make_learner(scenario)
        run.last_checkpoint()
        iteration, states = _last_states(run, starting_states(learner, markets))
        with _diverging(scenario, iteration):
            write_evaluation(run, markets, {seed: learner.policy(markets[seed], states[seed]) for seed in run.seeds})


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
) -> None:
    # Before anything is written: what is wrong with a run folder is said, and the folder left as it is.
    run.expect_trained_here("resume")
    scenario = run.scenario()
    markets = markets or {seed: build_market(scenario, seed) for seed in run.seeds}
    if not has_learners(markets):
        _evaluate_rules(run, markets)
        return
    learner = make_learner(scenario)
    iteration, states = _last_states(run, starts or starting_states(learner, markets))
    run.metrics()
    run.set_status("running")
    try:
        compare_machines(run, pool, scenario.learner.algorithm)
        run.tidy(keep=scenario.train.keep_checkpoints)
        last = scenario.train.iterations if until is None else min(until, scenario.train.iterations)
        states = _train_all(run, scenario, learner, markets, iteration, states, pool, report, last)
        if last < scenario.train.iterations:
            run.set_status("interrupted")
            return
        with _diverging(scenario, last):
            write_evaluation(run, markets, {seed: learner.policy(markets[seed], states[seed]) for seed in run.seeds})
    except BaseException as error:
        _set_last_status(run, error)
        raise
    run.set_status("finished")


def _set_last_status(run: Run, error: BaseException) -> None:
    """Note how a run ended; what ended it is told even where its folder has gone or cannot be written."""
    with suppress(OSError, InputError):
        run.set_status("interrupted" if isinstance(error, Interrupted | KeyboardInterrupt) else "failed")


def _evaluate_rules(run: Run, markets: dict[int, Market]) -> None:
    """Evaluate a run in which every advertiser follows a rule; the rules stand where the learned policy does."""
    try:
        write_evaluation(run, markets, {seed: Constant(market.fixed[:, :, None]) for seed, market in markets.items()})
    except BaseException as error:
        _set_last_status(run, error)
        raise
    run.set_status("finished")


def _last_states(run: Run, starts: dict[int, Arrays]) -> tuple[int, dict[int, Arrays]]:
    """Return iteration and states of the last checkpoint, or of the start where there is none."""
    checkpoints, last = run.checkpoints(), run.scenario().train.iterations
    if checkpoints and checkpoints[-1] > last:
        path = run.path / "checkpoints" / f"{checkpoints[-1]:06d}"
        raise InputError(f"{path}: expected a checkpoint of an iteration <= train.iterations = {last}, got a later one")
    return (checkpoints[-1], run.load_checkpoint(checkpoints[-1], starts)) if checkpoints else (0, starts)


def _train_all(
    run: Run,
    scenario: Scenario,
    learner: Learner,
    markets: dict[int, Market],
    iteration: int,
    states: dict[int, Arrays],
    pool: Pool,
    report: Callable[[Progress], None] | None,
    last: int,
) -> dict[int, Arrays]:
    run.cut_metrics(iteration)
    undefined = {seed: _undefined_ratios(market) for seed, market in markets.items()}
    generations = Generations(learner, markets, pool)
    days = scenario.traffic.train_days
    auctions = sum(
        market.source.auctions_on(day) * learner.replays_per_iteration(market) for market in markets.values() for day in days
    )
    with _stopped_by_signals() as stop, event_files(run.path / "tensorboard", iteration) as events:
        while iteration < last:
            with _diverging(scenario, iteration + 1):
                states, numbers = generations.next(states)
            _expect_finite(scenario, iteration + 1, states)
            logged: dict[int, dict[str, float | None]] = {
                seed: {**_finite(own), **dict.fromkeys(undefined[seed])} for seed, own in numbers.items()
            }
            iteration += 1
            # Asked once: a signal that comes after this is for the next iteration, or the run would stop without a checkpoint.
            is_stopping = stop.is_set()
            run.append_metrics([{"iteration": iteration, "seed": seed, **logged[seed]} for seed in run.seeds])
            for seed in run.seeds:
                events.scalars(iteration, seed, logged[seed])
            if iteration % scenario.train.checkpoint_every == 0 or iteration == last or is_stopping:
                run.save_checkpoint(iteration, states, keep=scenario.train.keep_checkpoints)
            if report is not None:
                revenue, profit = (_mean([logged[seed][name] for seed in run.seeds]) for name in LOGGED)
                report(Progress(iteration, scenario.train.iterations, revenue, profit, auctions))
            if is_stopping:
                raise Interrupted
    return states


@contextmanager
def _diverging(scenario: Scenario, iteration: int) -> Iterator[None]:
    """Tell that training diverged where what was learned makes no bids; the scenario was right, so it is no wrong input.

    Numpy's warnings of overflow are left out, since the one line says it.
    """
    try:
        with np.errstate(over="ignore", invalid="ignore"):
            yield
    except NotFinite as error:
        if scenario.classes:
            # It may be a rule or a learner of the user's own.
            raise
        raise _diverged(scenario, iteration, str(error)) from error


def _expect_finite(scenario: Scenario, iteration: int, states: Mapping[int, Arrays]) -> None:
    """Refuse states that no checkpoint can hold, before one is written.

    Raises:
        RunError: A parameter is infinite or NaN.
    """
    for seed, state in states.items():
        for name, array in state.items():
            if not np.isfinite(array).all():
                raise _diverged(scenario, iteration, f"seed {seed}: array {name!r} holds NaN or infinity")


def _diverged(scenario: Scenario, iteration: int, reason: str) -> RunError:
    return RunError(
        f"{scenario.source}: training diverged in iteration {iteration}: {reason} (learner: smaller steps may help)"
    )


def _undefined_ratios(market: Market) -> list[str]:
    """Return which of `LOGGED` have no meaning in a market: the baseline earns nothing, or loses money, on a training day."""
    names = set()
    for day in market.scenario.traffic.train_days:
        cost, gmv = float(market.baseline[day].cost.sum()), float(market.baseline[day].gmv.sum())
        ratios = dict(
            zip(LOGGED, (ratio_to_amount(0.0, cost, cost), ratio_to_amount(0.0, gmv - cost, gmv + cost)), strict=True)
        )
        names |= {name for name, ratio in ratios.items() if isinstance(ratio, NotDefined)}
    return sorted(names)


def _finite(logged: Mapping[str, float]) -> dict[str, float | None]:
    """Return what was logged with None in place of NaN and infinity, which JSON does not have."""
    return {name: value if math.isfinite(value) else None for name, value in logged.items()}


def _mean(ratios: Sequence[float | None]) -> float | None:
    known = [ratio for ratio in ratios if ratio is not None]
    return float(np.mean(known)) if len(known) == len(ratios) else None


@contextmanager
def _stopped_by_signals() -> Iterator[threading.Event]:
    """Yield an event that a signal sets, so that the iteration under way ends and is kept. A second signal ends it at once."""
    stop = threading.Event()

    def on_signal(_: int, __: FrameType | None) -> None:
        if stop.is_set():
            raise KeyboardInterrupt
        stop.set()

    with handled(on_signal):
        yield stop
