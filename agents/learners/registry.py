"""Find the learner that a scenario names, and check the constants that its class owns."""

from __future__ import annotations

import json
from contextlib import nullcontext
from importlib import import_module
from typing import Any

from auctionsim.agents.learners.base import METHODS, Learner
from auctionsim.agents.learners.fingerprint import SAME_EVERYWHERE
from auctionsim.agents.learners.floor_paced import is_paced_to_floor, with_floor_pacing
from auctionsim.agents.learners.validated.learner import has_validated_floor, with_validated_floor
from auctionsim.arguments import instance_of, text
from auctionsim.errors import InputError, shown, unknown
from auctionsim.extras import expect_library
from auctionsim.market.information.shown import expect_shown
from auctionsim.plugins import CLASS_PATH, constructing, expect_methods, load_class
from auctionsim.scenario import ALGORITHMS, Scenario, Section
from auctionsim.scenario.file import parse_section
from auctionsim.scenario.learner import allow_algorithm

_BUILT_IN = {
    "macg-es": "auctionsim.agents.learners.es.macg:MacgES",
    "openai-es": "auctionsim.agents.learners.es.openai_es:OpenAIES",
    "cma-es": "auctionsim.agents.learners.es.cma_es:CmaES",
    "ippo": "auctionsim.agents.learners.rl.ppo:Ppo",
    "mappo": "auctionsim.agents.learners.rl.ppo:Ppo",
    "maab": "auctionsim.agents.learners.grouped.maab:Maab",
    "dcmab": "auctionsim.agents.learners.grouped.dcmab:Dcmab",
    "rmdp-dqn": "auctionsim.agents.learners.ss_rtb.rmdp:Rmdp",
    "m-rmdp-dqn": "auctionsim.agents.learners.ss_rtb.rmdp:Rmdp",
    "amdp-dqn": "auctionsim.agents.learners.ss_rtb.rmdp:Rmdp",
    "value-scale": "auctionsim.agents.learners.scales.value_scale:ValueScale",
    "value-scale-paced": "auctionsim.agents.learners.scales.value_scale:ValueScale",
    "objective-scale": "auctionsim.agents.learners.scales.value_scale:ValueScale",
}
_registered: dict[str, type[Learner]] = {}


def register_learner(name: str, learner: type[Learner]) -> None:
    """Make a class known by a short name: scenarios loaded afterwards in this process may name it as `learner.algorithm`.

    For the command line and for other processes name the class by its path, `package.module:Class`.

    Args:
        name: The name; that of a built-in learner is refused, one registered before is replaced.
        learner: The class, of the shape of `auctionsim.Learner`.

    Raises:
        InputError: The name is taken or is no name, or the class lacks a method.
    """
    text("name", name)
    source = f"register_learner({shown(name)})"
    if name in ALGORITHMS or CLASS_PATH.match(name) or not name.strip() or not name.isprintable():
        raise InputError(f"{source}: expected a name of its own without ':', got {shown(name)}")
    _checked(learner, name, source)
    allow_algorithm(name)
    _registered[name] = learner


def find_learner(scenario: Scenario) -> type[Learner]:
    """Return the class that `learner.algorithm` names.

    A class of the user's own is looked for in the current folder, beside the scenario file, and among installed packages.

    Raises:
        InputError: There is no such class, its module cannot be imported, or it lacks a method of a learner.
        MissingExtra: It trains networks, and torch is not installed.
    """
    name, source = scenario.learner.algorithm, f"{scenario.source}: learner.algorithm"
    if name in _BUILT_IN:
        _expect_library(name, source)
        module, _, attribute = _BUILT_IN[name].partition(":")
        found: type[Learner] = getattr(import_module(module), attribute)
        return found
    if name in _registered:
        return _registered[name]
    if not CLASS_PATH.match(name):
        # Registered in the process that loaded the scenario, not in this one.
        raise unknown(source, name, [*_BUILT_IN, *_registered])
    found = load_class(name, source, *scenario.code_folders)
    _checked(found, name, source)
    return found


