"""Keep a learner's arrays in memory, as arrays of numpy, or on a device, with the same functions for both."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from auctionsim.agents.device.array import DeviceArray
from auctionsim.extras import missing_extra

try:
    import torch
except ImportError as error:
    raise missing_extra("torch", __name__) from error


class Home:
    """The place of a learner's arrays.

    Args:
        device: Device of the arrays; None for arrays of numpy in memory.
    """

    def __init__(self, device: torch.device | None = None) -> None:
        self.device = device
        """The device; None for arrays of numpy in memory."""

    def array(self, array: NDArray[Any]) -> Any:
        """Return an array of numpy as one that is here; in memory it is the same."""
        return array if self.device is None else DeviceArray.of(array, self.device)

    def tensor(self, array: Any) -> torch.Tensor:
        """Return an array that is here as a contiguous tensor, without a copy where it can be."""
        if isinstance(array, DeviceArray):
            return array.tensor.contiguous()
        return torch.from_numpy(np.ascontiguousarray(array))

    def of_tensor(self, tensor: torch.Tensor) -> Any:
        """Return a tensor as an array that is here, without a copy."""
        return tensor.numpy() if self.device is None else DeviceArray(tensor)

    def numpy(self, array: Any) -> NDArray[Any]:
        """Return an array that is here as one of numpy."""
        if isinstance(array, DeviceArray):
            copied: NDArray[Any] = array.tensor.cpu().numpy()
            return copied
        return np.asarray(array)
