"""Measure what wrong predictions cost and whom, and who gains and who pays when the platform calibrates them.

The platform ranks and prices by predicted click-through rates; clicks come from the true ones. Predictions are off by
advertiser, by query and advertiser, and drift from day to day. Calibrators are fitted to the clicks of the ads shown on
training days, and the test days are ranked by raw predictions, by calibrated ones, and by the truth.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from auctionsim.jobs.studies.base import Findings, Options, Unit

if TYPE_CHECKING:
    import polars as pl

    from auctionsim.analysis.documents.sections import Section
    from auctionsim.market.market import Market
    from auctionsim.scenario import Scenario

TRUTH, RAW = "true rates", "raw predictions"
CALIBRATIONS = ("isotonic", "platt", "histogram", "field")
ARMS = (TRUTH, RAW, *CALIBRATIONS)
BIAS, ADVERTISERS, PAIRS, DRIFT = "one bias", "by advertiser", "by query and advertiser", "by advertiser, with drift"
ERRORS = {
    BIAS: {"bias": 0.4},
    ADVERTISERS: {"advertiser": 0.4},
    PAIRS: {"noise": 0.6},
    DRIFT: {"advertiser": 0.3, "drift": 0.2},
}
"""Errors of the logarithm of pctr."""
METRICS = {
    "revenue": "revenue", "welfare": "welfare", "profit": "advertisers' profit", "over": "profit of the overpredicted",
    "under": "profit of the underpredicted", "ratio": "predicted over true clicks", "error": "calibration error",
}  # fmt: skip
_TOML = """
name = "predictions"
[traffic]
days = 6
auctions_per_day = {auctions}
queries = 40
candidates = 12
train_days = [0, 1, 2]
test_days = [3, 4, 5]
[mechanism]
slot_effect = [1.0, 0.6]
reserve = 0.01
[[advertisers]]
group = "ad"
count = 12
controller = "manual"
"""


class Predictions:
    """The study; see the module's text."""

    title = "Predictions: who gains and who pays when the platform calibrates"
    n_seeds = 10
    libraries = ("sklearn",)

    def units(self, options: Options) -> Sequence[Unit]:
        """Return every arm under every kind of error, seed after seed."""
        return [Unit(name, arm, seed) for seed in options.seeds for name in ERRORS for arm in ARMS]

    def run(self, unit: Unit, options: Options) -> Findings:
        """Replay the test days of one seed under keyword bids."""
        auctions = 200 if options.quick else 2000
        raw = _scenario(auctions, ERRORS[unit.scenario], "none")
        own = {TRUTH: _scenario(auctions, None, "none"), RAW: raw}.get(unit.arm)
        found = _measured(own or _scenario(auctions, ERRORS[unit.scenario], unit.arm), raw, unit.seed)
        return Findings([("test", metric, value) for metric, value in found.items()])

    def sections(self, results: pl.DataFrame, curves: pl.DataFrame) -> list[Section]:  # noqa: ARG002  (there are none)
        """Return the document: the findings, and a table for each kind of error."""
        from auctionsim.analysis.documents.results import arms_table, paired_table
        from auctionsim.analysis.documents.sections import Text

        changes = {metric: METRICS[metric] for metric in ("revenue", "welfare", "profit", "over", "under")}
        return [
            *(Text(verdict(results, name)) for name in ERRORS),
            Text(
                "Totals of three test days under keyword bids; those of ranking by the true rates, on the same seed, are 1. "
                "`overpredicted`: advertisers whose shown ads have more predicted than true clicks by raw predictions. "
                "`predicted over true clicks` and `calibration error` are of the ads that the arm shows; the error is the mean "
                "distance of the logarithms of predicted and true rates."
            ),
            *(
                table
                for name in ERRORS
                for table in (
                    arms_table(results, name, METRICS, arms=ARMS),
                    paired_table(results, name, RAW, [TRUTH, *CALIBRATIONS], changes),
                )
            ),
        ]


