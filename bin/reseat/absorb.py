"""From commits back to the repository: the opposite of compose.py."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable, Mapping

from . import compose, mail, order
from .common import Error
from .git import DIFF, File, Files, Git, encode, text
from .mail import Mail

BINARY = "GIT binary patch\n"


def read_commits(git: Git, base: str, tip: str) -> list[str]:
    """The commits from @base, which must be their root, to @tip; a series is a straight line."""
    if git.run("merge-base", "--is-ancestor", base, tip, check=False)[0]:
        raise Error(f"the branch does not stand on the base {base[:12]}: `git rebase --onto base <its old base>`")
    rows = [r.split() for r in git("rev-list", "--reverse", "--topo-order", "--parents", f"{base}..{tip}").splitlines()]
    for commit, *parents in rows:
        if len(parents) != 1:
            raise Error(f"commit {commit[:12]} is a merge: a series is a straight line, rebase instead")
    return [r[0] for r in rows]


def read_mails(git: Git, base: str, commits: list[str], notes: Mapping[str, str]) -> list[Mail]:
    """Each commit as the mail that is stored for it."""
    out = "\n" + git("diff-tree", "--stdin", "--always", "--raw", *DIFF,
                     data=encode("".join(c + "\n" for c in commits)))
    parts = []
    for c in reversed(commits):
        out, _, part = out.rpartition(f"\n{c}\n")
        parts.insert(0, part + "\n" if part and not part.endswith("\n") else part)
    mails: list[Mail] = []
    added: set[str] = set()
    for commit, raw, part in zip(commits, git.read(commits), parts, strict=True):
        m = _read(commit, text(raw or b""), part, added, git, base, notes.get(commit, ""))
        other = next((o for o in mails if o.subject == m.subject), None)
        if other:
            raise Error(f"two commits have the subject '{m.subject}'")
        added.update(m.adds)
        mails.append(m)
    return mails


def _read(commit: str, raw: str, part: str, added: set[str], git: Git, base: str, note: str) -> Mail:
    head, _, message = raw.partition("\n\n")
    who = re.search(r"^author (.*<[^>]*>) (\d+ [+-]\d{4})$", head, re.M)
    subject, _, rest = message.partition("\n")
    name = f"commit {commit[:12]} ('{subject[:60]}')"
    if not who:
        raise Error(f"{name}: cannot read its author")
    if rest.split("\n")[0].strip():
        raise Error(f"{name}: the subject is one line, then a blank one")
    adds, edits, changed = [], [], set()
    rows, _, diff = part.partition("\n\n") if part.startswith(":") else ("", "", part)
    for row in rows.splitlines():
        fields, path = row.split("\t", 1)
        status, modes = fields.split()[4], fields[1:].split()[:2]
        if path.startswith('"') or "160000" in modes or status not in "AMD":
            raise Error(f"{name}: cannot store this change of {path} (kind {status}, modes {' '.join(modes)})")
        if status == "A":
            adds.append(path)
            continue
        if path == ".gitignore":
            raise Error(f"{name}: changes .gitignore, whose copy in the work tree is not the base's")
        if path in added:
            if status == "D":
                raise Error(f"{name}: deletes {path}, which an earlier patch adds: squash the two")
            edits.append(path)
        changed.add(path)
    for path in git.files(base, adds):
        raise Error(f"{name}: adds {path}, which the base has: an earlier patch deletes it, squash the two")
    kept = tuple(mail.Edit(e.path, _stored(e.diff)) for e in mail.split(diff, name) if e.path in changed)
    m = Mail(who[1], who[2], subject.strip(), rest.strip("\n"), tuple(adds), tuple(edits), note.strip("\n"), kept)
    mail.check(m, name)
    return m


def _stored(diff: str) -> str:
    """A diff as it is stored: index lines would change with every patch before it, and nobody needs them."""
    return diff if BINARY in diff else re.sub(r"^index .*\n", "", diff, flags=re.M)


def _alike(a: Mail, b: Mail) -> bool:
    """At least half of what the two change is the same."""
    x, y = ({(e.path, s) for e in m.diff for s in e.diff.partition("\n@@")[2].split("\n") if s[:1] in ("+", "-")} |
            {(path, "") for path in m.adds} for m in (a, b))
    return 2 * len(x & y) >= len(x | y)


def match(old: list[compose.Stored], new: list[Mail]) -> list[str | None]:
    """The file name of each commit's patch; None for a patch that is new.

    By subject. A patch whose subject changed is known by its change, or by when it was written, or by its place
    between the same neighbours and half of its change; where that is not one old patch and one new, it is new.
    """
    names = {p.mail.subject: p.name for p in old}
    found: list[str | None] = [names.get(m.subject) for m in new]
    normal_old = {p.name: p.mail.normal() for p in old}
    normal_new = [m.normal() for m in new]

    def place(sequence: list[str | None], i: int) -> tuple[str | None, str | None]:
        known = set(found) - {None}
        before = next((n for n in reversed(sequence[:i]) if n in known), None)
        return before, next((n for n in sequence[i + 1:] if n in known), None)

    def same_change(a: Mail, b: Mail, *_: int) -> bool:
        return (a.adds, a.edits, a.diff) == (b.adds, b.edits, b.diff)

    def same_birth(a: Mail, b: Mail, *_: int) -> bool:
        return (a.author, a.date) == (b.author, b.date) and bool(a.paths() & b.paths())

    def same_place(a: Mail, b: Mail, i: int, j: int) -> bool:
        return _alike(a, b) and place([p.name for p in old], i) == place(list(found), j)

    rules: tuple[Callable[..., bool], ...] = (same_change, same_birth, same_place)
    for rule in rules:
        gone = [i for i, p in enumerate(old) if p.name not in found]
        fresh = [j for j, n in enumerate(found) if n is None]
        pairs = [(i, j) for i in gone for j in fresh if rule(normal_old[old[i].name], normal_new[j], i, j)]
        for i, j in pairs:
            if sum(a == i for a, _ in pairs) == 1 and sum(b == j for _, b in pairs) == 1:
                found[j] = old[i].name
    return found


@dataclasses.dataclass(frozen=True)
class Absorbed:
    """The repository's files for a branch, and what they compose to."""

    files: Files
    composed: compose.Composed


