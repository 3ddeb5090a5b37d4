"""Scenario files that are wrong: one change of the small scenario each."""

from __future__ import annotations

from ..conftest import SMALL
from .case import Broken

_HTML = "<script>alert(1)</script>"

# What is wrong, what is replaced in the small scenario, by what, and what is said after the file's name.
_CHANGED = [
    ("an unknown key, one near", 'name = "small"', "nam = 'small'",
     "nam: unknown key; choose from name, seed, traffic, mechanism, predictions, delays, information, platform, "
     "advertisers, accounts, agencies, adoption, "
     "learner, train, cluster"),
    ("an unknown key of a section", "revenue_floor = 1.0", "revenue_flor = 1.0",
     "platform.revenue_flor: unknown key; choose from revenue_floor, self_bidder_floor, baseline "
     "(did you mean 'revenue_floor'?)"),
    ("an unknown section", "[mechanism]", "[mecanism]", "mecanism: unknown key; choose from name"),
    ("a key of 3,000 letters", 'name = "small"', f"{'x' * 3000} = 1", "x" * 900),
    ("no advertisers at all", "count = 5", "count = 0", "advertisers[0].count: expected a number >= 1, got 0"),
    ("part of an advertiser", "count = 5", "count = 5.5", "advertisers[0].count: expected a whole number, got 5.5"),
    ("text for a number", "count = 5", 'count = "five"', "advertisers[0].count: expected a whole number, got 'five'"),
    ("a truth value for a number", "iterations = 6", "iterations = true",
     "train.iterations: expected a whole number, got True"),
    ("a number for text", 'name = "small"', "name = 3", "name: expected text, got 3"),
    ("a negative budget", "count = 5", "budget = -50.0",
     "advertisers[0].budget: expected a number > 0, 'baseline*SHARE', 'profile*SHARE', 'table' or 'none', got -50.0"),
    ("a negative floor on spend", "count = 5", "spend_floor = -1.0",
     "advertisers[0].spend_floor: expected a number >= 0 or 'baseline*SHARE', got -1.0"),
    ("a floor on spend above the budget", "count = 5", "budget = 5.0\nspend_floor = 6.0",
     "advertisers[0].spend_floor: expected a number <= budget = 5.0, got 6.0"),
    ("a target cost per conversion of 0", "count = 5", "cpa_cap = 0.0",
     "advertisers[0].cpa_cap: expected a number > 0, 'baseline*SHARE' or 'none', got 0.0"),
    ("a negative floor on ROI", "count = 5", "roi_floor = -0.5",
     "advertisers[0].roi_floor: expected a number >= 0, 'baseline*SHARE' or 'none', got -0.5"),
    ("a budget in words", "count = 5", 'budget = "half"',
     "advertisers[0].budget: expected a number > 0, 'baseline*SHARE', 'profile*SHARE', 'table' or 'none', got 'half'"),
    ("a budget that is no number", "count = 5", "budget = nan",
     "advertisers[0].budget: expected a finite number or 'none', got nan"),
    ("a budget of a table that is not named", "count = 5", "count = 5\nbudget = 'table'",
     "advertisers[0].budget: expected traffic.budgets to name a file, got none"),
    ("a margin in other words", "population = 8", 'floor_margin = "validate"',
     "learner.floor_margin: expected a number >= 0 or 'validated', got 'validate' (did you mean 'validated'?)"),
    ("a validated margin without validation days", "population = 8", 'floor_margin = "validated"',
     "learner.floor_margin: expected 2 or more traffic.validation_days with 'validated', got 0"),
    ("a validation day that is a test day", "candidates = 4", "validation_days = [2]",
     "traffic.validation_days: expected days that are neither training nor test days, got 2, which is in test_days"),
    ("a validation day given twice", "candidates = 4", "days = 9\nvalidation_days = [7, 7]",
     "traffic.validation_days: expected each day once, got 7 twice"),
    ("a validation day after the last day", "candidates = 4", "validation_days = [7]",
     "traffic.days: expected a number > 7, a day of validation_days, got 4"),
    ("a start for another policy", "own_weight = 0.1", 'start = "value-scale"\npolicy = "contextual"',
     "learner.start: expected 'value-scale' only with policy = 'formula', got it with 'contextual'"),
    ("an unknown start", "own_weight = 0.1", 'start = "value-scal"',
     "learner.start: unknown 'value-scal'; choose from keyword-bid, value-scale, value-scale-paced (did you mean "
     "'value-scale'?)"),
    ("pacing of bids that follow the floor themselves", "own_weight = 0.1", 'pace_to_floor = true\npolicy = "auction"',
     "learner.pace_to_floor: expected false with policy = 'auction', which follows the floor itself, got true"),
    ("a negative margin above profit floors", "own_weight = 0.1", "profit_floor_margin = -0.1",
     "learner.profit_floor_margin: expected a number >= 0, got -0.1"),
    ("an unknown regime", "[mechanism]", '[information]\nregime = "own-win"\n[mechanism]',
     "information.regime: unknown 'own-win'; choose from own-wins, winning-price, least-winning-cost, full "
     "(did you mean 'own-wins'?)"),
    ("a delay beyond the day", "[mechanism]", "[information]\ndelay = 24\n[mechanism]",
     "information.delay: expected a number <= 23, got 24"),
    ("noise on nothing that is shown", "[mechanism]", '[information]\nregime = "own-wins"\nnoise = 0.1\n[mechanism]',
     "information.noise: expected 0 with regime 'own-wins', got 0.1 (it blurs what 'winning-price' and 'least-winning-cost' "
     "show)"),
    ("a revenue floor of a revenue that is hidden", "[mechanism]", '[information]\nregime = "own-wins"\n[mechanism]',
     "information.regime: expected 'full' with learner.global_weight = 1.0, the weight of all advertisers' profit in rewards, "
     "got 'own-wins'"),
    ("a learner that sees everybody", "[learner]", '[information]\nregime = "winning-price"\n[learner]\nalgorithm = "mappo"',
     "information.regime: expected 'full' with learner.algorithm = 'mappo', whose value network sees everybody's observations, "
     "got 'winning-price'"),
    ("an infinite reserve", "reserve = 0.01", "reserve = inf", "mechanism.reserve: expected a finite number, got inf"),
    ("a negative reserve", "reserve = 0.01", "reserve = -1", "mechanism.reserve: expected a number >= 0, got -1"),
    ("an unknown pricing", "reserve = 0.01", 'pricing = "gps"',
     "mechanism.pricing: unknown 'gps'; choose from gsp, first, vcg (did you mean 'gsp'?)"),
    ("a first slot without full effect", "reserve = 0.01", "slot_effect = [0.9]",
     "mechanism.slot_effect: expected 1.0 for the first slot, got 0.9"),
    ("slots that rise", "reserve = 0.01", "slot_effect = [1.0, 0.2, 0.3]",
     "mechanism.slot_effect: expected numbers that do not rise, got 0.3"),
    ("more slots than the engine has", "reserve = 0.01", f"slot_effect = {[1.0] * 8}",
     "mechanism.slot_effect: expected <= 7 entries, got [1.0"),
    ("a cap under the floor of bids", "reserve = 0.01", "bid_floor = 2.0\nbid_cap = 1.0",
     "mechanism.bid_cap: expected a number >= bid_floor = 2.0, got 1.0"),
    ("an unknown controller", "count = 5", 'controller = "manuel"',
     "advertisers[0].controller: unknown 'manuel'; choose from learner, manual, truthful, linear, ortb, pid, "
     "dual-pacing, throttle, timetable, uscb-oracle, target-cpa, target-roas, max-value, or package.module:Class (did you "),
    ("a controller of no module", "count = 5", 'count = 5\ncontroller = "no_such.module:Rule"',
     "advertisers[0].controller: expected a built-in name where no code may run, got 'no_such.module:Rule' (--allow-code "),
    ("an unknown objective", "count = 5", "objectives = { gvm = 1.0 }",
     "advertisers[0].objectives.gvm: unknown 'gvm'; choose from clicks, conversions, gmv, profit (did you mean 'gmv'?)"),
    ("objectives of no weight", "count = 5", "objectives = { gmv = 0.0 }",
     "advertisers[0].objectives: expected a weight > 0, got none"),
    ("a group without a name", 'group = "seller"', "", "advertisers[0].group: expected a value, got nothing"),
    ("two groups of one name, with HTML", 'group = "seller"', f'group = "{_HTML}"\n[[advertisers]]\ngroup = "{_HTML}"',
     f"advertisers: expected a different name for each group, got '{_HTML}' twice"),
    ("a name with a line end", 'name = "small"', 'name = "a\\nb"',
     "name: expected text in UTF-8 without control characters, got 'a\\nb'"),
    ("zero candidates", "candidates = 4", "candidates = 0", "traffic.candidates: expected a number >= 2, got 0"),
    ("test days that are trained on", "train_days = [0, 1]", "train_days = [0, 2]",
     "traffic.test_days: expected days that are not training days, got 2, which is in train_days"),
    ("a test day twice", "test_days = [2, 3]", "test_days = [2, 3, 2]",
     "traffic.test_days: expected each day once, got 2 twice"),
    ("a training day twice", "train_days = [0, 1]", "train_days = [0, 0]",
     "traffic.train_days: expected each day once, got 0 twice"),
    ("no day to train on", "train_days = [0, 1]", "train_days = []", "traffic.train_days: expected >= 1 entries, got []"),
    ("a day that is not drawn", "train_days = [0, 1]", "train_days = [9]",
     "traffic.days: expected a number > 9, a day of train_days"),
    ("an odd population", "population = 8", "population = 7", "learner.population: expected a multiple of 2, got 7"),
    ("a number beyond 64 bits", "population = 8", f"population = {10**30}",
     "learner.population: expected a number <= 1e+09, got 1000000000000000000000000000000"),
    ("a perturbation of nothing", "population = 8", "sigma = 0", "learner.sigma: expected a number > 0, got 0"),
    ("budgets without a table", "[traffic]", "[traffic]\nbudgets = 'b.csv'",
     "traffic.budgets: expected only with a traffic table as source, got it with 'synthetic'"),
    ("the generator's keys with a table", "[traffic]", "[traffic]\nsource = 't.parquet'",
     "traffic.auctions_per_day: expected only with source = 'synthetic', got it with a traffic table"),
    ("a profile that is not there", "[traffic]", "[traffic]\nprofile = 'alimana'",
     "traffic.profile: expected a profile file or one of alimama, auctionnet, ipinyou, plain, ss-rtb, got no such file "
     "'alimana' (did you mean 'alimama'?)"),
]  # fmt: skip

