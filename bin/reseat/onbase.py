"""What fails on the unpatched base, and whether it still does, for the reason that it is said to.

A patch that fixes something names the tests that fail without it, a line for each below the `---` of its mail:
`fails without it: NAME  REGEX`. NAME is the test's name in the results, and REGEX is searched for in the reason that
the failure gives.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterable, Mapping

from . import common, compose
from .result import Result

_LINE = re.compile(r"fails without it: (\S.*?) {2,}(\S.*)")


@dataclasses.dataclass(frozen=True)
class Proof:
    """A test that fails without a patch, and how."""

    patch: str  # its subject
    test: str
    reason: str


def parse(patch: str, notes: str) -> list[Proof]:
    """Read the notes of a patch."""
    proofs = []
    for line in notes.splitlines():
        if not line.startswith("fails without it:"):
            continue
        m = _LINE.fullmatch(line)
        if not m:
            raise common.Error(f"{patch}: '{line}': a test's name, two blanks, a regular expression")
        try:
            re.compile(m[2])
        except re.error as e:
            raise common.Error(f"{patch}: '{line}': {e}") from None
        proofs.append(Proof(patch, m[1], m[2]))
    return proofs


def load() -> dict[str, Proof]:
    """All proofs of the series, by test."""
    files = compose.load(common.ROOT, compose.base_of())
    known: dict[str, Proof] = {}
    for stored in compose.stored(files):
        for proof in parse(stored.mail.subject, stored.mail.notes):
            if proof.test in known:
                raise common.Error(f"'{proof.test}' is to fail without '{known[proof.test].patch}' and '{proof.patch}'")
            known[proof.test] = proof
    return known


def judge(results: Iterable[Result], known: Mapping[str, Proof]) -> list[Result]:
    """Turn results of the base around: what is to fail there passes if it fails as it should.

    What is to fail and passes proves nothing, and fails; other results stay what they are.
    """
    return [_judge(r, known[r.name].reason) if r.name in known else r for r in results]


def _judge(r: Result, reason: str) -> Result:
    if r.outcome == "skip":
        return r
    if r.outcome == "pass":
        return dataclasses.replace(r, outcome="fail", reason="passes on the base: it proves nothing")
    if not re.search(reason, r.reason):
        return dataclasses.replace(r, reason=f"fails on the base, but not with /{reason}/: {r.reason}")
    return dataclasses.replace(r, outcome="pass", reason=f"fails on the base as it should: {r.reason}")
