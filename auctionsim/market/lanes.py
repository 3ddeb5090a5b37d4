"""Vector instructions for the engine: ranking and adding for several policies in registers.

numba leaves the loop over policies scalar, since it cannot prove that the arrays do not overlap; written out in LLVM's own
vector types the same loop runs about five times as fast. Each function is made
for a fixed number of lanes, and every lane does the same IEEE operations in the same order as the scalar code in
`engine.py`, so results depend neither on the width nor on the machine's vector registers.

numba's disk cache looks at `engine.py` alone: after a change here, touch that file.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from llvmlite import ir
from numba import types
from numba.extending import intrinsic

N_FEATURES = 4

_INT32, _INT64, _DOUBLE = ir.IntType(32), ir.IntType(64), ir.DoubleType()
_BYTES = 8


class _Emitter:
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
        one = self.builder.insert_element(undefined, scalar, ir.Constant(_INT32, 0))
        return self.builder.shuffle_vector(one, undefined, ir.Constant(ir.VectorType(_INT32, self.width), [0] * self.width))

    def load(self, pointer: ir.Value, offset: ir.Value) -> ir.Value:
        """`width` doubles from an element offset."""
        place = self.builder.gep(pointer, [offset])
        return self.builder.load(self.builder.bitcast(place, ir.VectorType(_DOUBLE, self.width).as_pointer()), align=_BYTES)

    def store(self, value: ir.Value, pointer: ir.Value, offset: ir.Value) -> None:
        """`width` values to an element offset."""
        place = self.builder.gep(pointer, [offset])
        self.builder.store(value, self.builder.bitcast(place, value.type.as_pointer()), align=_BYTES)

    def scalar(self, pointer: ir.Value, offset: ir.Value) -> ir.Value:
        """One element."""
        return self.builder.load(self.builder.gep(pointer, [offset]))


def _index(value: int) -> ir.Constant:
    return ir.Constant(_INT64, value)


def _pointers(
    context: Any, builder: ir.IRBuilder, signature: Any, arguments: tuple[Any, ...], which: tuple[int, ...]
) -> list[Any]:
    """Data pointers of array arguments, which must be C-contiguous."""
    arrays = [context.make_array(signature.args[i])(context, builder, arguments[i]) for i in which]
    return [array.data for array in arrays]


def make_rank(width: int) -> Callable[..., None]:
    """`rank(theta, phi, pctr, advertiser, first, last, stride, lane, reserve, best, second, winner)` for `width` policies.

    Reads rows `first:last` and the coefficients of policies `lane:lane + width` (theta is `[advertisers, 4, stride]`); writes
    their best and second rank score and winning row to the same lanes of `best`, `second` and `winner`, -1 where nobody is
    eligible. Of equal scores the lower row wins; NaN coefficients are never eligible.
    """

    @intrinsic
    def rank(  # type: ignore[no-untyped-def]
        _, theta, phi, pctr, advertiser, first, last, stride, lane, reserve, best, second, winner
    ):
        signature = types.void(theta, phi, pctr, advertiser, first, last, stride, lane, reserve, best, second, winner)

        def generate(context: Any, builder: ir.IRBuilder, signature: Any, values: tuple[Any, ...]) -> Any:
            first, last, stride, lane, reserve = values[4:9]
            pointers = _pointers(context, builder, signature, values, (0, 1, 2, 3, 9, 10, 11))
            theta, phi, pctr, advertiser = pointers[:4]
            emit = _Emitter(builder, width)
            nothing, nobody = emit.constant(_DOUBLE, -1.0), emit.constant(_INT64, -1)
            floor = emit.splat(reserve)
            before = builder.block
            head, body, done = (builder.function.append_basic_block(f"rank.{name}") for name in ("head", "body", "done"))
            builder.branch(head)
            builder.position_at_end(head)
            row = builder.phi(_INT64)
            best, second = (builder.phi(nothing.type) for _ in range(2))
            winner = builder.phi(nobody.type)
            builder.cbranch(builder.icmp_signed("<", row, last), body, done)

            builder.position_at_end(body)
            who = emit.scalar(advertiser, row)
            base = builder.add(builder.mul(who, builder.mul(stride, _index(N_FEATURES))), lane)
            features = builder.mul(row, _index(N_FEATURES))
            bid = None
            for f in range(N_FEATURES):
                coefficient = emit.load(theta, builder.add(base, builder.mul(stride, _index(f))))
                term = builder.fmul(coefficient, emit.splat(emit.scalar(phi, builder.add(features, _index(f)))))
                bid = term if bid is None else builder.fadd(bid, term)
            score = builder.select(
                builder.fcmp_ordered(">=", bid, floor), builder.fmul(emit.splat(emit.scalar(pctr, row)), bid), nothing
            )
            is_ahead = builder.fcmp_ordered(">", score, best)
            behind = builder.select(is_ahead, best, score)
            incoming = {
                row: (builder.add(row, _index(1)), first),
                best: (builder.select(is_ahead, score, best), nothing),
                second: (builder.select(builder.fcmp_ordered(">", behind, second), behind, second), nothing),
                winner: (builder.select(is_ahead, emit.splat(row), winner), nobody),
            }
            builder.branch(head)
            for phi_node, (again, start) in incoming.items():
                phi_node.add_incoming(start, before)
                phi_node.add_incoming(again, body)

            builder.position_at_end(done)
            for value, pointer in zip((best, second, winner), pointers[4:], strict=True):
                emit.store(value, pointer, lane)
            return context.get_dummy_value()

        return signature, generate

    function: Callable[..., None] = rank
    return function


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
            shared, advertiser, profit, cost = _pointers(context, builder, signature, values, (0, 1, 6, 7))
            emit = _Emitter(builder, width)
            amounts = [emit.load(pointer, lane) for pointer in (profit, cost)]
            before = builder.block
            head, body, done = (builder.function.append_basic_block(f"share.{name}") for name in ("head", "body", "done"))
            builder.branch(head)
            builder.position_at_end(head)
            row = builder.phi(_INT64)
            builder.cbranch(builder.icmp_signed("<", row, last), body, done)

            builder.position_at_end(body)
            offset = builder.add(builder.mul(emit.scalar(advertiser, row), builder.mul(stride, _index(2))), lane)
            for k, amount in enumerate(amounts):
                place = builder.add(offset, builder.mul(stride, _index(k)))
                emit.store(builder.fadd(emit.load(shared, place), amount), shared, place)
            row.add_incoming(first, before)
            row.add_incoming(builder.add(row, _index(1)), body)
            builder.branch(head)

            builder.position_at_end(done)
            return context.get_dummy_value()

        return signature, generate

    function: Callable[..., None] = share
    return function
