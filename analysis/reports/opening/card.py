"""State what a run is in a few words: market, auction, who bids and learns, days, seeds, version."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from auctionsim.analysis.documents.sections import Facts
from auctionsim.names.display import key_words, ranges
from auctionsim.objectives.constraints import CONSTRAINTS
from auctionsim.runs import Run
from auctionsim.scenario import (
    AdoptionSection,
    AdvertiserGroup,
    AgencySection,
    InformationSection,
    PredictionsSection,
    Scenario,
)
from auctionsim.scenario.delays.section import DelaySection
from auctionsim.scenario.market import PreRankerSection
from auctionsim.traffic.table import FIGURES_NOTE

_PRICING = {"gsp": "generalized second price", "first": "first price", "vcg": "Vickrey-Clarke-Groves"}
_BASELINE = {"manual": "keyword bids", "truthful": "truthful bids"}
_LIMITS = ("budget", "roas_floor", *(one.key for one in CONSTRAINTS if one.key in AdvertiserGroup.model_fields))
"""Keys of a group's budget and constraints."""
_MOST_GROUPS = 6
_OF_RECORDS = ("Figures", "Date")
"""Facts that a run may not have recorded; others that a run lacks are sections that its scenario does not have."""


def scenario_card(named: Mapping[str, Run]) -> Facts:
    """Return a column of facts for each run. The date is left out of the runs that record none."""
    facts = [_facts(run) for run in named.values()]
    rows = [
        [key, *(own.get(key, "not recorded" if key in _OF_RECORDS else "none") for own in facts)]
        for key in dict.fromkeys(key for own in facts for key in own)
    ]
    return Facts(["", *named], rows)


def _facts(run: Run) -> dict[str, str]:
    scenario, manifest, notes = run.scenario(), run.manifest(), run.provenance()
    found = {
        "Scenario": scenario.name,
        "Market": _market(scenario),
        **({"Figures": notes[FIGURES_NOTE]} if FIGURES_NOTE in notes else {}),
        "Mechanism": _mechanism(scenario),
        **({"Predictions": _predictions(scenario.predictions)} if scenario.predictions is not None else {}),
        **({"Delays": _delays(scenario)} if scenario.delays is not None else {}),
        **({"Information": _information(scenario.information)} if scenario.information is not None else {}),
        "Platform": _platform(scenario),
        "Advertisers": _listed([_group(group) for group in scenario.advertisers]),
        **(
            {"Accounts": _listed([f"{one.account} budget {one.budget}" for one in scenario.accounts])}
            if scenario.accounts
            else {}
        ),
        **({"Agencies": _listed([_agency(one) for one in scenario.agencies])} if scenario.agencies else {}),
        **({"Adoption": _adoption(scenario.adoption)} if scenario.adoption is not None else {}),
        "Learner": _learner(scenario, manifest.get("learner")),
        "Days": _days(scenario),
        "Seeds": ", ".join(map(str, run.seeds)),
        "Version": f"auctionsim {manifest['version']}",
    }
    return found | ({"Date": manifest["date"]} if "date" in manifest else {})


def _market(scenario: Scenario) -> str:
    traffic = scenario.traffic
    if not traffic.is_synthetic:
        return f"traffic table {traffic.source}" + (f", budgets of {traffic.budgets}" if traffic.budgets else "")
    met = min(traffic.candidates, sum(group.count for group in scenario.advertisers))
    return (
        f"synthetic traffic, profile {traffic.profile}: {traffic.auctions_per_day:,} auctions a day for {traffic.queries:,} "
        f"queries, {met} advertisers meet in each"
    )


def _mechanism(scenario: Scenario) -> str:
    rules = scenario.mechanism
    slots = len(rules.slot_effect)
    shares = f" ({', '.join(f'{share:g}' for share in rules.slot_effect)})" if slots > 1 else ""
    ranked = {0.0: "ranked by bid", 1.0: "ranked by bid x pctr"}.get(rules.squash, f"ranked by bid x pctr^{rules.squash:g}")
    found = [f"{_PRICING[rules.pricing]}, {slots} slot{'s' if slots > 1 else ''}{shares}, {ranked}"]
    found.append(f"reserve {rules.reserve:g}" if rules.reserve > 0 else "no reserve")
    found += [f"bids >= {rules.bid_floor:g}"] if rules.bid_floor > 0 else []
    found += [f"bids <= {rules.bid_cap:g}"] if rules.bid_cap is not None else []
    found += [_preranker(rules.preranker)] if rules.preranker is not None else []
    return ", ".join([*found, f"{rules.outcomes} outcomes"])


