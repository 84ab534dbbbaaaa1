"""What is known to fail on the unpatched base, and whether it still does, for the reason that it is said to.

harness/base-fails has a line for each such test: its name as in the results, two or more blanks, and a regular
expression that is searched for in the reason that the failure gives; '.' where there is but one way to fail.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterable
from pathlib import Path

from . import common
from .result import Result

FILE = common.ROOT / "harness" / "base-fails"


def load(file: Path = FILE) -> dict[str, str]:
    """Read the list: the name of a test, and how it fails."""
    known: dict[str, str] = {}
    for n, line in enumerate(file.read_text().splitlines(), 1):
        if not line.strip() or line.startswith("#"):
            continue
        m = re.fullmatch(r"(\S.*?) {2,}(\S.*)", line)
        if not m or m[1] in known:
            raise common.Error(f"{file}:{n}: " + (f"'{m[1]}' stands there twice" if m else "a name, two blanks, a reason"))
        try:
            re.compile(m[2])
        except re.error as e:
            raise common.Error(f"{file}:{n}: {e}") from None
        known[m[1]] = m[2]
    return known


def judge(results: Iterable[Result], known: dict[str, str]) -> list[Result]:
    """Turn results of the base around: what is to fail there passes if it fails as it should.

    A known failure that passes proves nothing any more and fails; other results stay what they are. What a suite
    of @results should have reported but did not is no concern here: runs without results fail by themselves.
    """
    return [_judge(r, known.get(r.name)) for r in results]


def _judge(r: Result, reason: str | None) -> Result:
    if reason is None or r.outcome == "skip":
        return r
    if r.outcome == "pass":
        return dataclasses.replace(r, outcome="fail", reason="passes on the base: it proves nothing")
    if not re.search(reason, r.reason):
        return dataclasses.replace(r, reason=f"fails on the base, but not with /{reason}/: {r.reason}")
    return dataclasses.replace(r, outcome="pass", reason=f"fails on the base as it should: {r.reason}")
