"""Arguments of the environments: constructors, resets, actions of wrong kinds, calls in a wrong order."""

from __future__ import annotations

from typing import Any

import gymnasium
import numpy as np
from hypothesis import strategies as st

from auctionsim import envs
from auctionsim.agents.build import build_market
from auctionsim.envs.single_agent import single_bidder_vector
from auctionsim.scenario.file import parse_scenario

from ..base import Case, Target, Violation
from ..oracle import check_call
from ..values import VALUES, hostile

SMALL = """
name = "small"
[traffic]
auctions_per_day = 60
queries = 5
candidates = 3
train_days = [0, 1]
test_days = [2]
[[advertisers]]
group = "seller"
count = 2
"""
_KINDS: dict[str, Any] = {
    "parallel_env": envs.parallel_env,
    "env": envs.env,
    "AuctionVectorEnv": lambda scenario, num_envs=2, **more: envs.AuctionVectorEnv(scenario, num_envs, **more),
    "SingleBidderEnv": envs.SingleBidderEnv,
    "single_bidder_vector": lambda scenario, num_envs=2, **more: single_bidder_vector(num_envs, scenario, **more),
    "make": lambda scenario, **more: gymnasium.make("auctionsim/SingleBidder-v0", scenario=scenario, **more),
}
_VECTOR = {"num_envs", "same_day", "threads", "autoreset_mode"}
_COMMON = {
    "scenario",
    "overrides",
    "bid_model",
    "action_mode",
    "levels",
    "max_multiplier",
    "split",
    "max_cycles",
    "render_mode",
}
_ARGUMENTS = {
    "parallel_env": _COMMON,
    "env": _COMMON,
    "AuctionVectorEnv": _COMMON | _VECTOR,
    "SingleBidderEnv": _COMMON | {"bidder", "rivals"},
    "single_bidder_vector": _COMMON | _VECTOR | {"bidder", "rivals", "max_episode_steps"},
    "make": (_COMMON | {"bidder", "rivals"}) - {"render_mode"},
}
_VALID = {"bid_model": "value", "action_mode": "discrete", "max_cycles": 2, "autoreset_mode": "Disabled"}
_WORDS = {
    "scenario": ("scenario", "nowhere", "train", "box", "file", "source"), "num_envs": ("num_envs", "actions"),
    "options": ("options",), "seed": ("seed",), "action": ("action",),
}  # fmt: skip
# Sizes that are right in themselves and too large for a minute; how much is too much is no matter of arguments.
_TOO_MUCH = {"num_envs": {"2**31", "2**63-1", "2**63", "10**400", "10**5000"}, "threads": set(), "levels": set()}
_market: list[Any] = []


def _prepare() -> None:
    _market.append(build_market(parse_scenario(SMALL, "small.toml")))
    for kind in _KINDS:
        _run({"kind": kind, "arguments": {}, "calls": [["reset", {}], ["act", "right"]]})


@st.composite
def _cases(draw: st.DrawFn) -> Case:
    kind = draw(st.sampled_from(list(_KINDS)))
    arguments: dict[str, Any] = {
        name: value for name, value in _VALID.items() if name in _ARGUMENTS[kind] and draw(st.booleans())
    }
    for name in draw(st.lists(st.sampled_from(sorted(_ARGUMENTS[kind])), max_size=2)):
        value = draw(hostile())
        if value not in _TOO_MUCH.get(name, set()):
            arguments[name] = ["value", value]
    reset = st.tuples(
        st.just("reset"),
        st.dictionaries(
            st.sampled_from(["seed", "options"]),
            hostile() | st.dictionaries(st.sampled_from(["day", "reset_mask", "dya", "maks", "other"]), hostile(), max_size=2),
            max_size=2,
        ),
    )
    act = st.tuples(
        st.just("act"), st.sampled_from(["right", "missing", "extra", "nan", "wide", "none", "swapped"]) | hostile()
    )
    more = st.tuples(st.sampled_from(["render", "state", "close", "observe", "spaces"]), hostile())
    return {
        "kind": kind,
        "arguments": arguments,
        "calls": [list(call) for call in draw(st.lists(reset | act | more, max_size=5))],
    }


def _made(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _made(one) for key, one in value.items()}
    if isinstance(value, list):
        value = value[1]
    return VALUES[value]() if isinstance(value, str) and value in VALUES else value


def _run(case: Case) -> None:
    hostile_ones = [name for name, value in case["arguments"].items() if isinstance(value, list)]
    arguments = {name: _made(value) if isinstance(value, list) else value for name, value in case["arguments"].items()}
    arguments.setdefault("scenario", _market[0])
    names = [word for name in hostile_ones for word in _WORDS.get(name, (name,))]
    made = check_call(lambda: _KINDS[case["kind"]](**arguments), names)
    if made is None:
        return
    for name, value in case["calls"]:
        if name == "reset":
            given = {key: _made(one) for key, one in value.items()}
            check_call(lambda given=given: made.reset(**given), list(given) or ["reset"])
        elif name == "act":
            check_call(lambda value=value: _act(made, value), ["action", "agent", "step"])
        else:
            check_call(lambda name=name, value=value: _other(made, name, _made(value)), ["agent", "reset", "render"])


def _act(made: Any, how: str) -> None:
    """Step with right or wrong actions; what comes back is finite and in its space."""
    stepped = _step(made, how)
    if stepped is None:
        return
    seen, rewards = stepped[:2]
    by_agent = seen.items() if isinstance(seen, dict) else [(None, seen)]
    for agent, one in by_agent:
        space = made.observation_space if agent is None else made.observation_space(agent)
        if not space.contains(one):
            raise Violation("observations lie in their space", f"{one!r}"[:200])
    if not np.isfinite(list(rewards.values()) if isinstance(rewards, dict) else rewards).all():
        raise Violation("rewards are finite", f"{rewards!r}"[:200])


def _step(made: Any, how: str) -> Any:
    if hasattr(made, "agent_selection") or hasattr(made, "possible_agents"):
        agents = list(made.possible_agents)
        right = {agent: made.action_space(agent).sample() for agent in agents}
        if hasattr(made, "aec_env") or not hasattr(made, "batched_days"):
            return made.step(right[agents[0]] if how == "right" else _wrong(right[agents[0]], how))
        if how == "missing":
            right.pop(agents[0])
        elif how == "extra":
            right["nobody"] = right[agents[0]]
        elif how != "right":
            wrong = _wrong(right[agents[0]], how)
            return made.step(wrong if how in ("set", "list", "None") else right | {agents[0]: wrong})
        return made.step(right)
    right = made.action_space.sample()
    return made.step(right if how == "right" else _wrong(right, how))


def _wrong(right: Any, how: str) -> Any:
    right = np.asarray(right)
    if how in ("missing", "none"):
        return None
    if how in ("extra", "wide"):
        return np.stack([right, right])
    if how == "nan":
        return np.full(right.shape, np.nan)
    if how == "swapped":
        return right.T.tolist()
    return VALUES[how]()


def _other(made: Any, name: str, value: Any) -> None:
    if name == "spaces" and callable(getattr(made, "reward_space", None)):
        made.reward_space(value)
    elif name in ("render", "state", "close") and hasattr(made, name):
        getattr(made, name)()
    elif name == "observe" and hasattr(made, "possible_agents") and not hasattr(made, "batched_days"):
        made.observe(made.possible_agents[0])


TARGET = Target(cases=_cases, run=_run, prepare=_prepare, quick=200)
