"""Libraries that are installed on demand, and the one line that names the extra a missing one comes with.

`pip install auctionsim` brings what environments, evolution strategies, replays, rules and reports need. Whatever needs more
calls `expect_library` first, so that a small installation ends in a line such as `learner.algorithm = "ippo" needs torch: pip
install 'auctionsim[rl]'` and not in a traceback.
"""

from __future__ import annotations

from importlib.util import find_spec

from auctionsim.errors import InputError

EXTRA_OF = {
    "torch": "rl",
    "ray": "cluster",
    "cloudpickle": "cluster",
    "duckdb": "ingest",
    "sklearn": "ingest",
    "pyarrow": "ingest",
    "minari": "minari",
    "h5py": "minari",
    "stable_baselines3": "sb3",
    "xlsxwriter": "xlsx",
}
"""The extra of `pyproject.toml` that brings each library, by the name under which the library is imported."""

_CALLED = {"sklearn": "scikit-learn", "stable_baselines3": "stable-baselines3"}


class MissingExtra(InputError, ImportError):
    """A library that only an extra installs is missing; the message is one line and names the extra.

    It is an `ImportError` too, so that `try: import ... except ImportError` works for the rooms of the package that need one.
    """


def is_installed(library: str) -> bool:
    """Return whether a library can be imported, without importing it."""
    try:
        spec = find_spec(library)
    except (ImportError, ValueError):
        return False
    # A folder of this name that is no package, such as one of Ray's files in the current folder, has no origin.
    return spec is not None and spec.origin is not None


def expect_library(library: str, source: str, otherwise: str = "") -> None:
    """Check that a library of an extra is installed.

    Args:
        library: The name under which it is imported, one of `EXTRA_OF`.
        source: The key with its value, flag, command or module that needs it, as its user wrote it.
        otherwise: A few words on what works without the library; empty if nothing does.

    Raises:
        MissingExtra: It is not installed.
    """
    if not is_installed(library):
        raise missing_extra(library, source, otherwise)


def missing_extra(library: str, source: str, otherwise: str = "") -> MissingExtra:
    """Return the error for a missing library; the arguments are those of `expect_library`."""
    hint = f" ({otherwise})" if otherwise else ""
    return MissingExtra(f"{source} needs {_CALLED.get(library, library)}: pip install 'auctionsim[{EXTRA_OF[library]}]'{hint}")
