"""A sieve for the engine: who can be among the best of a cell, in single precision, twice as many policies to a register.

A score of the sieve is within `2**-20` of the exact one: it is a sum of products of numbers at least 0, so nothing cancels. The
place of the candidate in its cell is written over the last bits of the score, which lets one maximum carry both. What comes out
is settled in double precision by `ranking.py`, which also knows when the sieve was too coarse to tell.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from llvmlite import ir
from numba import types
from numba.core import cgutils

from auctionsim.auction.kernel.arguments import QUALITY, ROW_COLUMNS
from auctionsim.auction.kernel.lanes import DOUBLE, INT32, INT64, N_FEATURES, SINGLE, Emitter, index, instruction, pointers

ROW_STEP = 8
"""Elements of a row's figures: features times quality, the lowest score that counts, and `SURELY_ABOVE`."""
SURELY_ABOVE = 5
"""Of a row's figures: a score from which on the bid is surely at least the reserve."""
_LEAST_SCORE = int(np.float32(1e-12).view(np.int32))
_MOST_SCORE = int(np.float32(1e30).view(np.int32))
# In units of the last bit that the place leaves to a score: one is lost to cutting it off and half to rounding, on both sides.
_CLEARLY_AHEAD = 3


@instruction
def write_row(_, figures, place, exact, row, reserve, lenient, strict):  # type: ignore[no-untyped-def]
    """What the sieve reads of a row of `exact`, in single precision, to `figures[place]`.

    Features times quality, and the reserve times quality: a little less, and a little more.
    """
    signature = types.void(figures, place, exact, row, reserve, lenient, strict)

    def generate(context: Any, builder: ir.IRBuilder, signature: Any, values: tuple[Any, ...]) -> Any:
        place, row, reserve, lenient, strict = values[1], *values[3:]
        figures, exact = pointers(context, builder, signature, values, (0, 2))
        start, own = builder.mul(row, index(ROW_COLUMNS)), builder.mul(place, index(ROW_STEP))
        emit, pair = Emitter(builder, N_FEATURES), Emitter(builder, 2)
        quality = emit.scalar(exact, builder.add(start, index(QUALITY)))
        scores = builder.fmul(emit.load(exact, start), emit.splat(quality))
        emit.store(builder.fptrunc(scores, ir.VectorType(SINGLE, N_FEATURES)), figures, own)
        bounds = ir.Constant(ir.VectorType(DOUBLE, 2), ir.Undefined)
        for k, factor in enumerate((lenient, strict)):
            bounds = builder.insert_element(bounds, factor, ir.Constant(INT32, k))
        bounds = builder.fmul(pair.splat(builder.fmul(quality, reserve)), bounds)
        pair.store(builder.fptrunc(bounds, ir.VectorType(SINGLE, 2)), figures, builder.add(own, index(N_FEATURES)))
        return context.get_dummy_value()

    return signature, generate


@instruction
def exact_bid(_, theta, figures, place, row):  # type: ignore[no-untyped-def]
    """The bid of a row with the coefficients at `place` of `theta[places, 4]`; summed as `lanes.make_rank` does."""
    signature = types.float64(theta, figures, place, row)

    def generate(context: Any, builder: ir.IRBuilder, signature: Any, values: tuple[Any, ...]) -> Any:
        theta, figures = pointers(context, builder, signature, values, (0, 1))
        emit = Emitter(builder, 1)
        start, features = builder.mul(values[2], index(N_FEATURES)), builder.mul(values[3], index(ROW_COLUMNS))
        bid = None
        for f in range(N_FEATURES):
            coefficient = emit.scalar(theta, builder.add(start, index(f)))
            term = builder.fmul(coefficient, emit.scalar(figures, builder.add(features, index(f))))
            bid = term if bid is None else builder.fadd(bid, term)
        return bid

    return signature, generate


