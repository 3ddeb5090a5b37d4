"""Find the CUDA device, or numba's simulator of one, and define the operations that both must round alike.

With the environment variable NUMBA_ENABLE_CUDASIM=1, set before numba is imported, the kernels of this folder run as plain
Python. That is slow, but executes their logic where there is no device: so do the tests.
"""

from __future__ import annotations

from collections.abc import Callable
from types import FunctionType
from typing import Any, TypeVar

import numpy as np
from numba import config, cuda

from auctionsim.errors import InputError

Function = TypeVar("Function", bound=Callable[..., Any])

IS_SIMULATED: bool = bool(config.ENABLE_CUDASIM)  # type: ignore[attr-defined]
"""Whether kernels run in numba's simulator."""


def check_device(source: str = "device", device: str = "cuda") -> None:
    """Check that kernels can run.

    Args:
        source: The argument or key that names the device, which begins the message.
        device: Name of the device, `cuda` or `cuda:N`.

    Raises:
        InputError: There is no such CUDA device, or what is needed to use it is not installed.
    """
    if not cuda.is_available():
        raise InputError(
            f"{source}: expected 'cpu', as no CUDA device was found; '{device}' asks for an NVIDIA GPU with its driver and for "
            "pip install 'auctionsim[gpu]'"
        )
    if number_of(device) >= len(cuda.gpus):
        known = ", ".join(("cpu", "cuda", *(f"cuda:{i}" for i in range(len(cuda.gpus)))))
        raise InputError(f"{source}: expected one of {known}, got '{device}'")


def number_of(device: str) -> int:
    """Return the number of a device, N of `cuda:N`; 0 for `cuda`."""
    return int(device.partition(":")[2] or 0)


def kernel(function: Function, most_registers: int | None = None) -> Any:
    """Compile a kernel, which a host launches, with no more registers than given."""
    return cuda.jit(function) if IS_SIMULATED or most_registers is None else cuda.jit(max_registers=most_registers)(function)


def device_function(function: Function) -> Function:
    """Compile a function that kernels call."""
    result: Function = cuda.jit(device=True)(function)
    return result


def on_device(function: Any, **names: Any) -> Any:
    """Return a function of the CPU's kernel for kernels to call, so that both have one source.

    Args:
        function: Compiled by `kernel.compiled`; its arguments are numbers.
        names: Functions of a device that stand for those that it calls, by name.
    """
    if IS_SIMULATED:
        return function
    source = function.py_func
    return cuda.jit(device=True)(FunctionType(source.__code__, {**source.__globals__, **names}, source.__name__))


# Compilers fuse a product and a sum into one instruction that rounds once, where the CPU's kernel rounds twice. These
# functions are never fused.
if IS_SIMULATED:

    def times(a: float, b: float) -> float:
        """Return a x b, rounded."""
        return a * b

    def plus(a: float, b: float) -> float:
        """Return a + b, rounded."""
        return a + b

    def bits_of(number: Any) -> int:
        """Return the bits of a float32 as an integer."""
        return int(np.float32(number).view(np.int32))

    def single_of(bits: int) -> Any:
        """Return the float32 with these bits."""
        return np.int32(bits).view(np.float32)

    def four_of(array: Any, index: Any) -> tuple[Any, ...]:
        """Return `array[index:index + 4]` of a float32 array, read at once; `index` is a multiple of 4."""
        return tuple(array[index + np.uint64(k)] for k in range(4))
else:
    from llvmlite import ir
    from numba import types
    from numba.cuda import libdevice
    from numba.cuda.extending import intrinsic

    times, plus, bits_of, single_of = libdevice.dmul_rn, libdevice.dadd_rn, libdevice.float_as_int, libdevice.int_as_float

    @intrinsic  # type: ignore[untyped-decorator]
    def four_of(_: Any, array: Any, index: Any) -> Any:
        """Return `array[index:index + 4]` of a float32 array, read at once; `index` is a multiple of 4."""
        result = types.UniTuple(types.float32, 4)  # type: ignore[no-untyped-call]

        def generate(context: Any, builder: ir.IRBuilder, signature: Any, values: tuple[Any, ...]) -> Any:
            data = context.make_array(signature.args[0])(context, builder, values[0]).data
            four = ir.VectorType(ir.FloatType(), 4)
            address = builder.bitcast(builder.gep(data, [values[1]]), four.as_pointer())
            loaded = builder.load(address, align=16)
            elements = [builder.extract_element(loaded, ir.Constant(ir.IntType(32), k)) for k in range(4)]
            return context.make_tuple(builder, result, elements)

        return result(array, index), generate
