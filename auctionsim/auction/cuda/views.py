"""Hand arrays of another library, such as torch, to the kernels without a copy."""

from __future__ import annotations

from typing import Any

from auctionsim.auction.cuda.kernels.device import IS_SIMULATED

if IS_SIMULATED:
    import numpy as np
    from numba.cuda.simulator.cudadrv.devicearray import FakeCUDAArray

    def view_of(array: Any) -> Any:
        """Return an array of another library as one for kernels, of the same memory, which is the simulator's device."""
        return FakeCUDAArray(np.asarray(array))
else:
    from numba import cuda

    def view_of(array: Any) -> Any:
        """Return an array of another library as one for kernels, of the same memory, by its `__cuda_array_interface__`."""
        return cuda.as_cuda_array(array)