def verdict(results: pl.DataFrame, name: str) -> str:
    """Return in words what raw predictions cost and what the best calibrator by welfare brings, with figures."""
    from auctionsim.analysis.documents.results import interval, paired_differences
    from auctionsim.analysis.statistics import mean_interval

    means = {arm: found.mean for arm in CALIBRATIONS if (found := interval(results, name, arm, "welfare")) is not None}
    if not means:
        return f"Errors {name}: not measured."
    best = max(means, key=lambda arm: means[arm])
    # Under one bias of all nobody is underpredicted.
    measured = [m for m in ("revenue", "welfare", "over", "under") if interval(results, name, RAW, m) is not None]
    parts = [f"{METRICS[m]} {interval(results, name, RAW, m)}" for m in measured]
    changes = [f"{METRICS[m]} by {mean_interval(paired_differences(results, name, best, RAW, m).tolist())}" for m in measured]
    return (
        f"Errors {name}: raw predictions bring {', '.join(parts)} of those under true rates. The calibrator with the most "
        f"welfare, {best}, changes {', '.join(changes)}."
    )


def _scenario(auctions: int, errors: dict[str, float] | None, calibration: str) -> Scenario:
    from auctionsim.scenario.file import parse_scenario

    text = _TOML.format(auctions=auctions)
    if errors is not None:
        own = ", ".join(f"{key} = {value}" for key, value in errors.items())
        text += f'\n[predictions]\npctr = {{ {own} }}\ncalibration = "{calibration}"\n'
    return parse_scenario(text, "predictions")


def _measured(scenario: Scenario, raw_scenario: Scenario, seed: int) -> dict[str, float]:
    """Return the figures of an arm, relative to ranking by the true rates."""
    from auctionsim.agents.build import build_market

    truth = build_market(scenario.model_copy(update={"predictions": None}), seed)
    raw, own = (build_market(one, seed) for one in (raw_scenario, scenario))
    predicted, clicks = _predicted(raw)
    is_over = predicted > clicks
    before, after = _totals(truth), _totals(own)
    own_predicted, own_clicks = _predicted(own)
    found = {
        "revenue": after["cost"].sum() / before["cost"].sum(),
        "welfare": after["gmv"].sum() / before["gmv"].sum(),
        "profit": after["profit"].sum() / before["profit"].sum(),
        "ratio": own_predicted.sum() / own_clicks.sum(),
        "error": _error(own),
    }
    for name, who in (("over", is_over), ("under", ~is_over)):
        if before["profit"][who].sum() > 0:
            found[name] = after["profit"][who].sum() / before["profit"][who].sum()
    return {name: float(value) for name, value in found.items()}


def _totals(market: Market) -> dict[str, Any]:
    """Return cost, GMV and profit of each advertiser over the test days under keyword bids, `[advertisers]` each."""
    days = [market.baseline[day] for day in market.scenario.traffic.test_days]
    totals = {name: np.sum([getattr(day, name).sum(axis=(0, 2)) for day in days], axis=0) for name in ("cost", "gmv")}
    return {**totals, "profit": totals["gmv"] - totals["cost"]}


def _shown(market: Market) -> Any:
    """Return the rows shown on test days."""
    from auctionsim.market.predictions.platform import shown_rows

    traffic = market.traffic
    return np.flatnonzero(shown_rows(traffic, market.rules) & np.isin(traffic.row_day, market.scenario.traffic.test_days))


def _predicted(market: Market) -> tuple[Any, Any]:
    """Return predicted and true clicks of each advertiser's shown ads, as if in the first slot, `[advertisers]` each."""
    traffic, rows, n = market.traffic, _shown(market), len(market.advertisers)
    who, weight = traffic.advertiser[rows], traffic.row_weight[rows]
    predicted, true = (np.bincount(who, weight * rate[rows], minlength=n) for rate in (traffic.pctr, traffic.ctr))
    return predicted, true


def _error(market: Market) -> float:
    """Return the mean distance of the logarithms of predicted and true click-through rates over shown ads."""
    from auctionsim import arithmetic

    traffic, rows = market.traffic, _shown(market)
    distance = np.abs(arithmetic.log(traffic.pctr[rows]) - arithmetic.log(traffic.ctr[rows]))
    return float(np.average(distance, weights=traffic.row_weight[rows]))


STUDY = Predictions()
