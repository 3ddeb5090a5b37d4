"""Rates from a logistic model of hashed indicators of advertiser, query, hour and their pairs, trained on earlier days alone.

The model is a weighted logistic regression with a Gaussian prior on every coefficient but the intercept (McMahan et al. 2013
and Chapelle et al. 2015 predict clicks by such models). Unlike an empirical rate, it predicts the rate of an advertiser on a
query where it has not been yet from both, not from the advertiser alone.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from auctionsim.traffic.ingest.database import Database

_HASHED = 2**18
_SINGLE, _PAIRED = 1.0, 0.3
"""Prior standard deviations of the log odds: of the effect of one feature, and of a pair beyond its two features' effects."""
_ROWS_AT_ONCE = 100_000

Counts = NDArray[np.float64]


def fit_rates(database: Database, first: Mapping[str, int | None], unknown: Mapping[str, float]) -> None:
    """Make the table `fitted` from `counts`: `day, hour, query, advertiser` and each missing rate.

    Memory grows by about 200 bytes for each different (advertiser, query, hour).

    Args:
        database: The database that holds `counts`, with trials `RATE_n` and hits `RATE_c` of each rate.
        first: The first day with trials of each rate to be estimated, which is estimated from itself, as are those before it;
            None where there is no trial.
        unknown: Each rate where there is no trial.
    """
    step, missing = "logistic model", list(first)
    database.run(
        "CREATE TABLE keys AS SELECT advertiser, query, hour FROM counts GROUP BY ALL ORDER BY advertiser, query, hour", step
    )
    features = _features(database)
    kinds = ", ".join(f"{rate} DOUBLE" for rate in missing)
    database.run(f"CREATE TABLE predicted (day BIGINT, key BIGINT, {kinds})", step)
    seen = {rate: np.zeros((2, features.shape[0])) for rate in missing}
    models: dict[str, Any] = {}
    for rate, day in first.items():
        if day is not None:
            key, counts = _counts(database, day, [rate])
            seen[rate][:, key] += counts[rate]
    for (day,) in database.rows("SELECT DISTINCT day FROM counts ORDER BY day"):
        key, counts = _counts(database, day, missing)
        predicted = {}
        for rate, start in first.items():
            if start is None:
                predicted[rate] = np.full(len(key), unknown[rate])
                continue
            predicted[rate] = _predict(features, seen[rate], key, models, rate)
            if day > start:
                seen[rate][:, key] += counts[rate]
        database.append("predicted", {"day": np.full(len(key), day), "key": key, **predicted})
    database.run(
        f"CREATE TABLE fitted AS SELECT day, hour, query, advertiser, {', '.join(missing)} FROM predicted "
        "JOIN keys ON keys.rowid = predicted.key",
        step,
    )


def _counts(database: Database, day: int, rates: Sequence[str]) -> tuple[NDArray[np.int64], dict[str, Counts]]:
    """Return the keys of a day, and trials and hits of each rate, `[2, keys]`."""
    columns = ", ".join(f"{rate}_n, {rate}_c" for rate in rates)
    own = database.columns(
        f"SELECT keys.rowid AS key, {columns} FROM counts JOIN keys USING (advertiser, query, hour) "
        f"WHERE day = {day} ORDER BY key"
    )
    counts = {rate: np.stack([np.asarray(own[f"{rate}_n"]), np.asarray(own[f"{rate}_c"])]) for rate in rates}
    return np.asarray(own["key"]), counts


def _predict(features: Any, seen: Counts, key: NDArray[np.int64], models: dict[str, Any], rate: str) -> Counts:
    """Train a rate's model on trials and hits so far, `[2, keys]`, from the previous day's coefficients, and predict `key`."""
    from sklearn.linear_model import LogisticRegression
    from threadpoolctl import threadpool_limits

    trials, hits = seen
    if hits.sum() <= 0 or hits.sum() >= trials.sum():
        return np.full(len(key), (hits.sum() + 0.5) / (trials.sum() + 1))
    lost, won = np.flatnonzero(trials > hits), np.flatnonzero(hits > 0)
    model = models.setdefault(rate, LogisticRegression(C=1.0, max_iter=300, warm_start=True))
    # One thread, since sums in another order would differ in their last digits.
    with threadpool_limits(1):
        model.fit(
            features[np.concatenate([lost, won])],
            np.repeat([0, 1], [len(lost), len(won)]),
            sample_weight=np.concatenate([(trials - hits)[lost], hits[won]]),
        )
        probability: Counts = model.predict_proba(features[key])[:, 1]
    return np.clip(probability, 1e-9, 1 - 1e-9)


def _features(database: Database) -> Any:
    """Hash the indicators of each key into a sparse matrix `[keys, 2^18]`."""
    from scipy.sparse import vstack
    from sklearn.feature_extraction import FeatureHasher

    hasher = FeatureHasher(_HASHED, input_type="pair", alternate_sign=False)
    (keys,) = database.row("SELECT count(*) FROM keys")
    parts = []
    for first in range(0, keys, _ROWS_AT_ONCE):
        part = f"rowid >= {first} AND rowid < {first + _ROWS_AT_ONCE}"
        rows = database.rows(f"SELECT advertiser, query, hour FROM keys WHERE {part} ORDER BY rowid")
        parts.append(hasher.transform(_indicators(*row) for row in rows))
    return vstack(parts, format="csr")


def _indicators(advertiser: str, query: str, hour: int) -> Iterator[tuple[str, float]]:
    yield f"a {advertiser}", _SINGLE
    yield f"q {query}", _SINGLE
    yield f"h {hour}", _SINGLE
    yield f"aq {len(advertiser)} {advertiser} {query}", _PAIRED
    yield f"ah {advertiser} {hour}", _PAIRED
    yield f"qh {query} {hour}", _PAIRED
