"""A sieve for the engine: who can be among the best of a cell, in single precision, twice as many policies to a register.

A score of the sieve is within `2**-20` of the exact one: it is a sum of products of numbers at least 0, so nothing cancels. The
place of the candidate in its cell is written over the last bits of the score, which lets one maximum carry both. What comes out
is settled in double precision by `ranking.py`, which also knows when the sieve was too coarse to tell.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils

from auctionsim.market.lanes import INT32, INT64, N_FEATURES, SINGLE, Emitter, index, instruction, pointers

ROW_STEP = 8
"""Elements of a row's figures: features times quality, then the lowest score that counts."""
_VECTOR = 4


@instruction
def write_row(_, figures, place, quality, phi, row):  # type: ignore[no-untyped-def]
    """`figures[place, :4] = quality * phi[row]` in single precision, in one go."""
    signature = types.void(figures, place, quality, phi, row)

    def generate(context: Any, builder: ir.IRBuilder, signature: Any, values: tuple[Any, ...]) -> Any:
        place, quality, row = values[1], values[2], values[4]
        figures, phi = pointers(context, builder, signature, values, (0, 3))
        emit = Emitter(builder, _VECTOR)
        features = emit.load(phi, builder.mul(row, index(N_FEATURES)))
        rounded = builder.fptrunc(builder.fmul(features, emit.splat(quality)), ir.VectorType(SINGLE, _VECTOR))
        emit.store(rounded, figures, builder.mul(place, index(ROW_STEP)))
        return context.get_dummy_value()

    return signature, generate


@instruction
def exact_bid(_, theta, phi, place, row):  # type: ignore[no-untyped-def]
    """The bid of a row with the coefficients at `place` of `theta[places, 4]`; summed as `lanes.make_rank` does."""
    signature = types.float64(theta, phi, place, row)

    def generate(context: Any, builder: ir.IRBuilder, signature: Any, values: tuple[Any, ...]) -> Any:
        theta, phi = pointers(context, builder, signature, values, (0, 1))
        emit = Emitter(builder, 1)
        start, features = (builder.mul(at, index(N_FEATURES)) for at in values[2:4])
        bid = None
        for f in range(N_FEATURES):
            coefficient = emit.scalar(theta, builder.add(start, index(f)))
            term = builder.fmul(coefficient, emit.scalar(phi, builder.add(features, index(f))))
            bid = term if bid is None else builder.fadd(bid, term)
        return bid

    return signature, generate


def make_sieve(width: int, depth: int) -> Callable[..., None]:
    """`sieve(theta, figures, offset, n, stride, lane, kept_bits, found)` for `width` policies.

    Args of the function:
        theta: Coefficients `[advertisers, 4, stride]`, single precision; NaN where not eligible.
        figures: Of the cell's n rows, `[n, ROW_STEP]`.
        offset: Where the row's advertiser begins in theta, in elements, `[n]`.
        kept_bits: Mask of the bits of a score that the row's place does not overwrite.
        found: Written to, `[depth, stride]`, int32: the largest scores in falling order, each a float's bits with the row's
            place in the last ones; negative where nobody is left.
    """

    @instruction
    def sieve(_, theta, figures, offset, n, stride, lane, kept_bits, found):  # type: ignore[no-untyped-def]
        signature = types.void(theta, figures, offset, n, stride, lane, kept_bits, found)

        def generate(context: Any, builder: ir.IRBuilder, signature: Any, values: tuple[Any, ...]) -> Any:
            n, stride, lane, kept_bits = values[3:7]
            theta, figures, offset, found = pointers(context, builder, signature, values, (0, 1, 2, 7))
            emit = Emitter(builder, width)
            floats, integers = ir.VectorType(SINGLE, width), ir.VectorType(INT32, width)
            # Rounding once or twice is the same to a sieve, so the machine may fuse.
            declare: Callable[..., Any] = cgutils.get_or_insert_function
            fused = declare(builder.module, ir.FunctionType(floats, [floats] * 3), f"llvm.fmuladd.v{width}f32")
            nobody = emit.constant(SINGLE, -1.0)
            mask = emit.splat(builder.trunc(kept_bits, INT32))
            before = builder.block
            head, body, done = (builder.function.append_basic_block(f"sieve.{name}") for name in ("head", "body", "done"))
            builder.branch(head)
            builder.position_at_end(head)
            row = builder.phi(INT64)
            best = [builder.phi(floats) for _ in range(depth)]
            builder.cbranch(builder.icmp_signed("<", row, n), body, done)

            builder.position_at_end(body)
            base = builder.add(emit.scalar(offset, row), lane)
            own = builder.mul(row, index(ROW_STEP))
            figure = [emit.splat(emit.scalar(figures, builder.add(own, index(f)))) for f in range(N_FEATURES + 1)]
            score = builder.fmul(emit.load(theta, base), figure[0])
            for f in range(1, N_FEATURES):
                coefficient = emit.load(theta, builder.add(base, builder.mul(stride, index(f))))
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
            for level, value in enumerate(best):
                emit.store(builder.bitcast(value, integers), found, builder.add(builder.mul(stride, index(level)), lane))
            return context.get_dummy_value()

        return signature, generate

    function: Callable[..., None] = sieve
    return function


# By depth: one more than the scores that are needed, to know that the last of them is ahead of the next. Two registers side by
# side hide the latency of one; deeper lists fill the registers.
sieve_3_wide, sieve_3, sieve_5_wide, sieve_5, sieve_9 = (
    make_sieve(16, 3), make_sieve(8, 3), make_sieve(16, 5), make_sieve(8, 5), make_sieve(8, 9),
)  # fmt: skip
