"""Handles of what tasks share, and what a Ray worker keeps of it from task to task.

Two kinds: objects put once, such as a market, and the arrays of a generation, of which only the last are kept. Where machines
are far apart, the arrays need not travel: a worker that holds those of the generation before makes the next ones itself from
the generation's scalars, and a fingerprint tells whether they are the driver's to the bit. If not, or where it holds none, it
fetches them whole.
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
        """The object, kept by the worker for its next tasks; its arrays stay where the node's object store has them."""
        import ray

        key = self.reference.hex()
        if key not in _objects:
            _objects[key] = ray.get(self.reference)
        return _kept(_objects, key, _MOST_OBJECTS)


@dataclass(frozen=True)
class Follow:
    """How arrays come from those of the generation before: `function(market, before, scalars)`, the same bits anywhere."""

    function: Callable[[Any, Arrays, Arrays], Arrays]
    market: Any
    """A handle."""
    scalars: Arrays


@dataclass(frozen=True)
class PutArrays:
    """Arrays of a generation."""

    line: str
    """Of which they are a generation."""
    generation: int
    whole: Any
    """The arrays, or a reference to them."""
    follow: Any = None
    """A reference to a `Follow`, where workers make them themselves."""
    fingerprint: bytes = b""

    def get(self) -> Arrays:
        """The arrays, kept by the worker until it meets a later generation."""
        if isinstance(self.whole, dict):
            return self.whole
        generation, arrays = _lines.get(self.line, (-1, {}))
        if generation != self.generation:
            arrays = self._made_of(arrays) if generation == self.generation - 1 else {}
            _lines[self.line] = self.generation, arrays or self._fetched()
        found: tuple[int, Arrays] = _kept(_lines, self.line, _MOST_LINES)
        return found[1]

    def _made_of(self, before: Arrays) -> Arrays:
        """What follows from the generation before; nothing where it is not what the driver has."""
        if self.follow is None:
            return {}
        import ray

        follow: Follow = ray.get(self.follow)
        arrays = follow.function(object_of(follow.market), before, follow.scalars)
        return arrays if fingerprint(arrays) == self.fingerprint else {}

    def _fetched(self) -> Arrays:
        import ray

        arrays: Arrays = ray.get(self.whole)
        return arrays


def put_arrays(ray: Any, arrays: Arrays, before: PutArrays | None, follow: Follow | None) -> PutArrays:
    """A handle to the next generation of a line, or to the first of a new one.

    Args:
        ray: The module, connected.
        arrays: What tasks are to see.
        before: The handle of the generation before.
        follow: How workers that hold that one make these; it is used where that is less to send.
    """
    line = str(next(_new_line)) if before is None else before.line
    generation = 0 if before is None else before.generation + 1
    if size_of(arrays) <= INLINE_BYTES:
        return PutArrays(line, generation, arrays)
    whole = ray.put(arrays)
    if before is None or follow is None or size_of(follow.scalars) >= size_of(arrays):
        return PutArrays(line, generation, whole)
    return PutArrays(line, generation, whole, ray.put(follow), fingerprint(arrays))


def object_of(argument: Any) -> Any:
    """What a handle stands for; anything else as it is."""
    return argument.get() if isinstance(argument, (PutObject, PutArrays)) else argument


def fingerprint(arrays: Arrays) -> bytes:
    """Of names, types, shapes and bytes."""
    digest = hashlib.blake2b(digest_size=16)
    for name, array in sorted(arrays.items()):
        digest.update(f"{name} {array.dtype.str} {array.shape} ".encode())
        digest.update(np.ascontiguousarray(array).data)
    return digest.digest()


def size_of(arrays: Arrays) -> int:
    """Bytes."""
    return sum(array.nbytes for array in arrays.values())


def _kept(store: OrderedDict[str, Any], key: str, most: int) -> Any:
    """The object, now the last that is forgotten."""
    store.move_to_end(key)
    while len(store) > most:
        store.popitem(last=False)
    return store[key]
