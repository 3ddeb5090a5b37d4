"""Position effects: known effects are found again under selection, and their intervals hold them as often as they say."""

from __future__ import annotations

import numpy as np
import pytest

from auctionsim.traffic.ingest.outcomes.position_effects import PositionEffects, SlotEffect, estimate_effects

EFFECT = np.array([1.0, 0.6, 0.35])


def draws(rng: np.random.Generator, pairs: int, shown: float, ctr: float) -> tuple[np.ndarray, ...]:
    """Counts by pair and slot in which better ads stand in better slots."""
    rate = np.minimum(ctr * np.exp(0.6 * rng.standard_normal(pairs)), 0.9)
    place = np.exp(-np.abs(np.argsort(np.argsort(-rate))[:, None] / pairs * 2 - np.arange(3)))
    impressions = rng.poisson(shown * place)
    clicks = rng.binomial(impressions, rate[:, None] * EFFECT)
    pair, slot = np.divmod(np.arange(pairs * 3), 3)
    has = impressions.ravel() > 0
    return pair[has], slot[has] + 1, impressions.ravel()[has].astype(float), clicks.ravel()[has].astype(float)


def test_the_ratio_of_one_pair_is_that_of_its_click_rates():
    pair, slot = np.array([0, 0]), np.array([1, 2])
    shown, clicks = np.array([1000.0, 500.0]), np.array([20.0, 5.0])
    second = estimate_effects(pair, slot, shown, shown, clicks, is_count=True)[1]
    assert second.effect == pytest.approx(0.5)
    # The usual variance of a log ratio of two binomial rates: 1/c - 1/n + 1/d - 1/m.
    assert second.error == pytest.approx(0.5 * (1 / 5 - 1 / 500 + 1 / 20 - 1 / 1000) ** 0.5)


def test_selection_bends_the_raw_ratio_and_not_the_effect():
    pair, slot, shown, clicks = draws(np.random.default_rng(1), 300, 2000.0, 0.05)
    found = estimate_effects(pair, slot, shown, shown, clicks, is_count=True)
    for one, effect in zip(found[1:], EFFECT[1:], strict=True):
        assert abs(one.effect - effect) < 3 * one.error < 0.05
        assert one.raw < effect - 0.1


@pytest.mark.parametrize(("pairs", "shown", "ctr"), [(400, 6.0, 0.1), (8, 3000.0, 0.03), (60, 100.0, 0.25), (2000, 2.0, 0.05)])
def test_intervals_cover_the_true_effect_in_95_of_100_logs(pairs: int, shown: float, ctr: float):
    rng, held = np.random.default_rng(7), np.zeros(2)
    n = 1000
    for _ in range(n):
        counts = draws(rng, pairs, shown, ctr)
        found = estimate_effects(*counts[:2], counts[2], counts[2], counts[3], is_count=True)
        low, high = np.array([one.interval for one in found[1:]]).T
        held += (low <= EFFECT[1:]) & (EFFECT[1:] <= high)
    # The standard error of a coverage of 0.95 is 0.007 over 1000 logs.
    assert (np.abs(held / n - 0.95) < 0.02).all(), held / n


def test_predicted_rates_take_out_the_selection_within_a_pair():
    # Within each pair, an impression goes to slot 1 if its own predicted rate is high.
    rng = np.random.default_rng(3)
    pair = rng.integers(20, size=200_000)
    pctr = 0.05 * np.exp(0.5 * rng.standard_normal(len(pair)))
    slot = np.where(pctr * np.exp(0.3 * rng.standard_normal(len(pair))) > 0.05, 1, 2)
    clicked = rng.random(len(pair)) < pctr * np.where(slot == 2, 0.6, 1.0)
    key = pair * 2 + slot - 1
    sums = [np.bincount(key, values, 40) for values in (pctr, np.ones(len(pair)), clicked)]
    by_pair, by_slot = np.divmod(np.arange(40), 2)
    rated = estimate_effects(by_pair, by_slot + 1, *sums, is_count=False)[1]
    counted = estimate_effects(by_pair, by_slot + 1, sums[1], sums[1], sums[2], is_count=True)[1]
    assert abs(rated.effect - 0.6) < 3 * rated.error < 0.06
    assert counted.effect < 0.45


def test_a_slot_without_a_common_pair_is_not_defined():
    pair, slot = np.array([0, 1]), np.array([1, 2])
    counts = np.array([100.0, 100.0])
    found = estimate_effects(pair, slot, counts, counts, np.array([10.0, 5.0]), is_count=True)
    assert np.isnan(found[1].effect)
    effects = PositionEffects(found)
    assert effects.slot_effect() == (1.0,)
    assert "not defined" in effects.lines()[2]


@pytest.mark.parametrize(
    ("effects", "expected"),
    [
        ((1.0, 0.7, 0.4), (1.0, 0.7, 0.4)),
        ((1.0, 1.2, 0.4), (1.0, 1.0, 0.4)),
        ((1.0, 0.5, 0.6), (1.0, 0.55, 0.55)),
        ((1.0, float("nan"), 0.6), (1.0,)),
        ((1.0,) + (0.5,) * 9, (1.0,) + (0.5,) * 6),
    ],
)
def test_a_scenarios_slot_effects_never_rise(effects: tuple[float, ...], expected: tuple[float, ...]):
    slots = tuple(SlotEffect(i + 1, 100.0, 10.0, value, value, 0.1) for i, value in enumerate(effects))
    assert PositionEffects(slots).slot_effect() == pytest.approx(expected)
