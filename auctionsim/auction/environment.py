"""Prepare what libraries read from the environment when they are imported: refuse values that end in a traceback."""

from __future__ import annotations

import atexit
import contextlib
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from auctionsim.errors import InputError, shown

_THREADS = ("NUMBA_NUM_THREADS", "POLARS_MAX_THREADS")


def check_environment() -> None:
    """Check variables that numba and polars read once, when they are imported.

    Raises:
        InputError: A number of threads is no whole number >= 1, or numba is told not to compile.
    """
    for name in _THREADS:
        value = os.environ.get(name, "").strip()
        if value and not (value.isdecimal() and int(value) >= 1):
            raise InputError(f"{name}: expected a whole number >= 1 in the environment, got {shown(value)} (or unset it)")
    value = os.environ.get("NUMBA_DISABLE_JIT", "").strip()
    if value not in ("", "0"):
        wanted = "expected 0 in the environment, as the kernel runs compiled only"
        raise InputError(f"NUMBA_DISABLE_JIT: {wanted}, got {shown(value)} (or unset it)")


@contextlib.contextmanager
def quiet_matplotlib() -> Iterator[None]:
    """Let the code within import matplotlib without its messages about settings that do not matter here.

    It gets a temporary folder for its settings where the user has none: it would print two paragraphs about it. A window
    system in `MPLBACKEND` that it does not know is passed over, since figures are only written to files.
    """
    _set_folder()
    # The variable is read at the first import, which ends in an error for an unknown value.
    wanted = None if "matplotlib" in sys.modules else os.environ.pop("MPLBACKEND", None)
    try:
        yield
    finally:
        if wanted is not None:
            os.environ["MPLBACKEND"] = wanted
    if wanted and "matplotlib" in sys.modules:
        # A known value holds, as it does for everyone who imports matplotlib.
        with contextlib.suppress(ValueError):
            sys.modules["matplotlib"].rcParams["backend"] = wanted


def _set_folder() -> None:
    """Name a temporary folder in `MPLCONFIGDIR` where the user has no folder that can be written."""
    if os.environ.get("MPLCONFIGDIR"):
        return
    # Left as it is where there is no home at all, unlike by `Path.expanduser`, which fails then.
    folder = Path(os.environ.get("XDG_CONFIG_HOME") or os.path.expanduser("~/.config"), "matplotlib")
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    if str(folder) == "." or not os.access(folder, os.W_OK | os.X_OK):
        made = tempfile.mkdtemp(prefix="auctionsim-matplotlib-")
        atexit.register(shutil.rmtree, made, ignore_errors=True)
        os.environ["MPLCONFIGDIR"] = made
