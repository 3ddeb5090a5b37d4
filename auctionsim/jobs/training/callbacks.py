"""Callbacks of training: what they are told, in which order, and how one may end the training.

They are called in the process that called `train`, never in a worker, and are handed copies: nothing they do to them changes a
byte of the run. Seeds are trained in step, so an iteration is one call with the numbers of all seeds. In order of time:

1. `on_start(start)` of each callback, in the order of the list;
2. after every iteration, when its metrics are on disk, `on_iteration(iteration)` of each callback;
3. after the evaluation, seed by seed in the run's order, `on_seed_end(seed)` of each callback;
4. `on_end(end)` of each callback, also after an interruption or a failure, so that loggers can close their files.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import polars as pl

from auctionsim.agents.learners.base import Arrays, Learner
from auctionsim.agents.policies.base import Policy
from auctionsim.arguments import is_listing, text
from auctionsim.errors import InputError, RunError, shown, suggestion
from auctionsim.market.market import Market
from auctionsim.names.display import cut, short_repr
from auctionsim.runs import Run, Status
from auctionsim.scenario import Scenario

MOMENTS = ("on_start", "on_iteration", "on_seed_end", "on_end")
"""Methods that a callback may have."""


class Callback:
    """A base class for callbacks, whose methods do nothing. Any object with one of the methods is a callback, too.

    A plain function is one as well; it is called as `on_iteration`.
    """

    def on_start(self, start: Start) -> None:
        """Be told that training begins, or goes on from a checkpoint."""

    def on_iteration(self, iteration: Iteration) -> None:
        """Be told what an iteration brought; `iteration.stop(reason)` ends the training after it."""

    def on_seed_end(self, seed: SeedEnd) -> None:
        """Be told how a seed's learned policy did on the test days."""

    def on_end(self, end: End) -> None:
        """Be told that training is over, however it ended."""


@dataclass(frozen=True, eq=False)
class Start:
    """The begin of a training."""

    run: Run
    scenario: Scenario
    seeds: tuple[int, ...]
    iteration: int
    """Iterations done before: 0, or that of the checkpoint that training goes on from."""
    iterations: int
    """The last iteration that is asked for."""

    __repr__ = short_repr

    @property
    def settings(self) -> dict[str, str | int | float | bool]:
        """The keys that differ from their defaults, and `learner.algorithm`, for a logger's table of hyperparameters.

        By their paths as `--set` takes them, such as `advertisers.0.count`; lists are text.
        """
        return settings_for_loggers(self.scenario)


@dataclass(frozen=True, eq=False)
class Iteration:
    """What an iteration brought."""

    run: Run
    iteration: int
    """Its number, from 1 on."""
    iterations: int
    """The last iteration that is asked for."""
    metrics: Mapping[int, Mapping[str, float | None]]
    """The numbers of metrics.jsonl by seed and name; None where a number is not defined."""
    auctions: int
    """Auctions replayed in the iteration, in all replays of all training days and seeds."""
    _learner: Learner = field(repr=False)
    _markets: Mapping[int, Market] = field(repr=False)
    _states: Mapping[int, Arrays] = field(repr=False)
    _reasons: list[str] = field(default_factory=list, repr=False)

    def __repr__(self) -> str:
        names = next(iter(self.metrics.values()), {})
        means = ((name, self.mean(name)) for name in names)
        logged = ", ".join(f"{name} {'not defined' if mean is None else f'{mean:.4g}'}" for name, mean in means)
        return cut(f"Iteration({self.iteration} of {self.iterations}: {logged})")

    def mean(self, name: str) -> float | None:
        """Return the mean of a logged number over the seeds; None where it is not defined on one of them.

        Raises:
            InputError: No seed logged it.
        """
        first = next(iter(self.metrics.values()), {})
        if name not in first:
            raise InputError(f"name: expected one of {', '.join(first)}, got {shown(name)}{suggestion(name, first)}")
        return mean_if_defined([logged[name] for logged in self.metrics.values()])

    @property
    def states(self) -> dict[int, Arrays]:
        """Copies of the learner's states, its parameters among them: arrays by seed and name, as in a checkpoint."""
        return {seed: {name: array.copy() for name, array in state.items()} for seed, state in self._states.items()}

    def market(self, seed: int) -> Market:
        """Return a copy of a seed's market; its traffic is shared and read-only."""
        return _copy_of(self._markets[self._checked(seed)])

    def policy(self, seed: int) -> Policy:
        """Return a seed's learned policy as it is now."""
        return self._learner.policy(self._markets[self._checked(seed)], self.states[seed])

    def stop(self, reason: str) -> None:
        """End the training after this iteration. The run is evaluated, can be resumed, and says why it ended.

        Args:
            reason: The reason in a few words, for whoever reads the run's manifest.
        """
        self._reasons.append(" ".join(text("reason", reason).split()))

    def _checked(self, seed: int) -> int:
        if seed not in self.metrics:
            raise InputError(f"seed: expected one of {', '.join(map(str, self.metrics))}, got {shown(seed)}")
        return seed


