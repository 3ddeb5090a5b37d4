"""auctionsim: a simulator of sponsored-search auctions in which many advertisers learn to bid at once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from auctionsim.registration import register_when_gymnasium_is_there

if TYPE_CHECKING:
    from auctionsim.market.replay import replay as replay
    from auctionsim.market.stored import open_traffic as open_traffic
    from auctionsim.market.traffic_file import load_traffic as load_traffic
    from auctionsim.scenario_file import load_scenario as load_scenario

__version__ = "0.1.0"
__all__ = ["__version__", "load_scenario", "load_traffic", "open_traffic", "replay"]

# Loaded on first use, so that `auctionsim --help` does not wait for numba and polars.
_LAZY = {
    "load_scenario": "auctionsim.scenario_file",
    "load_traffic": "auctionsim.market.traffic_file",
    "open_traffic": "auctionsim.market.stored",
    "replay": "auctionsim.market.replay",
}


def __getattr__(name: str) -> Any:
    if name not in _LAZY:
        raise AttributeError(f"module 'auctionsim' has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(_LAZY[name]), name)


register_when_gymnasium_is_there()
