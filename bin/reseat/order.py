"""series/series: the order of the patches, in sections; and the names of new ones."""

from __future__ import annotations

import dataclasses
import difflib
import re
from collections.abc import Sequence

from . import mail
from .common import Error

NAME = re.compile(r"(\d{4})-([A-Za-z0-9._-]+)\.patch")


@dataclasses.dataclass(frozen=True)
class Entry:
    """One line that names a patch, and the first line of the comment that its section starts with."""

    name: str
    section: str


def parse(text: str) -> list[Entry]:
    """The patches in their order. A comment that follows a blank line or a patch starts a section."""
    entries: list[Entry] = []
    section, in_comment = "", False
    for line in text.split("\n"):
        line = line.strip()
        if line.startswith("#"):
            if not in_comment:
                section = line
            in_comment = True
            continue
        in_comment = False
        if not line:
            continue
        if not NAME.fullmatch(line):
            raise Error(f"series/series: '{line[:60]}' is not the name of a patch (NNNN-Subject.patch)")
        if any(e.name == line for e in entries):
            raise Error(f"series/series: {line} is listed twice")
        entries.append(Entry(line, section))
    return entries


def rewrite(text: str, names: Sequence[str]) -> str:
    """@text with its patches in the order of @names; every other line stays.

    Patches that keep their place relative to each other stay where they are between the comments; one that is new, or
    has moved, comes right behind the one before it.
    """
    lines = text.rstrip().split("\n") if text.strip() else []
    old = [s.strip() for s in lines if s.strip() and not s.strip().startswith("#")]
    blocks = difflib.SequenceMatcher(None, old, list(names), autojunk=False).get_matching_blocks()
    stay = {old[b.a + i] for b in blocks for i in range(b.size)}
    lines = [s for s in lines if not s.strip() or s.strip().startswith("#") or s.strip() in stay]
    at = next((i for i, s in enumerate(lines) if s.strip() in stay), len(lines)) if stay else len(lines)
    for name in names:
        if name in stay:
            at = next(i for i, s in enumerate(lines) if s.strip() == name) + 1
        else:
            lines.insert(at, name)
            at += 1
    while lines and not lines[-1].strip():
        lines.pop()
    return "".join(s + "\n" for s in lines)


def new_names(known: Sequence[str | None], subjects: Sequence[str], taken: set[str]) -> list[str]:
    """The names of all patches: those that are known, and new ones numbered between their neighbours."""
    names: list[str] = []
    used = set(taken) | {n for n in known if n}
    for i, name in enumerate(known):
        if name is None:
            low = int(names[-1][:4]) if names else 0
            ahead = next((j for j in range(i, len(known)) if known[j]), None)
            high = int(str(known[ahead])[:4]) if ahead is not None else 0
            if high > low:
                number = low + (high - low) // ((ahead or 0) - i + 1)
            else:  # at the end, or behind a patch that was moved there: the next full step
                number = min(low // 10 * 10 + 10, 9999)
            name = _unique(number, mail.slug(subjects[i]) or "patch", used)
            used.add(name)
        names.append(name)
    return names


def _unique(number: int, slug: str, used: set[str]) -> str:
    name, n = f"{number:04}-{slug}.patch", 1
    while name in used:
        n += 1
        name = f"{number:04}-{slug}-{n}.patch"
    return name
