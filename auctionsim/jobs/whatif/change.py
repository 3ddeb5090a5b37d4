"""Read changes as they are written, `KEY.PATH=VALUE`, and check each as the scenario's own keys are checked.

A change is one item or several, with commas: `mechanism.reserve=0.3,mechanism.pricing=vcg`. Its keys are those that leave the
auctions and everybody's own bids as they are: all of `mechanism`, and of advertisers the budget and the bidding product
(`controller`). `*1.1` in place of a number multiplies what is there.
"""

from __future__ import annotations

import math
import re
import warnings
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import product

import numpy as np
from numpy.typing import NDArray

from auctionsim.errors import InputError, Remark, shown, suggestion
from auctionsim.jobs.whatif.opened import TABLE_GROUP, Opened
from auctionsim.market.agencies.adoption import first_adopters
from auctionsim.market.warnings import reserve_warnings
from auctionsim.names.display import short_repr, some
from auctionsim.names.text import printable
from auctionsim.scenario import AutobidSection, MechanismSection, Scenario

KEYS = ("mechanism.*", "advertisers.budget", "advertisers.controller")
"""The keys that a change may have, in words."""
_NEXT_ITEM = re.compile(rf",(?=\s*(?:{'|'.join(Scenario.model_fields)})\.[^,=\]]*=)")
_NEXT_VALUE = re.compile(r",(?![^\[]*\])")
_ABOUT_ADVERTISERS = re.compile(r"(\s*advertisers\.(?:.*\.)?(?:budget|controller)\s*)=(.*)", re.DOTALL)
"""An item about advertisers; an advertiser's name may hold dots and signs of equality."""
_MOST_CHANGES = 1000


@dataclass(frozen=True, eq=False)
class AdvertiserItem:
    """One item of a change that is about advertisers."""

    who: NDArray[np.int64]
    """Indices of the advertisers, `[n]`."""
    factor: float | None
    """Factor on their budgets; None where the item states them."""
    scenario: Scenario | None = None
    """The scenario whose groups state the budgets."""
    controller: str | None = None
    """Their bidding product; None where the item is about budgets."""

    __repr__ = short_repr


@dataclass(frozen=True, eq=False)
class Change:
    """One change, checked."""

    label: str
    """The change as it was written."""
    mechanism: MechanismSection
    """The whole mechanism under it."""
    items: tuple[AdvertiserItem, ...] = ()
    """Its items about advertisers, in order."""

    __repr__ = short_repr

    @property
    def is_fitted(self) -> bool:
        """Return whether it names a bidding product that is fitted to training days."""
        return any(item.controller not in (None, "manual", "truthful") for item in self.items)


def read_changes(opened: Opened, sets: Sequence[str], grids: Sequence[str]) -> tuple[Change, ...]:
    """Read changes: each of `sets` is one, and of several `grids` each combination.

    Args:
        opened: The market that they are changes of.
        sets: Changes `KEY.PATH=VALUE`, several of a change with commas.
        grids: Items `KEY.PATH=VALUE,VALUE,...`.

    Raises:
        InputError: There is none, one is given twice, a key is none of `KEYS` or twice in a change, or a value is wrong.
    """
    labels = [",".join(part.strip() for part in _NEXT_ITEM.split(text)) for text in sets]
    if grids:
        labels += [",".join(items) for items in product(*(_grid_items(text) for text in grids))]
    if not labels:
        raise InputError("--set: expected a change KEY.PATH=VALUE, or values of a key with --grid, got neither")
    if len(labels) > _MOST_CHANGES:
        raise InputError(f"--grid: expected <= {_MOST_CHANGES} combinations, got {len(labels)}")
    read = [tuple(_comparable(item) for item in _NEXT_ITEM.split(label)) for label in labels]
    for i, label in enumerate(labels):
        if read[i] in read[:i]:
            raise InputError(f"--set {_short(label)}: expected each change once, got it twice")
    return tuple(_read(opened, label) for label in labels)


def _key_and_value(item: str) -> tuple[str, str]:
    """Return an item's key and value; both are empty where there is no sign of equality between them."""
    about = _ABOUT_ADVERTISERS.fullmatch(item)
    key, equals, value = (about[1], "=", about[2]) if about else item.partition("=")
    return (key.strip(), value.strip()) if equals else ("", "")


