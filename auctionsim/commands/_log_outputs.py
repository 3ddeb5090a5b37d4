"""What the command `ingest` writes beside the table: a picture, a data-quality page, a scenario."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from auctionsim.commands._common import command_line
from auctionsim.commands._log_check import LogCheck, check_log
from auctionsim.traffic.ingest.formats.base import Format
from auctionsim.traffic.ingest.starter_scenario import starter_scenario
from auctionsim.traffic.ingest.summary import Summary


@dataclass
class LogOutputs:
    """The files beside a table, as bytes. The replay of the log's own bids is computed once."""

    form: Format
    """The log's format."""
    out: Path
    """The table."""
    log: str
    """The log and its format in words, for titles."""
    budgets: Path | None
    """The file of budgets, if one is written."""
    _check: LogCheck | None = field(default=None, init=False)

    def check(self, summary: Summary) -> LogCheck:
        """Replay the log's own bids."""
        if self._check is None:
            self._check = check_log(summary, self.form)
        return self._check

    def picture(self, path: Path, summary: Summary) -> bytes:
        """Draw the auctions by hour as PNG."""
        from auctionsim.analysis.documents.plots.style import png
        from auctionsim.analysis.documents.plots.traffic import hourly_curve

        del path
        return png(hourly_curve(summary.auctions_by_hour))

    def quality_page(self, path: Path, summary: Summary) -> bytes:
        """Make the data-quality page."""
        from auctionsim.analysis.reports.log_quality import LogMechanism, quality_page

        del path
        check = self.check(summary)
        replayed = () if check.replay is None else check.replay.candidates
        mechanisms = [LogMechanism(one.name, one.winners, one.charges, one.error) for one in replayed]
        return quality_page(summary, check.line, mechanisms, self.log, command_line()).encode(errors="backslashreplace")

    def scenario(self, path: Path, summary: Summary) -> bytes:
        """Make a scenario to start from; `path` is where it will be."""
        mechanism = self.check(summary).mechanism
        return starter_scenario(summary, self.form, self.out, path, self.budgets, mechanism).encode()
