"""State the version of the leaderboard: figures of two versions are not compared."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from auctionsim.scenario import Scenario

NUMBER = 2
"""Raised with every change that moves a figure: markets, settings, default constants of entrants, seeds, days or measures."""
FIRST_JUDGED_SEED = 1000
"""Seeds from here on are kept back: nothing is tuned or looked at on them. Tune on seeds below, and on training days."""


def version_of(scenarios: Mapping[str, Scenario], settings: Mapping[str, Any]) -> str:
    """Return the version as `NUMBER-DIGEST`: the digest covers every key of the scenarios that is not a default, and settings.

    Args:
        scenarios: The scenario of each market, of any one entrant.
        settings: Whatever else the figures depend on, as JSON values.
    """
    markets = {name: _digest(one) for name, one in scenarios.items()}
    text = json.dumps({"markets": markets, "settings": dict(settings)}, sort_keys=True)
    return f"{NUMBER}-{hashlib.sha256(text.encode()).hexdigest()[:12]}"


def _digest(scenario: Scenario) -> str:
    """Return the digest of a scenario's keys, without the algorithm: it is the entrant's."""
    keys = scenario.model_dump(mode="json", exclude_defaults=True)
    keys.get("learner", {}).pop("algorithm", None)
    return hashlib.sha256(json.dumps(keys, sort_keys=True).encode()).hexdigest()[:12]


def are_judged(seeds: list[int]) -> bool:
    """Return whether all seeds are kept back."""
    return min(seeds) >= FIRST_JUDGED_SEED
