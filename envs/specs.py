"""Keep the specs of environments that Gymnasium makes writable as JSON, whatever they were made of."""

from __future__ import annotations

from dataclasses import fields
from enum import Enum
from pathlib import Path
from typing import Any

import numpy as np
from gymnasium.envs.registration import EnvSpec

from auctionsim.envs.markets import GeneratedMarket
from auctionsim.market.market import Market
from auctionsim.scenario import Scenario
from auctionsim.scenario.record import to_record
from auctionsim.traffic.table import HOURS

_FIELDS = tuple(field.name for field in fields(EnvSpec) if field.init)


class DaySpec(EnvSpec):
    """The spec of an environment whose episodes end by themselves, with the day."""

    def to_json(self) -> str:
        """Return the spec as JSON, without the steps of a day.

        Where Gymnasium makes an environment of a spec that limits its steps, it adds a wrapper that sets `truncated` at the
        last one, also where the episode is over by itself; a learner would take the end of the day for an interruption.
        """
        spec = EnvSpec(**{name: getattr(self, name) for name in _FIELDS})
        spec.max_episode_steps = None if self.max_episode_steps == HOURS else self.max_episode_steps
        return spec.to_json()


class PlainSpec:
    """An environment whose `spec` holds arguments as plain data, so that `spec.to_json()` works.

    `gymnasium.make(EnvSpec.from_json(env.spec.to_json()))` makes the same environment again. A market that was made by hand
    stays as it is, and JSON refuses it. Its `max_episode_steps` is the number of steps of an episode.
    """

    max_cycles: int
    """Number of steps after which an episode is truncated."""
    _spec: EnvSpec | None = None

    @property
    def spec(self) -> EnvSpec | None:
        """Return the spec that Gymnasium made the environment of; None where it did not make it."""
        return self._spec

    @spec.setter
    def spec(self, given: EnvSpec | None) -> None:
        if given is None:
            self._spec = None
            return
        spec = DaySpec(**{name: getattr(given, name) for name in _FIELDS})
        spec.kwargs = {name: _plain(value) for name, value in given.kwargs.items()}
        spec.max_episode_steps = given.max_episode_steps or min(HOURS, self.max_cycles)
        self._spec = spec


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
