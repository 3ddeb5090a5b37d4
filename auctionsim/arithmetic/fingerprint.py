"""Digest what this machine's arithmetic gives for fixed numbers: machines of equal digests give equal bytes."""

from __future__ import annotations

from hashlib import blake2b

import numpy as np
from numpy.typing import NDArray

from auctionsim.arithmetic.draws import normal
from auctionsim.arithmetic.functions import cos, dot, exp, expm1, log, log1p, matmul, power, sin, tanh

_SIZE = 600
Numbers = NDArray[np.float64]


def digest_of(*arrays: object) -> str:
    """Return a short digest of arrays' bytes."""
    return blake2b(b"".join(np.ascontiguousarray(array).tobytes() for array in arrays), digest_size=8).hexdigest()


def fixed_numbers(*shape: int) -> Numbers:
    """Return numbers from -1 to 1 that are the same everywhere: multiples of the golden ratio, less whole numbers."""
    turned = np.arange(1, int(np.prod(shape)) + 1) * 0.6180339887498949
    return (2.0 * (turned - np.floor(turned)) - 1.0).reshape(shape)


def own_digest() -> str:
    """Return the digest of this room's functions, sums and draws, which is to be the same on every machine."""
    x = 30.0 * fixed_numbers(_SIZE)
    size = np.abs(x) + 1e-3
    matrix = fixed_numbers(20, 30)
    return digest_of(
        exp(x), expm1(x), log(size), log1p(size), tanh(x / 10), sin(x), cos(x), power(size, x / 10),
        matmul(matrix, matrix.T), dot(matrix, matrix), matrix.sum(axis=0), matrix.mean(axis=1), np.sqrt(size),
        normal(np.random.default_rng(0), _SIZE),
    )  # fmt: skip


def numpy_digest() -> str:
    """Return the digest of numpy's own functions and products, on which a learner of one's own may depend."""
    x, matrix = fixed_numbers(_SIZE), fixed_numbers(20, 30)
    return digest_of(
        np.exp(x), np.log(np.abs(x) + 1e-3), np.tanh(x), np.sin(x), np.power(np.abs(x), 1.7), matrix @ matrix.T,
        np.exp(x.astype(np.float32)), (matrix @ matrix.T).astype(np.float32) @ matrix[:, :9].astype(np.float32),
    )  # fmt: skip
