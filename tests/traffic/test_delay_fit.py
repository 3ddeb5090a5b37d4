"""Delays fitted to logs with click and conversion times: right in spite of the log's end, and one line where they cannot be."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from auctionsim import InputError
from auctionsim.scenario.file import parse_scenario
from auctionsim.traffic.delays.fit import FittedDelay, fit_delays, fitted_delay, scenario_text

HOURS = 7 * 24.0
WEEK = HOURS * 3600


def log_of(delays: dict[str, np.ndarray], seed: int = 0) -> pl.DataFrame:
    """A week's log: clicks at any time, conversions where they came before its end."""
    rng, parts = np.random.default_rng(seed), []
    for name, hours in delays.items():
        click = rng.uniform(0, WEEK, len(hours))
        bought = click + hours * 3600
        parts.append(
            pl.DataFrame({"click": click, "bought": np.where(bought <= WEEK, bought, -1.0), "who": [name] * len(hours)})
        )
    return pl.concat(parts)


def test_an_exponential_delay_is_found_though_the_log_ends_first():
    rng = np.random.default_rng(1)
    log = log_of({"a": rng.exponential(72.0, 8000)})
    seen = log.filter(pl.col("bought") >= 0)
    assert ((seen["bought"] - seen["click"]) / 3600).mean() < 45.0
    found, own = fit_delays(log, "click", "bought", "who", end=WEEK)
    assert found.distribution == "exponential"
    assert found.mean == pytest.approx(72.0, rel=0.12)
    assert (own.advertiser, own.mean) == ("a", found.mean)
    assert found.conversions == seen.height


def test_a_log_normal_delay_is_told_from_an_exponential_one():
    rng = np.random.default_rng(2)
    log = log_of({"b": rng.lognormal(np.log(10.0), 1.2, 4000), "a": rng.exponential(5.0, 4000), "few": np.full(3, 2.0)})
    everybody, a, b = fit_delays(log, "click", "bought", "who", end=WEEK)
    assert everybody.advertiser is None
    assert (a.advertiser, a.distribution, b.advertiser, b.distribution) == ("a", "exponential", "b", "log-normal")
    assert a.mean == pytest.approx(5.0, rel=0.06)
    assert b.sigma == pytest.approx(1.2, rel=0.06)
    assert b.mean == pytest.approx(10.0 * np.exp(1.2**2 / 2), rel=0.12)


def test_without_an_end_a_log_normal_fit_is_mean_and_deviation_of_logarithms():
    logs = np.random.default_rng(3).normal(1.0, 0.5, 500)
    found = fitted_delay(np.exp(logs), np.full(500, 1e9))
    assert found.sigma == pytest.approx(logs.std())
    assert found.mean == pytest.approx(np.exp(logs.mean() + logs.std() ** 2 / 2))


def test_a_fit_is_text_of_a_scenario():
    fits = (FittedDelay(None, 90, "log-normal", 20.5, 1.25), FittedDelay("x", 30, "exponential", 3.0, 0.0))
    text = scenario_text(fits)
    groups = f'[[advertisers]]\ngroup = "x"\ncount = 2\ndelay = {fits[1].toml}\n'
    scenario = parse_scenario(f'name = "fit"\n{text}{groups}', "fit.toml")
    assert (scenario.delays.distribution, scenario.delays.mean, scenario.delays.sigma) == ("log-normal", 20.5, 1.25)
    assert scenario.advertisers[0].delay.mean == 3.0


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"bought": None}, r"^log: column bought: expected in the log, got none"),
        ({"click": pl.lit("noon")}, r"^log: column click: expected seconds, got a column of String"),
        ({"bought": pl.lit(-1.0)}, r"^log: column bought: expected 20 conversions or more, got 0"),
        ({"bought": pl.col("click") + WEEK}, r"^log: column bought: expected times from the click to the log's end, got one"),
        ({"click": pl.lit(WEEK * 2)}, r"^log: column bought: expected times from the click"),
        ({"bought": pl.lit(float("inf"))}, r"^log: column bought: expected finite times of clicks and conversions"),
    ],
)
def test_a_log_that_cannot_be_fitted_ends_in_one_line(change: dict[str, pl.Expr | None], message: str):
    log = log_of({"a": np.random.default_rng(4).exponential(5.0, 100)})
    for column, own in change.items():
        log = log.drop(column) if own is None else log.with_columns(own.alias(column))
    with pytest.raises(InputError, match=message):
        fit_delays(log, "click", "bought", "who", end=WEEK)


@pytest.mark.parametrize("end", [float("nan"), float("inf"), "noon"])
def test_an_end_that_is_no_time_is_refused(end: object):
    log = log_of({"a": np.random.default_rng(4).exponential(5.0, 100)})
    with pytest.raises(InputError, match=r"^end: expected a number >= 0, got"):
        fit_delays(log, "click", "bought", "who", end=end)  # type: ignore[arg-type]
    with pytest.raises(InputError, match=r"^log: expected "):
        fit_delays("clicks.csv", "click", "bought", "who")  # type: ignore[arg-type]
