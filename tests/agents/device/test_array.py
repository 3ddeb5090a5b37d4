"""Arrays on a device: numpy's functions give numpy's numbers, and what is not known is refused, never copied to memory."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from auctionsim import arithmetic
from auctionsim.agents.device.array import _OF_ELEMENTS, DeviceArray
from auctionsim.market.copies.relocated import on_processor, relocated
from auctionsim.objectives.costs import CostRates

CPU = torch.device("cpu")
DRAW = np.random.default_rng(0)
NUMBERS = np.concatenate([DRAW.normal(size=20), [0.0, 1.0, -1.0, np.inf, np.nan]])
OTHERS = np.concatenate([DRAW.normal(size=20), [2.0, 0.5, -1.0, 1.0, 1.0]])


def on_device(array: NDArray[Any]) -> DeviceArray:
    return DeviceArray.of(array, CPU)


def assert_same(found: Any, expected: Any) -> None:
    assert isinstance(found, DeviceArray)
    np.testing.assert_array_equal(found.tensor.numpy(), expected)
    assert found.shape == np.shape(expected)


@pytest.mark.parametrize("function", _OF_ELEMENTS, ids=lambda function: function.__name__)
@pytest.mark.filterwarnings("ignore:invalid value encountered:RuntimeWarning")
def test_functions_of_elements_give_numpys_numbers(function: Any):
    if function in (np.bitwise_and, np.bitwise_or, np.invert):
        masks = [DRAW.random(9) < 0.5 for _ in range(function.nin)]
        assert_same(function(*map(on_device, masks)), function(*masks))
        return
    if function.nin == 1:
        given = np.abs(NUMBERS) if function is np.sqrt else NUMBERS
        assert_same(function(on_device(given)), function(given))
        return
    assert_same(function(on_device(NUMBERS), on_device(OTHERS)), function(NUMBERS, OTHERS))
    for number in (2.0, 3, np.float64(0.25)):
        assert_same(function(on_device(NUMBERS), number), function(NUMBERS, number))
        assert_same(function(number, on_device(OTHERS)), function(number, OTHERS))
    # An array of numpy beside one on the device goes there, and whole numbers stay whole or become double precision.
    assert_same(function(on_device(NUMBERS), OTHERS), function(NUMBERS, OTHERS))
    whole = np.arange(1, 6)
    found, expected = function(on_device(whole), 4), function(whole, 4)
    assert_same(found, expected)
    assert found.tensor.numpy().dtype == expected.dtype


@pytest.mark.parametrize(
    "compute",
    [
        lambda a, b: np.where(a > 0, a, 0.0),
        lambda a, b: np.where(a > 0, 1.0, 2.0),
        lambda a, b: np.stack([a, b, a], axis=1),
        lambda a, b: np.concatenate([a, b], axis=-1),
        lambda a, b: np.add.accumulate(a, axis=0),
        lambda a, b: np.clip(a, -0.5, 0.5),
        lambda a, b: np.repeat(a[:, :, None], 3, axis=2),
        lambda a, b: np.broadcast_to(a[0], (3, 4)),
        lambda a, b: np.moveaxis(np.stack([a, b]), 2, 0),
        lambda a, b: np.zeros((2, 3), like=a) + np.ones_like(a)[:2, :3],
        lambda a, b: np.arange(5, like=a) % 2,
        lambda a, b: np.full(3, 7, like=a),
        lambda a, b: (a * b - 1) / (2 + b * b),
        lambda a, b: a.sum(axis=1),
        lambda a, b: a.T.astype(np.float32, order="C"),
        lambda a, b: np.stack([a, b]).transpose(2, 0, 1).copy(),
        lambda a, b: a.reshape(2, -1),
        lambda a, b: a[np.array([2, 0])],
        lambda a, b: a[np.array([True, False, True])],
        lambda a, b: arithmetic.exp(a) + arithmetic.log1p(a * a) + arithmetic.power(20.0, b),
    ],
)
def test_expressions_give_numpys_numbers_and_shapes(compute: Callable[[Any, Any], Any]):
    a, b = DRAW.normal(size=(3, 4)), DRAW.normal(size=(3, 4))
    expected = compute(a, b)
    found = compute(on_device(a), on_device(b))
    assert_same(found, expected)
    assert found.tensor.numpy().dtype == expected.dtype


def test_parts_are_written_as_in_numpy():
    expected = np.zeros((4, 3))
    found = on_device(expected)
    for array in (expected, found):
        array[1] = 2.0
        array[:, 2] = np.arange(4.0)
        array[np.array([True, False, False, True])] = -1.0
    assert_same(found, expected)


@pytest.mark.parametrize(
    "call",
    [
        np.asarray,
        np.median,
        np.cumprod,
        lambda array: np.arctan(array),
        lambda array: np.add.reduceat(array, [0, 1]),
        lambda array: np.add(array, 1.0, out=array),
        lambda array: np.full(3, 1.0, dtype=np.float32, like=array),
    ],
)
def test_what_is_not_known_is_refused(call: Any):
    with pytest.raises(TypeError):
        call(on_device(NUMBERS))


def test_an_array_that_was_put_on_a_device_does_not_change_with_numpys():
    array = np.zeros(3)
    there = on_device(array)
    array[:] = 1.0
    assert_same(there, np.zeros(3))


def test_terms_move_with_their_arrays_and_stay_where_they_are_on_the_processor():
    rates = CostRates(np.ones((7, 4, 2, 1)), np.zeros((7, 2, 1)), {3: (1,)})
    assert relocated(rates, on_processor) is rates
    moved = relocated(rates, on_device)
    assert_same(moved.rates, rates.rates)
    assert moved.rated == rates.rated
