"""SIMD instructions for numba: each of the lanes of a vector register holds one policy.

numba leaves a loop over policies scalar, since it cannot prove that the arrays do not overlap. So the innermost loops are
written here in LLVM's vector types. Every lane performs the same IEEE operations in the same order as scalar code would, so a
result depends neither on the number of lanes nor on the machine's vector registers.

Element access stands here as well: numba checks every index for being negative, and these do not.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from auctionsim.auction.kernel.arguments import (
    CANDIDATE_COLUMNS,
    EXTERNAL,
    N_FEATURES,
    NOBODY,
    QUALITY,
)

BLOCK = 8
"""SIMD lanes of a block: policies are padded to a multiple of it. Eight doubles fill one AVX-512 or two AVX2 registers."""
MAX_RANKS = 8
"""Scores that the exact ranking keeps: one more than the most slots, since the last slot's price needs the score below it."""

INT32, INT64, SINGLE, DOUBLE = ir.IntType(32), ir.IntType(64), ir.FloatType(), ir.DoubleType()

_NO_SCORE = -1.0


def instruction(function: Callable[..., Any]) -> Callable[..., Any]:
    """Make a numba intrinsic; numba's own type wrongly counts the typing context as an argument."""
    made: Callable[..., Any] = intrinsic(function)
    return made


class Emitter:
    """Emit vector operations of one width.

    Args:
        builder: Builder of the function that numba compiles.
        width: Number of lanes; 1 where only single elements are read.
    """

    def __init__(self, builder: ir.IRBuilder, width: int) -> None:
        self.builder = builder
        self.width = width

    def constant(self, element: ir.Type, value: float) -> ir.Constant:
        """Return a vector with the same known value in all lanes."""
        return ir.Constant(ir.VectorType(element, self.width), [value] * self.width)

    def splat(self, scalar: ir.Value) -> ir.Value:
        """Return a vector with the same computed value in all lanes."""
        undefined = ir.Constant(ir.VectorType(scalar.type, self.width), ir.Undefined)
        one = self.builder.insert_element(undefined, scalar, ir.Constant(INT32, 0))
        return self.builder.shuffle_vector(one, undefined, ir.Constant(ir.VectorType(INT32, self.width), [0] * self.width))

    def load(self, pointer: ir.Value, offset: ir.Value) -> ir.Value:
        """Load `width` elements from an offset in elements."""
        address = self.builder.gep(pointer, [offset])
        vector = ir.VectorType(pointer.type.pointee, self.width)
        return self.builder.load(self.builder.bitcast(address, vector.as_pointer()), align=_bytes(pointer.type.pointee))

    def store(self, value: ir.Value, pointer: ir.Value, offset: ir.Value) -> None:
        """Store `width` elements at an offset in elements."""
        address = self.builder.gep(pointer, [offset])
        self.builder.store(value, self.builder.bitcast(address, value.type.as_pointer()), align=_bytes(value.type.element))

    def scalar(self, pointer: ir.Value, offset: ir.Value) -> ir.Value:
        """Load one element from an offset in elements."""
        return self.builder.load(self.builder.gep(pointer, [offset]))


class RowLoop:
    """Emit a loop over rows `first:last` whose results are carried from row to row in registers.

    What is emitted between the constructor and `end` is the body, once for each row; what follows comes after the loop.

    Args:
        builder: Builder of the function that numba compiles.
        name: Prefix of the names of the basic blocks.
        first, last: The rows, the last one excluded.
        initial: Values that are carried, before the first row.
    """

    def __init__(self, builder: ir.IRBuilder, name: str, first: ir.Value, last: ir.Value, initial: Sequence[ir.Value]) -> None:
        self._builder = builder
        before = builder.block
        self._head, body, self._done = (
            builder.function.append_basic_block(f"{name}.{part}") for part in ("head", "body", "done")
        )
        builder.branch(self._head)
        builder.position_at_end(self._head)
        self.row = builder.phi(INT64)
        self.row.add_incoming(first, before)
        self.carried = [builder.phi(value.type) for value in initial]
        """The values after the rows so far, and after the loop those after all rows."""
        for node, value in zip(self.carried, initial, strict=True):
            node.add_incoming(value, before)
        builder.cbranch(builder.icmp_signed("<", self.row, last), body, self._done)
        builder.position_at_end(body)

    def end(self, values: Sequence[ir.Value] = ()) -> None:
        """End the body with the new values that are carried on."""
        self.row.add_incoming(self._builder.add(self.row, index(1)), self._builder.block)
        for node, value in zip(self.carried, values, strict=True):
            node.add_incoming(value, self._builder.block)
        self._builder.branch(self._head)
        self._builder.position_at_end(self._done)


