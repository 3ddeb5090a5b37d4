"""SIMD instructions that read and write the ledger: amounts in whole units, added to an account in one go."""

from __future__ import annotations

import math
from typing import Any

from llvmlite import ir
from numba import types

from auctionsim.auction.kernel.arguments import LEDGER_COLUMNS, SPENDABLE
from auctionsim.auction.kernel.simd import DOUBLE, INT32, INT64, Emitter, index, instruction, pointers
from auctionsim.auction.outcome import COST

_SUMS_AT_ONCE = 4
_LOW_BITS = 10
"""Bits of a number of units that are rounded by themselves, see `_rounded`."""


@instruction
def spendable(_, ledger, account):  # type: ignore[no-untyped-def]
    """Return the units that can be charged without exhausting the budget; `account` is advertiser * P + policy."""
    signature = types.int64(ledger, account)

    def generate(context: Any, builder: ir.IRBuilder, signature: Any, values: tuple[Any, ...]) -> Any:
        (ledger,) = pointers(context, builder, signature, values, (0,))
        emit, line = Emitter(builder, 1), builder.mul(values[1], index(LEDGER_COLUMNS))
        limit, cost = (emit.scalar(ledger, builder.add(line, index(column))) for column in (SPENDABLE, COST))
        return builder.sub(limit, cost)

    return signature, generate


@instruction
def to_units(_, amount, is_wide):  # type: ignore[no-untyped-def]
    """Return an amount in units as an integer, halves rounded to even; see `Accounts.is_wide`."""
    signature = types.int64(amount, is_wide)

    def generate(_context: Any, builder: ir.IRBuilder, _signature: Any, values: tuple[Any, ...]) -> Any:
        emit = Emitter(builder, 1)
        return builder.extract_element(_rounded(emit, emit.splat(values[0]), values[1]), ir.Constant(INT32, 0))

    return signature, generate


@instruction
def record(_, ledger, outcome_scale, is_wide, account, n_auctions, clicks, conversions, gmv, cost):  # type: ignore[no-untyped-def]
    """Add identical auctions to the sums of an account, advertiser * P + policy.

    Clicks, conversions and GMV are those of one auction; the cost, in units, is that of all. One load, one addition and one
    store serve the first four sums, which lie side by side in the account's cache line.
    """
    signature = types.void(ledger, outcome_scale, is_wide, account, n_auctions, clicks, conversions, gmv, cost)

    def generate(context: Any, builder: ir.IRBuilder, signature: Any, values: tuple[Any, ...]) -> Any:
        ledger, scale = pointers(context, builder, signature, values, (0, 1))
        line = builder.mul(values[3], index(LEDGER_COLUMNS))
        emit = Emitter(builder, _SUMS_AT_ONCE)
        amounts = ir.Constant(ir.VectorType(DOUBLE, _SUMS_AT_ONCE), [1.0] * _SUMS_AT_ONCE)
        for k, amount in enumerate(values[5:8]):
            amounts = builder.insert_element(amounts, amount, ir.Constant(INT32, k + 1))
        scaled = builder.fmul(amounts, emit.load(scale, index(0)))
        units = builder.mul(_rounded(emit, scaled, values[2]), emit.splat(values[4]))
        emit.store(builder.add(emit.load(ledger, line), units), ledger, line)
        address = builder.gep(ledger, [builder.add(line, index(COST))])
        builder.store(builder.add(builder.load(address), values[8]), address)
        return context.get_dummy_value()

    return signature, generate


def _rounded(emit: Emitter, amounts: ir.Value, is_wide: ir.Value) -> ir.Value:
    """Return a vector of doubles below 2^61, or below 2^51 unless `is_wide`, as 64-bit integers, halves rounded to even.

    AVX2 has no instruction for it. Doubles from 2^52 to 2^53 are 1 apart, so x + 1.5 x 2^52 is x rounded to a whole number,
    which is the difference of the bits of the two, for |x| < 2^51. A larger x is taken apart: with 1.5 x 2^62 in place of that
    number comes the nearest multiple of 2^10, and what x is beyond it, at most 512, is exact and is rounded by itself. For
    example 5000.3 is 5 x 1024 - 119.7: 5 x 1024 - 120 = 5000.
    """
    builder = emit.builder
    integers = ir.VectorType(INT64, emit.width)

    def shifted(values: ir.Value, shift: float) -> tuple[ir.Value, ir.Value]:
        constant = emit.constant(DOUBLE, shift)
        moved = builder.fadd(values, constant)
        return builder.sub(builder.bitcast(moved, integers), builder.bitcast(constant, integers)), builder.fsub(moved, constant)

    with builder.if_else(is_wide) as (wide, narrow):
        with wide:
            high, multiple = shifted(amounts, 1.5 * math.ldexp(1.0, 52 + _LOW_BITS))
            low, _ = shifted(builder.fsub(amounts, multiple), 1.5 * 2.0**52)
            taken_apart, wide_end = builder.add(builder.shl(high, emit.constant(INT64, _LOW_BITS)), low), builder.block
        with narrow:
            at_once, _ = shifted(amounts, 1.5 * 2.0**52)
            narrow_end = builder.block
    result = builder.phi(integers)
    result.add_incoming(taken_apart, wide_end)
    result.add_incoming(at_once, narrow_end)
    return result
