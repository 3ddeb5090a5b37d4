"""Turn actions in a tensor into log multipliers on its device."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from auctionsim import arithmetic
from auctionsim.agents.device.array import DeviceArray, copied
from auctionsim.envs.actions import Actions
from auctionsim.errors import InputError, shown


class DeviceActions:
    """Reads actions of the environments from tensors, with the meaning and the messages of `Actions`.

    On the processor an action that is not finite or not on the grid is refused at once. On another device nobody waits for it:
    it counts as 0, and the next call after the device has said so refuses it.

    Args:
        actions: The environments' actions.
        leading: Number of environments and agents, (P, A).
        device: Device of the environments.
    """

    def __init__(self, actions: Actions, leading: tuple[int, int], device: torch.device) -> None:
        self._actions, self._leading, self._device = actions, leading, device
        self._shape = (*leading, *actions.shape)
        self._log_most = float(arithmetic.log(actions.max_multiplier))
        self._is_waiting = device.type == "cpu"
        self._was_wrong = torch.zeros((), dtype=torch.bool, device=device)
        self._reported = torch.zeros((), dtype=torch.bool, pin_memory=not self._is_waiting)

    def log_multipliers(self, actions: Any) -> DeviceArray:
        """Return the logs of the factors on the starting coefficients, `[P, A, coefficients]`.

        Args:
            actions: Actions of all agents, `[P, A, ...]`: a tensor, on any device, or an array.

        Raises:
            InputError: The shape is wrong, or a number is not finite or not on the grid.
        """
        if not isinstance(actions, torch.Tensor):
            checked = self._actions.checked(actions, self._leading)
            actions = copied(checked, self._device)
        x = actions.detach().to(self._device, torch.float64)
        if tuple(x.shape) != self._shape:
            raise InputError(f"actions: expected finite numbers of shape {self._shape}, got shape {tuple(x.shape)}")
        x = self._checked(x)
        x = x.clamp(-1.0, 1.0) if self._actions.mode == "box" else x * (2 / (self._actions.levels - 1)) - 1
        return DeviceArray(self._log_most * x.reshape(*self._leading, -1))

    def forget(self) -> None:
        """Forget wrong actions of the past, before days begin again."""
        self._was_wrong.zero_()
        self._reported.zero_()

    def _checked(self, x: torch.Tensor) -> torch.Tensor:
        """Return actions without those that are outside the space, which are refused at once or in a later call."""
        is_right = torch.isfinite(x)
        if self._actions.mode == "discrete":
            is_right = is_right & (x >= 0) & (x < self._actions.levels) & (x == x.floor())
        if self._is_waiting:
            if not is_right.all():
                self._actions.log_multipliers(x.numpy(), self._leading)  # raises, with the number and its index
            return x
        if bool(self._reported):
            most, is_box = self._actions.levels - 1, self._actions.mode == "box"
            expected = "finite numbers" if is_box else f"whole numbers from 0 to {most}"
            raise InputError(f"actions: expected {expected}, got others in an earlier step (reset begins again)")
        self._was_wrong |= ~is_right.all()
        self._reported.copy_(self._was_wrong, non_blocking=True)
        return torch.where(is_right, x, 0.0)


def as_tensor(value: Any, device: torch.device) -> torch.Tensor:
    """Return an array of numpy or on the device as a tensor on the device.

    Raises:
        TypeError: It is neither.
    """
    if isinstance(value, DeviceArray):
        return value.tensor
    if isinstance(value, np.ndarray):
        return copied(value, device)
    raise TypeError(f"value: expected an array, got {shown(value)}")
