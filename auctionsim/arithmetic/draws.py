"""Draw random numbers from numpy's generators by this room's arithmetic: numpy's streams, to the last bit on every processor.

A generator's bits are the same everywhere, and so are whole and uniform numbers made of them. Normal numbers are not quite: one
in 4,000 takes a logarithm of the C library, and compilers of some processors fuse operations in between.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from auctionsim.arithmetic.functions import log

Array = NDArray[np.float64]
Shape = int | tuple[int, ...]


def normal(rng: np.random.Generator, size: Shape = ()) -> Array:
    """Draw standard normal numbers: those of numpy, and the generator is left as by it.

    The last bit differs from numpy's in one number of some 10,000, where the C library's logarithm has another one.

    Args:
        rng: A generator on PCG64, as numpy makes by default, and `streams.stream`.
        size: Shape of the result.
    """
    import auctionsim.arithmetic.pcg64 as pcg64
    from auctionsim.arithmetic.ziggurat import fill, fill_from

    out = np.empty(size)
    flat, done, left = out.reshape(-1), 0, np.empty(0, dtype=np.uint64)
    if pcg64.is_worth_it(rng, len(flat)):
        state = pcg64.state_of(rng)
        fill_from(state, flat)
        pcg64.set_state(rng, state)
        return out
    while done < len(flat):
        # A draw takes one word of the generator, at times more. So as many words as draws are missing are never too many.
        words = np.concatenate([left, rng.bit_generator.random_raw(len(flat) - done)])
        drawn, used = fill(words, flat[done:])
        done, left = done + drawn, words[used:]
    return out[()] if out.ndim == 0 else out


def uniform(rng: np.random.Generator, low: float, high: float, size: Shape = ()) -> Array:
    """Draw uniform numbers from [low, high): those of numpy."""
    return low + (high - low) * rng.random(size)


def legacy_normal(rng: np.random.RandomState, size: tuple[int, ...]) -> Array:
    """Draw standard normal numbers: those of numpy, of a generator that is not used again.

    Marsaglia's polar method (1964): a point of the unit disk gives two numbers.
    """
    wanted = int(np.prod(size))
    pairs = np.empty((0, 2))
    while 2 * len(pairs) < wanted:
        point = 2.0 * rng.random_sample((wanted + 16, 2)) - 1.0
        square = point[:, 0] * point[:, 0] + point[:, 1] * point[:, 1]
        inside = (square < 1.0) & (square != 0.0)
        factor = np.sqrt(-2.0 * log(square[inside]) / square[inside])
        # The second coordinate comes out first.
        pairs = np.concatenate([pairs, factor[:, None] * point[inside][:, ::-1]])
    return pairs.reshape(-1)[:wanted].reshape(size)
