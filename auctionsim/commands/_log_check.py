"""Check of an ingested log against a replay of its own bids, for the command `ingest`."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from auctionsim.auction.log_replay import LogReplay, replay_log
from auctionsim.traffic.ingest.formats.base import Format
from auctionsim.traffic.ingest.starter_scenario import FittingMechanism
from auctionsim.traffic.ingest.summary import Summary

_LEAST_WINNERS = 0.5
"""Share of winners from which on the starter scenario takes over the mechanism that fits best."""


@dataclass(frozen=True)
class LogCheck:
    """How well a replay of a log's own bids reproduces it."""

    replay: LogReplay | None
    """The replay; None if nothing can be replayed."""
    reason: str = ""
    """Why nothing can be replayed."""
    units: str = ""
    """Columns whose figures cannot be in the same unit, in words; empty where there are none."""
    is_estimated: bool = False
    """Whether click rates are estimates, which the log's own auctions did not know."""

    @property
    def line(self) -> str:
        """Say it in one line."""
        if self.replay is None:
            return f"replay of the log's own bids: not defined: {self.reason}"
        return self.replay.line() + (", by estimated pctr" if self.is_estimated else "")

    @property
    def mechanism(self) -> FittingMechanism:
        """Return the mechanism for the starter scenario: the one that fits best, if it explains half of the winners."""
        if self.units:
            return FittingMechanism(
                words=f"Assumed: neither mechanism nor reserve is the log's, as units differ: {self.units}."
            )
        if self.replay is None:
            return FittingMechanism()
        best = self.replay.best
        words = f"{self.line[0].upper()}{self.line[1:]}."
        if best.winners < _LEAST_WINNERS:
            return FittingMechanism(words=f"Assumed, as no mechanism explains the log. {words}")
        pricing = best.pricing if not np.isnan(best.charges) else "gsp"
        return FittingMechanism(pricing, best.squash, self.replay.reserve, words)

    def as_json(self) -> dict[str, Any]:
        """Return the figures as the value that `--json` prints; figures that are not defined are null."""
        if self.replay is None:
            return {"reason": self.reason, "mechanisms": []}
        mechanisms = [
            {key: None if value != value else value for key, value in asdict(one).items()} for one in self.replay.candidates
        ]
        figures = {"auctions": self.replay.auctions, "total": self.replay.total, "per": self.replay.per}
        return {**figures, "reserve": self.replay.reserve, "mechanisms": mechanisms}


def check_log(summary: Summary, form: Format) -> LogCheck:
    """Replay the log's own bids.

    Args:
        summary: The summary of the log.
        form: The log's format, whose slot effects and reserve hold where it states them.
    """
    units = "; ".join(one.words for one in summary.units)
    if isinstance(summary.sample, str):
        return LogCheck(None, summary.sample, units)
    charged = next((one for one in summary.units if one.is_charge), None)
    if charged is not None:
        # Charges, and the reserve that they show, say nothing about bids in another unit.
        return LogCheck(None, f"{charged.high} and {charged.low} differ in units", units)
    effect = form.slot_effect if form.slot_effect != (1.0,) else summary.position_effects.slot_effect()
    return LogCheck(
        replay_log(summary.sample, effect, form.reserve or None), units=units, is_estimated="pctr" in summary.calibration
    )