_TEXTS: list[tuple[str, str | bytes, str]] = [
    ("an empty scenario", "", "name: expected a value, got nothing (and 1 more)"),
    ("a scenario that is no TOML", SMALL.replace("[mechanism]", "[mechanism"),
     "expected TOML, got a syntax error: Expected ']'"),
    ("a key given twice", SMALL.replace("count = 5", "count = 5\ncount = 6"),
     "expected TOML, got a syntax error: Cannot overwrite"),
    ("a scenario in Latin-1", SMALL.replace("small", "M\u00fcnchen").encode("latin-1"),
     "expected UTF-8 text, got byte 0xfc at 10"),
    ("a scenario nested without end", "a = " + "[" * 9000 + "]" * 9000,
     "expected TOML of a few levels, got one nested too deeply"),
    ("the folder, which is not the file's to say", 'folder = "/"\n' + SMALL, "folder: unknown key; choose from name, seed"),
    ("a section for a number", "seed = { first = 1 }\n" + SMALL, "seed: expected a whole number, got {'first': 1}"),
    ("a number for a section", SMALL.split("[train]", maxsplit=1)[0].replace("name", "train = 6\nname"),
     "train: expected a section, got 6"),
]  # fmt: skip

_PROFILED = SMALL.replace("[traffic]", "[traffic]\nprofile = 'p.toml'")
_PLAIN = (
    "hours.share = {hours}\nweek.factor = {week}\ncategories.share = [1]\nrates.ctr = {ctr}\nbudgets.quantiles = [1, 1]\n"
    "prices = {{ cpc = 1.0, log_sd = 0.0, hour_factor = {hours} }}\n"
)
_FIGURES = {"hours": [1] * 24, "week": [[1] * 24] * 7, "ctr": 0.05}
_PROFILES: list[tuple[str, str | bytes, str]] = [
    ("a profile that is no TOML", "x = ", "expected TOML, got a syntax error: Invalid value"),
    ("a profile in Latin-1", "name = 'M\u00fcnchen'".encode("latin-1"), "expected UTF-8 text, got byte 0xfc at 9"),
    ("a profile without figures", "name = 'x'", "hours.share: expected figures, got nothing"),
    ("a profile of 23 hours", _PLAIN.format(**_FIGURES | {"hours": [1] * 23}),
     "hours.share: expected 24 numbers, got shape [23]"),
    ("a profile with a word", _PLAIN.format(**_FIGURES | {"ctr": "'high'"}), "rates.ctr: expected numbers, got 'high'"),
    ("a profile with NaN", _PLAIN.format(**_FIGURES | {"ctr": "nan"}), "rates.ctr: expected numbers > 0, got nan"),
    ("a profile with an unknown spread", _PLAIN.format(**_FIGURES) + "spreads.query_crt = 1.0",
     "spreads: unknown key 'query_crt'; choose from query_volume, query_ctr"),
    ("a profile with a negative spread", _PLAIN.format(**_FIGURES) + "spreads.query_ctr = -1.0",
     "spreads.query_ctr: expected numbers >= 0, got -1.0"),
    ("a profile with an empty hour", _PLAIN.format(**_FIGURES | {"hours": [0] + [1] * 23}),
     "hours.share: expected numbers > 0, got 0.0"),
]  # fmt: skip

