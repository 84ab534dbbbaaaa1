"""The kernel branch in out/tree: `bin/series tree` makes it, `bin/series absorb` takes it back.

Three references in its repository say what the two last agreed on: refs/reseat/source holds the repository's files,
refs/reseat/composed the commits they compose to, refs/reseat/branch what the branch was then (the same tree, but
after absorb the author's own commits). So that nobody's work is ever overwritten unseen.
"""

from __future__ import annotations

from pathlib import Path

from . import absorb, common, compose
from .common import Error, say
from .git import MAIL, NAME, Change, Files, Git, encode, get, put, text

BRANCH = "reseat"
_NOTES = "refs/notes/commits"


class Tree:
    """A kernel work tree with the series as its branch."""

    def __init__(self, path: Path, base: compose.Base) -> None:
        self.path = path
        self.base = base
        self.git = Git(path)

    def open(self) -> bool:
        """Connect an existing tree to the cache, which may have moved or been made anew; False if there is none."""
        if not self.path.exists():
            return False
        alternates = self.path / ".git" / "objects" / "info" / "alternates"
        if not alternates.exists():
            raise Error(f"{self.path} was not made by `make tree`: move it away")
        objects = str((self.base.git_dir / "objects").resolve())
        if alternates.read_text() != objects + "\n":
            alternates.write_text(objects + "\n")
        for name, what in (("refs/reseat/source^{tree}", "was not made by `make tree`"),
                           ("refs/tags/base^{tree}", "stands on a base that is no longer in the cache")):
            if not self.git.id(name):
                raise Error(f"{self.path} {what}: save your work with `git format-patch base..`, and move it away")
        self._finish_move()
        self._hide_ignore()
        return True

    def create(self, files: Files, composed: compose.Composed) -> None:
        """Make the tree, whole or not at all."""
        common.need_space(self.path.parent, 3)
        say(f"checking out {self.path.name}: {len(composed.commits)} patches on Linux {self.base.version}")
        with common.fresh(self.path) as tmp:
            tmp.mkdir()
            new = Tree(tmp, self.base)
            new.git("init", "--quiet", "--template=", f"--initial-branch={BRANCH}")
            (tmp / ".git" / "objects" / "info").mkdir(exist_ok=True)
            (tmp / ".git" / "objects" / "info" / "alternates").write_text(
                str((self.base.git_dir / "objects").resolve()) + "\n")
            for key, value in (("user.name", NAME), ("user.email", MAIL), ("notes.rewriteRef", _NOTES),
                               ("notes.rewriteMode", "concatenate"), ("gc.auto", "0"), ("maintenance.auto", "false"),
                               ("rebase.autoSquash", "true"), ("core.untrackedCache", "true")):
                new.git("config", key, value)
            new.git("update-ref", f"refs/heads/{BRANCH}", composed.tip)
            new.git("reset", "--hard", "--quiet", composed.tip)
            new._hide_ignore()
            new.record(files, composed, composed.tip)

    # What stands in the way

    def changed(self) -> list[str]:
        """Files that differ from what the last compose or absorb left, committed or not; notes count as one."""
        names = set(self.git("diff-tree", "-r", "-z", "--name-only", "refs/reseat/branch", "HEAD").split("\0"))
        names |= set(self.dirty())
        if self.git.id("HEAD") != self.git.id("refs/reseat/branch") and not names - {""}:
            names.add("(commits reworded or reordered)")
        if self._notes_id() != (self.git.id("refs/reseat/notes") or ""):
            names.add("(notes)")
        return sorted(names - {""})

    def _status(self, untracked: str) -> list[tuple[str, str]]:
        """Changed files with git's two letters for how; takes no lock, so that it can be killed at any time."""
        out = self.git("status", "--porcelain", "-z", "--no-renames", "--ignore-submodules=none",
                       f"--untracked-files={untracked}")
        return [(row[:2], row[3:]) for row in out.split("\0") if row and row[3:] != ".gitignore"]

    def dirty(self) -> list[str]:
        """Files changed since the last commit."""
        return [path for _, path in self._status("no")]

    def refuse_unfinished(self) -> None:
        """Refuse what absorb could not see, or would have to guess about."""
        git_dir = self.path / ".git"
        for name, what in (("rebase-merge", "rebase"), ("rebase-apply", "rebase or am"), ("MERGE_HEAD", "merge"),
                           ("CHERRY_PICK_HEAD", "cherry-pick"), ("REVERT_HEAD", "revert")):
            if (git_dir / name).exists():
                raise Error(f"{self.path}: a {what} is under way: finish it, or abort it")
        code, head, _ = self.git.run("symbolic-ref", "--quiet", "HEAD", check=False)
        if code or head.strip() != f"refs/heads/{BRANCH}":
            raise Error(f"{self.path}: HEAD is not on the branch {BRANCH}: git checkout {BRANCH}")
        status = self._status("all")
        if dirty := [path for how, path in status if how != "??"]:
            raise Error(f"{self.path}: changed, but not committed:\n{_listed(dirty)}")
        if stray := [path for how, path in status if how == "??"]:
            raise Error(f"{self.path}: files that git does not know: add them to a commit, or delete them:\n" +
                        _listed(stray))

    # What the two sides agreed on

    def record(self, files: Files, composed: compose.Composed, branch: str) -> None:
        """Remember that the repository's @files and the commits @branch are the same."""
        source = self.git.fast_import("refs/reseat/next", None, [
            Change("what the branch was composed of\n", f"{NAME} <{MAIL}>", "0 +0000", files)])[0]
        self._keep(composed)
        lines = [f"update refs/reseat/source {source}\n", f"update refs/reseat/composed {composed.tip}\n",
                 f"update refs/reseat/branch {branch}\n", f"update refs/tags/base {self.base.commit}\n"]
        notes = self._notes_id()
        if notes:
            lines.append(f"update refs/reseat/notes {notes}\n")
        elif self.git.id("refs/reseat/notes"):
            lines.append("delete refs/reseat/notes\n")
        lines.append("delete refs/reseat/next\n")
        self.git("update-ref", "--stdin", data=encode("".join(lines)))

    def _keep(self, composed: compose.Composed) -> None:
        """Copy the composed commits into the tree's own repository: its history must survive an emptied cache."""
        if composed.tip == composed.base or self.git.id("refs/reseat/composed") == composed.tip:
            return
        self.git("pack-objects", "--revs", "--quiet", self.path / ".git" / "objects" / "pack" / "pack",
                 data=encode(f"{composed.tip}\n^{composed.base}\n"))

    def source(self) -> Files:
        """The repository's files as they were then."""
        paths = self.git("ls-tree", "-r", "-z", "--name-only", "refs/reseat/source").split("\0")
        return self.git.files("refs/reseat/source", [p for p in paths if p])

    # Notes: the text below `---`

    def _notes_id(self) -> str:
        return self.git.id(_NOTES) or ""

    def notes(self) -> dict[str, str]:
        """The notes of all commits."""
        if not self._notes_id():
            return {}
        rows = [r.split() for r in self.git("notes", "list").splitlines()]
        data = self.git.read([r[0] for r in rows])
        return {r[1]: text(d) for r, d in zip(rows, data, strict=True) if d is not None}

    def set_notes(self, files: Files, composed: compose.Composed) -> None:
        """Write the mails' notes to the composed commits."""
        mails = {p.name: p.mail for p in compose.stored(files)}
        known = self.notes()
        for p in composed.commits:
            note = mails[p.name].notes
            if note and known.get(p.commit, "").strip("\n") != note:
                self.git("notes", "add", "--force", "--file=-", p.commit, data=encode(note + "\n"))
            elif not note and p.commit in known:
                self.git("notes", "remove", p.commit)

    # Moving the work tree

    def move(self, tip: str) -> None:
        """Take the clean work tree and its branch to @tip; what was begun and interrupted is finished by open()."""
        if self.git.id("HEAD") != tip:
            self.git("update-ref", "refs/reseat/moving", tip)
            self._finish_move()

    def _finish_move(self) -> None:
        target = self.git.id("refs/reseat/moving")
        if not target:
            return
        old, new = (self.git.files(c, self.dirty()) for c in ("HEAD", target))
        edited = [p for p in {*old, *new} if get(self.path, p) not in (old.get(p), new.get(p))]
        if edited:
            raise Error(f"{self.path}: an interrupted run left it between two states, and these were edited since; "
                        f"save them elsewhere and delete them:\n" + _listed(sorted(edited)))
        # We hold the lock of the tree: this one is left over from a git that was killed on the way.
        (self.path / ".git" / "index.lock").unlink(missing_ok=True)
        self.git("reset", "--hard", "--quiet", target)
        self._hide_ignore()
        self.git("update-ref", "-d", "refs/reseat/moving")

    def _hide_ignore(self) -> None:
        """Debian's .gitignore hides every new file at the root: take that out of the copy, unseen by git."""
        flags = self.git("ls-files", "-v", "--", ".gitignore")
        if not flags:
            return
        path = self.path / ".gitignore"
        lines = path.read_text(errors="surrogateescape").split("\n") if path.exists() else []
        if "/*" in lines or not flags.startswith("S"):
            kept = "\n".join(s for s in lines if s != "/*")
            self.git("update-index", "--no-skip-worktree", ".gitignore")
            path.write_text(kept, errors="surrogateescape")
            self.git("update-index", "--skip-worktree", ".gitignore")


