"""What the tests of other people's learners share: the default scenario with its floors on, and docs/clients.md's snippets.

A client NAME is `tests/clients/test_NAME.py`, its pinned libraries `tests/clients/requirements/NAME.txt`, and a row and a
section of docs/clients.md. `make test-clients CLIENT=NAME` makes `build/clients/NAME` and runs the test there.
"""

from __future__ import annotations

import os
import re
import warnings
from collections.abc import Iterable
from functools import cache
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

import auctionsim
from auctionsim.market.market import Market
from auctionsim.scenario import Scenario

if TYPE_CHECKING:
    import torch  # the page is checked where nothing of the extras is installed, too

CHECKOUT = Path(__file__).parents[2]
PAGE = CHECKOUT / "docs" / "clients.md"
REQUIREMENTS = Path(__file__).parent / "requirements"


def library(module: str, client: str) -> ModuleType:
    """The client's library, or a skipped file where it is not installed; `make test-clients` sets that it has to be there."""
    if os.environ.get("CLIENT_REQUIRED") != "1" and find_spec(module) is None:
        pytest.skip(f"{module} is not installed (make test-clients CLIENT={client})", allow_module_level=True)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what a library warns of while it is imported is its own affair
        return import_module(module)


def default_scenario(*overrides: str) -> Scenario:
    """The default scenario with floors on and a twentieth of its auctions, so that two updates take seconds."""
    scenario = auctionsim.load_scenario("three-arms", overrides=["traffic.auctions_per_day=1000", *overrides])
    assert scenario.platform.revenue_floor == 1.0
    assert scenario.advertisers[0].profit_floor == 1.0
    return scenario


@cache
def default_market() -> Market:
    """The default scenario's market, built once for all tests of a client."""
    return auctionsim.build_market(default_scenario())


def all_finite(parameters: Iterable[torch.Tensor]) -> bool:
    """Whether a network survived its updates."""
    values = [parameter.detach() for parameter in parameters]
    assert values
    return all(bool(value.isfinite().all()) for value in values)


def moved(before: Iterable[torch.Tensor], after: Iterable[torch.Tensor]) -> bool:
    """Whether an update changed anything: a learner that never updates has no NaN either."""
    return any(bool((old != new).any()) for old, new in zip(before, after, strict=True))


def copies(parameters: Iterable[torch.Tensor]) -> list[torch.Tensor]:
    """The parameters as they are now."""
    return [parameter.detach().clone() for parameter in parameters]


def sections(text: str) -> dict[str, str]:
    """The page's parts by their heading `## NAME`."""
    return {
        part.partition("\n")[0].strip(): part.partition("\n")[2] for part in re.split(r"^## ", text, flags=re.MULTILINE)[1:]
    }


def snippets(section: str) -> list[str]:
    """The Python of one section of docs/clients.md, in order."""
    return re.findall(r"^```python\n(.*?)^```", sections(PAGE.read_text(encoding="utf-8"))[section], re.MULTILINE | re.DOTALL)


def run_section(section: str, after: str | None = None) -> dict[str, Any]:
    """Run a section's blocks one after the other, as a reader would paste them, `after` those of a section that it names.

    Returns the names that they leave.
    """
    names: dict[str, Any] = run_section(after) if after else {"__name__": "snippet"}
    blocks = snippets(section)
    assert blocks
    for block in blocks:
        exec(compile(block, f"{PAGE.name}: {section}", "exec"), names)
    return names


def is_finite(values: Any) -> bool:
    """Whether all numbers are finite."""
    return bool(np.isfinite(np.asarray(values, dtype=np.float64)).all())
