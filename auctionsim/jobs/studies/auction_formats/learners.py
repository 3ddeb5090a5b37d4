"""Play the factorials of bidders that learn bids from affiliated values, by Q-learning, LinUCB or Thompson sampling.

Q-learning plays all 24 cells on each seed. The factorials of the bandits have 384 and 96 cells. A seed plays every number of
bidders, affiliation, reserve and context, with a quarter of LinUCB's settings and half of Thompson sampling's. Settings pass on
from cell to cell and from seed to seed: 8 seeds play LinUCB's cells twice, and Thompson sampling's four times.
"""

from __future__ import annotations

from itertools import product

from auctionsim.games.affiliated.linear_bandits import bandit_revenue
from auctionsim.games.affiliated.q_learning import q_learning_revenue
from auctionsim.jobs.studies.auction_formats.cells import PRICES, Cell, revenues

BIDDERS, ETAS, RESERVES = (2, 4), (0.0, 0.5, 1.0), (0.0, 0.3)
UCB_SETTINGS = tuple(product((0.5, 2.0), (0.1, 5.0), (1.0, 0.999)))
"""Width, ridge and memory of LinUCB."""
THOMPSON_SETTINGS = tuple(product((0.1, 1.0), (1.0,), (1.0,)))
"""The same of Thompson sampling."""
_PER_SEED = {False: 2, True: 1}
"""Settings that a seed plays in each cell, by whether they are Thompson sampling's."""
Q_SLICES: dict[str, dict[str, float | str]] = {
    "bidders": {"2": 2, "4": 4},
    "eta": {"0": 0.0, "0.5": 0.5, "1": 1.0},
    "state": {"signal": "signal", "winner": "winner"},
}
BANDIT_SLICES: dict[str, dict[str, float | str]] = {
    "bidders": {"2": 2, "4": 4},
    "eta": {"0": 0.0, "0.5": 0.5, "1": 1.0},
    "reserve": {"0": 0.0, "0.3": 0.3},
    "context": {"signal": "signal", "rich": "rich"},
}


def q_learning(seed: int) -> dict[str, float]:
    """Return revenue under both prices and their difference over a seed's cells of Q-learning."""
    cells: list[Cell] = []
    for key in product(range(2), range(3), range(2)):
        n, eta, sees_winner = BIDDERS[key[0]], ETAS[key[1]], key[2] == 1
        revenue = {
            price: q_learning_revenue(
                seed, key, bidders=n, eta=eta, is_first_price=price == "first", sees_winner=sees_winner
            )
            for price in PRICES
        }  # fmt: skip
        cells.append({"bidders": n, "eta": eta, "state": "winner" if sees_winner else "signal", **revenue})
    return revenues("q", cells, Q_SLICES)


def bandits(seed: int, prefix: str, *, is_thompson: bool) -> dict[str, float]:
    """Return revenue under both prices and their difference over a seed's cells of a bandit.

    Args:
        seed: The seed.
        prefix: The word that metrics begin with.
        is_thompson: True for Thompson sampling, False for LinUCB.
    """
    cells: list[Cell] = []
    settings, count = (THOMPSON_SETTINGS if is_thompson else UCB_SETTINGS), _PER_SEED[is_thompson]
    for number, key in enumerate(product(range(2), range(3), range(2), range(2))):
        n, eta, reserve, is_rich = BIDDERS[key[0]], ETAS[key[1]], RESERVES[key[2]], key[3] == 1
        for k in range(count):
            which = (number + count * seed + k) % len(settings)
            width, ridge, memory = settings[which]
            revenue = {
                price: bandit_revenue(
                    seed, (*key, which), is_thompson=is_thompson, bidders=n, eta=eta, is_first_price=price == "first",
                    reserve=reserve, width=width, is_rich=is_rich, ridge=ridge, memory=memory,
                )
                for price in PRICES
            }  # fmt: skip
            cells.append({"bidders": n, "eta": eta, "reserve": reserve, "context": "rich" if is_rich else "signal", **revenue})
    return revenues(prefix, cells, BANDIT_SLICES)