def index(value: int) -> ir.Constant:
    """Return a constant offset in elements."""
    return ir.Constant(INT64, value)


def pointers(
    context: Any, builder: ir.IRBuilder, signature: Any, arguments: tuple[Any, ...], which: tuple[int, ...]
) -> list[Any]:
    """Return the data pointers of the array arguments at positions `which`; the arrays must be C-contiguous."""
    arrays = [context.make_array(signature.args[i])(context, builder, arguments[i]) for i in which]
    return [array.data for array in arrays]


def _bytes(element: ir.Type) -> int:
    return 4 if element in (INT32, SINGLE) else 8


@instruction
def element_at(_, array, offset):  # type: ignore[no-untyped-def]
    """Return the element at a flat offset of a C-contiguous array."""
    signature = array.dtype(array, offset)

    def generate(context: Any, builder: ir.IRBuilder, signature: Any, values: tuple[Any, ...]) -> Any:
        (array,) = pointers(context, builder, signature, values, (0,))
        return Emitter(builder, 1).scalar(array, values[1])

    return signature, generate


@instruction
def feature_at(_, features, row, column):  # type: ignore[no-untyped-def]
    """Return one column of a row of `Candidates.features`."""
    signature = types.float64(features, row, column)

    def generate(context: Any, builder: ir.IRBuilder, signature: Any, values: tuple[Any, ...]) -> Any:
        (features,) = pointers(context, builder, signature, values, (0,))
        return Emitter(builder, 1).scalar(features, builder.add(builder.mul(values[1], index(CANDIDATE_COLUMNS)), values[2]))

    return signature, generate


@instruction
def prefetch(_, array, offset):  # type: ignore[no-untyped-def]
    """Request the cache line of an element, so that it arrives in the first-level cache while other work goes on."""
    signature = types.void(array, offset)

    def generate(context: Any, builder: ir.IRBuilder, signature: Any, values: tuple[Any, ...]) -> Any:
        (array,) = pointers(context, builder, signature, values, (0,))
        # For reading (0), to be kept in all cache levels (3), data (1).
        flags, byte = [ir.Constant(INT32, value) for value in (0, 3, 1)], ir.IntType(8).as_pointer()
        kind = ir.FunctionType(ir.VoidType(), [byte, INT32, INT32, INT32])
        declare: Callable[..., Any] = cgutils.get_or_insert_function
        address = builder.bitcast(builder.gep(array, [values[1]]), byte)
        builder.call(declare(builder.module, kind, "llvm.prefetch.p0i8"), [address, *flags])
        return context.get_dummy_value()

    return signature, generate


@instruction
def exact_bid(_, theta, features, account, row):  # type: ignore[no-untyped-def]
    """Return the bid of a candidate, currency per click, with the coefficients `theta[account]` of `[accounts, 4]`.

    The products are summed in the order of the features, as `make_rank` does: the two bids are equal to the bit.
    """
    signature = types.float64(theta, features, account, row)

    def generate(context: Any, builder: ir.IRBuilder, signature: Any, values: tuple[Any, ...]) -> Any:
        theta, features = pointers(context, builder, signature, values, (0, 1))
        emit = Emitter(builder, 1)
        start, own = builder.mul(values[2], index(N_FEATURES)), builder.mul(values[3], index(CANDIDATE_COLUMNS))
        bid = None
        for f in range(N_FEATURES):
            coefficient = emit.scalar(theta, builder.add(start, index(f)))
            term = builder.fmul(coefficient, emit.scalar(features, builder.add(own, index(f))))
            bid = term if bid is None else builder.fadd(bid, term)
        return bid

    return signature, generate