def _listed(paths: list[str]) -> str:
    more = f"  and {len(paths) - 20} more\n" if len(paths) > 20 else ""
    return "".join(f"  {p}\n" for p in paths[:20]) + more


def _place(root: Path, rev: str | None) -> tuple[Path, str | None]:
    """Where the tree of @rev is, and the commit that @rev stands for."""
    if rev is None:
        return root / "out" / "tree", None
    commit = Git(root).id(f"{rev}^{{commit}}")
    if not commit:
        raise Error(f"REV '{rev}' is no commit of this repository")
    return root / "out" / f"tree-{commit[:12]}", commit


def make(root: Path = common.ROOT, rev: str | None = None, merge: bool = False,
         base: compose.Base | None = None) -> Path:
    """Make the kernel branch of the repository, or of its commit @rev beside it, and return where it is."""
    path, commit = _place(root, rev)
    base = base or compose.base_of()
    with common.lock(root / "out" / ".lock-series", "out/tree"):
        files = compose.load(root, base, commit)
        composed = compose.compose(files, base)
        tree = Tree(path, base)
        if not tree.open():
            tree.create(files, composed)
            tree.set_notes(files, composed)
            tree.record(files, composed, composed.tip)
        elif changed := tree.changed():
            if not merge:
                raise Error(f"{path} has changed since it was made:\n{_listed(changed)}"
                            "`make absorb` takes it into the repository; `make tree MERGE=1` keeps it, and brings in "
                            "what changed in the repository")
            tree.refuse_unfinished()
            if files != (old := tree.source()):
                new = absorb.absorb(tree.git, _root(tree), tree.git("rev-parse", "HEAD").strip(), old, tree.notes())
                merged = absorb.merge(old, files, new.files)
                result = compose.compose(merged, base)
                tree.move(result.tip)
                tree.set_notes(merged, result)
                tree.record(files, composed, composed.tip)
        elif files != tree.source() or composed.tip != tree.git.id("refs/reseat/composed"):
            tree.refuse_unfinished()
            tree.move(composed.tip)
            tree.set_notes(files, composed)
            tree.record(files, composed, composed.tip)
        if commit:
            _beside(root, tree, commit)
    return path


