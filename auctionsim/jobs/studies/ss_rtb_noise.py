"""Measure where hour-level control pays: RMDP against timetables when the hourly curve of purchases differs between days.

One more question to the study `ss-rtb`, on its ten ads: on the days there, the curve by which purchases follow the hour is the
same on the training and on the test day, so that 24 numbers can be learned by heart. Here each hour of each day departs from it
by a lognormal factor of a given standard deviation (`traffic.hour_noise`).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from auctionsim.jobs.studies.base import Findings, Options, Unit
from auctionsim.jobs.studies.ss_rtb.arms import TEN, scenario_of
from auctionsim.jobs.studies.ss_rtb.rules import BOUND, HINDSIGHT, LINEAR, OWN, SMOOTH, TIMETABLE

if TYPE_CHECKING:
    import polars as pl

    from auctionsim.analysis.documents.sections import Picture, Section, Table
    from auctionsim.analysis.statistics import Comparison

NOISE = (0.0, 0.15, 0.3, 0.5)
"""Log standard deviations of an hour's curve between days."""
RMDP = "RMDP"
ARMS = (LINEAR, TIMETABLE, SMOOTH, OWN, RMDP, HINDSIGHT, BOUND)
RIVALS = (TIMETABLE, SMOOTH, OWN, LINEAR)
"""The rules that know the training day alone, which RMDP is compared with."""
_GAIN = "gain"


def noisy(sd: float) -> str:
    """Return the name of the scenario with a noise of the hourly curve."""
    return f"ten ads, noise {sd}"


class SsRtbNoise:
    """The study; see the module's text."""

    title = "SS-RTB: where control by the hour pays, with an hourly curve of purchases that differs between days"
    n_seeds = 20
    libraries = ("torch",)
    first_seed = 200
    """None of the seeds from here on was looked at before."""

    def units(self, options: Options) -> Sequence[Unit]:
        """Return every arm at every noise, seed after seed."""
        return [Unit(noisy(sd), arm, seed) for seed in options.seeds for sd in NOISE for arm in ARMS]

    def run(self, unit: Unit, options: Options) -> Findings:
        """Train or fit one arm and measure it for one seed."""
        from auctionsim.jobs.studies.ss_rtb.study import measured

        sd = {noisy(sd): sd for sd in NOISE}[unit.scenario]
        scenario = scenario_of(Unit(TEN, unit.arm, unit.seed), options)
        traffic = scenario.traffic.model_copy(update={"hour_noise": sd})
        found = measured(scenario.model_copy(update={"traffic": traffic}), unit.arm, unit.seed)
        # Ads of a seed share its days, so only their mean is an observation; the curves of 80 trainings would fill the file.
        return Findings([row for row in found.results if " ad-" not in row[1]])

    def sections(self, results: pl.DataFrame, curves: pl.DataFrame) -> list[Section]:  # noqa: ARG002  (there are none)
        """Return the document: where RMDP is ahead, all gains, and paired differences."""
        from auctionsim.analysis.documents.sections import Text

        return [
            *(Text(finding) for finding in where_it_pays(results)),
            Text(
                "Gains are in PUR_AMT / COST over keyword bids at their cost, in expectation, mean over ten ads. Every rule "
                "and RMDP learn from the purchases that were drawn on one training day, and are measured on the next."
            ),
            _gains(results, "test"),
            _gains(results, "train"),
            _kept(results),
            _differences(results),
            _figure(results),
        ]


def where_it_pays(results: pl.DataFrame) -> list[str]:
    """Return the findings: RMDP against a timetable, plain and smoothed, and control by the hour against one alpha a day."""
    return [
        "RMDP against a timetable of 24 factors, by the noise of the hourly curve between days: "
        f"{_by_sign(results, RMDP, TIMETABLE)}.",
        f"RMDP against a timetable that averages three neighboring hours: {_by_sign(results, RMDP, SMOOTH)}.",
        f"That timetable against one alpha a day: {_by_sign(results, SMOOTH, LINEAR)}.",
    ]


