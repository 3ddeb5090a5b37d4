"""The trials of a sweep: grids crossed, finite keys sampled without replacement, all of it decided by the seed alone."""

from __future__ import annotations

from collections import Counter
from itertools import product

import pytest

from auctionsim.errors import InputError
from auctionsim.jobs.sweeps.design import MOST_TRIALS, lay_out
from auctionsim.jobs.sweeps.distributions import parse_parameter


def trials(*items: str, samples: int = 20, seed: int = 0) -> list[tuple[object, ...]]:
    design = lay_out([parse_parameter(item) for item in items], samples, seed)
    return [tuple(trial.values()) for trial in design.trials]


def sentence(*items: str, samples: int) -> str:
    return lay_out([parse_parameter(item) for item in items], samples, 0).sentence


@pytest.mark.parametrize("seed", range(20))
def test_four_samples_of_four_values_try_each_once(seed: int):
    assert sorted(trials("k=choice(a, b, c, d)", samples=4, seed=seed)) == [("a",), ("b",), ("c",), ("d",)]


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize("samples", [1, 5, 11, 12, 40])
def test_no_combination_of_finite_keys_comes_twice(seed: int, samples: int):
    drawn = trials("k=choice(a, b, c)", "n=randint(2, 8, 2)", samples=samples, seed=seed)
    assert len(drawn) == len(set(drawn)) == min(samples, 12)


def test_all_settings_are_tried_and_said_where_samples_are_more_than_there_are():
    assert sorted(trials("k=choice(a, b)", "n=randint(1, 3)", samples=20)) == sorted(product("ab", (1, 2, 3)))
    assert sentence("k=choice(a, b)", samples=20) == "Trials: all 2 settings that exist (20 samples were asked for)."
    assert sentence("k=choice(a, b)", samples=2) == "Trials: all 2 settings that exist."
    assert sentence("k=choice(a, b, c)", samples=2) == "Trials: 2 of 3 settings, sampled without replacement."


@pytest.mark.parametrize("seed", range(10))
def test_beside_a_continuous_key_each_value_comes_equally_often(seed: int):
    drawn = trials("k=choice(a, b, c, d)", "learner.sigma=uniform(0, 1)", samples=12, seed=seed)
    assert Counter(value for value, _ in drawn) == {"a": 3, "b": 3, "c": 3, "d": 3}
    assert len({sigma for _, sigma in drawn}) == 12


@pytest.mark.parametrize("seed", range(10))
def test_each_finite_key_is_spread_evenly_while_combinations_are_left(seed: int):
    drawn = trials("a=randint(1, 4)", "b=choice(x, y)", samples=4, seed=seed)
    assert Counter(a for a, _ in drawn) == {1: 1, 2: 1, 3: 1, 4: 1}
    assert Counter(b for _, b in drawn) == {"x": 2, "y": 2}


def test_a_grid_tries_every_combination_once():
    assert trials("a=grid(1, 2)", "b=grid(x, y, z)", samples=7) == list(product((1, 2), "xyz"))
    assert sentence("a=grid(1, 2)", "b=grid(x, y, z)", samples=7) == "Trials: all 6 combinations of the grid, each once."


def test_each_sample_meets_every_combination_of_the_grid():
    drawn = trials("a=grid(1, 2)", "s=uniform(0, 1)", "b=grid(x, y)", samples=3)
    assert [(a, b) for a, _, b in drawn] == list(product((1, 2), "xy")) * 3
    values = [s for _, s, _ in drawn]
    assert [len(set(values[start : start + 4])) for start in (0, 4, 8)] == [1, 1, 1]
    assert len(set(values)) == 3
    expected = "Trials: 3 sampled settings, each with all 2 combinations of the grid."
    assert sentence("a=grid(1, 2)", "s=uniform(0, 1)", samples=3) == expected


def test_more_samples_are_appended_and_more_continuous_keys_change_nothing():
    few = trials("a=choice(u, v, w)", "b=randint(1, 3)", samples=4)
    assert trials("a=choice(u, v, w)", "b=randint(1, 3)", samples=9)[:4] == few
    mixed = trials("a=choice(u, v, w)", "s=uniform(0, 1)", samples=5)
    assert [(a, s) for a, s, _ in trials("a=choice(u, v, w)", "s=uniform(0, 1)", "t=uniform(0, 1)", samples=5)] == mixed


def test_seeds_draw_different_orders():
    assert len({tuple(trials("k=choice(a, b, c, d)", samples=3, seed=seed)) for seed in range(20)}) > 5


def test_spaces_too_large_to_list_are_sampled_without_replacement():
    drawn = trials("n=randint(1, 1000000000000)", "m=randint(1, 3)", samples=50)
    assert len(set(drawn)) == 50
    assert Counter(m for _, m in drawn).most_common()[-1][1] == 16


def test_a_grid_of_too_many_trials_is_refused_with_their_number():
    grids = [f"k{i}=grid({','.join(map(str, range(10)))})" for i in range(3)]
    parameters = [parse_parameter(item) for item in (*grids, "s=uniform(0, 1)")]
    with pytest.raises(InputError, match=f"expected <= {MOST_TRIALS} trials, got 1000 x 20"):
        lay_out(parameters, 20, 0)