def _comparable(item: str) -> tuple[str, float | str]:
    """Return an item such that 0.3 and 0.30 are the same."""
    key, value = _key_and_value(item)
    try:
        return key, float(value)
    except ValueError:
        return key, value


def _grid_items(text: str) -> list[str]:
    key, values = _key_and_value(text)
    found = [value.strip() for value in _NEXT_VALUE.split(values)]
    if not key or not all(found):
        raise InputError(f"--grid {_short(text)}: expected KEY.PATH=VALUE,VALUE,..., got {shown(text)}")
    return [f"{key}={value}" for value in found]


def _read(opened: Opened, label: str) -> Change:
    change, keys = Change(printable(label), opened.basis.mechanism), set()
    for item in _NEXT_ITEM.split(label):
        key, _ = _key_and_value(item)
        if key in keys:
            raise InputError(f"--set {_short(label)}: expected each key once in a change, got {shown(key)} twice")
        keys.add(key)
        change = _with_item(opened, change, item.strip())
    return change


def _with_item(opened: Opened, change: Change, item: str) -> Change:
    key, value = _key_and_value(item)
    if not key or not value:
        raise InputError(f"--set {_short(item)}: expected KEY.PATH=VALUE, got {shown(item)}")
    section, _, rest = key.partition(".")
    if section == "advertisers" and rest.rpartition(".")[2] in ("budget", "controller"):
        found = _advertiser_item(opened, item, rest, value)
        return replace(change, items=(*change.items, found))
    if section == "mechanism":
        own = _set_in(change.mechanism)
        override = f"{key}={_times(change.mechanism, item, rest, value)}" if value.startswith("*") else item
        return replace(change, mechanism=opened.with_overrides([*own, override]).mechanism)
    # A mistyped key is told as in a scenario; a right one of another section is none of a change.
    opened.with_overrides([item])
    raise InputError(
        f"--set {_short(item)}: expected a key that leaves auctions and bids as they are ({', '.join(KEYS)}), got {shown(key)}"
        f"{suggestion(key, _plain_keys())} (--base sets any key of the starting point)"
    )


def _set_in(mechanism: MechanismSection) -> list[str]:
    """Return a mechanism as items, so that the next item of a change is laid over those before it."""
    values = mechanism.model_dump(mode="json", exclude_none=True)
    own = values.pop("preranker", {})
    plain = [f"mechanism.{key}={_toml(value)}" for key, value in values.items()]
    return [*plain, *(f"mechanism.preranker.{key}={_toml(value)}" for key, value in own.items())]


def _toml(value: object) -> str:
    return f'"{value}"' if isinstance(value, str) else str(value)


def _times(mechanism: MechanismSection, item: str, key: str, value: str) -> float:
    """Return a number of the mechanism times a factor."""
    now = getattr(mechanism, key, None)
    if isinstance(now, bool) or not isinstance(now, int | float):
        raise InputError(f"--set {_short(item)}: expected a value, as mechanism.{key} is no number to multiply, got {value}")
    return now * _factor(item, value)


def _factor(item: str, value: str) -> float:
    try:
        factor = float(value[1:])
    except ValueError:
        factor = math.nan
    if not 0 < factor < math.inf:
        raise InputError(f"--set {_short(item)}: expected a factor > 0 as in *1.1, got {shown(value)}")
    return factor


def _advertiser_item(opened: Opened, item: str, rest: str, value: str) -> AdvertiserItem:
    name, dot, key = rest.rpartition(".")
    who = _advertisers(opened, item, name) if dot else np.arange(len(opened.market.advertisers))
    if key == "controller":
        return _controller(opened, item, who, value)
    if value.startswith("*"):
        factor = _factor(item, value)
        if not np.isfinite(opened.market.budgets[who]).any():
            whose = f"of {shown(name)}" if name else "of the advertisers"
            raise InputError(
                f"--set {_short(item)}: expected a budget {whose} to multiply, got none (advertisers.budget=NUMBER)"
            )
        return AdvertiserItem(who, factor)
    return AdvertiserItem(who, None, _in_groups(opened, who, "budget", value))