# What is wrong, arguments after the scenario, and the line.
_OVERRIDES = [
    ("an override without a value", "--set sigma", "--set sigma: expected KEY.PATH=VALUE, got no '='"),
    ("an override of a group that is not there", "--set advertisers.4.count=1",
     "--set advertisers.4.count=1: expected an index from "
     "0 to 0, got '4'"),
    ("an override below a value", "--set name.x=1", "--set name.x=1: expected a section before 'x', got 'small'"),
    ("an override of an unknown key", "--set learner.sgima=1", "s.toml: learner.sgima: unknown key; choose from algorithm"),
    ("a seed below 0", "--seed -1", "auctionsim check: argument --seed: expected a whole number >= 0 and < 2^63, got '-1'"),
]  # fmt: skip

# What is wrong, the command, and the line.
_COMMANDS = [
    ("an unknown command", "trian", "auctionsim: unknown command 'trian'; choose from bench, check, compare, control, demo,"),
    ("a scenario where nothing can be written", "init /proc/x.toml",
     "/proc/x.toml: expected a path that can be read and written, got No such file or directory"),
    ("a study where nothing can be written", "reproduce maab-game --quick --workers 0 --out /proc/x",
     "/proc/x: expected a path that can be read and written, got "),
    ("a day where nothing can be written", "bench --make-day 100 --out /proc/x",
     "/proc/x: expected a path that can be read and written, got "),
    ("a run where nothing can be written", "train three-arms --set train.iterations=1 --out /proc/x",
     "/proc/x: expected a folder that can be written, got "),
    ("no scenario", "train", "auctionsim train: expected scenario, got none (see auctionsim train --help)"),
    ("an option misspelled", "train scenario.toml --sett a=1",
     "auctionsim train: unknown arguments --sett a=1 (did you mean '--set'?) (see auctionsim train --help)"),
    ("an option without its value", "check scenario.toml --set",
     "auctionsim check: argument --set: expected one argument, got none (see auctionsim check --help)"),
    ("a value that looks like an option", "report run --out -inf",
     "auctionsim report: argument --out: expected one argument, got none (see auctionsim report --help)"),
    ("nothing to check", "check", "auctionsim check: expected scenario, got none (see auctionsim check --help)"),
    ("workers in words", "train three-arms --workers many", "auctionsim train: argument --workers: expected a whole number "
     ">= 0 and < 10^13, or auto, got 'many'"),
    ("no seeds", "train three-arms --seeds 0",
     "auctionsim train: argument --seeds: expected a whole number >= 1 and < 10^13, got '0'"),
    ("an unknown study", "reproduce calvani", "reproduce: unknown study 'calvani'; choose from"),
    ("no such scenario", "train three-arm",
     "three-arm: expected a scenario file or a built-in scenario (auctionnet, autobidding, calibrated, "),
    ("public data that is not there", "demo --data nowhere",
     "nowhere/avito_bat/campaigns_fpa.csv: expected the public file of avito_bat"),
]  # fmt: skip

