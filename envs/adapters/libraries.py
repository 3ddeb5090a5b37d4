"""Say in one line what to install where an adapter's library is missing."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def needs(library: str, *packages: str) -> Iterator[None]:
    """Turn the failed import of a library inside a `with` block into one line that says how to install it.

    Args:
        library: The library's name, as its authors write it.
        packages: Names of its packages, as pip takes them; the first is also the name of its module.

    Raises:
        ModuleNotFoundError: A module is missing.
    """
    try:
        yield
    except ModuleNotFoundError as error:
        line = f"expected {library} to be installed, got no module {error.name!r} (pip install {' '.join(packages)})"
        raise ModuleNotFoundError(line, name=error.name) from None
