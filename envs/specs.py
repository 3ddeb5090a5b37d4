"""Keep the specs of environments that Gymnasium makes writable as JSON, whatever they were made of."""

from __future__ import annotations

from dataclasses import replace
from enum import Enum
from pathlib import Path
from typing import Any

import numpy as np
from gymnasium.envs.registration import EnvSpec

from auctionsim.envs.markets import GeneratedMarket
from auctionsim.market.market import Market
from auctionsim.scenario import Scenario
from auctionsim.scenario.record import to_record


class PlainSpec:
    """An environment whose `spec` holds arguments as plain data, so that `spec.to_json()` works.

    `gymnasium.make(EnvSpec.from_json(env.spec.to_json()))` makes the same environment again. A market that was made by hand
    stays as it is, and JSON refuses it.
    """

    _spec: EnvSpec | None = None

    @property
    def spec(self) -> EnvSpec | None:
        """Return the spec that Gymnasium made the environment of; None where it did not make it."""
        return self._spec

    @spec.setter
    def spec(self, given: EnvSpec | None) -> None:
        plain = given and replace(given, kwargs={name: _plain(value) for name, value in given.kwargs.items()})
        self._spec = plain or None


def _plain(value: Any) -> Any:
    """Return an argument as JSON has it: a scenario as `to_record` writes it."""
    if isinstance(value, Market) and isinstance(value.builder, GeneratedMarket):
        return to_record(value.builder.scenario)
    if isinstance(value, Scenario):
        return to_record(value)
    if isinstance(value, Path):
        return str(value)
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, tuple | list):
        return [_plain(one) for one in value]
    return value
