"""`gymnasium.make("auctionsim/SingleBidder-v0")` after `import auctionsim`, without importing Gymnasium before the user does.

Gymnasium from 1.0 on reads no plugins: the package that an environment comes from is imported, and registers it. To import
Gymnasium for that would triple the time of `auctionsim --help`; so where Gymnasium is not there yet, it is waited for.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec
from importlib.util import find_spec
from types import ModuleType

SINGLE_BIDDER = "auctionsim/SingleBidder-v0"


def register_when_gymnasium_is_there() -> None:
    """Register the environments now, or as soon as Gymnasium is imported."""
    if "gymnasium" in sys.modules:
        _register()
    elif not any(isinstance(finder, _GymnasiumComes) for finder in sys.meta_path):
        sys.meta_path.insert(0, _GymnasiumComes())


def _register() -> None:
    from gymnasium.envs.registration import register, registry

    if SINGLE_BIDDER not in registry:
        register(
            id=SINGLE_BIDDER,
            entry_point="auctionsim.envs.single_agent:SingleBidderEnv",
            vector_entry_point="auctionsim.envs.single_agent:single_bidder_vector",
        )


class _GymnasiumComes(MetaPathFinder):
    """Lets the first import of Gymnasium go its way, and registers after it."""

    def find_spec(
        self,
        fullname: str,
        path: Sequence[str] | None = None,  # noqa: ARG002  (the import system's signature)
        target: ModuleType | None = None,  # noqa: ARG002
    ) -> ModuleSpec | None:
        """Leave the import system at the first sight of Gymnasium, and have its module register when it has run."""
        if fullname != "gymnasium":
            return None
        sys.meta_path.remove(self)
        spec = find_spec(fullname)
        if spec is None or spec.loader is None:
            return spec
        execute = spec.loader.exec_module

        def execute_and_register(module: ModuleType) -> None:
            execute(module)
            _register()

        spec.loader.exec_module = execute_and_register  # type: ignore[method-assign]
        return spec
