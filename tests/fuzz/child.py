"""The child process: draw cases of one target, run them under limits, write down what is found. Its parent survives it."""

from __future__ import annotations

import contextlib
import faulthandler
import hashlib
import json
import os
import resource
import sys
import time
import traceback
from dataclasses import dataclass, field
from pathlib import Path

from hypothesis import HealthCheck, Phase, Verbosity, given, seed, settings
from hypothesis.configuration import set_hypothesis_home_dir
from hypothesis.errors import Flaky, Unsatisfiable

from .base import Case, Target, Violation, find_target, signature
from .sandbox import Watch, room

# Executions spent on making a finding small, and cases drawn from one seed before the next one is taken.
_SHRINKS, _ROUND = 120, 100


@dataclass
class Session:
    """What is known while a target is fuzzed."""

    target: Target
    name: str
    out: Path
    """Folder for findings, of this target alone."""
    known: set[str] = field(default_factory=set)
    """Signatures that count no more."""
    executed: int = 0
    _shrinks: dict[str, int] = field(default_factory=dict)
    _watch: Watch = field(default_factory=Watch)

    def attempt(self, case: Case) -> str | None:
        """Run a case; return the signature of what it found, and keep the case where it is the smallest so far."""
        self.executed += 1
        (self.out / "current.json").write_text(json.dumps(case))
        # On a machine that is busy with something else a case takes longer without hanging.
        busy = max(1.0, os.getloadavg()[0] / (os.cpu_count() or 1))
        faulthandler.dump_traceback_later(self.target.seconds * busy, exit=True)
        try:
            with room(self.out / "room", self._watch):
                self.target.run(case)
        except KeyboardInterrupt:
            raise
        except BaseException as error:
            return self._found(case, error)
        finally:
            faulthandler.cancel_dump_traceback_later()
        return None

    def is_worth_shrinking(self, found: str) -> bool:
        """Return whether a finding is new and not yet as small as it is going to be."""
        self._shrinks[found] = self._shrinks.get(found, 0) + 1
        return found not in self.known and self._shrinks[found] < _SHRINKS

    def _found(self, case: Case, error: BaseException) -> str:
        found = signature(error)
        if found not in self.known:
            text = str(error) if isinstance(error, Violation) else "".join(traceback.format_exception(error))
            keep(self.out, self.name, case, found, text)
        return found


def keep(out: Path, name: str, case: Case, found: str, text: str) -> None:
    """Write a finding, unless a smaller case with the same signature is there."""
    path = out / f"{hashlib.sha256(found.encode()).hexdigest()[:10]}.json"
    # Of two that are equally long the later one is kept, which hypothesis took for the simpler.
    if path.exists() and len(json.dumps(json.loads(path.read_text())["case"])) < len(json.dumps(case)):
        return
    finding = {"target": name, "found": found, "case": case, "seen": text[-4000:]}
    path.write_text(json.dumps(finding, indent=1, ensure_ascii=True) + "\n")


def limit_memory(megabytes: int) -> None:
    """Limit the address space to what is taken now and so much more, so that a case cannot take the machine's memory."""
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    most = pages * resource.getpagesize() + megabytes * 2**20
    resource.setrlimit(resource.RLIMIT_AS, (most, most))


def fuzz(session: Session, first_seed: int, seconds: float, cases: int) -> None:
    """Draw and run cases until the time or their number is used up."""
    end = time.monotonic() + seconds
    set_hypothesis_home_dir(session.out / "hypothesis")
    turn = 0
    while time.monotonic() < end and session.executed < cases:
        _one_round(session, first_seed + turn, end, min(_ROUND, cases - session.executed))
        session.known.update(signature for signature in session._shrinks)
        turn += 1


def _one_round(session: Session, drawn_from: int, end: float, number: int) -> None:
    """Draw cases from one seed; hypothesis makes the first one that fails smaller."""

    class Found(Exception):
        """Ends an execution, for hypothesis."""

    @seed(drawn_from)
    @settings(
        max_examples=number, database=None, deadline=None, phases=[Phase.generate, Phase.shrink], verbosity=Verbosity.quiet,
        suppress_health_check=list(HealthCheck), report_multiple_bugs=False, print_blob=False,
    )  # fmt: skip
    @given(session.target.cases())
    def one(case: Case) -> None:
        if time.monotonic() > end:
            return
        found = session.attempt(case)
        if found is not None and session.is_worth_shrinking(found):
            raise Found(found)

    # Flaky: the time was over, or a finding was small enough, while hypothesis went on.
    with contextlib.suppress(Found, Flaky, Unsatisfiable):
        one()


def main() -> None:
    """Do what the parent says in one JSON object on the command line."""
    from .corpus import replay

    faulthandler.enable()
    wanted = json.loads(sys.argv[1])
    out = Path(wanted["out"])
    if "replay" in wanted:
        replay(out, wanted["replay"])
        return
    target = find_target(wanted["target"])
    target.prepare()
    limit_memory(target.megabytes)
    session = Session(target, wanted["target"], out, set(wanted["known"]))
    begun = time.monotonic()
    fuzz(session, wanted["seed"], wanted["seconds"], wanted["cases"])
    (out / "counts.json").write_text(json.dumps({"executed": session.executed, "seconds": time.monotonic() - begun}))


if __name__ == "__main__":
    main()
