"""Hold the memory of windows on the device once, for all days that are cleared there one after the other."""

from __future__ import annotations

import math
from typing import Any

from numba import cuda


class WindowMemory:
    """Memory of windows on a device. All days share it, since one window is cleared at a time."""

    def __init__(self) -> None:
        self._words: dict[str, Any] = {}
        self.version = 0
        """Number of times that more was asked for: views of before are to be made again."""

    def array(self, name: str, shape: tuple[int, ...], dtype: Any) -> Any:
        """Return a view of an array's memory in a shape; it holds anything."""
        size = math.prod(shape)
        if name not in self._words or self._words[name].size < size:
            # Given back before more is asked for.
            self._words.pop(name, None)
            self._words[name] = cuda.device_array(size, dtype)
            self.version += 1
        return self._words[name][:size].reshape(shape)
