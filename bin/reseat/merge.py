"""Two edits of the series, one in the repository and one in the tree, merged three ways."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping

from . import absorb, compose, mail, order
from .common import Error
from .git import Change, File, Files, Git, encode, text
from .git import merge as merge_text
from .mail import Mail


def merge(git: Git, base: compose.Base, tip: str, old: Files, repo: Files, notes: Mapping[str, str]) -> Files:
    """The repository's files with both what changed there and what changed on the branch @tip since both were @old.

    Refuses where they conflict, and names the files.
    """
    carried, notes = _carry(git, base.commit, tip, old, repo, notes)
    return _merge(old, repo, absorb.absorb(git, base, carried, old, notes).files)


def _carry(git: Git, base: str, tip: str, old: Files, repo: Files,
           notes: Mapping[str, str]) -> tuple[str, dict[str, str]]:
    """The branch with the repository's edits of added files in every commit that has the file; and its notes.

    So that the hunks of later patches have the context that they will meet.
    """
    edited = {p for p, f in repo.items() if not p.startswith("series/") and f != old.get(p, f)}
    commits = absorb.read_commits(git, base, tip)
    mails = absorb.read_mails(git, base, commits, notes)
    changes, conflicts = [], []
    for commit, m in zip(commits, mails, strict=True):
        now = git.files(commit, m.paths())
        for path in edited & now.keys():
            data = merge_text(old[path].data, repo[path].data, now[path].data)
            if data is None:
                conflicts.append(path)
            else:
                now[path] = File(now[path].mode, data)
        changes.append(Change(m.commit_message(), m.author, m.date, {p: now.get(p) for p in m.paths()}))
    _refuse(conflicts)
    if not edited or not changes:
        return tip, dict(notes)
    carried = git.fast_import("refs/reseat/next/carried", base, changes)
    return carried[-1], {new: notes[c] for c, new in zip(commits, carried, strict=True) if c in notes}


def _merge(base: Files, ours: Files, theirs: Files) -> Files:
    merged: Files = {}
    conflicts = []
    for path in sorted({*base, *ours, *theirs}):
        b, o, t = base.get(path), ours.get(path), theirs.get(path)
        result: File | None
        if o == t or t == b:
            result = o
        elif o == b:
            result = t
        elif not (b and o and t):
            conflicts.append(path)
            continue
        elif path.endswith(".patch") and path.startswith("series/"):
            m = _merge_mails(*(mail.parse(text(f.data), path) for f in (b, o, t)))
            result = File(o.mode, encode(mail.format(m))) if m else None
            if not m:
                conflicts.append(path)
        else:
            data = merge_text(b.data, o.data, t.data)
            if data is None and path == "series/series":
                data = _merge_order(*(text(f.data) for f in (b, o, t)))
            result = File(t.mode if o.mode == b.mode else o.mode, data) if data is not None else None
            if data is None:
                conflicts.append(path)
        if result:
            merged[path] = result
    _refuse(conflicts)
    return merged


def _refuse(conflicts: Iterable[str]) -> None:
    if names := "".join(f"  {p}\n" for p in sorted(set(conflicts))):
        raise Error(f"changed in the repository and in the tree, in ways that do not merge:\n{names}"
                    "commit one side, and use `make tree REV=` with `git rebase --onto` (see HACKING.md)")


def _merge_order(base: str, ours: str, theirs: str) -> bytes | None:
    """Two sides that both added patches at one place: ours, then theirs; None when one of them reordered patches."""
    b, o, t = ([e.name for e in order.parse(s)] for s in (base, ours, theirs))
    if [n for n in b if n in o and n in t] != [n for n in t if n in b and n in o]:
        return None
    names = [n for n in o if n in t or n not in b]
    for before, name in zip([None, *t], t):
        if name not in b and name not in names:
            at = names.index(before) + 1 if before in names else 0
            while at < len(names) and names[at] not in t:
                at += 1
            names.insert(at, name)
    return encode(order.rewrite(ours, names))


def _merge_mails(base: Mail, ours: Mail, theirs: Mail) -> Mail | None:
    """Field by field; text by line, hunks as a whole: two edits of one diff are never merged as text."""
    result = {}
    for field in dataclasses.fields(Mail):
        b, o, t = (getattr(m, field.name) for m in (base, ours, theirs))
        nb, no, nt = (getattr(m.normal(), field.name) for m in (base, ours, theirs))
        if no == nt or nt == nb:
            result[field.name] = o
        elif no == nb:
            result[field.name] = t
        elif field.name in ("adds", "edits"):
            result[field.name] = tuple(sorted((set(o) & set(t)) | (set(o) - set(b)) | (set(t) - set(b))))
        elif field.name in ("message", "notes"):
            data = merge_text(*(encode(x + "\n") for x in (b, o, t)))
            if data is None:
                return None
            result[field.name] = text(data).strip("\n")
        else:
            return None
    return Mail(**result)
