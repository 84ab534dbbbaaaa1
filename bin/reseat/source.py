"""The files that the series is made of, as they stand in the repository, and what they must look like."""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path
from typing import Protocol

from . import mail, order
from .common import Error
from .git import Files, Git, get, text

# Folders at the root of the repository that are not the kernel's; those whose name starts with a dot are not either.
OURS = ("series", "bin", "harness", "bench", "out")
_TEMPORARY = re.compile(r"\..*\.tmp-\d+")


class Base(Protocol):
    """What is needed of the base: see base.py."""

    version: str
    git_dir: Path
    commit: str


@dataclasses.dataclass(frozen=True)
class Stored:
    """A patch as it stands in the repository."""

    name: str
    section: str
    mail: mail.Mail


def base_of() -> Base:
    """The base that this repository is for, fetched if need be."""
    from . import base
    return base.ensure()


def load(root: Path, base: Base, rev: str | None = None) -> Files:
    """What the series is made of: series/ and the files at the kernel's places, as they are, or those of @rev."""
    repo = Git(root)
    kernel = Git(base.git_dir).folders(base.commit)
    if rev is None:
        paths = [p for p in repo("ls-files", "-co", "--exclude-standard", "-z").split("\0") if p]
    else:
        paths = [p for p in repo("ls-tree", "-r", "-z", "--name-only", "--full-tree", rev).split("\0") if p]
    wanted = set()
    for path in paths:
        top, slash, rest = path.partition("/")
        if not slash or top.startswith(".") or _TEMPORARY.fullmatch(path.rsplit("/", 1)[1]):
            continue
        if top in OURS:
            if top == "series" and (rest in ("series", "cover") or rest.endswith(".patch")):
                wanted.add(path)
        elif top in kernel:
            wanted.add(path)
        else:
            raise Error(f"{path}: unknown path, neither the kernel's nor one of {', '.join(OURS)}")
    if rev is not None:
        return repo.files(rev, wanted)
    return {p: f for p in sorted(wanted) if (f := get(root, p)) is not None}


def stored(files: Files) -> list[Stored]:
    """The patches in their order, each read and checked by itself."""
    series = files.get("series/series")
    entries = order.parse(text(series.data)) if series else []
    names = {e.name for e in entries}
    for path in files:
        if path.endswith(".patch") and path.startswith("series/") and path[7:] not in names:
            raise Error(f"{path}: not listed in series/series")
    patches: list[Stored] = []
    for e in entries:
        file = files.get(f"series/{e.name}")
        if not file:
            raise Error(f"series/{e.name}: listed in series/series, but not there")
        patches.append(Stored(e.name, e.section, mail.parse(text(file.data), f"series/{e.name}")))
    subjects: dict[str, str] = {}
    for p in patches:
        other = subjects.setdefault(p.mail.subject, p.name)
        if other != p.name:
            raise Error(f"series/{p.name}: has the same subject as {other}")
    return patches


def claims(patches: list[Stored], files: Files, base: Base) -> Files:
    """Check which patch brings and touches what: every added file by exactly one, and nothing that is not there.

    Returns the base's own files among those that are touched.
    """
    kernel = Git(base.git_dir).folders(base.commit)
    for p in patches:
        for path in sorted(p.mail.paths()):
            parts = path.split("/")
            if path != str(Path(path)) or ".." in parts or (path in p.mail.adds and
                                                            (len(parts) == 1 or parts[0] not in kernel)):
                raise Error(f"series/{p.name}: {path}: unknown path, not below a folder of the kernel")
    before = Git(base.git_dir).files(base.commit, {path for p in patches for path in p.mail.paths()})
    owner: dict[str, str] = {}
    for p in patches:
        for path in p.mail.adds:
            if path in owner:
                raise Error(f"{path}: added by two patches, {owner[path]} and {p.name}")
            if path in before:
                raise Error(f"series/{p.name}: adds: {path}, which Linux {base.version} has already")
            if path not in files:
                raise Error(f"series/{p.name}: adds: {path}, which is not in the repository")
            owner[path] = p.name
        for e in p.mail.diff:
            if e.path not in before and e.path not in owner:
                later = next((q.name for q in patches if e.path in q.mail.adds), None)
                why = f"edited before {later} adds it" if later else f"unknown path, not in Linux {base.version}"
                raise Error(f"series/{p.name}: {e.path}: {why}")
            if e.path in p.mail.adds:
                raise Error(f"series/{p.name}: both adds and edits {e.path}")
            if e.path in owner and re.search(r"^deleted file mode ", e.diff.split("\n@@ ")[0], re.M):
                raise Error(f"series/{p.name}: deletes {e.path}, which {owner[e.path]} adds")
        touched = {e.path for e in p.mail.diff if e.path in owner}
        for path in sorted(touched ^ set(p.mail.edits)):
            raise Error(f"series/{p.name}: " + (f"has hunks of {path} but no line `edits: {path}`" if path in touched
                                                else f"edits: {path}, but has no hunks of that added file"))
    for path in files:
        if not path.startswith("series/") and path not in owner:
            raise Error(f"{path}: added by no patch: one must say `adds: {path}`")
    return before