def make_rank(width: int, depth: int) -> Callable[..., None]:
    """Return a compiled function that ranks the candidates of a bucket exactly, for `width` policies at once.

    The function is `rank(theta_simd, features, advertiser, first, last, n_lanes, lane, reserve, floor, cap, external_score,
    scores, winners)`. It ranks rows `first:last` and the external competitor by rank score for policies `lane:lane + width`.
    Bids are clipped to `[floor, cap]`; those below the reserve are not eligible, nor are NaN bids. It writes the `depth`
    largest scores in falling order to `scores` `[depth, n_lanes]` and the rows of all but the last to `winners`: -1 and
    `NOBODY` where no candidate is left, and `EXTERNAL` as the row of the external competitor. Of equal scores the lower row
    ranks higher and the external competitor lowest.
    """

    @intrinsic
    def rank(  # type: ignore[no-untyped-def]
        _, theta, features, advertiser, first, last, n_lanes, lane, reserve, floor, cap, external_score, scores, winners
    ):
        signature = types.void(
            theta, features, advertiser, first, last, n_lanes, lane, reserve, floor, cap, external_score, scores, winners
        )

        def generate(context: Any, builder: ir.IRBuilder, signature: Any, values: tuple[Any, ...]) -> Any:
            first, last, n_lanes, lane, reserve, floor, cap, external_score = values[3:11]
            theta, features, advertiser, scores, winners = pointers(context, builder, signature, values, (0, 1, 2, 11, 12))
            emit = Emitter(builder, width)
            no_score, nobody = emit.constant(DOUBLE, _NO_SCORE), emit.constant(INT64, NOBODY)
            bounds = emit.splat(reserve), emit.splat(floor), emit.splat(cap)
            loop = RowLoop(builder, "rank", first, last, [no_score] * depth + [nobody] * (depth - 1))
            best, rows = loop.carried[:depth], loop.carried[depth:]
            who = emit.scalar(advertiser, loop.row)
            base = builder.add(builder.mul(who, builder.mul(n_lanes, index(N_FEATURES))), lane)
            score = _rank_score(emit, theta, base, n_lanes, features, loop.row, bounds)
            new_best, new_rows = _inserted(builder, best, rows, score, emit.splat(loop.row))
            loop.end([*new_best, *new_rows])
            final_scores, final_rows = _inserted(
                builder, best, rows, emit.splat(external_score), emit.constant(INT64, EXTERNAL)
            )
            for level, value in enumerate(final_scores):
                emit.store(value, scores, builder.add(builder.mul(n_lanes, index(level)), lane))
            for level, value in enumerate(final_rows):
                emit.store(value, winners, builder.add(builder.mul(n_lanes, index(level)), lane))
            return context.get_dummy_value()

        return signature, generate

    function: Callable[..., None] = rank
    return function


