"""Fit maps from raw predictions to calibrated ones, the first two by scikit-learn.

- `isotonic`: the best map that never falls (Zadrozny and Elkan 2002).
- `platt`: a logistic regression on the prediction's log odds (Platt 1999).
- `histogram`: the mean rate of each of 20 bins with as many ads (Zadrozny and Elkan 2001).
- `field`: each advertiser's predictions times its own hits over predicted hits, the simplest of field-wise calibrations (Pan et
  al. 2020). With few hits it leans to the ratio of all advertisers. The other three maps treat advertisers alike, and cannot
  see that one is predicted too high and another too low.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from auctionsim.extras import expect_library

Array = NDArray[np.float64]
Map = Callable[[Array, NDArray[np.int64]], Array]
"""`calibrated(predicted, advertiser)`, `[rows]` all."""

BINS = 20
PRIOR_HITS = 20.0
"""Predicted hits of an advertiser at which its own ratio weighs as much as that of all."""
_FEWEST_HITS = 0.5
"""Hits of a group of samples that had none: a rate of 0 would keep its ads from ever being shown again."""
_DIGITS = 6
"""Decimals of fitted coefficients: a solver's last digits depend on the processor's BLAS."""
_LEAST = 1e-6
"""Smallest calibrated rate, as a predicted click-through rate is above 0."""


def fitted(method: str, predicted: Array, trials: Array, hits: Array, advertiser: NDArray[np.int64], n_advertisers: int) -> Map:
    """Fit a calibrator.

    Args:
        method: `isotonic`, `platt`, `histogram` or `field`.
        predicted: Raw predictions, in [0, 1], `[samples]`.
        trials: Impressions or clicks of each sample, >= 0, `[samples]`.
        hits: Clicks or conversions of each sample, `[samples]`.
        advertiser: Index of each sample's advertiser, `[samples]`.
        n_advertisers: Number of advertisers.

    Returns:
        The map; that which changes nothing where no trial was a hit, or each was.

    Raises:
        MissingExtra: scikit-learn is not installed.
    """
    used = trials > 0
    predicted, trials, hits, advertiser = predicted[used], trials[used], hits[used], advertiser[used]
    if not 0 < hits.sum() < trials.sum():
        return lambda raw, _: raw
    if method == "field":
        return _field(predicted, trials, hits, advertiser, n_advertisers)
    if method == "histogram":
        return _histogram(predicted, trials, hits)
    expect_library("sklearn", f"predictions.calibration = '{method}'")
    return {"isotonic": _isotonic, "platt": _platt}[method](predicted, trials, hits)


def _isotonic(predicted: Array, trials: Array, hits: Array) -> Map:
    from sklearn.isotonic import IsotonicRegression

    model = IsotonicRegression(y_min=0.0, y_max=1.0, out_of_bounds="clip")
    rate = model.fit(predicted, hits / trials, sample_weight=trials).predict(predicted)
    lowest = rate[rate > 0].min()
    in_vain = trials[rate == 0].sum()
    least = max(min(_FEWEST_HITS / in_vain, lowest) if in_vain > 0 else lowest, _LEAST)
    return lambda raw, _: np.maximum(np.asarray(model.predict(raw), dtype=np.float64), least)


def _platt(predicted: Array, trials: Array, hits: Array) -> Map:
    from sklearn.linear_model import LogisticRegression
    from threadpoolctl import threadpool_limits

    odds = _log_odds(predicted)[:, None]
    lost, won = np.flatnonzero(trials > hits), np.flatnonzero(hits > 0)
    model = LogisticRegression(C=1e6, max_iter=1000, tol=1e-10)
    # One thread, since sums in another order would differ in their last digits.
    with threadpool_limits(1):
        model.fit(
            odds[np.concatenate([lost, won])],
            np.repeat([0, 1], [len(lost), len(won)]),
            sample_weight=np.concatenate([(trials - hits)[lost], hits[won]]),
        )
    slope, intercept = round(float(model.coef_[0, 0]), _DIGITS), round(float(model.intercept_[0]), _DIGITS)

    def calibrated(raw: Array, _: NDArray[np.int64]) -> Array:
        from auctionsim import arithmetic

        rate: Array = 1.0 / (1.0 + arithmetic.exp(-(slope * _log_odds(raw) + intercept)))
        return np.clip(rate, _LEAST, 1.0)

    return calibrated


def _histogram(predicted: Array, trials: Array, hits: Array) -> Map:
    edges = np.unique(np.quantile(predicted, np.linspace(0.0, 1.0, BINS + 1)[1:-1]))
    bins, n = np.searchsorted(edges, predicted, side="right"), len(edges) + 1
    won, tried = np.bincount(bins, hits, minlength=n), np.bincount(bins, trials, minlength=n)
    rates = np.clip(np.maximum(won, _FEWEST_HITS) / np.maximum(tried, 1.0), _LEAST, 1.0)
    return lambda raw, _: rates[np.searchsorted(edges, raw, side="right")]


def _field(predicted: Array, trials: Array, hits: Array, advertiser: NDArray[np.int64], n: int) -> Map:
    expected = np.bincount(advertiser, predicted * trials, minlength=n)
    # Predictions of 0, as of a table without conversion rates, have no finite ratio: 0 times it must stay a number.
    ratio = hits.sum() / max(expected.sum(), _LEAST * hits.sum())
    factor = (np.bincount(advertiser, hits, minlength=n) + PRIOR_HITS * ratio) / (expected + PRIOR_HITS)
    return lambda raw, who: np.clip(raw * factor[who], _LEAST, 1.0)


def _log_odds(rate: Array) -> Array:
    from auctionsim import arithmetic

    inside = np.clip(rate, _LEAST, 1.0 - _LEAST)
    odds: Array = arithmetic.log(inside / (1.0 - inside))
    return odds