def _root(tree: Tree) -> compose.Base:
    """The base that the tree stands on."""
    if tree.git.id("refs/tags/base") != tree.base.commit:
        raise Error(f"{tree.path} stands on another base than Linux {tree.base.version}: "
                    f"git rebase --onto {tree.base.commit} base {BRANCH}, then git tag -f base {tree.base.commit}")
    return tree.base


def _beside(root: Path, tree: Tree, commit: str) -> None:
    """In the tree of another revision: `mine` is ours, `fork` where the two parted, for git rebase --onto."""
    mine = compose.series(root, tree.base)
    tree._keep(mine)
    tree.git("update-ref", "refs/tags/mine", mine.tip)
    code, fork, _ = Git(root).run("merge-base", "HEAD", commit, check=False)
    if code == 0:
        parted = compose.series(root, tree.base, fork.strip())
        tree._keep(parted)
        tree.git("update-ref", "refs/tags/fork", parted.tip)


def take(root: Path = common.ROOT, rev: str | None = None, merge: bool = False,
         base: compose.Base | None = None) -> list[str]:
    """Write the branch back to the repository; return the files written or deleted."""
    path, commit = _place(root, rev)
    base = base or compose.base_of()
    with common.lock(root / "out" / ".lock-series", "out/tree"):
        tree = Tree(path, base)
        if not tree.open():
            raise Error(f"there is no {path}: `make tree` first")
        tree.refuse_unfinished()
        head = tree.git("rev-parse", "HEAD").strip()
        repo = compose.load(root, base)
        old = _mine(tree, repo, base) if commit else tree.source()
        new = absorb.absorb(tree.git, _root(tree), head, old, tree.notes())
        files, composed = new.files, new.composed
        diverged = [p for p in sorted({*old, *repo}) if repo.get(p) not in (old.get(p), files.get(p))]
        if diverged:
            if not merge:
                raise Error(f"changed in the repository since `make tree`:\n{_listed(diverged)}"
                            "`make absorb MERGE=1` merges them three ways, and so does `make tree MERGE=1` in the tree")
            files = absorb.merge(old, repo, files)
            composed = compose.compose(files, base)
        written = _write(root, repo, files)
        if commit:
            return written
        if diverged:
            tree.move(composed.tip)
            tree.set_notes(files, composed)
            head = composed.tip
        tree.record(files, composed, head)
    return written


def _mine(tree: Tree, repo: Files, base: compose.Base) -> Files:
    """For a tree of another revision: it must have been rebased onto what the repository holds now."""
    mine = compose.compose(repo, base).tip
    if tree.git.run("merge-base", "--is-ancestor", mine, "HEAD", check=False)[0]:
        raise Error(f"{tree.path} does not hold your series as it is now: `make tree REV=` again, "
                    f"then there `git rebase --onto mine fork {BRANCH}`")
    return repo


def _write(root: Path, repo: Files, files: Files) -> list[str]:
    """Write what differs, deletions last: interrupted anywhere, the next absorb does the rest."""
    written = [p for p in sorted(files) if repo.get(p) != files[p]]
    gone = [p for p in sorted(repo) if p not in files]
    for path in sorted(written, key=lambda p: p == "series/series"):
        put(root, path, files[path])
    for path in gone:
        put(root, path, None)
    return written + gone
