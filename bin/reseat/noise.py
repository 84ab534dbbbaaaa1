"""What a kernel log may say: splats are failures, unless the case expects them or harness/noise explains them."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterable
from pathlib import Path

from . import common

FILE = common.ROOT / "harness" / "noise"

# The first line of what the kernel prints when something is wrong.
_SPLAT = re.compile(
    r"\b(?:BUG: |WARNING: |INFO: (?:possible|task .* blocked for|rcu_\w+ (?:self-)?detected|inconsistent|suspicious)|"
    r"Oops\b|Kernel panic|general protection fault|Unable to handle kernel|UBSAN: |kernel BUG at|Bad page state|"
    r"possible circular locking|possible recursive locking|inconsistent lock state|suspicious RCU usage|"
    r"ODEBUG: |rcu: INFO: |watchdog: BUG|refcount_t: |list_(?:add|del) corruption|Internal error:|Badness at|"
    r"unreferenced object|\d+ new suspected memory leaks)")
_STAMP = re.compile(r"^(?:<\d+>)?\[ *\d+\.\d+\](?:\[[^]]*\])? ?")
_BLOCK_LINES = 60


@dataclasses.dataclass(frozen=True)
class Noise:
    """A splat that the emulator causes, and why we believe so."""

    pattern: re.Pattern[str]
    reason: str


@dataclasses.dataclass(frozen=True)
class Splat:
    """A complaint of the kernel: its first line, and that with what follows."""

    title: str
    block: str


def load(path: Path = FILE) -> list[Noise]:
    """Read the noise list: a regular expression, two or more blanks, the reason; '#' starts a comment."""
    known = []
    for number, line in enumerate(path.read_text().splitlines(), 1):
        if not line.strip() or line.startswith("#"):
            continue
        pattern, _, reason = line.partition("  ")
        if not reason.strip():
            raise common.Error(f"{path}:{number}: no reason (two blanks separate it from the pattern)")
        try:
            known.append(Noise(re.compile(pattern, re.S), reason.strip()))
        except re.error as e:
            raise common.Error(f"{path}:{number}: {e}") from None
    return known


def splats(log: str) -> list[Splat]:
    """Find what the kernel complains about in @log, one entry for a complaint however many lines it has."""
    lines = [_STAMP.sub("", s) for s in log.splitlines()]
    found: list[Splat] = []
    end = 0  # lines before this one belong to the splat before
    for n, text in enumerate(lines):
        if not _SPLAT.search(text):
            continue
        if n < end and not re.search(r"BUG: KASAN|WARNING: |Kernel panic|Oops", text):
            continue
        found.append(Splat(text.strip(), "\n".join(lines[n:n + _BLOCK_LINES])))
        end = n + 3  # lockdep, for one, has a second line that matches too
    return found


def sort(log: str, known: Iterable[Noise], expected: Iterable[str] = ()) -> tuple[list[Splat], list[str]]:
    """Sort the complaints in @log into those that nobody @expected, and what to print about known noise."""
    known, expected = list(known), list(expected)
    bad: list[Splat] = []
    noise: list[str] = []
    for s in splats(log):
        if any(re.search(e, s.title) for e in expected):
            continue
        reason = next((n.reason for n in known if n.pattern.search(s.block)), None)
        if reason:
            noise.append(f"noise: {s.title} ({reason})")
        else:
            bad.append(s)
    return bad, noise
