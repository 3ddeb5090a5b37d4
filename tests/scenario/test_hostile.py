"""Scenario files and overrides made to break a parser end in one line, at once."""

from __future__ import annotations

import time
from importlib import resources

import pytest

from auctionsim.errors import InputError, shown
from auctionsim.numbers import number_above, whole_number
from auctionsim.scenario.base import baseline_share
from auctionsim.scenario.file import parse_scenario
from auctionsim.scenario.record import from_record
from auctionsim.traffic.given import scenario_for
from auctionsim.traffic.profile import parse_profile

from ..conftest import SMALL

DIGITS = "9" * 5000
DEEP = "[" * 9000


@pytest.mark.parametrize(("text", "said"), [
    ("a = " + DEEP, "expected TOML of a few levels, got one nested too deeply"),
    ("a." * 200 + "a = 1", "expected TOML of <= 30 levels, got one nested too deeply"),
    ("[" + "a." * 200 + "a]\nb = 1", "expected TOML of <= 30 levels, got one nested too deeply"),
    ("a." * 250_000 + "a = 1", "expected TOML keys of a few parts, got one of more than 1000"),
    ("a = " + "{ a = " * 100 + "1" + " }" * 100, "expected TOML of <= 30 levels, got one nested too deeply"),
    ("seed = " + DIGITS, "expected TOML with numbers of 64 bits, got one of thousands of digits"),
    ("#" * (10**7 + 1), "expected a TOML file of <= 10000000 characters, got one of 10000001"),
])  # fmt: skip
@pytest.mark.parametrize("parse", [parse_scenario, parse_profile])
def test_toml_without_end_is_refused_at_once(parse, text: str, said: str):
    began = time.process_time()
    with pytest.raises(InputError, match=f"^x.toml: {said}$"):
        parse(text, "x.toml")
    assert time.process_time() - began < 5


PROFILE = resources.files("auctionsim.traffic.profiles").joinpath("alimama.toml").read_text(encoding="utf-8")


@pytest.mark.parametrize(("key", "value", "said"), [
    ("share", str([1e308] * 24), "hours.share: expected numbers <= 1e\\+12, got 1e\\+308"),
    ("factor", str([[1e15] * 24] * 7), "week.factor: expected numbers <= 100, got 1e\\+15"),
    ("log_sd", "1e200", "prices.log_sd: expected numbers <= 10, got 1e\\+200"),
    ("cpc", "nan", "prices.cpc: expected numbers > 0, got nan"),
    ("cpc", "1" + "0" * 400, "prices.cpc: expected numbers, got 1000"),
])  # fmt: skip
def test_figures_of_a_profile_that_overflow_are_refused(key: str, value: str, said: str):
    lines, inside = [], False
    for line in PROFILE.splitlines():
        inside = inside and not line.startswith("]")
        if line.startswith(f"{key} ="):
            lines.append(f"{key} = {value}")
            inside = line.rstrip().endswith("[")
        elif not inside and not (line.startswith("]") and lines and lines[-1].startswith(f"{key} =")):
            lines.append(line)
    with pytest.raises(InputError, match=f"^p.toml: {said}"):
        parse_profile("\n".join(lines), "p.toml")