def make_sieve(width: int, depth: int) -> Callable[..., None]:
    """`sieve(theta, figures, offset, base, first, n, place_bits, lane, stride, found)` for a block of `width` policies.

    Args of the function:
        theta: Coefficients `[blocks, advertisers, 4, width]`, single precision; NaN where not eligible.
        figures: Of many cells' rows, `[rows, ROW_STEP]`.
        offset: Where the row's advertiser begins in a block of theta, in elements, `[rows]`.
        base: Where the block begins in theta, in elements.
        first, n: The cell's first row in `figures` and `offset`, and how many it has.
        place_bits: How many of the last bits of a score the row's place takes.
        lane, stride: The block's first policy, and the lanes of `found`.
        found: Written to, `[depth, stride]`, int32: the largest scores in falling order, each a float's bits with the row's
            place in the last ones; negative where nobody is left. In the last line, bit k says that score k is in single
            precision's range and surely ahead of the next, or nobody's.
    """

    @instruction
    def sieve(_, theta, figures, offset, base, first, n, place_bits, lane, stride, found):  # type: ignore[no-untyped-def]
        signature = types.void(theta, figures, offset, base, first, n, place_bits, lane, stride, found)

        def generate(context: Any, builder: ir.IRBuilder, signature: Any, values: tuple[Any, ...]) -> Any:
            base, first, n, place_bits, lane, stride = values[3:9]
            theta, figures, offset, found = pointers(context, builder, signature, values, (0, 1, 2, 9))
            emit = Emitter(builder, width)
            floats, integers = ir.VectorType(SINGLE, width), ir.VectorType(INT32, width)
            # Rounding once or twice is the same to a sieve, so the machine may fuse.
            declare: Callable[..., Any] = cgutils.get_or_insert_function
            fused = declare(builder.module, ir.FunctionType(floats, [floats] * 3), f"llvm.fmuladd.v{width}f32")
            nobody = emit.constant(SINGLE, -1.0)
            shift = builder.trunc(place_bits, INT32)
            mask = emit.splat(builder.shl(ir.Constant(INT32, -1), shift))
            before = builder.block
            head, body, done = (builder.function.append_basic_block(f"sieve.{name}") for name in ("head", "body", "done"))
            builder.branch(head)
            builder.position_at_end(head)
            row = builder.phi(INT64)
            best = [builder.phi(floats) for _ in range(depth)]
            builder.cbranch(builder.icmp_signed("<", row, n), body, done)

            builder.position_at_end(body)
            place = builder.add(first, row)
            start = builder.add(emit.scalar(offset, place), base)
            own = builder.mul(place, index(ROW_STEP))
            figure = [emit.splat(emit.scalar(figures, builder.add(own, index(f)))) for f in range(N_FEATURES + 1)]
            score = builder.fmul(emit.load(theta, start), figure[0])
            for f in range(1, N_FEATURES):
                coefficient = emit.load(theta, builder.add(start, index(f * width)))
                score = builder.call(fused, [coefficient, figure[f], score])
            placed = builder.or_(builder.and_(builder.bitcast(score, integers), mask), emit.splat(builder.trunc(row, INT32)))
            entering = builder.select(
                builder.fcmp_ordered(">=", score, figure[N_FEATURES]), builder.bitcast(placed, floats), nobody
            )
            row.add_incoming(index(0), before)
            row.add_incoming(builder.add(row, index(1)), body)
            for present in best:
                present.add_incoming(nobody, before)
                # Compared and selected so that they become single maximum and minimum instructions.
                present.add_incoming(builder.select(builder.fcmp_ordered(">", entering, present), entering, present), body)
                entering = builder.select(builder.fcmp_ordered("<", entering, present), entering, present)
            builder.branch(head)

            builder.position_at_end(done)
            codes = [builder.bitcast(value, integers) for value in best]
            clear = _clear_levels(emit, codes, emit.splat(shift))
            for level, value in enumerate([*codes[:-1], clear]):
                emit.store(value, found, builder.add(builder.mul(stride, index(level)), lane))
            return context.get_dummy_value()

        return signature, generate

    function: Callable[..., None] = sieve
    return function


def _clear_levels(emit: Emitter, codes: list[ir.Value], shift: ir.Value) -> ir.Value:
    """Bit k where score k is in range and surely ahead of score k + 1, or nobody's."""
    builder, clear = emit.builder, emit.constant(INT32, 0)
    units = [builder.ashr(code, shift) for code in codes]
    for level, (code, unit, next_unit) in enumerate(zip(codes[:-1], units, units[1:], strict=False)):
        is_ahead = builder.icmp_signed(">=", builder.sub(unit, next_unit), emit.constant(INT32, _CLEARLY_AHEAD))
        is_inside = builder.and_(
            builder.icmp_signed(">=", code, emit.constant(INT32, _LEAST_SCORE)),
            builder.icmp_signed("<=", code, emit.constant(INT32, _MOST_SCORE)),
        )
        is_nobody = builder.icmp_signed("<", code, emit.constant(INT32, 0))
        is_clear = builder.or_(builder.and_(is_ahead, is_inside), is_nobody)
        clear = builder.or_(clear, builder.select(is_clear, emit.constant(INT32, 1 << level), emit.constant(INT32, 0)))
    return clear


# By depth: one more than the scores that are needed, to know that the last of them is ahead of the next. Two registers side by
# side hide the latency of one; deeper lists fill the registers.
sieve_3_wide, sieve_3, sieve_5_wide, sieve_5, sieve_9 = (
    make_sieve(16, 3), make_sieve(8, 3), make_sieve(16, 5), make_sieve(8, 5), make_sieve(8, 9),
)  # fmt: skip