def _controller(opened: Opened, item: str, who: NDArray[np.int64], value: str) -> AdvertiserItem:
    """Read a bidding product, `NAME` for all or `NAME@SHARE` for a share of the advertisers, drawn once and for all."""
    name, at, share_text = value.partition("@")
    share = 1.0
    if at:
        try:
            share = float(share_text)
        except ValueError:
            share = math.nan
        if not 0 < share <= 1:
            raise InputError(f"--set {_short(item)}: expected a share > 0 and <= 1 after @, got {shown(share_text)}")
    if name == "learner":
        raise InputError(f"--set {_short(item)}: expected a bidding product, got 'learner', which has to be trained")
    _in_groups(_without_optimizers(opened), who, "controller", name)
    # The order is drawn once, so that the adopters of a larger share include those of a smaller one.
    adopters = first_adopters(opened.market.seed, who, share)
    if not len(adopters):
        raise InputError(f"--set {_short(item)}: expected a share of one or more of {len(who)} advertisers, got {share:g}")
    return AdvertiserItem(adopters, None, controller=name)


def _advertisers(opened: Opened, item: str, name: str) -> NDArray[np.int64]:
    """Return the indices of the advertisers that a key names: a group by name or number, or one by its name.

    The group that a table's advertisers are in has a name that nobody gave: an advertiser of the same name comes first.
    """
    market = opened.market
    groups = [group.group for group in market.scenario.advertisers]
    if name in market.advertisers and (name not in groups or (opened.is_table and name == TABLE_GROUP)):
        return np.array([market.advertisers.index(name)])
    number = int(name) if name.isascii() and name.isdigit() and len(name) < 10 else -1
    if name in groups and name in market.advertisers:
        raise InputError(
            f"--set {_short(item)}: expected a group or an advertiser, got {shown(name)}, which is the name of both "
            f"(advertisers.{groups.index(name)} is the group)"
        )
    if name in groups or 0 <= number < len(groups):
        wanted = name if name in groups else groups[number]
        return np.array([i for i, group in enumerate(market.groups) if group.group == wanted])
    near = suggestion(name, [*groups, *market.advertisers])
    raise InputError(
        f"--set {_short(item)}: expected a group of advertisers ({some(groups, 8)}) or the name of one of "
        f"{len(market.advertisers)} advertisers ({some(market.advertisers)}), got {shown(name)}{near}"
    )


def _in_groups(opened: Opened, who: NDArray[np.int64], key: str, value: str) -> Scenario:
    """Return the scenario with a key of the groups that advertisers are in, which checks the value."""
    groups = [group.group for group in opened.market.scenario.advertisers]
    touched = sorted({groups.index(opened.market.groups[i].group) for i in who.tolist()})
    return opened.with_overrides([f"advertisers.{i}.{key}={value}" for i in touched])


def _without_optimizers(opened: Opened) -> Opened:
    """Return the starting point without what it says of its own bidding products, so that another one is checked by itself."""
    plain = {"autobid": AutobidSection(), "goal": None}
    groups = tuple(group.model_copy(update=plain) for group in opened.basis.advertisers)
    return replace(opened, basis=opened.basis.model_copy(update={"advertisers": groups, "adoption": None}))


def _plain_keys() -> list[str]:
    return [*(f"mechanism.{key}" for key in MechanismSection.model_fields), *KEYS[1:]]


def _short(item: str) -> str:
    return shown(item, 100)[1:-1]


def warn_of_reserves(opened: Opened, asked: Sequence[Change] = ()) -> tuple[str, ...]:
    """Warn of a reserve that no bid reaches, in the starting point and in each change: zeros would pass for an answer.

    To be called when nothing of the question can be wrong any more, as a command that fails says one line.

    Args:
        opened: The market that the question is about.
        asked: Its changes.

    Returns:
        The warnings, for the answer.
    """
    # In a table everybody bids the keyword bid, so that values of a click say nothing.
    rules = ("manual",) if opened.is_table else ("manual", "truthful")
    said = reserve_warnings(opened.market, opened.market.scenario.mechanism, rules)
    found = [(opened.name, line) for line in said]
    for change in asked:
        lines = reserve_warnings(opened.market, change.mechanism, rules)
        found += [(f"--set {change.label}", line) for line in lines if line not in said]
    for where, line in found:
        warnings.warn(f"{where}: warning: {line}", Remark, stacklevel=3)
    return tuple(f"{where}: {line}" for where, line in found)
