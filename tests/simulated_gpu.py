"""A plugin of pytest: kernels in numba's CUDA simulator, several times faster where blocks have one thread.

    NUMBA_ENABLE_CUDASIM=1 python -m pytest -p tests.simulated_gpu tests/auction/cuda/test_days.py

The simulator asks without a pause whether a block's threads are alive or wait for each other, and so takes most of the
processor from the threads themselves. A block of one thread has nobody to wait for. Our kernels' blocks have one thread there
(`auctionsim/auction/cuda/launch.py`).
"""

from __future__ import annotations

from typing import Any

from numba.cuda.simulator import kernel

run_polling = kernel.BlockManager.run


class LoneThread(kernel.BlockThread):
    """The only thread of a block."""

    def syncthreads(self) -> None:
        """Go on: the whole block is here."""


def run_block(manager: Any, grid_point: Any, *arguments: Any) -> None:
    """Run a block; one of several threads as the simulator does."""
    if manager.block_state.size > 1:
        run_polling(manager, grid_point, *arguments)
        return
    thread = LoneThread(lambda: manager._f(*arguments), manager, grid_point, (0, 0, 0), manager._debug)
    thread.start()
    thread.join()
    if thread.exception:
        raise thread.exception[0].with_traceback(thread.exception[1])


kernel.BlockManager.run = run_block
