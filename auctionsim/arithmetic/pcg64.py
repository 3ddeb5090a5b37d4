"""Step numpy's generator PCG64 in compiled code, so that draws need no array of its words (O'Neill 2014).

The state is a whole number of 128 bits, here two of 64: `state = state x multiplier + increment`. A word is the exclusive or of
the halves, turned right by the number that the six highest bits hold.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from llvmlite import ir
from numba import types
from numba.extending import intrinsic
from numpy.typing import NDArray

from auctionsim.arithmetic.compiled import inlined

State = NDArray[np.uint64]
"""Upper and lower half of the state, upper and lower half of the increment, `[4]`."""

_MULTIPLIER = 0x2360ED051FC65DA44385DF649FCCF645
_LEAST = 4096
"""Fewer draws than this are made of an array of words: reading and writing the state takes some 5 microseconds."""


def is_worth_it(rng: np.random.Generator, n: int) -> bool:
    """Return True if the generator is a PCG64, and `n` draws are enough to gain from stepping it in compiled code."""
    return n >= _LEAST and type(rng.bit_generator) is np.random.PCG64


def state_of(rng: np.random.Generator) -> State:
    """Read the state of a generator on PCG64."""
    found: Any = rng.bit_generator.state
    return np.array([part for name in ("state", "inc") for part in divmod(found["state"][name], 1 << 64)], dtype=np.uint64)


def set_state(rng: np.random.Generator, state: State) -> None:
    """Write the state of a generator on PCG64; its increment stays."""
    found: Any = rng.bit_generator.state
    found["state"]["state"] = int(state[0]) << 64 | int(state[1])
    rng.bit_generator.state = found


def _instruction(function: Callable[..., Any]) -> Callable[..., Any]:
    """Make a numba intrinsic; numba's own type wrongly counts the typing context as an argument."""
    made: Callable[..., Any] = intrinsic(function)
    return made


@_instruction
def _multiplied(typing: Any, high: Any, low: Any, high_more: Any, low_more: Any) -> Any:  # noqa: ARG001  (numba's signature)
    """Return `(high, low) x multiplier + (high_more, low_more)` as two words: LLVM multiplies 128 bits in one instruction."""
    numba_types: Any = types
    word = numba_types.uint64
    words = numba_types.UniTuple(word, 2)

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        wide, shift = ir.IntType(128), ir.Constant(ir.IntType(128), 64)
        upper, lower, more_upper, more_lower = (builder.zext(word, wide) for word in arguments)
        state = builder.or_(builder.shl(upper, shift), lower)
        more = builder.or_(builder.shl(more_upper, shift), more_lower)
        state = builder.add(builder.mul(state, ir.Constant(wide, _MULTIPLIER)), more)
        halves = [builder.trunc(part, ir.IntType(64)) for part in (builder.lshr(state, shift), state)]
        return context.make_tuple(builder, signature.return_type, halves)

    return words(word, word, word, word), generate


@inlined
def step(high: np.uint64, low: np.uint64, state: State) -> tuple[np.uint64, np.uint64]:
    """Return the next state, with the increment of `state`."""
    return _multiplied(high, low, state[2], state[3])


@inlined
def word_of(high: np.uint64, low: np.uint64) -> np.uint64:
    """Return the word that a state gives."""
    turn, word = high >> np.uint64(58), high ^ low
    return (word >> turn) | (word << ((np.uint64(64) - turn) & np.uint64(63)))
