"""Draw the figures of one run's report, one by one."""

from __future__ import annotations

from auctionsim import runs
from auctionsim.analysis.documents.plots.style import Figure, in_notebooks
from auctionsim.analysis.documents.sections import Note, Picture
from auctionsim.analysis.reports.figures import report_figures
from auctionsim.analysis.reports.summary import summarize
from auctionsim.errors import InputError

_NAMES = ("learning", "hourly", "arms", "advertisers", "trade_off")


class RunPlot:
    """The figures of a run's report, as matplotlib Figures that a notebook shows.

    Args:
        run: The run, evaluated.
    """

    def __init__(self, run: runs.Run) -> None:
        self._run = run

    def __repr__(self) -> str:
        return f"RunPlot({', '.join(f'{name}()' for name in _NAMES)})"

    def learning(self) -> Figure:
        """Draw revenue and total profit on the training days by iteration: means over seeds, band from lowest to highest."""
        return self._figure("learning")

    def hourly(self) -> Figure:
        """Draw revenue by hour on the test days, with intervals, beside that of the baseline."""
        return self._figure("hourly")

    def arms(self) -> Figure:
        """Draw revenue, total profit and the worst advertiser's profit on the test days, as ratios to the baseline."""
        return self._figure("arms")

    def advertisers(self) -> Figure:
        """Draw the advertisers' profits as ratios to the baseline, or changes in currency, in ascending order."""
        return self._figure("advertisers")

    def trade_off(self) -> Figure:
        """Draw total profit against platform revenue on the test days: the mean over seeds, and each seed."""
        return self._figure("trade-off")

    def _figure(self, name: str) -> Figure:
        """Return a figure of the report.

        Raises:
            InputError: The run is not evaluated, or the report leaves the figure out, with the reason.
        """
        found = report_figures({self._run.path.name: self._run}, [summarize(self._run)])
        for section in found:
            if isinstance(section, Picture) and section.name == name:
                return in_notebooks(section.figure)
        reasons = " ".join(section.text for section in found if isinstance(section, Note))
        raise InputError(f"{self._run.path}: expected the figure {name!r}, got none: {reasons}")
