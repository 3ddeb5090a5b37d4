"""The sections `[[accounts]]`: budgets that several campaigns share."""

from __future__ import annotations

from collections.abc import Sequence

from pydantic import FiniteFloat, model_validator

from auctionsim.errors import shown, suggestion
from auctionsim.scenario.advertisers import AUTOBIDDERS, AdvertiserGroup
from auctionsim.scenario.base import Name, Section, baseline_share, check_level

_ROUNDING = 1e-9


class AccountSection(Section):
    """An account, whose campaigns share one daily budget. An advertiser of the scenario is a campaign of it."""

    account: Name
    """Name of the account, as the groups of its campaigns give it."""
    budget: FiniteFloat | str
    """Hard daily budget of all campaigns together: currency, or `baseline*SHARE` of their spend under the baseline without
    budgets. At each hour it is divided anew among them, by what each spent (docs/controllers.md)."""
    min_spend: FiniteFloat | str = 0.0
    """Least daily spend of all campaigns together, which their controllers `target-cpa`, `target-roas` and `max-value` bid
    for before their targets: currency, or `baseline*SHARE` as for the budget; 0 turns it off."""

    @model_validator(mode="after")
    def _levels_are_right(self) -> AccountSection:
        check_level("budget", self.budget, "a number > 0 or 'baseline*SHARE'")
        check_level("min_spend", self.min_spend, "a number >= 0 or 'baseline*SHARE'", may_be_zero=True)
        both = [one if isinstance(one, float) else baseline_share(one) for one in (self.min_spend, self.budget)]
        is_alike = isinstance(self.min_spend, float) == isinstance(self.budget, float)
        if is_alike and both[0] is not None and both[1] is not None and both[0] > both[1]:
            raise ValueError(f"min_spend: expected a level <= budget = {self.budget}, got {self.min_spend}")
        return self


def check_accounts(accounts: Sequence[AccountSection], groups: Sequence[AdvertiserGroup]) -> None:
    """Check that accounts and the groups of their campaigns fit together.

    Raises:
        ValueError: They do not; the message begins with the key.
    """
    names = [one.account for one in accounts]
    twice = [name for i, name in enumerate(names) if name in names[:i]]
    if twice:
        raise ValueError(f"accounts: expected a different name for each account, got '{twice[0]}' twice")
    for i, group in enumerate(groups):
        if group.account is not None and group.account not in names:
            source, came = f"advertisers[{i}].account", shown(group.account)
            if not names:
                raise ValueError(f"{source}: expected none, as there are no [[accounts]], got {came}")
            raise ValueError(f"{source}: unknown {came}; choose from {', '.join(names)}{suggestion(group.account, names)}")
    for k, account in enumerate(accounts):
        members = [group for group in groups if group.account == account.account]
        if not members:
            raise ValueError(f"accounts[{k}].account: expected advertisers of account '{account.account}', got none")
        reserved = sum(group.account_floor * group.count for group in members)
        if reserved > 1 + _ROUNDING:
            raise ValueError(
                f"accounts[{k}].budget: expected account_floor of its campaigns that add up to <= 1, got {reserved:g}"
            )
        others = [group.controller for group in members if group.controller not in AUTOBIDDERS]
        if account.min_spend != 0.0 and others:
            names_of = ", ".join(AUTOBIDDERS)
            raise ValueError(f"accounts[{k}].min_spend: expected controllers {names_of} of its campaigns, got '{others[0]}'")