def _by_sign(results: pl.DataFrame, arm: str, rival: str) -> str:
    """Return at which noise an arm gains more than a rival, and at which not, with figures."""
    found: dict[str, list[str]] = {"more at": [], "less at": [], "as much, as far as can be told, at": []}
    for sd in NOISE:
        one = _paired(results, sd, arm, rival)
        low, high = one.difference.low, one.difference.high
        sign = "more at" if low > 0 else "less at" if high < 0 else "as much, as far as can be told, at"
        found[sign].append(f"{sd} ({one.difference}, more on {one.better} of {one.seeds} seeds)")
    return "it gains " + "; ".join(f"{sign} {', '.join(parts)}" for sign, parts in found.items() if parts)


def _paired(results: pl.DataFrame, sd: float, arm: str, rival: str) -> Comparison:
    from auctionsim.analysis.documents.results import by_seed
    from auctionsim.analysis.statistics import compare_paired

    one, two = (by_seed(results, noisy(sd), name, _GAIN) for name in (arm, rival))
    seeds = sorted(one.keys() & two.keys())
    return compare_paired([one[seed] for seed in seeds], [two[seed] for seed in seeds])


def _gains(results: pl.DataFrame, split: str) -> Table:
    from auctionsim.analysis.documents.results import interval
    from auctionsim.analysis.documents.sections import Table
    from auctionsim.analysis.statistics import INTERVALS

    rows = [[arm, *(str(interval(results, noisy(sd), arm, _GAIN, split)) for sd in NOISE)] for arm in ARMS]
    day = "test" if split == "test" else "training"
    note = (
        f"Means over {results['seed'].n_unique()} seeds with {INTERVALS}. `{HINDSIGHT}` has the factors of that day's own "
        f"purchases; `{BOUND}` buys the best auctions of the day in hindsight, one by one."
    )
    return Table([f"gain over KB, {day} day", *(f"noise {sd}" for sd in NOISE)], rows, note)


def _kept(results: pl.DataFrame) -> Table:
    from auctionsim.analysis.documents.results import by_seed
    from auctionsim.analysis.documents.sections import Table

    def share(arm: str, sd: float) -> str:
        test, train = (sum(by_seed(results, noisy(sd), arm, _GAIN, split).values()) for split in ("test", "train"))
        return f"{test / train:.0%}" if train > 0 else "not defined (no gain in training)"

    rows = [[arm, *(share(arm, sd) for sd in NOISE)] for arm in (*RIVALS, RMDP)]
    note = "The mean gain on the test day over that on the training day, which the arms learned from."
    return Table(["share of the training gain kept", *(f"noise {sd}" for sd in NOISE)], rows, note)


def _differences(results: pl.DataFrame) -> Table:
    from auctionsim.analysis.documents.sections import Table

    pairs = [*((RMDP, rival) for rival in RIVALS), (TIMETABLE, LINEAR), (SMOOTH, LINEAR)]
    rows = [[f"{arm} less {rival}", *(str(_paired(results, sd, arm, rival)) for sd in NOISE)] for arm, rival in pairs]
    return Table(
        ["difference in gain, test day", *(f"noise {sd}" for sd in NOISE)],
        rows,
        "Paired by seed: the mean difference with its interval, the seeds on which the first is above, and the sign-flip test.",
    )


def _figure(results: pl.DataFrame) -> Picture:
    from auctionsim.analysis.documents.plots.ss_rtb import sweep_figure
    from auctionsim.analysis.documents.results import by_seed
    from auctionsim.analysis.documents.sections import Picture

    lines = {
        arm: {sd: list(by_seed(results, noisy(sd), arm, _GAIN).values()) for sd in NOISE}
        for arm in ARMS
        if arm not in (OWN, BOUND)
    }
    figure = sweep_figure(lines, "Log standard deviation of the hourly curve between days", "Gain in PUR_AMT / COST, test day")
    return Picture("noise", figure, "Gain over keyword bids on the test day, mean and interval over seeds.")


STUDY = SsRtbNoise()