def _rank_score(
    emit: Emitter, theta: ir.Value, base: ir.Value, n_lanes: ir.Value, features: ir.Value, row: ir.Value,
    bounds: tuple[ir.Value, ir.Value, ir.Value],
) -> ir.Value:  # fmt: skip
    """Emit a candidate's rank score for all lanes: quality x clipped bid, or -1 where the bid is not eligible."""
    builder, (reserve, floor, cap) = emit.builder, bounds
    own = builder.mul(row, index(CANDIDATE_COLUMNS))
    bid = None
    for f in range(N_FEATURES):
        coefficient = emit.load(theta, builder.add(base, builder.mul(n_lanes, index(f))))
        term = builder.fmul(coefficient, emit.splat(emit.scalar(features, builder.add(own, index(f)))))
        bid = term if bid is None else builder.fadd(bid, term)
    # A NaN bid is neither below the floor nor above the cap, so it stays NaN and fails the comparison with the reserve.
    bid = builder.select(builder.fcmp_ordered("<", bid, floor), floor, bid)
    bid = builder.select(builder.fcmp_ordered(">", bid, cap), cap, bid)
    return builder.select(
        builder.fcmp_ordered(">=", bid, reserve),
        builder.fmul(emit.splat(emit.scalar(features, builder.add(own, index(QUALITY)))), bid),
        emit.constant(DOUBLE, _NO_SCORE),
    )


def _inserted(
    builder: ir.IRBuilder, scores: list[ir.Value], rows: list[ir.Value], score: ir.Value, row: ir.Value
) -> tuple[list[ir.Value], list[ir.Value]]:
    """Insert a score and its row into sorted lists, lane by lane and without a branch; the last element drops out.

    For example 7 enters (9, 6, 2). Against 9 it loses, against 6 it wins: 7 takes the second position and 6 moves on. From
    there on everything moves down by one: 6 takes the third position and 2 drops out. The result is (9, 7, 6).

    Each comparison is with the score that enters, not with the one that moves down, for the sake of ties. Let 7 enter
    (6a, 6b, 2), a and b being rows. 7 takes the first position and 6a moves on. 6a > 6b is false and would leave 6b ahead of
    6a; 7 > 6b is true, and the result is (7, 6a, 6b): of equal scores the earlier row stays ahead.
    """
    new_scores, new_rows = [], []
    entering = score
    for level, present in enumerate(scores):
        is_ahead = builder.fcmp_ordered(">", entering, present)
        new_scores.append(builder.select(is_ahead, score, present))
        score = builder.select(is_ahead, present, score)
        if level < len(rows):
            new_rows.append(builder.select(is_ahead, row, rows[level]))
            row = builder.select(is_ahead, rows[level], row)
    return new_scores, new_rows


def make_add_local_credit(width: int) -> Callable[..., None]:
    """Return a compiled function that adds the winners' profit and cost to every candidate of a bucket, for `width` policies.

    The function is `add_local_credit(local_credit, advertiser, first, last, n_lanes, lane, profit, cost)`. It adds lanes
    `lane:lane + width` of `profit` and `cost` to `local_credit[advertiser[row], 0]` and `[.., 1]` of every row `first:last`;
    `local_credit` is `[A, 2, n_lanes]`.
    """

    @intrinsic
    def add_local_credit(_, local_credit, advertiser, first, last, n_lanes, lane, profit, cost):  # type: ignore[no-untyped-def]
        signature = types.void(local_credit, advertiser, first, last, n_lanes, lane, profit, cost)

        def generate(context: Any, builder: ir.IRBuilder, signature: Any, values: tuple[Any, ...]) -> Any:
            first, last, n_lanes, lane = values[2:6]
            local_credit, advertiser, profit, cost = pointers(context, builder, signature, values, (0, 1, 6, 7))
            emit = Emitter(builder, width)
            amounts = [emit.load(pointer, lane) for pointer in (profit, cost)]
            loop = RowLoop(builder, "credit", first, last, [])
            base = builder.add(builder.mul(emit.scalar(advertiser, loop.row), builder.mul(n_lanes, index(2))), lane)
            for k, amount in enumerate(amounts):
                offset = builder.add(base, builder.mul(n_lanes, index(k)))
                emit.store(builder.fadd(emit.load(local_credit, offset), amount), local_credit, offset)
            loop.end()
            return context.get_dummy_value()

        return signature, generate

    function: Callable[..., None] = add_local_credit
    return function


rank_exactly = make_rank(BLOCK, MAX_RANKS)
add_local_credit = make_add_local_credit(BLOCK)
