"""Reproduce Q-learning price setters: how much of the collusive profit do they reach, and what sustains it?

The representative duopoly with its controls, then three and four firms, and duopolies with unequal costs.
Calvano, Calzolari, Denicolo and Pastorello, Artificial Intelligence, Algorithmic Pricing, and Collusion (AER 110(10), 2020).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from auctionsim.analysis.documents.curves import line_of
from auctionsim.analysis.documents.plots.lines import lines_figure
from auctionsim.analysis.documents.published import Published, published_table, verdict
from auctionsim.analysis.documents.results import arms_table, interval
from auctionsim.analysis.documents.sections import Heading, Picture, Section, Text
from auctionsim.analysis.statistics import INTERVALS, Interval
from auctionsim.games import oligopoly_setters
from auctionsim.games.duopoly import Duopoly
from auctionsim.games.oligopoly import Oligopoly
from auctionsim.games.price_setters import Settings, Trained, cycle, cycle_profit, deviation, train
from auctionsim.jobs.studies.base import Findings, Options, Unit

SESSIONS, QUICK_SESSIONS = 200, 5
"""Sessions per unit: per arm and seed."""
OLIGOPOLY_SESSIONS, FOUR_FIRMS_SESSIONS, QUICK_OLIGOPOLY_SESSIONS = 10, 3, 1
"""Sessions per unit with other firms; four firms learn for seven times as many periods as two."""
SHOWN_PERIODS = 21

_SCENARIO, _FULL = "logit duopoly", "memory of one period"
_ARMS = {_FULL: Settings(), "no memory": Settings(has_memory=False), "memory, no patience": Settings(discount=0.0)}
_METRICS = {
    "profit_gain": "Delta",
    "deviation_loses": "Deviations that lose",
    "deviation_gain": "Gain of deviating",
    "rematched": "Delta re-matched",
    "periods": "Periods",
    "settled": "Share settled",
}
_OTHER_FIRMS, _THREE, _FOUR = "other firms", "three firms", "four firms"
_GAMES = {
    _THREE: Oligopoly(costs=(1.0,) * 3),
    _FOUR: Oligopoly(costs=(1.0,) * 4),
    "rival's cost 0.875": Oligopoly(costs=(1.0, 0.875)),
    "rival's cost 0.75": Oligopoly(costs=(1.0, 0.75)),
}
_OTHER_METRICS = {
    "profit_gain": "Delta",
    "nash_profit": "Nash profit",
    "monopoly_profit": "Monopoly profit",
    "periods": "Periods",
    "settled": "Share settled",
}
_PUBLISHED = (
    (_SCENARIO, _FULL, "nash_price", Published("Nash price", "1.47", 1.4725, 1.4735, is_closed_form=True)),
    (_SCENARIO, _FULL, "monopoly_price", Published("monopoly price", "1.92", 1.9245, 1.9255, is_closed_form=True)),
    (_SCENARIO, _FULL, "profit_gain", Published("Delta", "0.85", 0.80, 0.90)),
    (_SCENARIO, _FULL, "deviation_loses", Published("share of deviations that lose", "above 0.95", 0.95, 1.0)),
    (_SCENARIO, _FULL, "deviation_gain", Published("gain of deviating", "-0.03 to -0.04", -0.04, -0.03)),
    (_OTHER_FIRMS, _THREE, "profit_gain", Published("Delta, three firms", "0.64", 0.59, 0.69)),
    (_OTHER_FIRMS, _FOUR, "profit_gain", Published("Delta, four firms", "0.56", 0.51, 0.61)),
)
"""The published figures, with the scenario, arm and metric that reproduce them."""


@dataclass(frozen=True, eq=False)
class _Session:
    trained: Trained
    profit_gain: float
    deviation_gain: float
    prices: np.ndarray[tuple[int, int], np.dtype[np.float64]]
    """The deviator's and the rival's prices, `[2, periods]`, starting with the period before the deviation."""


class _Study:
    title = "Q-learning price setters (Calvano et al. 2020)"
    n_seeds = 5

    def units(self, options: Options) -> Sequence[Unit]:
        others = [arm for arm in _GAMES if arm != _FOUR or not options.quick]
        return [
            Unit(scenario, arm, seed)
            for scenario, arms in ((_SCENARIO, _ARMS), (_OTHER_FIRMS, others))
            for arm in arms
            for seed in options.seeds
        ]

    def run(self, unit: Unit, options: Options) -> Findings:
        if unit.scenario == _OTHER_FIRMS:
            full = FOUR_FIRMS_SESSIONS if unit.arm == _FOUR else OLIGOPOLY_SESSIONS
            return _other_firms(unit, QUICK_OLIGOPOLY_SESSIONS if options.quick else full)
        game, settings = Duopoly(), _ARMS[unit.arm]
        n_sessions = QUICK_SESSIONS if options.quick else SESSIONS
        sessions = [_session(game, settings, unit.seed, k) for k in range(n_sessions)]
        values: dict[str, float] = {
            "profit_gain": _mean([session.profit_gain for session in sessions]),
            "deviation_loses": _mean([session.deviation_gain < 0 for session in sessions]),
            "deviation_gain": _mean([session.deviation_gain for session in sessions]),
            "rematched": _mean([_rematched(game, sessions, k) for k in range(n_sessions)]),
            "periods": _mean([session.trained.periods for session in sessions]),
            "settled": _mean([session.trained.has_settled for session in sessions]),
            "nash_price": game.nash_price,
            "monopoly_price": game.monopoly_price,
        }
        prices = np.mean([session.prices for session in sessions], axis=0)
        return Findings(
            [("test", name, value) for name, value in values.items()],
            [
                (who, float(t - 1), float(prices[i, t]))
                for i, who in enumerate(("deviator", "rival"))
                for t in range(SHOWN_PERIODS)
            ],
        )

    def sections(self, results: pl.DataFrame, curves: pl.DataFrame) -> list[Section]:
        pairs: list[tuple[Published, Interval]] = [
            (figure, value)
            for scenario, arm, metric, figure in _PUBLISHED
            if (value := interval(results, scenario, arm, metric)) is not None
        ]
        levels = {figure.measure: value.mean for figure, value in pairs if figure.is_closed_form}
        return [
            Text(verdict(pairs)),
            published_table(
                pairs,
                "Calvano et al. 2020, learning rate 0.15, exploration exp(-0.000004 t). The figures of three and four firms "
                "are quoted from memory of section V; the paper was not at hand",
            ),
            Heading("What sustains high prices"),
            Text(
                "Delta is 0 at the profit of the static Nash equilibrium and 1 at the monopoly profit. A deviation is one "
                "period in which one firm sets its static best response; its gain is the change of the discounted profit "
                "(0.95), as a share of the profit without the deviation. Re-matched: each firm meets one that learned in "
                "another session. Without memory there can be no punishment: a high Delta there is a failure to compete, not "
                "an agreement. Delta alone is therefore no verdict."
            ),
            arms_table(results, _SCENARIO, _METRICS, over="each seed a batch of independent sessions"),
            *[self._response(curves, arm, levels) for arm in _ARMS],
            Heading("More firms and unequal costs"),
            Text(
                "Delta of the firms' mean profit, between the static Nash equilibrium and the largest joint profit of the same "
                "game; profits are those of the mean firm. More firms reach less of the collusive profit. Unequal costs take "
                "little away: the cheaper rival has a cost of 0.875 or 0.75 where the other has 1."
            ),
            arms_table(results, _OTHER_FIRMS, _OTHER_METRICS, over="each seed a batch of independent sessions"),
        ]

    def _response(self, curves: pl.DataFrame, arm: str, levels: dict[str, float]) -> Picture:
        lines = {who: line_of(curves, _SCENARIO, arm, who) for who in ("deviator", "rival")}
        return Picture(
            f"response-{list(_ARMS).index(arm)}",
            lines_figure(lines, "Periods after the deviation", "Price (unit cost = 1)", levels=levels, dots=True),
            f"Prices around a forced deviation in period 0, {arm}; means over sessions, {INTERVALS} over seeds.",
        )


def _other_firms(unit: Unit, n_sessions: int) -> Findings:
    """Measure an oligopoly: its Delta, and the profits that Delta lies between."""
    game = _GAMES[unit.arm]
    endings = [oligopoly_setters.simulate_session(game, unit.seed, k, Settings()) for k in range(n_sessions)]
    values: dict[str, float] = {
        "profit_gain": _mean([game.profit_gain(ending.profits) for ending in endings]),
        "nash_profit": float(game.profits(game.nash_prices).mean()),
        "monopoly_profit": float(game.profits(game.monopoly_prices).mean()),
        "periods": _mean([ending.periods for ending in endings]),
        "settled": _mean([ending.has_settled for ending in endings]),
    }
    return Findings([("test", name, value) for name, value in values.items()])


def _mean(values: Sequence[float]) -> float:
    return float(np.mean(values))


def _session(game: Duopoly, settings: Settings, seed: int, session: int) -> _Session:
    trained = train(game, seed, session, settings)
    pairs = cycle(trained.strategies, trained.last, game.n_prices)
    # The gain is discounted as in the representative experiment, whatever the learner's own discount factor.
    response = deviation(game, trained.strategies, pairs[-1], Settings().discount)
    shown = np.stack([response.deviator, response.rival])[:, :SHOWN_PERIODS]
    return _Session(trained, game.profit_gain(cycle_profit(game, pairs)), response.gain, shown)


def _rematched(game: Duopoly, sessions: Sequence[_Session], k: int) -> float:
    """Return Delta if firm 0 of session k meets firm 1 of the next session."""
    one, two = sessions[k].trained, sessions[(k + 1) % len(sessions)].trained
    strategies = np.stack([one.strategies[0], two.strategies[1]])
    return game.profit_gain(cycle_profit(game, cycle(strategies, (one.last[0], two.last[1]), game.n_prices)))


STUDY = _Study()
