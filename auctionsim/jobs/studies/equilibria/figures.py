"""List the published figures, each with the part and metric that reproduce it and the range that is accepted."""

from __future__ import annotations

from auctionsim.analysis.documents.published import Published

FPPE, AUTOBIDDING, OBJECT, LEARNING, ONLINE = (
    "pacing and throttling",
    "autobidders with targets",
    "one object, private values",
    "learning in auctions",
    "online allocation",
)


def _exact(measure: str, text: str, value: float, close: float) -> Published:
    return Published(measure, text, value - close, value + close, is_closed_form=True)


Row = tuple[str, str, Published]
"""Scenario, metric and figure."""

FIGURES: tuple[Row, ...] = (
    (FPPE, "example_price", _exact("FPPE example 1: prices", "1", 1, 1e-4)),
    (FPPE, "example_multiplier", _exact("FPPE example 1: multiplier", "0.5", 0.5, 1e-4)),
    (FPPE, "example_gap", Published("FPPE example 1: duality gap", "none", 0, 1e-6, is_closed_form=True)),
    (FPPE, "share_equal", Published("FPPE and SPPE revenue equal, share of markets", "about 0.75", 0.65, 0.85)),
    (FPPE, "least_ratio", Published("least FPPE / SPPE revenue", ">= 1", 1 - 1e-6, 100)),
    (FPPE, "share_above", Published("FPPE / SPPE revenue above 1.5, share of markets", "almost never", 0, 0.1)),
    (FPPE, "welfare_inside", Published("welfare ratio in 0.95 to 1.10, share of markets", "all", 0.95, 1)),
    (FPPE, "regret", Published("median regret from 6 bidders on, share of value", "0", 0, 0.005)),
    (FPPE, "largest_gap", Published("FPPE duality gap on random markets", "none", 0, 1e-6, is_closed_form=True)),
    (FPPE, "violations", Published("revenue not monotone, cases in 40 markets a seed", "0", 0, 0)),
    (FPPE, "cycle_length", _exact("quasi-linear bidders: length of the cycle on a grid of 1/200", "100", 100, 0)),
    (FPPE, "three_equilibria", _exact("Li and Tang: equilibria of the first market", "3", 3, 0)),
    (FPPE, "cycles", _exact("Li and Tang: second market has none, share of starts that cycle", "1", 1, 0)),
    (FPPE, "most_revenue", _exact("several SPPE: most revenue (our instance)", "> least", 0.37, 1e-4)),
    (FPPE, "least_revenue", _exact("several SPPE: least revenue (our instance)", "< most", 0.2, 1e-4)),
    (FPPE, "throttling_welfare", Published("throttling: least liquid welfare / best", ">= 0.5", 0.5, 1)),
    (FPPE, "throttling_gap", Published("throttling: distance of the ends, unique", "0", 0, 1e-9, is_closed_form=True)),
    (AUTOBIDDING, "tight_anarchy", _exact("tight instance: price of anarchy", "1.970", 1.99 / 1.01, 1e-6)),
    (AUTOBIDDING, "tight_exploitability", _exact("tight instance: exploitability", "0", 0, 1e-9)),
    (AUTOBIDDING, "tight_departed", _exact("the same, multiplier 50 in place of 200", "0.01", 0.01, 1e-9)),
    (AUTOBIDDING, "anarchy_plain", Published("worst price of anarchy, second price", "<= 2", 1, 2)),
    (AUTOBIDDING, "anarchy_boost", Published("the same with boosts of 1", "<= 1.5", 1, 1.5)),
    (AUTOBIDDING, "anarchy_reserve", Published("the same with reserves of half the value", "<= 1.5", 1, 1.5)),
    (AUTOBIDDING, "anarchy_both", Published("the same with both", "<= 1.333", 1, 4 / 3)),
    (OBJECT, "loss_of_half", _exact("uniform values, two bidders: loss of bidding half", "0", 0, 1e-9)),
    (OBJECT, "loss_of_truth", _exact("the same: loss of bidding the value", "1/12", 1 / 12, 1e-9)),
    (OBJECT, "bid_of_one_2", _exact("highest bid, two bidders", "1/2", 0.5, 1e-9)),
    (OBJECT, "bid_of_one_5", _exact("highest bid, five bidders", "4/5", 0.8, 1e-9)),
    (OBJECT, "bid_of_one_10", _exact("highest bid, ten bidders", "9/10", 0.9, 1e-9)),
    (OBJECT, "top_bid", _exact("values up to 1 against up to 2: highest bid", "2/3", 2 / 3, 1e-6)),
    (OBJECT, "loss_unequal", _exact("the same: exploitability", "0", 0, 1e-6)),
    (LEARNING, "at_value_less_one_three", Published("values (8, 8, 8): rounds with all bids of 7", "1", 0.999, 1)),
    (LEARNING, "at_value_less_one_two", Published("values (8, 8): rounds with both bids of 7", "1", 0.999, 1)),
    (LEARNING, "at_value_less_one_one", Published("values (8, 5): rounds with a bid of 7", "0", 0, 0)),
    (LEARNING, "price_one", Published("values (8, 5): mean price", "4.99 to 5.00", 4.985, 5.005)),
    (LEARNING, "liquid_welfare_first", Published("gradient pacing, first price: least liquid welfare", ">= 0.5", 0.5, 1)),
    (LEARNING, "liquid_welfare_second", Published("gradient pacing, second price: the same", ">= 0.5", 0.5, 1)),
    (LEARNING, "liquid_welfare_gsp", Published("gradient pacing, GSP with 3 slots: the same", ">= 0.5", 0.5, 1)),
    (ONLINE, "adwords_msvv", Published("MSVV: least share of the best revenue, small bids", ">= 0.632", 0.632, 1)),
    (ONLINE, "adwords_greedy", Published("greedy: the same", ">= 0.5", 0.5, 1)),
    (ONLINE, "triangle", Published("balance on the upper triangle, 100 bidders", "0.632", 0.62, 0.645, is_closed_form=True)),
    *(
        (ONLINE, f"efficiency_{k}", _exact(f"OIL toy: {name}", f"{value:.3f}"[1:], value, 5e-4))
        for k, (name, value) in enumerate(
            (
                ("efficiency of slot 1, first", 0.1), ("slot 2, first", 0.267), ("slot 1, second", 0.04),
                ("slot 2, second", 0.046), ("upgrade, first", 0.029), ("upgrade, second", 0.027),
            )
        )
    ),
)  # fmt: skip
