"""Turn words of a generator into normal numbers by the ziggurat method (Marsaglia and Tsang 2000), as numpy does.

The density lies under 256 layers of equal area. A word chooses a layer and a place in it. All of a layer but its end lies under
the density; at the end another word decides, and beyond the lowest layer the tail is drawn by logarithms.
"""

from __future__ import annotations

import numpy as np
from numba.np.random import _constants as tables
from numpy.typing import NDArray

import auctionsim.arithmetic.pcg64 as pcg64
import auctionsim.arithmetic.scalars as scalars
from auctionsim.arithmetic.compiled import compiled, inlined

# numpy's layers: numba has them for generators in compiled code. A test compares the draws with numpy's.
_WIDTH: NDArray[np.float64] = tables.wi_double
_HEIGHT: NDArray[np.float64] = tables.fi_double
_SURE: NDArray[np.uint64] = tables.ki_double.astype(np.uint64)
_TAIL, _PER_TAIL = float(tables.ziggurat_nor_r), float(tables.ziggurat_nor_inv_r)


@compiled
def fill(words: NDArray[np.uint64], out: NDArray[np.float64]) -> tuple[int, int]:
    """Write normal numbers until `out` is full or the words of a number are not all there.

    Returns:
        How many numbers were written, and how many words they took.
    """
    used = 0
    for i in range(out.shape[0]):
        value, after = _draw(words, used)
        if after > words.shape[0]:
            return i, used
        out[i], used = value, after
    return out.shape[0], used


@compiled
def fill_from(state: pcg64.State, out: NDArray[np.float64]) -> None:
    """Write normal numbers from a generator's state, which is left where the draws end: those of `fill`, without their words.

    Two thirds of the time of `fill` went into making, copying and reading the array of words.
    """
    high, low = state[0], state[1]
    for i in range(out.shape[0]):
        while True:
            high, low = pcg64.step(high, low, state)
            word = pcg64.word_of(high, low)
            layer = np.int64(word & np.uint64(0xFF))
            offset = (word >> np.uint64(9)) & np.uint64(0x000FFFFFFFFFFFFF)
            x = np.float64(np.int64(offset)) * _WIDTH[layer]
            # The sign as a bit: a branch on it would be mispredicted every other time.
            is_negative = (word >> np.uint64(8)) & np.uint64(1)
            x = x * (1.0 - 2.0 * np.float64(np.int64(is_negative)))
            if offset < _SURE[layer]:
                break
            if layer == 0:
                is_negative = (offset >> np.uint64(8)) & np.uint64(1)
                while True:
                    high, low = pcg64.step(high, low, state)
                    beyond = -_PER_TAIL * scalars.log1p(-_unit(pcg64.word_of(high, low)))
                    high, low = pcg64.step(high, low, state)
                    height = -scalars.log1p(-_unit(pcg64.word_of(high, low)))
                    if height + height > beyond * beyond:
                        break
                x = -(_TAIL + beyond) if is_negative else _TAIL + beyond
                break
            high, low = pcg64.step(high, low, state)
            height = (_HEIGHT[layer - 1] - _HEIGHT[layer]) * _unit(pcg64.word_of(high, low)) + _HEIGHT[layer]
            if height < scalars.exp(-0.5 * x * x):
                break
        out[i] = x
    state[0], state[1] = high, low


@inlined
def _draw(words: NDArray[np.uint64], at: int) -> tuple[float, int]:
    """Return a number and the place after its last word, which is beyond the last of all where words are missing."""
    n = words.shape[0]
    while at < n:
        word = words[at]
        at += 1
        layer = np.int64(word & np.uint64(0xFF))
        offset = (word >> np.uint64(9)) & np.uint64(0x000FFFFFFFFFFFFF)
        x = np.float64(offset) * _WIDTH[layer]
        if (word >> np.uint64(8)) & np.uint64(1):
            x = -x
        if offset < _SURE[layer]:
            return x, at
        if layer == 0:
            return _tail(words, at, ((offset >> np.uint64(8)) & np.uint64(1)) == np.uint64(1))
        if at >= n:
            break
        height = (_HEIGHT[layer - 1] - _HEIGHT[layer]) * _unit(words[at]) + _HEIGHT[layer]
        at += 1
        if height < scalars.exp(-0.5 * x * x):
            return x, at
    return 0.0, n + 1


@inlined
def _tail(words: NDArray[np.uint64], at: int, is_negative: bool) -> tuple[float, int]:
    """Return a number beyond the lowest layer (Marsaglia 1964), two words a trial."""
    while at + 1 < words.shape[0]:
        beyond = -_PER_TAIL * scalars.log1p(-_unit(words[at]))
        height = -scalars.log1p(-_unit(words[at + 1]))
        at += 2
        if height + height > beyond * beyond:
            x = _TAIL + beyond
            return (-x if is_negative else x), at
    return 0.0, words.shape[0] + 1


@inlined
def _unit(word: np.uint64) -> float:
    """Return a uniform number from [0, 1) of the upper 53 bits."""
    return np.float64(word >> np.uint64(11)) * 2.0**-53
