"""The kernel branch in out/tree: `bin/series tree` makes it, `bin/series absorb` takes it back.

Three references in its repository say what the two last agreed on: refs/reseat/source holds the repository's files,
refs/reseat/composed the commits they compose to, refs/reseat/branch what the branch was then (the same tree, but
after absorb the author's own commits). So that nobody's work is ever overwritten unseen.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from . import common, compose
from .common import Error, say
from .git import MAIL, NAME, Change, Files, Git, encode, get, text

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
            for key, value in (("user.name", NAME), ("user.email", MAIL), ("notes.rewriteRef", "refs/notes/*"),
                               ("notes.rewriteMode", "concatenate"), ("gc.auto", "0"), ("maintenance.auto", "false"),
                               ("rebase.autoSquash", "true"), ("core.untrackedCache", "true")):
                new.git("config", key, value)
            new.git("update-ref", f"refs/heads/{BRANCH}", composed.tip)
            new.git("reset", "--hard", "--quiet", composed.tip)
            new._hide_ignore()
            new.set_notes(compose.notes(files, composed))
            new.record(files, composed, composed.tip)

    # What stands in the way

    def changed(self) -> list[str]:
        """Files that differ from what the last compose or absorb left, committed or not; notes count as one."""
        names = set(self.git("diff-tree", "-r", "-z", "--name-only", "refs/reseat/branch", "HEAD").split("\0"))
        names |= set(self.dirty())
        if self.git.id("HEAD") != self.git.id("refs/reseat/branch") and not names - {""}:
            names.add("(commits reworded or reordered)")
        if not self.notes_agreed():
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
            raise Error(f"{self.path}: changed, but not committed:\n{listed(dirty)}")
        if stray := [path for how, path in status if how == "??"]:
            raise Error(f"{self.path}: files that git does not know: add them to a commit, or delete them:\n" +
                        listed(stray))

    # What the two sides agreed on

    def record(self, files: Files, composed: compose.Composed, branch: str) -> None:
        """Remember that the repository's @files and the commits @branch are the same."""
        source = self._put_files("refs/reseat/next/source", files)
        self.keep(composed)
        lines = [f"update refs/reseat/source {source}\n", f"update refs/reseat/composed {composed.tip}\n",
                 f"update refs/reseat/branch {branch}\n", f"update refs/tags/base {self.base.commit}\n",
                 *self._record_notes()]
        self.git("update-ref", "--stdin", data=encode("".join(lines)))

    def _record_notes(self) -> list[str]:
        if notes := self._notes_id():
            return [f"update refs/reseat/notes {notes}\n"]
        return ["delete refs/reseat/notes\n"] if self.git.id("refs/reseat/notes") else []

    def agree_notes(self, notes: Mapping[str, str]) -> None:
        """Give commits @notes that are not the author's work; whether he changed others stays known."""
        if self.notes_agreed():
            self.set_notes(notes)
            self.git("update-ref", "--stdin", data=encode("".join(self._record_notes())))
        else:
            known = self.notes()
            self.set_notes({commit: note for commit, note in notes.items() if note and commit not in known})

    def keep(self, composed: compose.Composed) -> None:
        """Copy the composed commits into the tree's own repository: its history must survive an emptied cache."""
        if composed.tip == composed.base or self.git.id("refs/reseat/composed") == composed.tip:
            return
        self.git("pack-objects", "--revs", "--quiet", self.path / ".git" / "objects" / "pack" / "pack",
                 data=encode(f"{composed.tip}\n^{composed.base}\n"))

    def _put_files(self, ref: str, files: Files) -> str:
        """Keep the repository's @files as a commit at @ref."""
        change = Change("what the branch was composed of\n", f"{NAME} <{MAIL}>", "0 +0000", files)
        return self.git.fast_import(ref, None, [change])[0]

    def _get_files(self, ref: str) -> Files:
        paths = self.git("ls-tree", "-r", "-z", "--name-only", ref).split("\0")
        return self.git.files(ref, [p for p in paths if p])

    def source(self) -> Files:
        """The repository's files as they were then."""
        return self._get_files("refs/reseat/source")

    # Notes: the text below `---`

    def _notes_id(self) -> str:
        return self.git.id(_NOTES) or ""

    def notes_agreed(self) -> bool:
        """No note has changed since the last compose or absorb."""
        return self._notes_id() == (self.git.id("refs/reseat/notes") or "")

    def notes(self) -> dict[str, str]:
        """The notes of all commits."""
        if not self._notes_id():
            return {}
        rows = [r.split() for r in self.git("notes", "list").splitlines()]
        data = self.git.read([r[0] for r in rows])
        return {r[1]: text(d) for r, d in zip(rows, data, strict=True) if d is not None}

    def set_notes(self, notes: Mapping[str, str]) -> None:
        """Give commits the @notes, or take theirs away where the note is empty."""
        known = self.notes()
        for commit, note in notes.items():
            if note and known.get(commit, "").strip("\n") != note:
                # From an object: given as text, git would tidy its blank lines.
                blob = self.git("hash-object", "-w", "--stdin", data=encode(note + "\n")).strip()
                self.git("notes", "add", "--force", "-C", blob, commit)
            elif not note and commit in known:
                self.git("notes", "remove", commit)

    # Moving the work tree

    def move(self, source: Files, target: Files) -> None:
        """Take the clean tree to what @target composes to, where the repository holds @source.

        What is to be is written down first: interrupted anywhere, open() finishes it.
        """
        for name, files in (("target", target), ("source", source)):
            self._put_files(f"refs/reseat/next/{name}", files)
        self.git("update-ref", "refs/reseat/moving", "refs/reseat/next/target")
        self._finish_move()

    def _finish_move(self) -> None:
        if not self.git.id("refs/reseat/moving"):
            return
        source, target = self._get_files("refs/reseat/next/source"), self._get_files("refs/reseat/next/target")
        composed = compose.compose(target, self.base)
        old, new = (self.git.files(c, self.dirty()) for c in ("HEAD", composed.tip))
        edited = [p for p in {*old, *new} if get(self.path, p) not in (old.get(p), new.get(p))]
        if edited:
            raise Error(f"{self.path}: an interrupted run left it between two states, and these were edited since; "
                        f"save them elsewhere, `git checkout` them and run again:\n" + listed(sorted(edited)))
        # We hold the lock of the tree: this one is left over from a git that was killed on the way.
        (self.path / ".git" / "index.lock").unlink(missing_ok=True)
        self.git.run("update-index", "-q", "--refresh", check=False)  # so that unchanged files keep their time stamps
        self.git("reset", "--hard", "--quiet", composed.tip)
        self._hide_ignore()
        self.set_notes(compose.notes(target, composed))
        agreed = compose.compose(source, self.base)
        self.record(source, agreed, agreed.tip)
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


def listed(paths: list[str]) -> str:
    more = f"  and {len(paths) - 20} more\n" if len(paths) > 20 else ""
    return "".join(f"  {p}\n" for p in paths[:20]) + more