CASES = {
    **{name: Broken(command, says) for name, command, says in _COMMANDS},
    **{
        name: Broken("check s.toml", f"s.toml: {says}", {"s.toml": SMALL.replace(old, new, 1)})
        for name, old, new, says in _CHANGED
    },
    **{name: Broken("check s.toml", f"s.toml: {says}", {"s.toml": text}) for name, text, says in _TEXTS},
    **{
        name: Broken("check s.toml", f"p.toml: {says}", {"s.toml": _PROFILED, "p.toml": text}) for name, text, says in _PROFILES
    },
    **{name: Broken(f"check s.toml {more}", says, {"s.toml": SMALL}) for name, more, says in _OVERRIDES},
    "a class of no module": Broken(
        "check s.toml --allow-code",
        "s.toml: advertisers[0].controller: expected a module that can be imported, got no 'no_such' in ",
        {"s.toml": SMALL.replace("count = 5", 'count = 5\ncontroller = "no_such.module:Rule"', 1)},
    ),
    "a folder for a scenario": Broken("check folder", "folder: expected a scenario file", {"folder/s.toml": SMALL}),
    "a name that leaves the folder of runs": Broken(
        "train s.toml", "s.toml: name: expected a folder's name, without '/', got '../../away' (or a folder with --out)",
        {"s.toml": SMALL.replace('"small"', '"../../away"')},
    ),
    "a learner that cannot play the auction": Broken(
        "train s.toml", "s.toml: mechanism.slot_effect: expected one slot for this learner with sampled outcomes, got 2",
        {"s.toml": SMALL.replace("reserve = 0.01", 'outcomes = "sampled"\nslot_effect = [1.0, 0.5]').replace(
            "own_weight = 0.1", 'algorithm = "rmdp-dqn"')},
    ),
    "a template that leaves the folder": Broken(
        "init new.toml --template ../../etc/passwd",
        "--template: unknown '../../etc/passwd'; choose from leaderboard, own-logs, quickstart, ss-rtb, taobao-mix",
    ),
    "a file that would be overwritten": Broken(
        "init s.toml", "s.toml: expected a new file, got one that exists", {"s.toml": SMALL}
    ),
    "a run folder that holds files": Broken(
        "train s.toml --out out", "out: expected a new or empty folder, got one that holds files (choose another with --out)",
        {"s.toml": SMALL, "out/mine.txt": "mine"},
    ),
}  # fmt: skip
