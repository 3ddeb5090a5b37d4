"""The sections `[[agencies]]` and `[adoption]`: what they mean, and what is said of a mistake in them."""

from __future__ import annotations

import pytest

from auctionsim.errors import InputError
from auctionsim.scenario.file import parse_scenario
from auctionsim.scenario.text import scenario_text

GROUPS = """
name = "small"
[[advertisers]]
group = "a"
count = 4
[[advertisers]]
group = "b[1]"
count = 3
controller = "manual"
[[advertisers]]
group = "c"
count = 1000000000000
"""


def agency(members: str, more: str = "") -> str:
    return f'[[agencies]]\nagency = "house"\nmembers = {members}\n{more}\n'


def test_members_are_groups_single_advertisers_and_ranges():
    text = GROUPS.replace("1000000000000", "2")
    scenario = parse_scenario(text + agency('["a[1:3]", "b[1]", "c[0]"]'), "s")
    # The group is called `b[1]`, and is meant as a whole.
    assert scenario.agency_members == ((1, 2, 4, 5, 6, 7),)
    assert parse_scenario(text + agency('["a[3]", "b[1][1]"]'), "s").agency_members == ((3, 5),)
    assert parse_scenario(scenario_text(scenario), "s") == scenario


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (agency('["d"]'), "agencies[0].members: expected groups, GROUP[3] or GROUP[0:4] (a, b[1], c), got 'd'"),
        (agency('["a[2:9]"]'), "agencies[0].members: expected numbers within a[0:4], got 'a[2:9]'"),
        (agency('["a[3:3]"]'), "agencies[0].members: expected numbers within a[0:4], got 'a[3:3]'"),
        (agency('["a[4]"]'), "agencies[0].members: expected numbers within a[0:4], got 'a[4]'"),
        (agency('["a[2]"]'), "agencies[0].members: expected two advertisers or more, got one"),
        (agency('["a", "a[2]"]'), "agencies[0].members: expected each advertiser once, got 'a[2]' again, in 'house'"),
        (agency('["a"]') * 2, "agencies: expected a different name for each agency, got 'house' twice"),
        (
            agency('["a"]') + agency('["c", "a[0]"]').replace("house", "other"),
            "agencies[1].members: expected each advertiser once",
        ),
        (agency('["a"]', "budget = 0"), "agencies[0].budget: expected a number > 0, 'baseline*SHARE' or 'none', got 0"),
        (agency('["a"]', "objectives = {gmv = 0.0}"), "agencies[0].objectives: expected a weight > 0, got none"),
        (agency('["a"]', 'coordination = "keyword_bid"'), "agencies[0].coordination"),
        (
            agency('["a"]') + '[learner]\nalgorithm = "rmdp-dqn"',
            "agencies[0].members: expected a learner of the agency's objective",
        ),
        ('[learner]\nalgorithm = "ippo"\ndevice = "cuda"\n' + agency('["a"]'), "learner.device: expected 'cpu' with agencies"),
        ("[adoption]\nshare = 1.5", "adoption.share"),
        ('[adoption]\nshare = 0.5\ngroups = ["x"]', "adoption.groups[0]: unknown 'x'; choose from a, b[1], c"),
        ('[adoption]\nshare = 0.5\ngroups = ["b[1]"]', "adoption.groups[0]: expected a group with an optimizer, got 'b[1]'"),
        ('[adoption]\nshare = 0.5\notherwise = "pid"', "adoption.otherwise"),
    ],
)
def test_a_mistake_is_named_in_one_line(text: str, message: str):
    with pytest.raises(InputError) as caught:
        parse_scenario(GROUPS + text, "small.toml")
    assert str(caught.value).startswith(f"small.toml: {message}")
    assert "\n" not in str(caught.value)


def test_a_joint_budget_wants_members_without_one():
    text = GROUPS.replace('group = "a"', 'group = "a"\nbudget = 3.0')
    with pytest.raises(
        InputError, match=r"agencies\[0\].budget: expected members without a budget or an account, got the group 'a'"
    ):
        parse_scenario(text + agency('["a", "c"]', "budget = 5.0"), "s")
    assert parse_scenario(text + agency('["c"]', "budget = 5.0"), "s").agencies[0].budget == 5.0


def test_adoption_wants_an_optimizer():
    text = 'name = "s"\n[[advertisers]]\ngroup = "a"\ncount = 4\ncontroller = "manual"\n[adoption]\nshare = 0.5\n'
    with pytest.raises(
        InputError, match="adoption: expected a group whose controller is neither manual nor truthful, got none"
    ):
        parse_scenario(text, "s")
