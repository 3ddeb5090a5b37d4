"""Lay out the trials of a sweep: which settings are tried, in which order.

Grid keys are crossed: every value meets every value. The other keys are sampled `samples` times, and each sample meets every
combination of the grid, so that two grid values are compared under the same sampled settings. With
`a=grid(1, 2)`, `b=choice(x, y, z)` and two samples, the trials are (1, b0) (2, b0) (1, b1) (2, b1).

Finite keys are sampled without replacement. Each deals its values like a shuffled deck: all of them once before any again.
Where all sampled keys are finite, no combination of them comes twice; if there are no more than `samples`, each is tried.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce
from itertools import product
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from auctionsim.errors import InputError
from auctionsim.jobs.sweeps.distributions import Parameter
from auctionsim.streams import stream

MOST_TRIALS = 10_000
"""The largest number of trials of a sweep."""


@dataclass(frozen=True)
class Design:
    """The trials of a sweep, and how they came about."""

    trials: list[dict[str, Any]]
    """Each trial's value by key."""
    sentence: str
    """A sentence on the combinations and samples, for the reader."""


def lay_out(parameters: Sequence[Parameter], samples: int, seed: int) -> Design:
    """Lay out the trials: all combinations of grid values, each under the same sampled settings.

    The values depend on the seed alone; more samples are appended after the fewer.

    Args:
        parameters: The swept keys.
        samples: The number of sampled settings, >= 1; fewer are taken where fewer exist.
        seed: The scenario's seed.

    Raises:
        InputError: There would be more than `MOST_TRIALS` trials.
    """
    grid = [parameter for parameter in parameters if parameter.is_grid]
    sampled = [parameter for parameter in parameters if not parameter.is_grid]
    combinations = prod(len(_finite(parameter)) for parameter in grid)
    space = None if any(parameter.values is None for parameter in sampled) else prod(_size(p) for p in sampled)
    taken = samples if space is None else min(samples, space)
    if combinations * taken > MOST_TRIALS:
        raise InputError(f"--param, --samples: expected <= {MOST_TRIALS} trials, got {combinations} x {taken}")
    crossed = [dict(zip((p.key for p in grid), values, strict=True)) for values in product(*(_finite(p) for p in grid))]
    order = [parameter.key for parameter in parameters]
    trials = [
        {key: {**combination, **drawn}[key] for key in order}
        for drawn in _draws(sampled, taken, seed)
        for combination in crossed
    ]
    return Design(trials, _sentence(len(grid), combinations, len(sampled), samples, space))


def _draws(parameters: Sequence[Parameter], samples: int, seed: int) -> list[dict[str, Any]]:
    """Draw the settings of the sampled keys, each from its own stream, so that another key leaves them as they are."""
    finite = [parameter for parameter in parameters if parameter.values is not None]
    counts: list[dict[int, int]] = [{} for _ in finite]
    is_finite, used, draws = len(finite) == len(parameters), set[tuple[int, ...]](), []
    for sample in range(samples):
        chosen = tuple(
            _dealt(stream(seed, "sweep", sample, parameter.key), _size(parameter), count)
            for parameter, count in zip(finite, counts, strict=True)
        )
        if is_finite and chosen in used:
            # Each key's deck on its own led to a combination that was tried before: another one, of values as rare.
            chosen = _unused(stream(seed, "sweep", sample, "combination"), [_size(p) for p in finite], counts, used)
        used.add(chosen)
        for count, index in zip(counts, chosen, strict=True):
            count[index] = count.get(index, 0) + 1
        indices = {parameter.key: index for parameter, index in zip(finite, chosen, strict=True)}
        draws.append({p.key: _value(p, indices.get(p.key), seed, sample) for p in parameters})
    return draws


def _value(parameter: Parameter, index: int | None, seed: int, sample: int) -> Any:
    """Return the value of an index of a finite key, or draw one of a continuous key."""
    if index is not None:
        return _finite(parameter)[index]
    assert parameter.draw is not None
    return parameter.draw(stream(seed, "sweep", sample, parameter.key))


def _dealt(rng: np.random.Generator, size: int, counts: dict[int, int]) -> int:
    """Draw one of the values that came least often so far."""
    least = min(counts.values()) if len(counts) == size else 0
    if size > MOST_TRIALS:
        # More values than trials: most are left, so that one that is not is soon found.
        return next(index for index in iter(lambda: int(rng.integers(size)), None) if index not in counts)
    left = [index for index in range(size) if counts.get(index, 0) == least]
    return left[int(rng.integers(len(left)))]


def _unused(
    rng: np.random.Generator, sizes: Sequence[int], counts: Sequence[dict[int, int]], used: set[tuple[int, ...]]
) -> tuple[int, ...]:
    """Draw a combination that was not used, of the values that came least often in sum."""
    if prod(sizes) > MOST_TRIALS:
        drawn = iter(lambda: tuple(int(rng.integers(size)) for size in sizes), None)
        return next(combination for combination in drawn if combination not in used)
    often = [np.array([count.get(index, 0) for index in range(size)]) for size, count in zip(sizes, counts, strict=True)]
    total: NDArray[np.int64] = reduce(np.add.outer, often)
    total[tuple(np.array(list(used)).T)] = np.iinfo(np.int64).max
    left = np.argwhere(total == total.min())
    return tuple(int(index) for index in left[int(rng.integers(len(left)))])


def _finite(parameter: Parameter) -> Sequence[Any]:
    assert parameter.values is not None
    return parameter.values


def _size(parameter: Parameter) -> int:
    """Return the number of values of a finite key."""
    return len(_finite(parameter))


def _sentence(grid: int, combinations: int, sampled: int, samples: int, space: int | None) -> str:
    """Say what was combined and what was sampled."""
    crossed = "the one combination of the grid" if combinations == 1 else f"all {combinations} combinations of the grid"
    if not sampled:
        return f"Trials: {crossed}, each once."
    if space is not None and space <= samples:
        fewer = f" ({samples} samples were asked for)" if space < samples else ""
        drawn = f"{'the one setting that exists' if space == 1 else f'all {space} settings that exist'}{fewer}"
    elif space is not None:
        drawn = f"{samples} of {space} settings, sampled without replacement"
    else:
        drawn = f"{samples} sampled setting{'s' if samples != 1 else ''}"
    return f"Trials: {drawn}, each with {crossed}." if grid else f"Trials: {drawn}."
