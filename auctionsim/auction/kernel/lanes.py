"""Vector instructions for the engine: ranking and adding for several policies in registers.

numba leaves the loop over policies scalar, since it cannot prove that the arrays do not overlap; so the loop is
written out in LLVM's own vector types. Each function is made for a fixed number of lanes, and every lane does the same IEEE
operations in the same order as the scalar code in `ranking.py`, so results depend neither on the width nor on the machine's
vector registers.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from auctionsim.auction.kernel.arguments import QUALITY, ROW_COLUMNS

N_FEATURES = 4
NARROW = 8
"""Lanes of a block: policies are padded to a multiple of it."""
RANKED = 8
"""Scores that the exact ranking keeps: as many as the most slots need, and one."""

INT32, INT64, SINGLE, DOUBLE = ir.IntType(32), ir.IntType(64), ir.FloatType(), ir.DoubleType()


def instruction(function: Callable[..., Any]) -> Callable[..., Any]:
    """Numba's `intrinsic`, whose own type takes the typing context for an argument."""
    made: Callable[..., Any] = intrinsic(function)
    return made


class Emitter:
    """Vector operations of one width on a numba builder."""

    def __init__(self, builder: ir.IRBuilder, width: int) -> None:
        self.builder = builder
        self.width = width

    def constant(self, element: ir.Type, value: float) -> ir.Constant:
        """All lanes the same known value."""
        return ir.Constant(ir.VectorType(element, self.width), [value] * self.width)

    def splat(self, scalar: ir.Value) -> ir.Value:
        """All lanes the same computed value."""
        undefined = ir.Constant(ir.VectorType(scalar.type, self.width), ir.Undefined)
        one = self.builder.insert_element(undefined, scalar, ir.Constant(INT32, 0))
        return self.builder.shuffle_vector(one, undefined, ir.Constant(ir.VectorType(INT32, self.width), [0] * self.width))

    def load(self, pointer: ir.Value, offset: ir.Value) -> ir.Value:
        """`width` elements from an element offset."""
        place = self.builder.gep(pointer, [offset])
        vector = ir.VectorType(pointer.type.pointee, self.width)
        return self.builder.load(self.builder.bitcast(place, vector.as_pointer()), align=_bytes(pointer.type.pointee))

    def store(self, value: ir.Value, pointer: ir.Value, offset: ir.Value) -> None:
        """`width` values to an element offset."""
        place = self.builder.gep(pointer, [offset])
        self.builder.store(value, self.builder.bitcast(place, value.type.as_pointer()), align=_bytes(value.type.element))

    def scalar(self, pointer: ir.Value, offset: ir.Value) -> ir.Value:
        """One element."""
        return self.builder.load(self.builder.gep(pointer, [offset]))


def index(value: int) -> ir.Constant:
    """A constant element offset."""
    return ir.Constant(INT64, value)


def _bytes(element: ir.Type) -> int:
    return 4 if element in (INT32, SINGLE) else 8


def pointers(
    context: Any, builder: ir.IRBuilder, signature: Any, arguments: tuple[Any, ...], which: tuple[int, ...]
) -> list[Any]:
    """Data pointers of array arguments, which must be C-contiguous."""
    arrays = [context.make_array(signature.args[i])(context, builder, arguments[i]) for i in which]
    return [array.data for array in arrays]


