"""The distributions of a sweep, as the command line writes them."""

from __future__ import annotations

import contextlib

import numpy as np
import pytest

from auctionsim.errors import InputError
from auctionsim.jobs.sweeps.distributions import parse_parameter
from auctionsim.scenario.file import parse_scenario

from ...conftest import SMALL


@pytest.mark.parametrize(("text", "low", "high"), [("loguniform(0.01, 0.3)", 0.01, 0.3), ("uniform(-1, 2.5)", -1, 2.5)])
def test_numbers_are_drawn_from_all_of_their_range(text: str, low: float, high: float):
    parameter = parse_parameter(f"a.b={text}")
    rng = np.random.default_rng(0)
    assert parameter.draw is not None
    drawn = np.array([parameter.draw(rng) for _ in range(2000)])
    assert drawn.min() >= low
    assert drawn.max() <= high
    middle = np.sqrt(low * high) if parameter.is_log else (low + high) / 2
    assert (drawn < middle).mean() == pytest.approx(0.5, abs=0.05)


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("randint(4, 12, 4)", [4, 8, 12]),
        ("randint(3,3)", [3]),
        ("choice(gsp, vcg)", ["gsp", "vcg"]),
        ("grid(1, 1.5, true)", [1, 1.5, True]),
        ("choice([8], [64, 64])", [[8], [64, 64]]),
        ('choice(none, 3.0, "a, b", [1, 2])', ["none", 3.0, "a, b", [1, 2]]),
    ],
)
def test_finite_distributions_list_their_values(text: str, values: list[object]):
    parsed = parse_parameter(f"k={text}").values
    assert parsed is not None
    assert list(parsed) == values
    assert [type(value) for value in parsed] == [type(value) for value in values]


@pytest.mark.parametrize("name", ["plain", "a $x$ & <b>", 'quoted "twice"', "back\\slash", "価格 \U0001f600"])
def test_an_override_gives_the_scenario_the_very_value(name: str):
    parameter = parse_parameter("advertisers.0.group=choice(x)")
    assert parse_scenario(SMALL, "s.toml", overrides=[parameter.override(name)]).advertisers[0].group == name


@pytest.mark.parametrize(
    ("item", "expected"),
    [
        ("learner.sigma", "--param learner.sigma: expected KEY.PATH=DISTRIBUTION(...), got no '='"),
        ("learner.sigma=0.1", "expected one of loguniform(LOW, HIGH), 0 < LOW < HIGH; uniform"),
        ("learner.sigma=logunifrom(0.1,0.2)", "unknown distribution 'logunifrom'; choose from loguniform, uniform,"),
        ("learner.sigma=logunifrom(0.1,0.2)", "(did you mean 'loguniform'?)"),
        ("learner.sigma=loguniform(0,0.2)", "expected loguniform(LOW, HIGH), 0 < LOW < HIGH, got '0,0.2'"),
        ("learner.sigma=uniform(2)", "expected uniform(LOW, HIGH), LOW < HIGH, got '2'"),
        ("learner.sigma=uniform(2, one)", "expected uniform(LOW, HIGH)"),
        ("learner.population=randint(2.5, 8)", "expected randint(LOW, HIGH)"),
        ("learner.policy=choice()", "expected choice(ONE, OTHER, ...), got ''"),
        ("learner.policy=grid()", "expected grid(ONE, OTHER, ...), got ''"),
        ("learner.sigma=choice(0.1, 0.2, 1e-1)", "expected each value once, got 0.1 twice"),
        ("learner.sigma=grid(1, 1.0)", "expected each value once, got 1 twice"),
        ("learner.sigma=choice(inf, 1)", "expected words, finite numbers, true, false or lists of them, got inf"),
        ("k=choice(1979-05-27)", "expected words, finite numbers, true, false or lists of them, got datetime.date"),
        ("k=choice({a = 1})", "expected words, finite numbers, true, false or lists of them, got {'a': 1}"),
        ("k=randint(0, 99999999999999999999)", "expected randint(LOW, HIGH)"),
    ],
)  # fmt: skip
def test_a_wrong_distribution_gives_one_line(item: str, expected: str):
    with pytest.raises(InputError) as caught:
        parse_parameter(item)
    assert expected in str(caught.value)


@pytest.mark.parametrize("inside", ["[" * 9000, "[" * 9000 + ", 1", "9" * 5000 + ", [", "1, " * 5000 + "x y [", '"' * 20_000])
def test_arguments_made_to_break_a_parser_are_read_or_refused(inside: str):
    with contextlib.suppress(InputError):
        assert parse_parameter(f"learner.sigma=choice({inside})").values