@dataclass(frozen=True, eq=False)
class SeedEnd:
    """How a seed's learned policy did on the test days."""

    run: Run
    seed: int
    iteration: int
    """The iteration that was evaluated."""
    metrics: Mapping[str, float | None]
    """The numbers that the seed logged last; empty where nobody learns."""
    outcomes: pl.DataFrame = field(repr=False)
    """The seed's rows of outcomes.parquet: the arms `learned` and `reference` by test day, hour and advertiser."""

    __repr__ = short_repr


@dataclass(frozen=True, eq=False)
class End:
    """How a training ended."""

    run: Run
    status: Status
    iteration: int
    """The last iteration that was done."""
    stopped: str | None = None
    """Why a callback ended the training; None where none did."""
    error: str | None = None
    """The error that ended it, if something failed."""

    __repr__ = short_repr


class Callbacks:
    """The callbacks of a training.

    Args:
        given: Callbacks in the order in which they are called.

    Raises:
        InputError: One has none of the methods and cannot be called, or has a method with a misspelled name.
    """

    def __init__(self, given: Iterable[Any] = ()) -> None:
        if not is_listing(given):
            raise InputError(f"callbacks: expected a list of callbacks, got {shown(given)}")
        self._methods = [_methods_of(one, f"callbacks[{number}]") for number, one in enumerate(given)]

    def __bool__(self) -> bool:
        return bool(self._methods)

    def call(self, moment: str, event: Any, where: str, *, is_last_word: bool = False) -> None:
        """Call a method of every callback that has it.

        Args:
            moment: One of `MOMENTS`.
            event: Their argument.
            where: Time of the call in words, for the message.
            is_last_word: Whether something has failed before, which is the error to tell: those of callbacks are left out, and
                all of them are called.

        Raises:
            RunError: A callback raised an exception; the ones after it are not called.
        """
        for name, methods in self._methods:
            if moment not in methods:
                continue
            try:
                methods[moment](event)
            except Exception as error:
                if is_last_word:
                    continue
                reason = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
                raise RunError(
                    f"{event.run.path}: {name}: {moment} failed {where}: {' '.join(reason.split())} (the run can be resumed)"
                ) from error


def mean_if_defined(values: Sequence[float | None]) -> float | None:
    """Return the mean of some numbers; None where one of them is not defined."""
    known = [value for value in values if value is not None]
    return float(np.mean(known)) if len(known) == len(values) else None


def settings_of(scenario: Scenario, *, all_keys: bool = True) -> dict[str, Any]:
    """Return every value of a scenario by its key, such as `learner.sigma` or `advertisers[0].count`; or those not default."""
    return _leaves(scenario.model_dump(mode="json", exclude_defaults=not all_keys), "")


def settings_for_loggers(scenario: Scenario) -> dict[str, str | int | float | bool]:
    """Return the keys that differ from their defaults, and `learner.algorithm`, by their paths as `--set` takes them."""
    changed = settings_of(scenario, all_keys=False)
    changed.setdefault("learner.algorithm", scenario.learner.algorithm)
    paths = {key.replace("[", ".").replace("]", ""): value for key, value in changed.items()}
    return {key: value if isinstance(value, str | int | float) else str(value) for key, value in paths.items()}


def _leaves(tree: Any, path: str) -> dict[str, Any]:
    if isinstance(tree, dict):
        parts = {f"{path}.{key}" if path else key: value for key, value in tree.items()}
    elif isinstance(tree, list) and any(isinstance(item, dict) for item in tree):
        parts = {f"{path}[{i}]": value for i, value in enumerate(tree)}
    else:
        return {path: tree}
    return {key: value for name, part in parts.items() for key, value in _leaves(part, name).items()}


def _methods_of(one: Any, source: str) -> tuple[str, dict[str, Callable[[Any], object]]]:
    """Return a callback's name for messages and its methods; `source` names its place in the list."""
    name = f"{source} {getattr(one, '__qualname__', type(one).__qualname__)}"
    if isinstance(one, type):
        raise InputError(f"{source}: expected a callback, got the class {shown(one.__name__)} (make an object of it)")
    found = {moment: getattr(one, moment) for moment in MOMENTS if callable(getattr(one, moment, None))}
    for key in dir(type(one)):
        near = suggestion(key, MOMENTS) if key.startswith("on_") and key not in MOMENTS else ""
        if near:
            raise InputError(f"{source}: unknown method {key!r}; choose from {', '.join(MOMENTS)}{near}")
    if not found and callable(one):
        found = {"on_iteration": one}
    if not found:
        raise InputError(f"{source}: expected a function, or an object with one of {', '.join(MOMENTS)}, got {shown(one)}")
    return name, found


def _copy_of(market: Market) -> Market:
    """Return a market whose small arrays may be written to; all that is large is shared, and traffic is read-only."""
    names = ("fixed", "learners", "budgets", "mean_features")
    baseline = {
        day: replace(
            outcome, **{name: getattr(outcome, name).copy() for name in ("impressions", "clicks", "conversions", "gmv", "cost")}
        )
        for day, outcome in market.baseline.items()
    }
    return replace(market, baseline=baseline, _by_day={}, **{name: getattr(market, name).copy() for name in names})
