"""Rates by a logistic model: hashed indicators of advertiser, query, hour and their pairs, trained on earlier days alone.

Weighted logistic regression with a Gaussian prior on every coefficient but the level (McMahan et al. 2013 and Chapelle et al.
2015 predict clicks by such models). The rate of an advertiser on a query where it has not been yet follows from both, not from
the advertiser alone.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from auctionsim.traffic.ingest.database import Database

_HASHED = 2**18
_SINGLE, _PAIRED = 1.0, 0.3
"""Prior standard deviation of what one thing adds to the log odds, and of what a pair adds beyond its two."""
_ROWS_AT_ONCE = 100_000

Counts = NDArray[np.float64]


def fit_rates(database: Database, lacking: Sequence[str], first_day: int) -> None:
    """Make the table `fitted` of `counts`: `day, hour, query, advertiser` and each rate of `lacking`.

    Memory grows with the number of different (advertiser, query, hour), by some 200 bytes each.

    Args:
        database: Holds `counts`, with `RATE_n` trials and `RATE_c` hits.
        lacking: `pctr`, `pcvr` or both.
        first_day: Of the log; it is foretold from itself.
    """
    what = "logistic model"
    database.run(
        "CREATE TABLE keys AS SELECT advertiser, query, hour FROM counts GROUP BY ALL ORDER BY advertiser, query, hour", what
    )
    features = _features(database)
    kinds = ", ".join(f"{rate} DOUBLE" for rate in lacking)
    database.run(f"CREATE TABLE foretold (day BIGINT, key BIGINT, {kinds})", what)
    seen = {rate: np.zeros((2, features.shape[0])) for rate in lacking}
    started: dict[str, Any] = {}
    days = [day for (day,) in database.rows("SELECT DISTINCT day FROM counts ORDER BY day")]
    for day in days:
        columns = ", ".join(f"{rate}_n, {rate}_c" for rate in lacking)
        own = database.columns(
            f"SELECT keys.rowid AS key, {columns} FROM counts JOIN keys USING (advertiser, query, hour) "
            f"WHERE day = {day} ORDER BY key"
        )
        key = np.asarray(own["key"])
        today = {rate: np.stack([np.asarray(own[f"{rate}_n"]), np.asarray(own[f"{rate}_c"])]) for rate in lacking}
        predicted = {}
        for rate in lacking:
            if day == first_day:
                seen[rate][:, key] += today[rate]
            predicted[rate] = _foretell(features, seen[rate], key, started, rate)
            if day != first_day:
                seen[rate][:, key] += today[rate]
        database.append("foretold", {"day": np.full(len(key), day), "key": key, **predicted})
    database.run(
        f"CREATE TABLE fitted AS SELECT day, hour, query, advertiser, {', '.join(lacking)} FROM foretold "
        "JOIN keys ON keys.rowid = foretold.key",
        what,
    )


def _foretell(features: Any, seen: Counts, key: NDArray[np.int64], started: dict[str, Any], rate: str) -> Counts:
    """The rates of `key` from trials and hits so far, `[2, keys]`; the model starts where the day before ended."""
    from sklearn.linear_model import LogisticRegression
    from threadpoolctl import threadpool_limits

    trials, hits = seen
    if hits.sum() <= 0 or hits.sum() >= trials.sum():
        return np.full(len(key), (hits.sum() + 0.5) / (trials.sum() + 1))
    lost, won = np.flatnonzero(trials > hits), np.flatnonzero(hits > 0)
    model = started.setdefault(rate, LogisticRegression(C=1.0, max_iter=300, warm_start=True))
    # One thread: sums in another order would give other digits.
    with threadpool_limits(1):
        model.fit(
            features[np.concatenate([lost, won])],
            np.repeat([0, 1], [len(lost), len(won)]),
            sample_weight=np.concatenate([(trials - hits)[lost], hits[won]]),
        )
        foretold: Counts = model.predict_proba(features[key])[:, 1]
    return np.clip(foretold, 1e-9, 1 - 1e-9)


def _features(database: Database) -> Any:
    """Hashed indicators of each key, sparse `[keys, 2^18]`."""
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
