"""Hold an array on a device, and let the market's formulas, which are written for numpy, compute on it there.

numpy hands a call over to the array that it is given: operators and functions of elements by `__array_ufunc__`, all others by
`__array_function__` (NEP 13 and NEP 18). So `objectives/`, `market/observations.py` and the environments have one formula for
arrays in memory and on a GPU. What is not in the tables below raises an error of type; nothing is copied to memory silently.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache, reduce
from typing import Any

import numpy as np
from numpy.lib.mixins import NDArrayOperatorsMixin
from numpy.typing import NDArray

from auctionsim import arithmetic
from auctionsim.extras import missing_extra

try:
    import torch
except ImportError as error:
    raise missing_extra("torch", __name__) from error

_TYPES: dict[Any, torch.dtype] = {
    np.dtype(np.float64): torch.float64,
    np.dtype(np.float32): torch.float32,
    np.dtype(np.int64): torch.int64,
    np.dtype(np.bool_): torch.bool,
}


_EXACT = ("cpu",)
"""Kinds of device on which results are those of numpy's arrays to the bit."""
_PLAIN = (int, slice, type(None), type(Ellipsis))
"""Types of an index that torch takes as they are."""


class DeviceArray(NDArrayOperatorsMixin):
    """An array whose numbers are a tensor of torch, `[...]`; functions of numpy return one on the same device.

    Arguments:
        tensor: The tensor; it is not copied.
    """

    __slots__ = ("tensor",)

    def __init__(self, tensor: torch.Tensor) -> None:
        self.tensor = tensor
        """The tensor."""

    @classmethod
    def of(cls, array: NDArray[Any], device: torch.device) -> DeviceArray:
        """Return a copy of an array of numpy on a device."""
        return cls(copied(array, device))

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **options: Any) -> Any:
        """Compute a function of elements for numpy."""
        if method == "accumulate" and ufunc is np.add and set(options) <= {"axis"}:
            return DeviceArray(torch.cumsum(inputs[0].tensor, dim=options.get("axis", 0)))
        found = _OF_ELEMENTS.get(ufunc)
        # All numbers are in double precision: `dtype` asks for what is there.
        if method != "__call__" or found is None or not set(options) <= {"dtype"}:
            return NotImplemented
        return DeviceArray(found(*(_operand(one, self.tensor.device) for one in inputs)))

    def __array_function__(self, function: Any, types: Any, args: Any, kwargs: Any) -> Any:
        """Compute any other function for numpy."""
        found = _FUNCTIONS.get(function)
        return NotImplemented if found is None else found(self.tensor.device, *args, **kwargs)

    def __array__(self, *_: Any, **__: Any) -> Any:
        """Refuse to become an array of numpy, which would wait for the device."""
        raise TypeError("expected an array of numpy, got one on a device (numpy's function is not among those of DeviceArray)")

    def elementwise(self, name: str, *others: Any) -> DeviceArray:
        """Return a function of `auctionsim.arithmetic` of each element; the base of a power is the other one, a number.

        On the processor it is that function, so that results are those of numpy's arrays to the bit.
        """
        if self.tensor.device.type in _EXACT:
            return DeviceArray(torch.from_numpy(np.asarray(getattr(arithmetic, name)(*others, self.tensor.numpy()))))
        if name == "power":
            return DeviceArray(torch.pow(others[0], self.tensor))
        return DeviceArray(getattr(torch, name)(self.tensor))

    @property
    def shape(self) -> tuple[int, ...]:
        """Return the size of each axis."""
        return tuple(self.tensor.shape)

    @property
    def ndim(self) -> int:
        """Return the number of axes."""
        return self.tensor.ndim

    @property
    def T(self) -> DeviceArray:
        """Return a view with the axes in reverse order."""
        return self.transpose(*reversed(range(self.ndim)))

    def __len__(self) -> int:
        return len(self.tensor)

    def __repr__(self) -> str:
        return f"DeviceArray({self.tensor!r})"

    def __getitem__(self, index: Any) -> DeviceArray:
        return DeviceArray(self.tensor[_index(index, self.tensor.device)])

    def __setitem__(self, index: Any, value: Any) -> None:
        self.tensor[_index(index, self.tensor.device)] = _operand(value, self.tensor.device)

    def transpose(self, *axes: int) -> DeviceArray:
        """Return a view with the axes in another order."""
        return DeviceArray(self.tensor.permute(axes))

    def sum(self, axis: int) -> DeviceArray:
        """Return the sums over an axis; on the processor in the order of its terms, as numpy's are."""
        in_order = self.tensor.device.type in _EXACT
        return DeviceArray(reduce(torch.add, self.tensor.unbind(axis)) if in_order else self.tensor.sum(dim=axis))

    def mean(self, axis: tuple[int, ...]) -> DeviceArray:
        """Return the means over some axes."""
        return DeviceArray(self.tensor.mean(dim=axis))

    def std(self, axis: tuple[int, ...]) -> DeviceArray:
        """Return the standard deviations over some axes, of the numbers as they are and not as a sample."""
        return DeviceArray(self.tensor.std(dim=axis, correction=0))

    def reshape(self, *shape: int) -> DeviceArray:
        """Return the array in another shape."""
        return DeviceArray(self.tensor.reshape(shape))

    def copy(self) -> DeviceArray:
        """Return a copy, in the order of its axes."""
        return DeviceArray(self.tensor.clone(memory_format=torch.contiguous_format))

    def astype(self, dtype: Any, order: str = "K") -> DeviceArray:  # noqa: ARG002  (always "C")
        """Return a copy of another type, in the order of its axes."""
        of_type = self.tensor.to(_TYPES[np.dtype(dtype)], copy=True, memory_format=torch.contiguous_format)
        return DeviceArray(of_type)


