"""Handles of what tasks share, and what a Ray worker keeps of it from task to task.

Two kinds: objects put once, such as a market, and the arrays of a generation, of which only the last are kept. Where machines
are far apart, the arrays need not travel: a worker that holds those of the generation before computes the next ones itself from
the generation's update, a few seeds and scalars, and a fingerprint tells whether they equal the driver's to the bit. If not, or
where it holds none, it fetches them whole.
"""

from __future__ import annotations

import hashlib
import itertools
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Arrays = dict[str, NDArray[Any]]

INLINE_BYTES = 65536
"""Arrays up to this size travel with their tasks: to fetch them would take longer."""

_MOST_OBJECTS, _MOST_LINES = 16, 16
_objects: OrderedDict[str, Any] = OrderedDict()
_lines: OrderedDict[str, tuple[int, Arrays]] = OrderedDict()
_new_line = itertools.count()


@dataclass(frozen=True)
class PutObject:
    """An object in the object store, where Ray would unpack a bare reference anew for every task."""

    reference: Any

    def get(self) -> Any:
        """Return the object, kept by the worker for its next tasks; its arrays stay where the node's object store has them."""
        import ray

        key = self.reference.hex()
        if key not in _objects:
            _objects[key] = ray.get(self.reference)
        return _kept(_objects, key, _MOST_OBJECTS)


@dataclass(frozen=True)
class Replication:
    """How a worker computes arrays from those of the generation before: `function(market, before, update)`, bit for bit."""

    function: Callable[[Any, Arrays, Arrays], Arrays]
    market: Any
    """A handle."""
    update: Arrays
    """Seeds and scalars."""


@dataclass(frozen=True)
class PutArrays:
    """Arrays of a generation."""

    line: str
    """The line of generations that they belong to."""
    generation: int
    whole: Any
    """The arrays, or a reference to them."""
    replication: Any = None
    """A reference to a `Replication`, where workers compute them themselves."""
    fingerprint: bytes = b""

    def get(self) -> Arrays:
        """Return the arrays, kept by the worker until it meets a later generation."""
        if isinstance(self.whole, dict):
            return self.whole
        generation, arrays = _lines.get(self.line, (-1, {}))
        if generation != self.generation:
            arrays = self._replicated(arrays) if generation == self.generation - 1 else {}
            _lines[self.line] = self.generation, arrays or self._fetched()
        found: tuple[int, Arrays] = _kept(_lines, self.line, _MOST_LINES)
        return found[1]

    def _replicated(self, before: Arrays) -> Arrays:
        """Return the arrays computed from the generation before; none where they are not what the driver has."""
        if self.replication is None:
            return {}
        import ray

        replication: Replication = ray.get(self.replication)
        arrays = replication.function(object_of(replication.market), before, replication.update)
        return arrays if fingerprint(arrays) == self.fingerprint else {}

    def _fetched(self) -> Arrays:
        import ray

        arrays: Arrays = ray.get(self.whole)
        return arrays


def put_arrays(ray: Any, arrays: Arrays, before: PutArrays | None, replication: Replication | None) -> PutArrays:
    """Return a handle to the next generation of a line, or to the first of a new one.

    Args:
        ray: The module, connected.
        arrays: The generation's arrays, as tasks are to see them.
        before: The handle of the generation before; None for a new line.
        replication: The way in which workers that hold that one compute these; used where the update is smaller.
    """
    line = str(next(_new_line)) if before is None else before.line
    generation = 0 if before is None else before.generation + 1
    if size_of(arrays) <= INLINE_BYTES:
        return PutArrays(line, generation, arrays)
    whole = ray.put(arrays)
    if before is None or replication is None or size_of(replication.update) >= size_of(arrays):
        return PutArrays(line, generation, whole)
    return PutArrays(line, generation, whole, ray.put(replication), fingerprint(arrays))


def object_of(argument: Any) -> Any:
    """Return what a handle stands for; anything else as it is."""
    return argument.get() if isinstance(argument, (PutObject, PutArrays)) else argument


def fingerprint(arrays: Arrays) -> bytes:
    """Return a digest of names, types, shapes and bytes."""
    digest = hashlib.blake2b(digest_size=16)
    for name, array in sorted(arrays.items()):
        digest.update(f"{name} {array.dtype.str} {array.shape} ".encode())
        digest.update(np.ascontiguousarray(array).data)
    return digest.digest()


def size_of(arrays: Arrays) -> int:
    """Return the bytes of all arrays."""
    return sum(array.nbytes for array in arrays.values())


def _kept(store: OrderedDict[str, Any], key: str, most: int) -> Any:
    """Return the object, from now on the last that is forgotten."""
    store.move_to_end(key)
    while len(store) > most:
        store.popitem(last=False)
    return store[key]
