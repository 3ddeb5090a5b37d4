"""The scenario: one experiment as typed, validated, frozen data. docs/scenario.md explains the keys.

`scenario_file.py` reads it from TOML and turns what pydantic says into one-line errors.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import Field, PrivateAttr, model_validator

from auctionsim.scenario.advertisers import CONTROLLERS, AdvertiserGroup
from auctionsim.scenario.base import Name, Objective, Section, baseline_share, resolved_level
from auctionsim.scenario.learner import ClusterSection, LearnerSection, TrainSection
from auctionsim.scenario.learner_constants import DcmabSection, DqnSection, MaabSection, PpoSection
from auctionsim.scenario.market import MechanismSection, PlatformSection
from auctionsim.scenario.traffic import SYNTHETIC_ONLY, TrafficSection

__all__ = [
    "CONTROLLERS", "SYNTHETIC_ONLY", "AdvertiserGroup", "ClusterSection", "DcmabSection", "DqnSection",
    "LearnerSection", "MaabSection", "MechanismSection", "Objective", "PlatformSection", "PpoSection", "Scenario",
    "TrafficSection", "TrainSection", "baseline_share", "resolved_level",
]  # fmt: skip


class Scenario(Section):
    """One experiment."""

    name: Name
    """Shown in reports."""
    seed: Annotated[int, Field(ge=0, lt=2**63)] = 0
    """Draws the traffic and the learner's noise; with several seeds, the first."""
    traffic: TrafficSection = TrafficSection()
    """Where the auctions come from."""
    mechanism: MechanismSection = MechanismSection()
    """The auction."""
    platform: PlatformSection = PlatformSection()
    """What the platform asks for."""
    advertisers: Annotated[tuple[AdvertiserGroup, ...], Field(min_length=1)]
    """Groups of advertisers, one block each."""
    learner: LearnerSection = LearnerSection()
    """How the controlled advertisers learn."""
    train: TrainSection = TrainSection()
    """How long to train."""
    cluster: ClusterSection = ClusterSection()
    """Where to compute; never changes a result."""
    _folder: Path | None = PrivateAttr(default=None)
    _place: str | None = PrivateAttr(default=None)

    @model_validator(mode="after")
    def _groups_differ(self) -> Scenario:
        names = [group.group for group in self.advertisers]
        twice = [name for i, name in enumerate(names) if name in names[:i]]
        if twice:
            raise ValueError(f"advertisers: expected a different name for each group, got '{twice[0]}' twice")
        meet = sum(1 if group.keywords == "disjoint" else group.count for group in self.advertisers)
        if self.traffic.is_synthetic and meet < 2:
            alone = "1" if sum(group.count for group in self.advertisers) < 2 else "one group whose advertisers never do"
            raise ValueError(f"advertisers: expected at least 2 that meet, got {alone}")
        for i, group in enumerate(self.advertisers):
            if group.budget == "table" and self.traffic.budgets is None:
                raise ValueError(f"advertisers[{i}].budget: expected traffic.budgets to name a file, got none")
        return self

    @property
    def folder(self) -> Path | None:
        """Where relative paths start: the scenario file's folder; None where there is no file."""
        return self._folder

    @property
    def place(self) -> str:
        """What messages call the scenario: its file, else its name."""
        return self._place or self.name

    def located(self, place: str, folder: Path | None) -> Scenario:
        """The same scenario as read from `place`, with relative paths that start at `folder`."""
        located = self.model_copy()
        located._place, located._folder = place, folder
        return located

    def resolve(self, path: str) -> Path:
        """A path of the scenario as seen from the scenario file."""
        return Path(path) if self.folder is None else self.folder / path