@pytest.mark.parametrize(("item", "said"), [
    ("advertisers.\u00b2=1", "--set advertisers.\u00b2=1: expected an index from 0 to 0, got '\u00b2'"),
    ("advertisers.-1=1", "--set advertisers.-1=1: expected an index from 0 to 0, got '-1'"),
    (f"advertisers.{DIGITS}=1", "--set advertisers.9999.*: expected an index from 0 to 0, got '9999"),
    (f"name={DEEP}", r"--set name=\[\[.*: expected a value of a few levels, got one nested too deeply"),
    (f"seed={DIGITS}", "--set seed=9999.*: expected a number of 64 bits, got one of thousands of digits"),
    ("a." * 300 + "a=1", "s.toml: expected TOML of <= 30 levels, got one nested too deeply"),
    ("name=" + "{ a = " * 100 + "1" + " }" * 100, "--set name=.*: expected TOML of <= 30 levels, got one nested too deeply"),
    ("name='\udcff'", r"s.toml: name: expected text in UTF-8 without control characters, got '\\udcff'"),
    ('advertisers.0.group="\ud800"', r"s.toml: advertisers\[0\].group: expected text in UTF-8 .* got '\\ud800'"),
    ('learner.algorithm=["\ud800"]', r"s.toml: learner.algorithm\[0\]: expected text in UTF-8"),
    ("learner.\ud800=1", r"s.toml: learner.\\ud800: expected text in UTF-8"),
    ("\0=1", r"s.toml: \\x00: unknown key"),
    ('name="\\u0000"', r"s.toml: name: expected text in UTF-8 without control characters, got '\\x00'"),
])  # fmt: skip
def test_overrides_made_to_break_a_parser_are_refused(item: str, said: str):
    with pytest.raises(InputError, match=f"^{said}") as raised:
        parse_scenario(SMALL, "s.toml", overrides=(item,))
    assert "\n" not in str(raised.value)
    assert len(str(raised.value)) < 400


@pytest.mark.parametrize("level", ["baseline*" + "9" * 200_000 + "x", "baseline" + " " * 200_000 + "x", "baseline*" + "9" * 99])
def test_a_level_of_many_characters_is_refused_at_once(level: str):
    began = time.process_time()
    assert baseline_share(level) is None
    assert time.process_time() - began < 0.5


@pytest.mark.parametrize(("level", "share"), [
    ("baseline*0.8", 0.8), ("baseline * .5", 0.5), ("baseline*2", 2.0), ("baseline*1e-3", 1e-3), ("baseline*1.", None),
    ("baseline*-1", None), ("baseline", None), ("baseline*1e", None), ("xbaseline*1", None), ("baseline*1 ", None),
])  # fmt: skip
def test_a_level_relative_to_the_baseline_is_read(level: str, share: float | None):
    assert baseline_share(level) == share


def test_a_share_without_end_is_no_level():
    with pytest.raises(InputError, match=r"advertisers\[0\].budget: expected a number > 0, .*got 'baseline\*1e999'"):
        parse_scenario(SMALL, "s.toml", overrides=("advertisers.0.budget='baseline*1e999'",))


def test_numbers_that_python_does_not_write_are_refused_in_one_line():
    for check in (lambda n: whole_number("n", n, 0, below=5), lambda n: number_above("n", n, 0)):
        for number in (10**400, 10**5000):
            with pytest.raises(InputError, match="^n: expected .*, got "):
                check(number)
    nested: list = []
    for _ in range(10**5):
        nested = [nested]
    assert shown(nested) == "a value of type list that is too long to show"
    while nested:
        nested = nested.pop()


def test_plain_data_with_half_a_character_is_refused_by_its_key():
    with pytest.raises(InputError, match=r"^scenario: name: expected text in UTF-8 without control characters, got '\\ud800'"):
        from_record({"scenario": {"name": "\ud800"}}, "scenario")


@pytest.mark.parametrize("name", ["\0", "\x07" * 3000, "\n", "a\ud800", ""])
def test_a_message_begins_with_visible_letters_whatever_the_name(name: str):
    table = {"day": [0, 1], "hour": [0, 0], "cell": [0, 1], "weight": [1, 1], "query": ["q", "q"], "advertiser": ["a", "a"],
             "pctr": [0.1, 0.1], "pcvr": [0.1, 0.1], "item_price": [1.0, 1.0], "manual_bid": [1.0, 1.0]}  # fmt: skip
    with pytest.raises(InputError, match=r": name: expected text|expected TOML") as raised:
        scenario_for(table, name=name)
    text = str(raised.value)
    assert text.isprintable()
    assert text[0] not in " :"
    assert len(text) < 400
