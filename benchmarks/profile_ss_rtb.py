"""Profile a generation of 1,000 agents: `python benchmarks/profile_ss_rtb.py > benchmarks/ss-rtb-1000.txt`.

One generation (an episode of all copies, then all gradient steps) of the built-in scenario `ss-rtb-1000`, on one thread,
after one that compiles. No line may be called once per agent.
"""

from __future__ import annotations

import cProfile
import pstats
import re
import sys
import time

from auctionsim.agents.build import build_market
from auctionsim.agents.learners.base import iterate
from auctionsim.agents.learners.registry import make_learner
from auctionsim.scenario.file import load_scenario


def main() -> None:
    """Profile one generation and print the functions that take longest."""
    scenario = load_scenario("ss-rtb-1000")
    market = build_market(scenario)
    learner = make_learner(scenario)
    began = time.monotonic()
    state = learner.start(market)
    dqn = scenario.learner.dqn
    print(
        f"{len(market.learners)} agents, {dqn.num_envs} copies, {dqn.gradient_steps} gradient steps of batch {dqn.batch_size},"
    )
    print(f"hidden layers {dqn.hidden_sizes}; start {time.monotonic() - began:.1f} s")
    for generation in (1, 2):
        profile = cProfile.Profile()
        began = time.monotonic()
        if generation == 2:
            profile.enable()
        state, _ = iterate(learner, market, state)
        profile.disable()
        print(f"generation {generation}: {time.monotonic() - began:.1f} s")
    stats = pstats.Stats(profile, stream=sys.stdout)
    most, (file, line, name) = max((calls, where) for where, (calls, *_) in stats.stats.items())
    print(f"most calls of any function in the generation: {most}, of {name} {file}:{line}")
    stats.sort_stats("tottime").print_stats(20)


class _Plain:
    """Standard output without this machine's folders."""

    def write(self, text: str) -> int:
        return sys.__stdout__.write(re.sub(r"/\S*/((?:auctionsim|numpy|torch|agents|site-packages)/)", r"\1", text))

    def flush(self) -> None:
        sys.__stdout__.flush()


if __name__ == "__main__":
    sys.stdout = _Plain()  # type: ignore[assignment]
    main()