def make_learner(scenario: Scenario) -> Learner:
    """Return the learner that `learner.algorithm` names, with its constants.

    It chooses a margin that is `validated` itself, and its policy is paced to the floor with `learner.pace_to_floor`.

    Raises:
        InputError: The class cannot be found or is no learner, or its constants are wrong, or it needs to know more than
            `[information]` shows.
    """
    return with_validated_floor(scenario, _made) if has_validated_floor(scenario) else _made(scenario)


def _made(scenario: Scenario) -> Learner:
    found: Any = find_learner(scenario)
    constants = _constants(found, scenario)
    name, arguments = scenario.learner.algorithm, "(scenario)" if constants is None else "(scenario, constants)"
    is_own = CLASS_PATH.match(name) is not None
    with constructing(name, f"{scenario.source}: learner.algorithm", arguments) if is_own else nullcontext():
        learner: Learner = found(scenario) if constants is None else found(scenario, constants)
    expect_shown(scenario, learner, f"learner.algorithm = {shown(name)}")
    if scenario.learner.clears_on_device:
        from auctionsim.agents.learners.es.on_device import PopulationOnDevice

        learner = PopulationOnDevice(scenario, learner)
    return with_floor_pacing(scenario, learner) if is_paced_to_floor(scenario) else learner


def expect_installed(scenario: Scenario) -> None:
    """Check, before anything is built or written, that the library and the device are there that the scenario's learner needs.

    Raises:
        MissingExtra: Somebody learns by a built-in learner that trains networks, and torch is not installed.
        InputError: There is no device that `learner.device` names.
    """
    if any(group.controller == "learner" for group in scenario.advertisers):
        _expect_library(scenario.learner.algorithm, f"{scenario.source}: learner.algorithm")
        source, device = f"{scenario.source}: learner.device", scenario.learner.device
        if scenario.learner.plays_on_device:
            from auctionsim.agents.device.devices import found_device

            found_device(source, device)
        if device != "cpu":
            from auctionsim.auction.cuda.kernels.device import check_device

            check_device(source, device)


def with_constants(scenario: Scenario) -> Scenario:
    """Return the scenario with every constant of a learner of the user's own written out, defaults too.

    Raises:
        InputError: The class cannot be found or is no learner, or its constants are wrong, or the scenario names a class where
            no code may run.
    """
    scenario.expect_code_allowed()
    if scenario.learner.algorithm in _BUILT_IN:
        return scenario
    constants = _constants(find_learner(scenario), scenario)
    table = {} if constants is None else json.loads(constants.model_dump_json())
    learner = scenario.learner.model_copy(update={"constants": table})
    return scenario.model_copy(update={"learner": learner})


def learner_names() -> tuple[str, ...]:
    """Return the names of the built-in learners."""
    return tuple(_BUILT_IN)


def _expect_library(name: str, source: str) -> None:
    """Refuse a built-in learner that trains networks where torch is not installed."""
    if name in _BUILT_IN and name not in SAME_EVERYWHERE:
        expect_library("torch", f'{source} = "{name}"', f"{', '.join(SAME_EVERYWHERE)} need no extra")


def _checked(learner: type[Any], name: str, source: str) -> None:
    """Refuse a class that is no learner."""
    instance_of(source, learner, type, "a class of the shape of auctionsim.Learner")
    expect_methods(learner, METHODS, name, source)
    model = getattr(learner, "Constants", None)
    if model is not None and not (isinstance(model, type) and issubclass(model, Section)):
        raise InputError(f"{source}: {name}.Constants: expected a subclass of auctionsim.scenario.Section, got {shown(model)}")


def _constants(learner: type[Any], scenario: Scenario) -> Section | None:
    """Return the constants of a class; None where it has none."""
    model: type[Section] | None = getattr(learner, "Constants", None)
    if model is not None and scenario.learner.algorithm in _BUILT_IN:
        # The section of a built-in learner stands in `[learner]` under a name of its own, such as `[learner.ppo]`.
        return next(section for _, section in scenario.learner if type(section) is model)
    # Where the class has no constants, every key is one too many.
    found = parse_section(model or Section, scenario.learner.constants, scenario.source, "learner.constants")
    return None if model is None else found