def copied(array: NDArray[Any], device: torch.device) -> torch.Tensor:
    """Return an array of numpy as a tensor on a device, of memory that nobody else writes to; nobody waits for the device."""
    if device.type == "cpu":
        return torch.tensor(array)
    return torch.from_numpy(np.ascontiguousarray(array)).to(device, non_blocking=True)


def _operand(value: Any, device: torch.device) -> Any:
    """Return a tensor, or a number of Python, which takes no copy to the device."""
    if isinstance(value, DeviceArray):
        return value.tensor
    if isinstance(value, np.ndarray) and value.ndim:
        return copied(value, device)
    return value.item() if isinstance(value, np.generic | np.ndarray) else value


def _index(index: Any, device: torch.device) -> Any:
    """Return an index for a tensor.

    A mask of numpy becomes the indices where it is true, and a list of numbers is put on the device once, so that nobody waits.
    """
    if isinstance(index, tuple):
        return tuple(one if isinstance(one, _PLAIN) else _index(one, device) for one in index)
    if isinstance(index, DeviceArray):
        return index.tensor
    if isinstance(index, list):
        return _numbers_on(tuple(index), device)
    if isinstance(index, np.ndarray):
        return _operand(np.flatnonzero(index) if index.dtype == np.bool_ else index, device)
    return index


@cache
def _numbers_on(numbers: tuple[int, ...], device: torch.device) -> torch.Tensor:
    """Return whole numbers on a device, made once."""
    return torch.tensor(numbers, device=device)


def _number(value: float, device: torch.device) -> torch.Tensor:
    """Return a number in double precision, as numpy takes it."""
    return torch.full((), value, dtype=torch.float64, device=device)


def _tensors(*values: Any) -> list[torch.Tensor]:
    """Return tensors of operands of which one at least is a tensor, on whose device the others are put."""
    device = next(value.device for value in values if isinstance(value, torch.Tensor))
    return [value if isinstance(value, torch.Tensor) else _number(value, device) for value in values]


def _quotient(left: Any, right: Any) -> torch.Tensor:
    """Divide in double precision, as numpy does where both are whole numbers."""
    left, right = (
        one.double() if isinstance(one, torch.Tensor) and not one.is_floating_point() else one for one in (left, right)
    )
    return torch.true_divide(left if isinstance(left, torch.Tensor) else _number(left, right.device), right)


def _maximum(left: Any, right: Any) -> torch.Tensor:
    """Return the larger of both; a number is a bound, which keeps the type."""
    if isinstance(left, torch.Tensor) and isinstance(right, torch.Tensor):
        return torch.maximum(left, right)
    return left.clamp(min=right) if isinstance(left, torch.Tensor) else right.clamp(min=left)


def _minimum(left: Any, right: Any) -> torch.Tensor:
    """Return the smaller of both; a number is a bound, which keeps the type."""
    if isinstance(left, torch.Tensor) and isinstance(right, torch.Tensor):
        return torch.minimum(left, right)
    return left.clamp(max=right) if isinstance(left, torch.Tensor) else right.clamp(max=left)


