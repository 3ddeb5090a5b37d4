"""Position auctions under an agency: the paper's example to the last digit, and what holds for all auctions."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from auctionsim.equilibria.position_auctions import agency
from auctionsim.equilibria.position_auctions.agency import RULES, AgencyEquilibrium, agency_equilibrium
from auctionsim.equilibria.position_auctions.envy_free import envy_free_bids, gsp_payments, vcg_payments
from auctionsim.errors import InputError

VALUES, CLICKS = (5.0, 4.0, 3.0, 2.0, 1.0), (20.0, 10.0, 5.0, 2.0)


def solved(values, clicks, members, rule: str) -> AgencyEquilibrium:
    found = agency_equilibrium(values, clicks, members, rule=rule)
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("rule", "members", "bids", "revenue"),
    [
        ("vcg", (), (4, 3, 2, 1), 96),
        ("gsp", (), (3.15, 2.3, 1.6, 1), 96),
        ("gsp-constrained", (), (3.15, 2.3, 1.6, 1), 96),
        ("vcg", (0, 2), (4, 2, 2, 1), 86),
        ("gsp-constrained", (0, 2), (2.9, 1.8, 1.6, 1), 86),
        ("gsp", (0, 2), (2.8, 1.6, 1.6, 1), 82),
        # The first two: the second bids as much as the third, whose bid the agency does not move.
        ("vcg", (0, 1), (3, 3, 2, 1), 86),
        ("gsp", (0, 1), (2.3, 2.3, 1.6, 1), 79),
    ],
)
def test_the_example_of_the_paper(rule: str, members: tuple[int, ...], bids: tuple[float, ...], revenue: float):
    found = solved(VALUES, CLICKS, members, rule)
    np.testing.assert_allclose(found.bids[1:], bids, rtol=1e-12)
    assert found.revenue == pytest.approx(revenue, rel=1e-12)
    assert found.efficiency == 1.0
    np.testing.assert_allclose(found.payoffs, found.payments * -1 + np.array(VALUES) * np.array([*CLICKS, 0]), rtol=1e-12)


@pytest.mark.parametrize("rule", RULES)
def test_an_agency_of_all_pays_nothing_and_of_one_nothing_less(rule: str):
    assert solved(VALUES, CLICKS, range(5), rule).revenue == 0.0
    assert all(solved(VALUES, CLICKS, (i,), rule).revenue == pytest.approx(96.0) for i in range(4))


def test_two_bidders_of_one_slot_take_out_the_second_bid():
    for rule in RULES:
        competition, agency = (solved((5, 4, 3), (10,), members, rule) for members in ((), (0, 1)))
        assert competition.revenue - agency.revenue == pytest.approx(10 * (4 - 3))


def test_the_agency_may_leave_the_order_of_values():
    # The member of the value 55 is placed below its rival of 53: values are close, and so the order costs little.
    found = solved((92.2, 87.7, 77.8, 55.3, 52.9), (1000, 721, 343, 261), (2, 4), "gsp")
    assert found.efficiency < 1.0
    assert found.exploitability < 1e-9
    assert solved((92.2, 87.7, 77.8, 55.3, 52.9), (1000, 721, 343, 261), (2, 4), "vcg").efficiency == 1.0


@settings(max_examples=40)
@given(
    st.lists(st.floats(0.1, 1.0), min_size=4, max_size=4, unique=True),
    st.lists(st.floats(0.2, 0.95), min_size=2, max_size=2),
    st.sets(st.integers(0, 3), min_size=2, max_size=3),
)
def test_vcg_brings_no_less_than_the_generalized_second_price(values: list[float], steps: list[float], members: set[int]):
    clicks = np.cumprod([1.0, *steps])
    vcg, hidden = (solved(values, clicks, members, rule) for rule in ("vcg", "gsp-constrained"))
    free = agency_equilibrium(values, clicks, members, rule="gsp")
    usual = solved(values, clicks, (), "vcg")
    np.testing.assert_allclose(hidden.payments, vcg.payments, atol=1e-9)
    assert vcg.revenue <= usual.revenue + 1e-9
    assert vcg.efficiency == pytest.approx(1.0, rel=1e-12)
    assert max(vcg.exploitability, hidden.exploitability) <= 1e-8
    if free is not None:
        assert free.revenue <= vcg.revenue + 1e-9
        assert free.exploitability <= 1e-8
        # The agency gets more by it than by hiding.
        own = sorted(members)
        assert free.payoffs[own].sum() >= hidden.payoffs[own].sum() - 1e-8


def test_what_an_outsider_could_gain_under_vcg_is_computed():
    auction = agency._checked((5.0, 4.0), (10.0,))
    # Bidder 0 bids 3 and gets nothing, where the slot would bring 10 x 5 and cost 10 x 4; as a member it does not count.
    assert agency._gain_under_vcg(auction, (1, 0), [4.0, 3.0], frozenset()) == 10.0
    assert agency._gain_under_vcg(auction, (1, 0), [4.0, 3.0], frozenset({0})) == 0.0
    # Bidder 1 at the slot pays 10 x 6 and would rather not have it.
    assert agency._gain_under_vcg(auction, (1, 0), [7.0, 6.0], frozenset()) == 20.0


def test_competition_is_where_both_rules_charge_the_same():
    bids = envy_free_bids(VALUES, CLICKS)
    rates = [*CLICKS, 0.0]
    np.testing.assert_allclose(gsp_payments(bids, rates), vcg_payments(VALUES, rates), rtol=1e-12)
    assert vcg_payments(VALUES, rates)[0] == 10 * 4 + 5 * 3 + 3 * 2 + 2 * 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (((1.0,), CLICKS, ()), "values: expected 2 to 7 different numbers > 0"),
        (((1.0, 1.0), CLICKS, ()), "values: expected 2 to 7 different numbers > 0"),
        (((2.0, -1.0), CLICKS, ()), "values: expected 2 to 7 different numbers > 0"),
        ((VALUES, (2.0, 2.0), ()), "clicks: expected falling numbers > 0"),
        ((VALUES, CLICKS, (5,)), "members: expected a whole number >= 0 and < 5, got 5"),
        ((VALUES, CLICKS, (0.5,)), "members: expected a whole number >= 0 and < 5, got 0.5"),
        ((VALUES, CLICKS, ("a",)), "members: expected a whole number >= 0 and < 5, got 'a'"),
        ((VALUES, CLICKS, (3, 3)), r"members: expected different indices, got \[3, 3\]"),
        ((VALUES, CLICKS, None), "members: expected indices of 5 bidders, got None"),
        (((1e308, 1.0), (1e308, 1.0), ()), "values: expected numbers whose products with clicks are finite"),
    ],
)
def test_a_mistake_is_named(arguments: tuple, message: str):
    with pytest.raises(InputError, match=message):
        agency_equilibrium(*arguments, rule="vcg")
    with pytest.raises(InputError, match="rule: unknown"):
        agency_equilibrium(VALUES, CLICKS, (), rule="second")
