"""Read the public instance of the AdWords problem, and draw others of its kind.

The two files belong to others and are not part of this repository: `bidder_dataset.csv` and `queries.txt` of GitHub
parikhs97/AdWords-Placement-Problem, commit 198cf82824fa6cf3af487e971ef815b6b9970a06, which has no licence.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from auctionsim.errors import InputError, shown
from auctionsim.streams import stream

Array = NDArray[np.float64]

FOLDER, BIDS, QUERIES = "adwords", "bidder_dataset.csv", "queries.txt"
_COLUMNS = {"advertiser": pl.Int64, "query": pl.String, "bid": pl.Float64, "budget": pl.Float64}
ADVERTISERS, KEYWORDS, WANTED = 100, 99, 0.057
"""Size of the drawn instances, and the share of keywords that an advertiser bids on besides one; those of the public one."""
_FEWEST, _MOST = 160, 321
"""Range of the arrivals of a keyword in the public instance."""
_TIGHTEST, _LOOSEST = 43.0, 63.0
"""Range of a budget over the sum of its advertiser's bids; in the public instance the mean is 53 and the deviation 5."""


def public_instance(data: Path) -> tuple[Array, Array]:
    """Return the bid of each advertiser for each query in order of arrival, `[queries, advertisers]`, and budgets.

    Args:
        data: The folder that holds `adwords/bidder_dataset.csv` and `adwords/queries.txt`.

    Raises:
        InputError: A file is missing or holds something else.
    """
    path, arrivals = data / FOLDER / BIDS, data / FOLDER / QUERIES
    for one in (path, arrivals):
        if not one.is_file():
            raise InputError(f"{one}: expected the public file of this name, got no such file")
    try:
        table = pl.read_csv(path, new_columns=list(_COLUMNS)).select(pl.col(name).cast(kind) for name, kind in _COLUMNS.items())
        table = table.sort("advertiser", maintain_order=True)
        queries = [line.strip() for line in arrivals.read_text(encoding="utf-8").splitlines() if line.strip()]
    except (pl.exceptions.PolarsError, UnicodeDecodeError) as error:
        raise InputError(
            f"{path}: expected columns advertiser, query, bid, budget, got {str(error).splitlines()[0]}"
        ) from error
    _expect_amounts(path, table)
    budgets = table.drop_nulls("budget").unique("advertiser", keep="first", maintain_order=True)
    if budgets["advertiser"].to_list() != list(range(table["advertiser"].n_unique())):
        raise InputError(f"{path}: column 4: expected a budget in a row of each advertiser from 0 on, got {budgets.height}")
    keywords = {name: k for k, name in enumerate(table["query"].unique(maintain_order=True))}
    if not queries:
        raise InputError(f"{arrivals}: expected a query in each line, got none")
    strange = next((k for k, query in enumerate(queries) if query not in keywords), None)
    if strange is not None:
        raise InputError(f"{arrivals}: line {strange + 1}: expected a query that {BIDS} names, got {shown(queries[strange])}")
    by_keyword = np.zeros((len(keywords), budgets.height))
    by_keyword[[keywords[name] for name in table["query"]], table["advertiser"].to_numpy()] = table["bid"].to_numpy()
    return by_keyword[[keywords[query] for query in queries]], budgets["budget"].to_numpy()


def _expect_amounts(path: Path, table: pl.DataFrame) -> None:
    """Check bids and budgets: with a bid that is no number a rule would sell its queries to nobody, and say nothing."""
    for column, (name, words) in {3: ("bid", "a finite number >= 0"), 4: ("budget", "a finite number > 0")}.items():
        amount = pl.col(name)
        right = amount.is_finite() & (amount >= 0 if name == "bid" else amount > 0)
        # Only one row of an advertiser has its budget.
        wrong = table.filter(~right.fill_null(name == "budget"))
        if wrong.height:
            raise InputError(f"{path}: column {column}: expected {words}, got {shown(wrong[name][0])}")


def drawn_instance(seed: int) -> tuple[Array, Array]:
    """Draw an instance of the public one's kind: bids of 0.1 to 0.9 for a few keywords each, and queries in random order.

    Args:
        seed: The seed.

    Returns:
        The bid of each advertiser for each query in order of arrival, `[queries, advertisers]`, and budgets.
    """
    rng = stream(seed, "adwords-instance")
    bids = rng.integers(1, 10, (KEYWORDS, ADVERTISERS)) / 10 * (rng.random((KEYWORDS, ADVERTISERS)) < WANTED)
    # Everybody wants something: a budget of nothing is none.
    bids[rng.integers(KEYWORDS, size=ADVERTISERS), np.arange(ADVERTISERS)] = 0.5
    arrivals = rng.integers(_FEWEST, _MOST + 1, KEYWORDS)
    budgets = np.rint(bids.sum(axis=0) * (_TIGHTEST + (_LOOSEST - _TIGHTEST) * rng.random(ADVERTISERS)))
    return bids[rng.permutation(np.repeat(np.arange(KEYWORDS), arrivals))], budgets
