"""What fails on the unpatched base, and whether it still does, for the reason that it is said to.

A patch that fixes something names the tests that fail without it, a line for each below the `---` of its mail:
`fails without it: NAME  REGEX`. NAME is the test's name in the results, where * stands for anything, and REGEX is
searched for in the reason that the failure gives. `may fail without it:` says so of a test that depends on luck there: it
proves nothing, and is not held against the base either way.
"""

from __future__ import annotations

import dataclasses
import fnmatch
import re
from collections.abc import Iterable, Sequence

from . import common, compose
from .result import Result

_LINE = re.compile(r"(fails|may fail) without it: (\S.*?) {2,}(\S.*)")


@dataclasses.dataclass(frozen=True)
class Proof:
    """A test that fails without a patch, and how."""

    patch: str  # its subject
    test: str
    reason: str
    sure: bool = True  # or does it depend on luck


def parse(patch: str, notes: str) -> list[Proof]:
    """Read the notes of a patch."""
    proofs = []
    for line in notes.splitlines():
        if not line.startswith(("fails without it:", "may fail without it:")):
            continue
        m = _LINE.fullmatch(line)
        if not m:
            raise common.Error(f"{patch}: '{line}': a test's name, two blanks, a regular expression")
        try:
            re.compile(m[3])
        except re.error as e:
            raise common.Error(f"{patch}: '{line}': {e}") from None
        proofs.append(Proof(patch, m[2], m[3], m[1] == "fails"))
    return proofs


def load() -> list[Proof]:
    """All proofs of the series, in its order."""
    files = compose.load(common.ROOT, compose.base_of())
    return [proof for s in compose.stored(files) for proof in parse(s.mail.subject, s.mail.notes)]


def of(test: str, known: Iterable[Proof]) -> Proof | None:
    """The proof that speaks of @test, the first one if there are several."""
    return next((p for p in known if fnmatch.fnmatchcase(test, p.test)), None)


def judge(results: Iterable[Result], known: Sequence[Proof]) -> list[Result]:
    """Turn results of the base around: what is to fail there passes if it fails as it should.

    What is to fail and passes proves nothing, and fails; other results stay what they are.
    """
    return [_judge(r, p) if (p := of(r.name, known)) else r for r in results]


def unproved(results: Sequence[Result], known: Iterable[Proof]) -> list[Result]:
    """A failure for each proof whose test is not among the results of the base: it has another name now, or is gone.

    A case that is skipped as a whole has one result, of its name, for all of its tests.
    """
    return [Result("suite", f"'{p.test}' on the base", "fail", f"no test is called so, but '{p.patch}' says that it fails")
            for p in known if p.sure and not any(_speaks_of(r, p) for r in results)]


def _speaks_of(r: Result, proof: Proof) -> bool:
    return fnmatch.fnmatchcase(r.name, proof.test) or (r.outcome == "skip" and proof.test.startswith(f"{r.name}: "))


def _judge(r: Result, proof: Proof) -> Result:
    if r.outcome == "skip" or (r.outcome == "pass" and not proof.sure):
        return r
    if r.outcome == "pass":
        return dataclasses.replace(r, outcome="fail", reason="passes on the base: it proves nothing")
    if not re.search(proof.reason, r.reason):
        return dataclasses.replace(r, reason=f"fails on the base, but not with /{proof.reason}/: {r.reason}")
    return dataclasses.replace(r, outcome="pass", reason=f"fails on the base as it should: {r.reason}")
