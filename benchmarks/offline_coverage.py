"""Measure how often the intervals of off-policy estimates cover a value that is known: python -m benchmarks.offline_coverage.

The process of tests/analysis/offline/decisions.py has six steps; the model of the doubly robust estimates is 0.7 times the true
one. Samples are counted whatever their effective size, so that the table shows what the limit on it is for.
"""

from __future__ import annotations

import numpy as np

from auctionsim.analysis.offline import estimators
from auctionsim.analysis.offline.exploration import Exploration
from tests.analysis.offline.decisions import episodes, exact, log

SAMPLES, SIZES, SHIFTS = 500, (60, 200), (0.1, 0.2, 0.3)
NAMES = ("ips", "pdis", "snips", "snpdis", "dr", "sndr")
NOISE = Exploration(0.3, 0.05)


def main() -> None:
    """Print the table as Markdown."""
    estimators.MIN_EFFECTIVE = 0.0
    print(f"| days | shift | effective days | {' | '.join(NAMES)} |\n|---|---|---|{'---|' * len(NAMES)}")
    for size in SIZES:
        for shift in SHIFTS:
            covered, effective = dict.fromkeys(NAMES, 0), []
            for sample in range(SAMPLES):
                states, actions, rewards = log(np.random.default_rng([11, size, sample]), size, NOISE, 0.0)
                value, q, v = exact(NOISE, shift, states, actions)
                logged = episodes(NOISE, NOISE, (shift, 0.0), actions, rewards, 0.7 * q, 0.7 * v)
                for name in NAMES:
                    found = estimators.estimate(name, logged)
                    assert isinstance(found, estimators.Estimate)
                    covered[name] += found.low <= value <= found.high
                effective.append(estimators.effective_size(logged.weights[:, -1]))
            shares = " | ".join(f"{covered[name] / SAMPLES:.1%}" for name in NAMES)
            print(f"| {size} | {shift:g} | {np.mean(effective):.0f} | {shares} |", flush=True)


if __name__ == "__main__":
    main()
