"""Plain memory access for the engine's innermost loop: flat offsets, no check for negative ones, one line a booking."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils

from auctionsim.auction.kernel.arguments import COST, LEDGER_COLUMNS, LEFT, ROW_COLUMNS, SPENT_BELOW
from auctionsim.auction.kernel.lanes import DOUBLE, INT32, Emitter, index, instruction, pointers

_TOGETHER = 4


@instruction
def take(_, array, offset):  # type: ignore[no-untyped-def]
    """The element at a flat offset of a C-contiguous array."""
    signature = array.dtype(array, offset)

    def generate(context: Any, builder: ir.IRBuilder, signature: Any, values: tuple[Any, ...]) -> Any:
        (array,) = pointers(context, builder, signature, values, (0,))
        return Emitter(builder, 1).scalar(array, values[1])

    return signature, generate


@instruction
def of_row(_, figures, row, column):  # type: ignore[no-untyped-def]
    """A row's figure, by its column."""
    signature = types.float64(figures, row, column)

    def generate(context: Any, builder: ir.IRBuilder, signature: Any, values: tuple[Any, ...]) -> Any:
        (figures,) = pointers(context, builder, signature, values, (0,))
        return Emitter(builder, 1).scalar(figures, builder.add(builder.mul(values[1], index(ROW_COLUMNS)), values[2]))

    return signature, generate


@instruction
def fetch(_, array, offset):  # type: ignore[no-untyped-def]
    """Have the line of an element brought to the first-level cache while other work goes on."""
    signature = types.void(array, offset)

    def generate(context: Any, builder: ir.IRBuilder, signature: Any, values: tuple[Any, ...]) -> Any:
        (array,) = pointers(context, builder, signature, values, (0,))
        flags, byte = [ir.Constant(INT32, value) for value in (0, 3, 1)], ir.IntType(8).as_pointer()
        kind = ir.FunctionType(ir.VoidType(), [byte, INT32, INT32, INT32])
        declare: Callable[..., Any] = cgutils.get_or_insert_function
        place = builder.bitcast(builder.gep(array, [values[1]]), byte)
        builder.call(declare(builder.module, kind, "llvm.prefetch.p0i8"), [place, *flags])
        return context.get_dummy_value()

    return signature, generate


@instruction
def spendable(_, ledger, place):  # type: ignore[no-untyped-def]
    """Currency that may be charged without the budget counting as spent; `place` is advertiser * P + policy."""
    signature = types.float64(ledger, place)

    def generate(context: Any, builder: ir.IRBuilder, signature: Any, values: tuple[Any, ...]) -> Any:
        (ledger,) = pointers(context, builder, signature, values, (0,))
        emit, line = Emitter(builder, 1), builder.mul(values[1], index(LEDGER_COLUMNS))
        left, spent_below = (emit.scalar(ledger, builder.add(line, index(column))) for column in (LEFT, SPENT_BELOW))
        return builder.fsub(left, spent_below)

    return signature, generate


@instruction
def book(_, ledger, place, impressions, clicks, conversions, gmv, cost):  # type: ignore[no-untyped-def]
    """Add to the sums of `place` (advertiser * P + policy) and take the cost from what is left."""
    signature = types.void(ledger, place, impressions, clicks, conversions, gmv, cost)

    def generate(context: Any, builder: ir.IRBuilder, signature: Any, values: tuple[Any, ...]) -> Any:
        (ledger,) = pointers(context, builder, signature, values, (0,))
        line = builder.mul(values[1], index(LEDGER_COLUMNS))
        emit = Emitter(builder, _TOGETHER)
        amounts = ir.Constant(ir.VectorType(DOUBLE, _TOGETHER), ir.Undefined)
        for k, amount in enumerate(values[2 : 2 + _TOGETHER]):
            amounts = builder.insert_element(amounts, amount, ir.Constant(INT32, k))
        emit.store(builder.fadd(emit.load(ledger, line), amounts), ledger, line)
        for column, change in ((COST, builder.fadd), (LEFT, builder.fsub)):
            place = builder.gep(ledger, [builder.add(line, index(column))])
            builder.store(change(builder.load(place), values[6]), place)
        return context.get_dummy_value()

    return signature, generate
