"""The objective that a log allows: conversions where it has conversions or their rates, else clicks."""

from __future__ import annotations

from dataclasses import dataclass

from auctionsim.traffic.ingest.database import Database


@dataclass(frozen=True)
class LogObjective:
    """The objective of the starter scenario."""

    name: str = "conversions"
    """Key of the scenario's `objectives`."""
    reason: str = ""
    """Why it is not `conversions`."""

    def lines(self) -> list[str]:
        """Write the objective as lines of text, if it is another than usual."""
        return [f"objective: {self.name}: {self.reason}"] if self.reason else []


def find_objective(database: Database) -> LogObjective:
    """Find the objective of a log, from the table `log`.

    Without conversions their rate is 0 or a guess, and so are conversions, GMV and profit. Clicks remain; and where the log has
    no clicks either, the engine's clicks are impressions times an assumed rate.
    """
    rate, bought, ctr, clicked = database.row(
        "SELECT coalesce(max(pcvr), 0), coalesce(sum(cvr_hits), 0), count(pctr), coalesce(sum(ctr_hits), 0) FROM log"
    )
    if rate > 0 or bought > 0:
        return LogObjective()
    reason = "the log has no conversions and no pcvr, so conversions, GMV and profit are not defined"
    if not ctr and not clicked:
        reason += "; it has no clicks and no pctr either, so all ads have the same assumed click rate"
    return LogObjective("clicks", reason)
