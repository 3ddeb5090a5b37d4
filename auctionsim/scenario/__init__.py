"""The scenario: one experiment as typed, validated, frozen data. docs/scenario.md explains the keys.

`auctionsim.scenario.file` reads scenarios from TOML and turns pydantic's errors into one-line messages.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Protocol

from pydantic import Field, PrivateAttr, model_validator

from auctionsim.errors import shown
from auctionsim.names.display import cut, html_table, ranges
from auctionsim.plugins import CLASS_PATH, expect_code_allowed
from auctionsim.scenario.accounts import AccountSection, check_accounts
from auctionsim.scenario.advertisers import AUTOBIDDERS, CONTROLLERS, AdvertiserGroup
from auctionsim.scenario.agencies.adoption import AdoptionSection, check_adoption
from auctionsim.scenario.agencies.agency import AgencySection, check_agencies, member_indices
from auctionsim.scenario.autobid import AutobidSection
from auctionsim.scenario.base import Name, Objective, Section, baseline_share, profile_share, resolved_level
from auctionsim.scenario.delays.section import DelaysSection, check_delays
from auctionsim.scenario.information import REGIMES, InformationSection, Regime, check_information
from auctionsim.scenario.learner import (
    ALGORITHMS,
    MIN_VALIDATION_DAYS,
    VALIDATED,
    ClusterSection,
    LearnerSection,
    TrainSection,
)
from auctionsim.scenario.learner_constants import DcmabSection, DqnSection, MaabSection, PpoSection, ValueScaleSection
from auctionsim.scenario.market import MechanismSection, PlatformSection
from auctionsim.scenario.predictions import PredictionsSection
from auctionsim.scenario.traffic import SYNTHETIC_ONLY, TrafficSection

__all__ = [
    "ALGORITHMS", "AUTOBIDDERS", "CONTROLLERS", "REGIMES", "SYNTHETIC_ONLY", "AccountSection", "AdoptionSection",
    "AdvertiserGroup", "AgencySection", "AutobidSection", "ClusterSection", "DcmabSection", "DelaysSection", "DqnSection",
    "InformationSection", "LearnerSection", "MaabSection", "MechanismSection", "Objective", "PlatformSection", "PpoSection",
    "PredictionsSection", "Regime", "Scenario", "Section", "TrafficSection", "TrainSection", "ValueScaleSection",
    "baseline_share", "profile_share", "resolved_level",
]  # fmt: skip


class GivenFiles(Protocol):
    """Traffic in memory, which knows how to write the files that a scenario names."""

    def write(self, folder: Path) -> None:
        """Write them into a folder."""


class Scenario(Section):
    """One experiment."""

    name: Name
    """Name of the experiment, shown in reports."""
    seed: Annotated[int, Field(ge=0, lt=2**63)] = 0
    """Seed of the traffic and of the learner's noise; with several seeds, the first."""
    traffic: TrafficSection = TrafficSection()
    """Traffic: the auctions to be cleared."""
    mechanism: MechanismSection = MechanismSection()
    """The auction."""
    predictions: PredictionsSection | None = None
    """Errors of the platform's predictions and their calibration; without the section the traffic's predictions stand."""
    delays: DelaysSection | None = None
    """Delays of the reports of conversions; without the section conversions are reported at once."""
    information: InformationSection | None = None
    """Knowledge that bidders have of the market; without the section, all that was ever shown to them."""
    platform: PlatformSection = PlatformSection()
    """The platform's goals and the baseline policy."""
    advertisers: Annotated[tuple[AdvertiserGroup, ...], Field(min_length=1)]
    """Groups of advertisers, one block each."""
    accounts: tuple[AccountSection, ...] = ()
    """Accounts whose campaigns share a budget, one block each."""
    agencies: tuple[AgencySection, ...] = ()
    """Agencies that bid for several advertisers, one block each."""
    adoption: AdoptionSection | None = None
    """Share of the advertisers who use the optimizer that their group names; all of them without the section."""
    learner: LearnerSection = LearnerSection()
    """Learning algorithm and its settings."""
    train: TrainSection = TrainSection()
    """Length of the training, and checkpoints."""
    cluster: ClusterSection = ClusterSection()
    """Number of workers; never changes a result."""
    _folder: Path | None = PrivateAttr(default=None)
    _source: str | None = PrivateAttr(default=None)
    _started_in: Path | None = PrivateAttr(default=None)
    _given: GivenFiles | None = PrivateAttr(default=None)

    @model_validator(mode="after")
    def _groups_differ(self) -> Scenario:
        names = [group.group for group in self.advertisers]
        twice = [name for i, name in enumerate(names) if name in names[:i]]
        if twice:
            raise ValueError(f"advertisers: expected a different name for each group, got '{twice[0]}' twice")
        meet = sum(1 if group.keywords == "disjoint" else group.count for group in self.advertisers)
        if self.traffic.is_synthetic and meet < 2:
            alone = "1" if sum(group.count for group in self.advertisers) < 2 else "one group whose advertisers never meet"
            raise ValueError(f"advertisers: expected two or more that meet, got {alone}")
        if self.learner.floor_margin == VALIDATED and len(self.traffic.validation_days) < MIN_VALIDATION_DAYS:
            raise ValueError(
                f"learner.floor_margin: expected {MIN_VALIDATION_DAYS} or more traffic.validation_days with 'validated', "
                f"got {len(self.traffic.validation_days)}"
            )
        for i, group in enumerate(self.advertisers):
            if group.budget == "table" and self.traffic.budgets is None:
                raise ValueError(f"advertisers[{i}].budget: expected traffic.budgets to name a file, got none")
            if profile_share(group.budget) is not None and not self.traffic.is_synthetic:
                raise ValueError(f"advertisers[{i}].budget: expected 'profile*SHARE' with synthetic traffic alone, got a table")
        check_accounts(self.accounts, self.advertisers)
        check_delays(self.delays, self.advertisers, self.learner)
        device = self.learner.device if self.learner.plays_on_device else "cpu"
        check_agencies(self.agencies, self.advertisers, self.learner.algorithm, device)
        if self.adoption is not None:
            check_adoption(self.adoption, self.advertisers)
        if any(group.controller == "learner" for group in self.advertisers):
            check_information(self.information, self.learner, self.platform, self.advertisers)
        return self

    def __repr__(self) -> str:
        return cut(f"Scenario({shown(self.name)}: {self._advertisers}; {self.learner.algorithm}, {self._traffic})")

    def _repr_html_(self) -> str:
        """Return the scenario's main keys for a notebook."""
        train, auction = self.traffic, self.mechanism
        parts = {
            "seed": str(self.seed),
            "traffic": self._traffic,
            "training days": ranges(train.train_days),
            "test days": ranges(train.test_days),
            "auction": f"{auction.pricing}, {len(auction.slot_effect)} slot(s), reserve {auction.reserve:g}",
            "platform.revenue_floor": f"{self.platform.revenue_floor:g} of the baseline ({self.platform.baseline})",
            "advertisers": self._advertisers,
            "learner": f"{self.learner.algorithm}, {self.train.iterations} iterations",
        }
        return html_table(f"Scenario {self.name}", parts)

    @property
    def _advertisers(self) -> str:
        count, groups = sum(group.count for group in self.advertisers), len(self.advertisers)
        return f"{count} advertisers in {groups} group{'s' if groups > 1 else ''}"

    @property
    def _traffic(self) -> str:
        section = self.traffic
        if section.is_synthetic:
            return f"synthetic traffic, {section.days} days of {section.auctions_per_day} auctions"
        return f"traffic table {shown(section.source)}"

    @property
    def folder(self) -> Path | None:
        """The folder that relative paths start from: the scenario file's; None if there is no file."""
        return self._folder

    @property
    def source(self) -> str:
        """The scenario's name in messages: its file, or its `name` if it was not read from a file."""
        return self._source or self.name

    @property
    def numbered_names(self) -> tuple[str, ...]:
        """The names of the advertisers of synthetic traffic, `<group>_<number>`, in the order of every advertiser axis.

        They differ as groups do: what follows the last underscore is the number. For example, the groups `seller`, `seller_1`
        and `seller1` have `seller_1`, `seller_1_0` and `seller1_0`.
        """
        return tuple(f"{group.group}_{i}" for group in self.advertisers for i in range(group.count))

    @property
    def agency_members(self) -> tuple[tuple[int, ...], ...]:
        """The indices of each agency's members, in the order of every advertiser axis."""
        return tuple(member_indices(one.members, self.advertisers) for one in self.agencies)

    @property
    def code_folders(self) -> tuple[Path, ...]:
        """The folders, after the current one, in which classes named by `package.module:Class` are looked for."""
        return tuple(folder for folder in (self._folder, self._started_in) if folder is not None)

    @property
    def classes(self) -> dict[str, str]:
        """The classes that the scenario names by `package.module:Class`, by the key that names them."""
        named = {f"advertisers[{i}].controller": group.controller for i, group in enumerate(self.advertisers)}
        named["learner.algorithm"] = self.learner.algorithm
        return {key: name for key, name in named.items() if CLASS_PATH.match(name)}

    def expect_code_allowed(self) -> None:
        """Refuse a scenario that names a class while the import of classes is refused (`auctionsim.plugins.code_allowed`).

        Raises:
            InputError: Imports are refused, and the scenario names a class.
        """
        for key, name in self.classes.items():
            expect_code_allowed(name, f"{self.source}: {key}")

    def with_source(self, source: str, folder: Path | None, started_in: Path | None = None) -> Scenario:
        """Return a copy that records where the scenario was read from.

        Args:
            source: The scenario's name in messages.
            folder: The folder that relative paths start from, or None for the current folder.
            started_in: The folder in which a command was called before, where classes of the user's own may lie.
        """
        located = self.model_copy()
        located._source, located._folder, located._started_in = source, folder, started_in
        return located

    @property
    def given(self) -> GivenFiles | None:
        """The traffic that the scenario holds itself (`auctionsim.with_traffic`); None if it is drawn or in a file."""
        return self._given

    def with_given(self, given: GivenFiles) -> Scenario:
        """Return a copy that holds its traffic itself."""
        located = self.model_copy()
        located._given = given
        return located

    def resolve(self, path: str) -> Path:
        """Return a path of the scenario relative to the scenario file's folder."""
        return Path(path) if self.folder is None else self.folder / path
