"""From the repository to commits: the pristine base, and one commit a patch above it.

The same files always give the same commits, whoever composes them. Hunks may have moved (a stored patch keeps the
line numbers it was written with), their context may not: git apply without fuzz.
"""

from __future__ import annotations

import dataclasses
import hashlib
import re
import tempfile
from collections.abc import Callable
from pathlib import Path

from . import common, mail
from .common import Error
from .git import Change, File, Files, Git, encode, get, merge, put
from .source import Base as Base
from .source import Stored as Stored
from .source import base_of as base_of
from .source import claims
from .source import load as load
from .source import stored as stored

TESTS = "# tests"  # sections whose patches also go on the pristine base, for BASE=1


@dataclasses.dataclass(frozen=True)
class Patch:
    """A patch as a commit."""

    name: str
    subject: str
    commit: str
    parent: str
    section: str


@dataclasses.dataclass(frozen=True)
class Composed:
    """The series as commits: @base, and @tip above it."""

    base: str
    tip: str
    commits: list[Patch]


class _Area:
    """A folder with just the files that the series touches."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def put(self, files: Files) -> None:
        for path, file in files.items():
            put(self.folder, path, file)

    def apply(self, diff: str, *options: str) -> str | None:
        """Apply @diff: None, or what git says about where it does not fit."""
        code, _, err = Git(self.folder).run("apply", "--whitespace=nowarn", *options, "-", data=encode(diff),
                                            check=False, GIT_CEILING_DIRECTORIES=str(self.folder.parent))
        if code == 0:
            return None
        failed = re.findall(r"patch failed: (.*)", err) or re.findall(r"error: (.*)", err) or [err.strip()]
        return ", ".join(failed)


def _created(patches: list[Stored], files: Files) -> dict[str, File]:
    """What each added file is when its patch brings it: the later hunks come off, last first."""
    created: dict[str, File] = {}
    with tempfile.TemporaryDirectory() as tmp:
        area = _Area(Path(tmp).resolve())
        area.put({path: f for path, f in files.items() if any(path in p.mail.edits for p in patches)})
        for p in reversed(patches):
            for e in reversed(p.mail.diff):
                if e.path in p.mail.edits and (where := area.apply(e.diff, "--reverse")):
                    raise Error(f"series/{p.name}: its hunks do not come off {e.path} as it stands in the repository "
                                f"({where}): undo the edit there, `make tree`, and edit in the tree")
            for path in p.mail.adds:
                created[path] = get(area.folder, path) or files[path]
    return created


def _changes(patches: list[Stored], files: Files, base: Base) -> list[Change]:
    """What each patch changes, as whole files."""
    before = claims(patches, files, base)
    created = _created(patches, files)
    changes = []
    with tempfile.TemporaryDirectory() as tmp:
        area = _Area(Path(tmp).resolve())
        area.put(before)
        for p in patches:
            area.put({path: created[path] for path in p.mail.adds})
            if p.mail.diff and (where := area.apply("".join(e.diff for e in p.mail.diff))):
                raise Error(f"series/{p.name}: does not apply without fuzz to Linux {base.version} and the patches "
                            f"before it: {where}")
            changes.append(Change(p.mail.commit_message(), p.mail.author, p.mail.date,
                                  {path: get(area.folder, path) for path in sorted(p.mail.paths())}))
        for path, file in files.items():
            if not path.startswith("series/") and get(area.folder, path) != file:
                raise Error(f"{path}: the patches do not lead to what stands in the repository")
    return changes


def _key(files: Files, base: Base, what: str) -> str:
    """A name for this composition: what goes in, and the program that does it."""
    h = hashlib.sha256(f"{what} {base.commit} {base.version}\n".encode())
    for program in ("compose", "source", "mail", "order", "git"):
        h.update(Path(__file__).with_name(f"{program}.py").read_bytes())
    for path, file in sorted(files.items()):
        if path != "series/cover":
            h.update(encode(f"{file.mode} {len(file.data)} {path}\n") + file.data)
    return h.hexdigest()[:20]


def _commits(base: Base, what: str, files: Files, count: int, changes: Callable[[], list[Change]]) -> list[str]:
    """The @count commits composed of @files, made from @changes() unless they are there already."""
    git = Git(base.git_dir)
    ref = f"refs/reseat/{_key(files, base, what)}"
    with common.lock(common.cache() / "locks" / "compose", "the composed commits"):
        if git.id(ref):
            code, out, _ = git.run("rev-list", "--reverse", f"{base.commit}..{ref}", check=False)
            if code == 0 and len(out.split()) == count:
                return out.split()
        made = changes()
        if made:
            return git.fast_import(ref, base.commit, made)
        git("update-ref", ref, base.commit)
        return []


def compose(files: Files, base: Base) -> Composed:
    """Compose @files on @base."""
    patches = stored(files)
    ids = _commits(base, "series", files, len(patches), lambda: _changes(patches, files, base))
    parents = [base.commit, *ids]
    return Composed(base.commit, parents[-1], [Patch(p.name, p.mail.subject, commit, parent, p.section)
                                               for p, commit, parent in zip(patches, ids, parents)])


def series(root: Path = common.ROOT, base: Base | None = None, rev: str | None = None) -> Composed:
    """Compose the series of the repository @root, of @rev or as it stands."""
    base = base or base_of()
    return compose(load(root, base, rev), base)


def notes(files: Files, composed: Composed) -> dict[str, str]:
    """The text below `---` of each commit's patch; empty for most."""
    mails = {p.name: p.mail for p in stored(files)}
    return {p.commit: mails[p.name].notes for p in composed.commits}


def base_with_tests(root: Path = common.ROOT, base: Base | None = None) -> str:
    """The pristine base with the patches of the `# tests` sections alone, merged three ways: the kernel of BASE=1."""
    base = base or base_of()
    files = load(root, base)
    composed = compose(files, base)
    mails = {p.name: p.mail for p in stored(files)}
    tests = [p for p in composed.commits if p.section.startswith(TESTS)]
    ids = _commits(base, "tests", files, len(tests), lambda: _picked(Git(base.git_dir), composed, tests, mails))
    return [base.commit, *ids][-1]


def _picked(git: Git, composed: Composed, tests: list[Patch], mails: dict[str, mail.Mail]) -> list[Change]:
    """The patches @tests, taken out of the series and put on the base one after the other."""
    now: dict[str, File | None] = dict(git.files(composed.base, {f for p in tests for f in mails[p.name].paths()}))
    changes = []
    for p in tests:
        m = mails[p.name]
        old, new = git.files(p.parent, m.paths()), git.files(p.commit, m.paths())
        result: dict[str, File | None] = {}
        for path in sorted(m.paths()):
            o, n, c = old.get(path), new.get(path), now.get(path)
            if o == c:
                result[path] = n
            elif o and n and c and o.mode == c.mode and (data := merge(o.data, c.data, n.data)) is not None:
                result[path] = File(n.mode, data)
            else:
                raise Error(f"series/{p.name}: stands in a section '{TESTS}', but its change of {path} does not go "
                            f"onto the base without the patches before it")
        now.update(result)
        changes.append(Change(m.commit_message(), m.author, m.date, result))
    return changes
