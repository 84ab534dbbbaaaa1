"""The edit cycle: tree makes the kernel branch, absorb takes it back, and neither overwrites work unseen."""

from __future__ import annotations

from pathlib import Path

from . import absorb, common, compose
from .common import Error
from .git import Files, Git, put
from .merge import merge as merge_series
from .tree import BRANCH, Tree, listed


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
        changed = tree.changed()
        if commit:
            _beside(root, tree, commit)
        if changed and commit:
            common.say(f"{path.name} has been worked on and stays as it is; the tags mine, theirs and fork are new")
        elif changed:
            if not merge:
                raise Error(f"{path} has changed since it was made:\n{listed(changed)}"
                            "`make absorb` takes it into the repository; `make tree MERGE=1` keeps it, and brings in "
                            "what changed in the repository")
            tree.refuse_unfinished()
            if files != (old := tree.source()):
                head = tree.git("rev-parse", "HEAD").strip()
                merged = merge_series(tree.git, _root(tree), head, old, files, tree.notes())
                compose.compose(merged, base)  # refuses before anything moves
                tree.move(files, merged)
        elif files != tree.source() or composed.tip != tree.git.id("refs/reseat/composed"):
            tree.refuse_unfinished()
            tree.move(files, files)
    return path


def _root(tree: Tree) -> compose.Base:
    """The base that the tree stands on."""
    if tree.git.id("refs/tags/base") != tree.base.commit:
        raise Error(f"{tree.path} stands on another base than Linux {tree.base.version}: "
                    f"git rebase --onto {tree.base.commit} base {BRANCH}, then git tag -f base {tree.base.commit}")
    return tree.base


def _beside(root: Path, tree: Tree, commit: str) -> None:
    """In the tree of another revision: `mine` is ours, `fork` where the two parted, for git rebase --onto."""
    def put(tag: str, rev: str | None) -> dict[str, str]:
        files = compose.load(root, tree.base, rev)
        composed = compose.compose(files, tree.base)
        tree.keep(composed)
        tree.git("update-ref", f"refs/tags/{tag}", composed.tip)
        return compose.notes(files, composed)

    code, fork, _ = Git(root).run("merge-base", "HEAD", commit, check=False)
    mine, theirs = put("mine", None), put("theirs", commit)
    parted = put("fork", fork.strip()) if code == 0 else {}
    for c, note in mine.items():  # a commit that both have may have a note that one side changed
        other, was = theirs.get(c, note), parted.get(c, "")
        if other not in (note, was):
            mine[c] = other if note == was else f"{note}\n\n{other}"
    tree.agree_notes(mine)


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
        for name in absorb.lost_notes(old, new.files):
            common.say(f"{name}: its notes are gone (git notes follow amend and rebase, not cherry-pick or reset)")
        diverged = [p for p in sorted({*old, *repo}) if repo.get(p) not in (old.get(p), files.get(p))]
        if diverged:
            if not merge:
                raise Error(f"changed in the repository since `make tree`:\n{listed(diverged)}"
                            "`make absorb MERGE=1` merges them three ways, and so does `make tree MERGE=1` in the tree")
            files = merge_series(tree.git, base, head, old, repo, tree.notes())
            composed = compose.compose(files, base)
        written = _write(root, repo, files)
        if commit:
            return written
        if diverged:
            tree.move(files, files)
        else:
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
