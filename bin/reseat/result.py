"""Results: what every test run writes, and the one line that sums it up."""

from __future__ import annotations

import dataclasses
import json
import time
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from . import common

OUTCOMES = ("pass", "fail", "skip")


@dataclasses.dataclass(frozen=True)
class Result:
    """One test case. @suite says what ran it (kunit, selftest, check...), @kernel on what."""

    suite: str
    name: str
    outcome: str  # pass, fail or skip
    reason: str = ""  # why it was skipped, or how it failed
    kernel: str = ""  # for example x86_64, x86_64-debug, x86_64-base, uml
    seconds: float = 0.0
    log: str = ""

    def __post_init__(self) -> None:
        if self.outcome not in OUTCOMES:
            raise ValueError(f"outcome '{self.outcome}'")
        if self.outcome == "skip" and not self.reason:
            raise ValueError(f"{self.name}: a skip needs a reason")


def summary(results: Iterable[Result]) -> str:
    """The line that CI reads."""
    n = Counter(r.outcome for r in results)
    return f"{n['pass']} passed, {n['fail']} failed, {n['skip']} skipped"


def save(path: Path, results: Iterable[Result]) -> None:
    """Write results as a JSON file, whole or not at all."""
    with common.fresh(path) as tmp:
        tmp.write_text(json.dumps([dataclasses.asdict(r) for r in results], indent=1) + "\n")


def load(path: Path) -> list[Result]:
    """Read back what save() wrote."""
    return [Result(**r) for r in json.loads(path.read_text())]


def report(results: list[Result], name: str) -> int:
    """Save results as out/results/@name.json, print failures, skips and the summary; return the exit code.

    No result at all is a failure: a run that tested nothing must not pass.
    """
    path = common.OUT / "results" / f"{name}.json"
    save(path, results)
    alike = Counter((r.suite, r.kernel, r.reason) for r in results if r.outcome == "skip")
    for r in results:
        others = alike.pop((r.suite, r.kernel, r.reason), 0) - 1 if r.outcome == "skip" else 0
        if r.outcome == "fail" or (r.outcome == "skip" and others >= 0):
            where = f" [{r.kernel}]" if r.kernel else ""
            print(f"{r.outcome.upper():4} {r.suite}: {r.name}{f' and {others} more' if others else ''}{where}: {r.reason}"
                  + (f"  (log: {r.log})" if r.log else ""))
    print(f"results: {path.relative_to(common.ROOT)}")
    print(summary(results))
    return 1 if not results or any(r.outcome == "fail" for r in results) else 0


class Timer:
    """Seconds since it was made."""

    def __init__(self) -> None:
        self._start = time.monotonic()

    def __call__(self) -> float:
        return round(time.monotonic() - self._start, 2)