def _preranker(own: PreRankerSection) -> str:
    error = f" with errors of {own.noise:g}" if own.noise > 0 else ""
    return f"the best {own.keep} candidates of a pre-ranker by {own.score}{error}"


def _predictions(own: PredictionsSection) -> str:
    """Say how far predicted rates are off, and how they are calibrated."""
    errors = [
        f"{rate}: " + ", ".join(f"{kind} {size:g}" for kind, size in section.model_dump().items() if size)
        for rate, section in (("pctr", own.pctr), ("pcvr", own.pcvr))
        if section.is_off
    ]
    return f"{'; '.join(['off by logarithms', *errors]) if errors else 'as in the traffic'}; calibration {own.calibration}"


def _delays(scenario: Scenario) -> str:
    """Say how late conversions are reported, and by which estimate of them learners are paid."""
    own = scenario.delays
    assert own is not None
    groups = [f"{group.group}: {_delay(group.delay)}" for group in scenario.advertisers if group.delay is not None]
    spread = f", means of advertisers spread by {own.advertiser:g}" if own.advertiser > 0 else ""
    uneven = ", faster in some hours than in others" if len({*own.hours}) > 1 or len({*own.weekdays}) > 1 else ""
    window = f" of {own.window} h" if own.rewards == "waiting-window" else ""
    assumed = f"; estimates assume {_delay(own.assumed)}" if own.assumed is not None else ""
    return f"{'; '.join([_delay(own) + spread + uneven, *groups])}; learners are paid by {own.rewards}{window}{assumed}"


def _delay(own: DelaySection) -> str:
    sigma = f", sigma {own.sigma:g}" if own.distribution == "log-normal" else ""
    return f"{own.distribution}, mean {own.mean:g} h{sigma}"


def _information(own: InformationSection) -> str:
    """Say what bidders know of the market, how late and how exactly."""
    found: list[str] = [own.regime]
    found += [f"reports {own.delay} h late"] if own.delay > 0 else []
    found += ["means of hours"] if own.aggregate == "hour" else []
    found += [f"noise {own.noise:g}"] if own.noise > 0 else []
    found += [f"rounded to {own.rounding:g}"] if own.rounding > 0 else []
    return ", ".join(found)


def _platform(scenario: Scenario) -> str:
    own = scenario.platform
    floor = f"revenue floor {own.revenue_floor:.4g} of the baseline's" if own.revenue_floor > 0 else "no revenue floor"
    bidders = f", profit of self-bidders >= {own.self_bidder_floor:.4g}" if own.self_bidder_floor > 0 else ""
    return f"{floor}{bidders}; baseline: {_BASELINE[own.baseline]}"


def _group(group: AdvertiserGroup) -> str:
    aims = " + ".join(name if weight == 1 else f"{weight:g} {name}" for name, weight in group.objectives.items() if weight)
    who = f"for {aims}" if group.controller == "learner" else f"by the rule {group.controller}"
    limits = [f"{key_words(name)} {value}" for name in _LIMITS if (value := getattr(group, name)) not in (None, 0)]
    count = "1 advertiser" if group.count == 1 else f"{group.count} advertisers"
    return f"{group.group}: {count} {who}" + (f" ({', '.join(limits)})" if limits else "")


def _agency(own: AgencySection) -> str:
    budget = f", joint budget {own.budget}" if own.budget is not None else ""
    ring = f", one member bids by {own.coordination}" if own.coordination != "none" else ""
    return f"{own.agency} for {', '.join(own.members)}{budget}{ring}"


def _adoption(own: AdoptionSection) -> str:
    of = f" of {', '.join(own.groups)}" if own.groups else ""
    return f"{own.share:.0%}{of}, the others {own.otherwise}"


def _learner(scenario: Scenario, outside: str | None) -> str:
    if outside is not None:
        return f"{outside}, trained outside"
    if all(group.controller != "learner" for group in scenario.advertisers):
        return "none: everybody follows a rule"
    own = scenario.learner
    weights = f"weights: own objective {own.own_weight:g}, total profit {own.global_weight:g}"
    return f"{own.algorithm}, {scenario.train.iterations} iterations; {weights}"


def _days(scenario: Scenario) -> str:
    traffic = scenario.traffic
    chosen = f", validated on {ranges(traffic.validation_days)}" if traffic.validation_days else ""
    return f"trained on {ranges(traffic.train_days)}{chosen}, tested on {ranges(traffic.test_days)}"


def _listed(groups: Sequence[str]) -> str:
    more = len(groups) - _MOST_GROUPS
    return "; ".join(groups[:_MOST_GROUPS]) + (f"; and {more} more groups" if more > 0 else "")
