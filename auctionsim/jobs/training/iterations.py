"""Run a training's iterations, note their numbers and checkpoints, and tell whoever is listening."""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from types import FrameType, MappingProxyType
from typing import Any

from auctionsim.agents.learners.base import Arrays, Learner
from auctionsim.jobs.distributed.cluster import Pool
from auctionsim.jobs.distributed.whole_iterations import whole_iterations
from auctionsim.jobs.training import timing
from auctionsim.jobs.training.callbacks import Callbacks, Iteration, mean_if_defined, settings_for_loggers
from auctionsim.jobs.training.divergence import expect_finite, reported_if_diverging
from auctionsim.jobs.training.events import event_files
from auctionsim.jobs.training.generations import LOGGED, Generations
from auctionsim.machine.signals import handled, interrupt
from auctionsim.market.market import Market
from auctionsim.names.display import cut
from auctionsim.ratios import NotDefined, ratio_to_amount
from auctionsim.runs import Run, Status
from auctionsim.scenario import Scenario


@dataclass(frozen=True)
class Progress:
    """Progress after an iteration; ratios are to the baseline, means over seeds and replays, None if they are not defined."""

    iteration: int
    iterations: int
    revenue_ratio: float | None
    profit_ratio: float | None
    cells: int
    """Cells cleared in the iteration: each cell of the training days counts once in every replay, whatever its weight."""
    bids: int
    """Candidate bids of these cells."""


class Interrupted(Exception):
    """Training was stopped by a signal after its checkpoint was written."""


@dataclass
class Done:
    """How far a training came, and how it ends."""

    iteration: int = 0
    status: Status = "finished"
    stopped: str | None = None
    """Why a callback ended it."""


@dataclass(frozen=True, eq=False)
class Training:
    """The iterations of a run."""

    run: Run
    scenario: Scenario
    learner: Learner
    markets: dict[int, Market]
    pool: Pool
    report: Callable[[Progress], None] | None
    callbacks: Callbacks
    last: int
    done: Done

    @cached_property
    def handles(self) -> dict[int, Any]:
        """The pool's handle of each market, which is put there once."""
        return {seed: self.pool.put(market) for seed, market in self.markets.items()}

    def from_iteration(self, iteration: int, states: dict[int, Arrays]) -> dict[int, Arrays]:
        """Train from an iteration to the last one, or until a callback or a signal ends it; return the states after it."""
        run, scenario, done = self.run, self.scenario, self.done
        run.cut_metrics(iteration)
        timing.cut(run.path, iteration)
        done.iteration = iteration
        undefined = {seed: _undefined_ratios(market) for seed, market in self.markets.items()}
        whole = whole_iterations(self.pool, scenario, self.handles)
        generations = Generations(self.learner, self.markets, self.pool, self.handles, whole)
        auctions, cells, bids = self._replayed()
        settings = settings_for_loggers(scenario)
        with _stopped_by_signals() as stop, event_files(run.path / "tensorboard", run.seeds, settings, iteration) as events:
            while done.iteration < self.last and done.stopped is None:
                with reported_if_diverging(scenario, done.iteration + 1):
                    # Callbacks may end the training after any iteration.
                    is_alone = not self.callbacks and not stop.is_set()
                    more = self.last - done.iteration - 1 if is_alone else 0
                    states, numbers = generations.next(states, more=more)
                seconds = max(generations.seconds, 1e-9)
                expect_finite(scenario, done.iteration + 1, states)
                logged: dict[int, dict[str, float | None]] = {
                    seed: {**_finite(own), **dict.fromkeys(undefined[seed])} for seed, own in numbers.items()
                }
                done.iteration += 1
                # Asked once: a signal that comes later is for the next iteration, or the run would stop without a checkpoint.
                is_stopping = stop.is_set()
                run.append_metrics([{"iteration": done.iteration, "seed": seed, **logged[seed]} for seed in run.seeds])
                timing.append(run.path, done.iteration, seconds, cells, bids)
                for seed in run.seeds:
                    events.scalars(done.iteration, f"seed-{seed}", logged[seed])
                rates = {"seconds": seconds, "cells_per_second": cells / seconds, "bids_per_second": bids / seconds}
                events.scalars(done.iteration, "timing", rates)
                if done.iteration % scenario.train.checkpoint_every == 0 or done.iteration == self.last or is_stopping:
                    self._save(states)
                if self.report is not None:
                    revenue, profit = (mean_if_defined([logged[seed][name] for seed in run.seeds]) for name in LOGGED)
                    self.report(Progress(done.iteration, scenario.train.iterations, revenue, profit, cells, bids))
                self._tell(logged, states, auctions)
                if is_stopping:
                    raise Interrupted(f"{run.path}: interrupted after iteration {done.iteration}, checkpoint written")
        return states

    def _tell(self, logged: dict[int, dict[str, float | None]], states: dict[int, Arrays], auctions: int) -> None:
        """Tell the callbacks of an iteration. Where one fails or ends the training, the iteration is kept."""
        if not self.callbacks:
            return
        metrics = MappingProxyType({seed: MappingProxyType(dict(logged[seed])) for seed in self.run.seeds})
        reasons: list[str] = []
        event = Iteration(
            self.run, self.done.iteration, self.last, metrics, auctions, self.learner, self.markets, states, reasons
        )
        try:
            self.callbacks.call("on_iteration", event, f"in iteration {self.done.iteration}")
        except BaseException:
            self._save(states)
            raise
        if reasons:
            self.done.stopped = cut("; ".join(reasons))
            self._save(states)

    def _save(self, states: dict[int, Arrays]) -> None:
        self.run.save_checkpoint(self.done.iteration, states, keep=self.scenario.train.keep_checkpoints)

    def _replayed(self) -> tuple[int, int, int]:
        """Count the auctions, cells and candidate bids that an iteration replays."""
        auctions = cells = bids = 0
        for market in self.markets.values():
            source, replays = market.source, self.learner.replays_per_iteration(market)
            for day in self.scenario.traffic.train_days:
                auctions += replays * source.auctions_on(day)
                cells += replays * source.cells_on(day)
                bids += replays * source.candidates_on(day)
        return auctions, cells, bids


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


@contextmanager
def _stopped_by_signals() -> Iterator[threading.Event]:
    """Yield an event that a signal sets, so that the iteration under way ends and is kept. A second signal ends it at once."""
    stop = threading.Event()

    def on_signal(number: int, frame: FrameType | None) -> None:
        if stop.is_set():
            interrupt(number, frame)
        stop.set()

    with handled(on_signal):
        yield stop