def make_rank(width: int, depth: int) -> Callable[..., None]:
    """`rank(theta, figures, advertiser, first, last, stride, lane, reserve, floor, cap, outside, best, winner)`.

    For `width` policies. Bids are clipped to `[floor, cap]`; below the reserve they are not eligible.
    Ranks rows `first:last` and a bidder outside by rank score, for policies `lane:lane + width`: theta is
    `[advertisers, 4, stride]`, `best` and `winner` are `[depth, stride]`. Writes the `depth` largest scores in falling order to
    `best`, and the rows of all but the last to `winner`; -1 and -1 where nobody is eligible, row -2 for the outside bidder.
    Of equal scores the lower row ranks higher and the outside bidder lowest; NaN coefficients are never eligible.
    """

    @intrinsic
    def rank(  # type: ignore[no-untyped-def]
        _, theta, figures, advertiser, first, last, stride, lane, reserve, floor, cap, outside, best, winner
    ):
        signature = types.void(
            theta, figures, advertiser, first, last, stride, lane, reserve, floor, cap, outside, best, winner
        )

        def generate(context: Any, builder: ir.IRBuilder, signature: Any, values: tuple[Any, ...]) -> Any:
            first, last, stride, lane, reserve, floor, cap, outside = values[3:11]
            places = pointers(context, builder, signature, values, (0, 1, 2, 11, 12))
            theta, figures, advertiser = places[:3]
            emit = Emitter(builder, width)
            nothing, nobody = emit.constant(DOUBLE, -1.0), emit.constant(INT64, -1)
            reserve, floor, cap = emit.splat(reserve), emit.splat(floor), emit.splat(cap)
            before = builder.block
            head, body, done = (builder.function.append_basic_block(f"rank.{name}") for name in ("head", "body", "done"))
            builder.branch(head)
            builder.position_at_end(head)
            row = builder.phi(INT64)
            scores = [builder.phi(nothing.type) for _ in range(depth)]
            rows = [builder.phi(nobody.type) for _ in range(depth - 1)]
            builder.cbranch(builder.icmp_signed("<", row, last), body, done)

            builder.position_at_end(body)
            who = emit.scalar(advertiser, row)
            base = builder.add(builder.mul(who, builder.mul(stride, index(N_FEATURES))), lane)
            own = builder.mul(row, index(ROW_COLUMNS))
            bid = None
            for f in range(N_FEATURES):
                coefficient = emit.load(theta, builder.add(base, builder.mul(stride, index(f))))
                term = builder.fmul(coefficient, emit.splat(emit.scalar(figures, builder.add(own, index(f)))))
                bid = term if bid is None else builder.fadd(bid, term)
            # A NaN is neither below nor above, and stays one.
            bid = builder.select(builder.fcmp_ordered("<", bid, floor), floor, bid)
            bid = builder.select(builder.fcmp_ordered(">", bid, cap), cap, bid)
            score = builder.select(
                builder.fcmp_ordered(">=", bid, reserve),
                builder.fmul(emit.splat(emit.scalar(figures, builder.add(own, index(QUALITY)))), bid),
                nothing,
            )
            new_scores, new_rows = _inserted(builder, scores, rows, score, emit.splat(row))
            row.add_incoming(first, before)
            row.add_incoming(builder.add(row, index(1)), body)
            builder.branch(head)
            for node, start, again in (
                *((node, nothing, again) for node, again in zip(scores, new_scores, strict=True)),
                *((node, nobody, again) for node, again in zip(rows, new_rows, strict=True)),
            ):
                node.add_incoming(start, before)
                node.add_incoming(again, body)

            builder.position_at_end(done)
            final_scores, final_rows = _inserted(builder, scores, rows, emit.splat(outside), emit.constant(INT64, -2))
            for level, value in enumerate(final_scores):
                emit.store(value, places[3], builder.add(builder.mul(stride, index(level)), lane))
            for level, value in enumerate(final_rows):
                emit.store(value, places[4], builder.add(builder.mul(stride, index(level)), lane))
            return context.get_dummy_value()

        return signature, generate

    function: Callable[..., None] = rank
    return function


def _inserted(
    builder: ir.IRBuilder, scores: list[ir.Value], rows: list[ir.Value], score: ir.Value, row: ir.Value
) -> tuple[list[ir.Value], list[ir.Value]]:
    """A score and its row put into falling lists, lane by lane; what falls off the end is dropped, equal scores stay ahead."""
    new_scores, new_rows = [], []
    entering = score
    for level, present in enumerate(scores):
        # Always against what enters: from its place on, all move down, equals included.
        is_ahead = builder.fcmp_ordered(">", entering, present)
        new_scores.append(builder.select(is_ahead, score, present))
        score = builder.select(is_ahead, present, score)
        if level < len(rows):
            new_rows.append(builder.select(is_ahead, row, rows[level]))
            row = builder.select(is_ahead, rows[level], row)
    return new_scores, new_rows


def make_share(width: int) -> Callable[..., None]:
    """`share(shared, advertiser, first, last, stride, lane, profit, cost)` for `width` policies.

    Adds lanes `lane:lane + width` of `profit` and `cost` to `shared[advertiser[row], 0]` and `[.., 1]` of every row
    `first:last`; shared is `[advertisers, 2, stride]`.
    """

    @intrinsic
    def share(_, shared, advertiser, first, last, stride, lane, profit, cost):  # type: ignore[no-untyped-def]
        signature = types.void(shared, advertiser, first, last, stride, lane, profit, cost)

        def generate(context: Any, builder: ir.IRBuilder, signature: Any, values: tuple[Any, ...]) -> Any:
            first, last, stride, lane = values[2:6]
            shared, advertiser, profit, cost = pointers(context, builder, signature, values, (0, 1, 6, 7))
            emit = Emitter(builder, width)
            amounts = [emit.load(pointer, lane) for pointer in (profit, cost)]
            before = builder.block
            head, body, done = (builder.function.append_basic_block(f"share.{name}") for name in ("head", "body", "done"))
            builder.branch(head)
            builder.position_at_end(head)
            row = builder.phi(INT64)
            builder.cbranch(builder.icmp_signed("<", row, last), body, done)

            builder.position_at_end(body)
            offset = builder.add(builder.mul(emit.scalar(advertiser, row), builder.mul(stride, index(2))), lane)
            for k, amount in enumerate(amounts):
                place = builder.add(offset, builder.mul(stride, index(k)))
                emit.store(builder.fadd(emit.load(shared, place), amount), shared, place)
            row.add_incoming(first, before)
            row.add_incoming(builder.add(row, index(1)), body)
            builder.branch(head)

            builder.position_at_end(done)
            return context.get_dummy_value()

        return signature, generate

    function: Callable[..., None] = share
    return function


rank_exactly = make_rank(NARROW, RANKED)
share_narrow = make_share(NARROW)