def absorb(git: Git, base: compose.Base, tip: str, old: Files, notes: Mapping[str, str]) -> Absorbed:
    """The files for the commits from the base to @tip, where @old are those that the branch was composed of.

    A patch in which only line numbers, index lines or hunk headers changed keeps its text, unless it then composes
    to something else.
    """
    commits = read_commits(git, base.commit, tip)
    mails = read_mails(git, base.commit, commits, notes)
    known = compose.stored(old)
    known_mail = {p.name: p.mail for p in known}
    found = match(known, mails)
    names = order.new_names(found, [m.subject for m in mails], set(known_mail))
    files = git.files(tip, {path for m in mails for path in m.adds})
    if cover := old.get("series/cover"):
        files["series/cover"] = cover
    series = old.get("series/series")
    before = text(series.data) if series else ""
    after = before if [p.name for p in known] == names else order.rewrite(before, names)
    if series or after:
        files["series/series"] = File("100644", encode(after))
    trees = git.ids([c + "^{tree}" for c in commits])
    for keep in (True, False):
        for name, m in zip(names, mails, strict=True):
            path = f"series/{name}"
            same = keep and name in known_mail and known_mail[name].normal() == m.normal()
            files[path] = old[path] if same else File("100644", encode(mail.format(m)))
        try:
            composed = compose.compose(files, base)
            if Git(base.git_dir).ids([p.commit + "^{tree}" for p in composed.commits]) == trees:
                return Absorbed(files, composed)
            error = Error("the patches written do not compose to the branch's trees")
        except Error as e:
            error = e
    raise error


def lost_notes(old: Files, new: Files) -> list[str]:
    """Patches that had notes and have none now."""
    had = {p.name for p in compose.stored(old) if p.mail.notes}
    return [p.name for p in compose.stored(new) if p.name in had and not p.mail.notes]
