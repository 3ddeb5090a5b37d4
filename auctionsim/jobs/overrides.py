"""Offer `--set` items that several jobs put in place of the learner that a scenario names."""

from __future__ import annotations

FORMULA_SEARCH = ('learner.policy="formula"', "learner.learning_rate=0.05", "train.iterations=200")
"""A search for the coefficients of the bid formula, in a scenario whose own policy is another one."""


KEYWORD_START = ('learner.start="keyword-bid"', "learner.sigma=0.1", "learner.learning_rate=0.05", "train.iterations=200")
"""A search that starts at the keyword bids, in a scenario whose own search starts at fitted bids and looks near them."""


def fitted_rule(rule: str) -> tuple[str, ...]:
    """Return the items that name a fitted rule in place of a learner that has a start and a policy of its own.

    Args:
        rule: `value-scale`, `value-scale-paced` or `objective-scale`.
    """
    return (f'learner.algorithm="{rule}"', 'learner.start="keyword-bid"', 'learner.policy="formula"')