_OF_ELEMENTS: dict[np.ufunc, Callable[..., torch.Tensor]] = {
    np.add: lambda left, right: left + right,
    np.subtract: lambda left, right: left - right,
    np.multiply: lambda left, right: left * right,
    np.divide: _quotient,
    np.remainder: lambda left, right: left % right,
    np.negative: torch.neg,
    np.absolute: torch.abs,
    np.square: torch.square,
    np.sqrt: torch.sqrt,
    np.maximum: _maximum,
    np.minimum: _minimum,
    np.isfinite: torch.isfinite,
    np.greater: lambda left, right: left > right,
    np.greater_equal: lambda left, right: left >= right,
    np.less: lambda left, right: left < right,
    np.less_equal: lambda left, right: left <= right,
    np.equal: lambda left, right: left == right,
    np.bitwise_and: lambda left, right: left & right,
    np.bitwise_or: lambda left, right: left | right,
    np.invert: torch.bitwise_not,
}


def _quick(ufunc: np.ufunc, *, is_reflected: bool = False) -> Callable[[DeviceArray, Any], Any]:
    """Return an operator that takes no way through numpy where the other side is a number or on the device too."""
    compute = _OF_ELEMENTS[ufunc]

    def operator(array: DeviceArray, other: Any) -> Any:
        if isinstance(other, DeviceArray):
            other = other.tensor
        elif type(other) is not float and type(other) is not int:
            return ufunc(other, array) if is_reflected else ufunc(array, other)
        return DeviceArray(compute(other, array.tensor) if is_reflected else compute(array.tensor, other))

    return operator


for _name, _ufunc in {"add": np.add, "sub": np.subtract, "mul": np.multiply, "truediv": np.divide}.items():
    setattr(DeviceArray, f"__{_name}__", _quick(_ufunc))
    setattr(DeviceArray, f"__r{_name}__", _quick(_ufunc, is_reflected=True))


def _where(device: torch.device, condition: Any, left: Any, right: Any) -> DeviceArray:
    chosen = [_operand(one, device) for one in (condition, left, right)]
    if not any(isinstance(one, torch.Tensor) for one in chosen[1:]):
        # Two numbers would be of single precision.
        chosen[1] = _number(chosen[1], device)
    return DeviceArray(torch.where(*chosen))


def _stack(device: torch.device, arrays: Sequence[Any], axis: int = 0) -> DeviceArray:
    return DeviceArray(torch.stack(_tensors(*(_operand(one, device) for one in arrays)), dim=axis))


def _concatenate(device: torch.device, arrays: Sequence[Any], axis: int = 0) -> DeviceArray:
    return DeviceArray(torch.cat([_operand(one, device) for one in arrays], dim=axis))


def _empty(device: torch.device, shape: Sequence[int], dtype: Any = np.float64) -> DeviceArray:
    return DeviceArray(torch.empty(tuple(shape), dtype=_TYPES[np.dtype(dtype)], device=device))


def _zeros(device: torch.device, shape: Sequence[int], dtype: Any = np.float64) -> DeviceArray:
    return DeviceArray(torch.zeros(tuple(shape), dtype=_TYPES[np.dtype(dtype)], device=device))


def _full(here: torch.device, size: int, value: float, **asked: Any) -> DeviceArray:
    # numpy hands over its defaults too; the type is that of the value, and the place that of the array.
    if any(option not in (None, "C") for option in asked.values()):
        raise TypeError(f"full: expected the type of the value, got {asked}")
    return DeviceArray(torch.full((size,), value, device=here))


_FUNCTIONS: dict[Any, Callable[..., DeviceArray]] = {
    np.where: _where,
    np.stack: _stack,
    np.concatenate: _concatenate,
    np.empty: _empty,
    np.zeros: _zeros,
    np.arange: lambda device, end: DeviceArray(torch.arange(end, device=device)),
    np.full: _full,
    np.moveaxis: lambda _, array, source, to: DeviceArray(torch.movedim(array.tensor, source, to)),
    np.zeros_like: lambda _, array: DeviceArray(torch.zeros_like(array.tensor)),
    np.ones_like: lambda _, array: DeviceArray(torch.ones_like(array.tensor)),
    np.repeat: lambda _, array, repeats, axis: DeviceArray(torch.repeat_interleave(array.tensor, repeats, dim=axis)),
    np.broadcast_to: lambda _, array, shape: DeviceArray(array.tensor.broadcast_to(tuple(shape))),
    np.clip: lambda _, array, low, high: DeviceArray(array.tensor.clamp(low, high)),
}
"""Functions that the formulas call, by numpy's."""
