"""Record the formulas of an hour as one CUDA graph: a launch for all of them, where Python would launch some 150 kernels.

A formula is a function `formula(terms, *arrays)` of a dataclass with arrays in it and of further arrays (None where there is
none); it returns an array or a tuple of them. It must not wait for the GPU nor copy anything to it, as
`tests/agents/device/test_recorded.py` checks. It is recorded once for each set of shapes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass, replace
from functools import partial
from typing import Any

from auctionsim.agents.device.array import DeviceArray
from auctionsim.extras import missing_extra

try:
    import torch
except ImportError as error:
    raise missing_extra("torch", __name__) from error

Formula = Callable[..., Any]
Record = Callable[[Callable[[], list[torch.Tensor]]], tuple[Callable[[], None], list[torch.Tensor]]]
"""Function that records a computation: it returns what computes again into the same tensors, and these."""

RECORDED = ("cuda",)
"""Kinds of device on which formulas are recorded."""


def formulas_on(device: torch.device) -> Callable[[Formula], Formula]:
    """Return what makes a formula quick on a device: recording, or nothing where there is no gain.

    Args:
        device: The device.
    """
    return partial(Recorded, record=partial(record_on_gpu, device)) if device.type in RECORDED else as_it_is


def as_it_is(formula: Formula) -> Formula:
    """Return a formula that computes operation by operation."""
    return formula


def record_on_gpu(
    device: torch.device, compute: Callable[[], list[torch.Tensor]]
) -> tuple[Callable[[], None], list[torch.Tensor]]:
    """Record a computation on a GPU as a CUDA graph: see `Record`."""
    with torch.cuda.device(device):
        beside: Any = torch.cuda.Stream()  # type: ignore[no-untyped-call]
        beside.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(beside):
            # Whatever is made at first use must be there before anything is recorded.
            compute()
        torch.cuda.current_stream().wait_stream(beside)
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph):
            outputs = compute()
    return graph.replay, outputs


@dataclass(eq=False)
class _Recording:
    """One recording: the tensors that it reads and writes."""

    of_terms: list[torch.Tensor]
    arrays: list[torch.Tensor | None]
    replay: Callable[[], None]
    outputs: list[torch.Tensor]
    terms: Any = None
    """Terms whose arrays were copied last."""


class Recorded:
    """A formula that is recorded at first use, and then replayed.

    Args:
        formula: The formula.
        record: Function that records a computation.
    """

    def __init__(self, formula: Formula, record: Record) -> None:
        self._formula, self._record = formula, record
        self._recordings: dict[Any, _Recording] = {}

    def __reduce__(self) -> Any:
        """Pickle the formula alone; a copy records anew."""
        return (Recorded, (self._formula, self._record))

    def __call__(self, terms: Any, *arrays: DeviceArray | None) -> Any:
        """Return what the formula returns, in arrays of the caller's own."""
        leaves: list[torch.Tensor] = []
        statics = _gather(terms, leaves)
        key = (statics, tuple(leaf.shape for leaf in leaves), tuple(None if one is None else one.shape for one in arrays))
        found = self._recordings.get(key)
        if found is None:
            found = self._recordings[key] = self._recording(terms, leaves, arrays)
        if found.terms is not terms:
            for held, leaf in zip(found.of_terms, leaves, strict=True):
                held.copy_(leaf)
            found.terms = terms
        for slot, array in zip(found.arrays, arrays, strict=True):
            if slot is not None and array is not None:
                slot.copy_(array.tensor)
        found.replay()
        outputs = [DeviceArray(output.clone()) for output in found.outputs]
        return outputs[0] if len(outputs) == 1 else tuple(outputs)

    def _recording(self, terms: Any, leaves: Sequence[torch.Tensor], arrays: Sequence[DeviceArray | None]) -> _Recording:
        """Record the formula on tensors of its own, for terms and arrays of the same shapes."""
        held = [leaf.clone() for leaf in leaves]
        slots = [None if array is None else array.tensor.clone() for array in arrays]
        own_terms = _rebuilt(terms, iter(list(held)).__next__)
        own_arrays = [None if slot is None else DeviceArray(slot) for slot in slots]

        def compute() -> list[torch.Tensor]:
            found = self._formula(own_terms, *own_arrays)
            return [one.tensor for one in (found if isinstance(found, tuple) else (found,))]

        return _Recording(held, slots, *self._record(compute))


def _gather(value: Any, leaves: list[torch.Tensor]) -> Any:
    """Append the tensors inside a value in their order; return the rest of it, by which recordings differ."""
    if isinstance(value, DeviceArray):
        leaves.append(value.tensor)
        return "array"
    if is_dataclass(value):
        return tuple((one.name, _gather(getattr(value, one.name), leaves)) for one in fields(value))
    if isinstance(value, Mapping):
        return tuple((key, _gather(inner, leaves)) for key, inner in value.items())
    return value


def _rebuilt(value: Any, following: Callable[[], torch.Tensor]) -> Any:
    """Return a value with other tensors inside, taken in the same order."""
    if isinstance(value, DeviceArray):
        return DeviceArray(following())
    if is_dataclass(value) and not isinstance(value, type):
        return replace(value, **{one.name: _rebuilt(getattr(value, one.name), following) for one in fields(value)})
    if isinstance(value, Mapping):
        return {key: _rebuilt(inner, following) for key, inner in value.items()}
    return value
