"""Test number one: nothing is lost between the repository, the commits, the mails and the quilt directory."""

from __future__ import annotations

import dataclasses
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

from . import absorb, common, compose, dist
from .common import Error
from .git import Git, get, put
from .result import Result, Timer

_LOG = "%T%n%an <%ae> %ad%n%B"


@dataclasses.dataclass(frozen=True)
class _Scratch:
    """A base whose repository borrows all objects from another one."""

    version: str
    git_dir: Path
    commit: str


class _Skip(Exception):
    """A check that cannot run here, and why."""


def _init(folder: Path, base: compose.Base, *options: str) -> Git:
    folder.mkdir(parents=True)
    git = Git(folder)
    git("init", "--quiet", "--template=", *options)
    info = Path(git("rev-parse", "--absolute-git-dir").strip()) / "objects" / "info"
    info.mkdir(exist_ok=True)
    (info / "alternates").write_text(f"{(base.git_dir / 'objects').resolve()}\n")
    return git


class Roundtrip:
    """The checks, on one composition of the repository."""

    def __init__(self, root: Path, base: compose.Base, tmp: Path) -> None:
        self.root, self.base, self.tmp = root, base, tmp
        self.files = compose.load(root, base)
        self.composed = compose.compose(self.files, base)
        self.git = Git(base.git_dir)
        self.patches = dist.letters(root, base)
        self.touched = sorted({p for s in compose.stored(self.files) for p in s.mail.paths()})
        (tmp / "reseat.mbox").write_bytes(dist.mbox(self.patches))

    def _log(self, git: Git, tip: str) -> list[str]:
        return git("log", "--reverse", "--date=raw", f"--format={_LOG}%x00", f"{self.base.commit}..{tip}").split("\0")

    def deterministic(self) -> None:
        """Composed again from nothing, the commits are the same."""
        git = _init(self.tmp / "again.git", self.base, "--bare")
        again = compose.compose(self.files, _Scratch(self.base.version, git.path, self.base.commit))
        if again != self.composed:
            raise Error(f"composed twice: {self.composed.tip}, then {again.tip}")

    def absorbed(self) -> None:
        """absorb after compose changes no byte, in a copy of the files."""
        notes = compose.notes(self.files, self.composed)
        back = absorb.absorb(self.git, self.base, self.composed.tip, self.files, notes).files
        copy = self.tmp / "copy"
        for path, file in back.items():
            put(copy, path, file)
        changed = [p for p in sorted({*self.files, *back}) if get(copy, p) != self.files.get(p)]
        if changed:
            raise Error("absorb after compose changes " + ", ".join(changed))

    def am(self) -> None:
        """git am of the mailbox on the pristine base gives the composed trees, authors and messages."""
        git = _init(self.tmp / "am", self.base)
        git("config", "core.sparseCheckout", "true")  # the whole index, but only the files that the series touches
        (self.tmp / "am" / ".git" / "info").mkdir(exist_ok=True)
        (self.tmp / "am" / ".git" / "info" / "sparse-checkout").write_text(
            "/Makefile\n" + "".join(f"/{p}\n" for p in self.touched))
        git("update-ref", "HEAD", self.base.commit)
        git("read-tree", "-m", "-u", "HEAD")
        git("am", "--quiet", "--keep-cr", self.tmp / "reseat.mbox")
        for mine, theirs in zip(self._log(self.git, self.composed.tip), self._log(git, "HEAD"), strict=True):
            if mine != theirs:
                raise Error(f"git am gives\n{theirs}\nwhere compose gives\n{mine}")

    def quilt(self) -> None:
        """The quilt patches apply with patch, without fuzz and offset, and give the composed files."""
        if not shutil.which("patch"):
            raise _Skip("the program 'patch' is not installed")
        folder = self.tmp / "quilt-tree"
        folder.mkdir()
        for path, file in self.git.files(self.base.commit, self.touched).items():
            put(folder, path, file)
        dist.quilt(self.tmp / "quilt", self.patches)
        for name in (self.tmp / "quilt" / "series").read_text().split():
            p = common.run(["patch", "-p1", "--fuzz=0", "--batch", "--no-backup-if-mismatch", "-i",
                            self.tmp / "quilt" / name], cwd=folder, check=False)
            if p.returncode or "offset" in p.stdout:
                raise Error(f"{name}: {p.stdout.strip()}")
        want = self.git.files(self.composed.tip, self.touched)
        for path in self.touched:
            if get(folder, path) != want.get(path):
                raise Error(f"{path}: not what compose gives")

    def orig(self) -> None:
        """git am of the mailbox on upstream's release, without the distribution's patches."""
        from . import base as base_module
        folder = self.tmp / "orig"
        git = _init(folder, self.base)
        found, reason = base_module.orig_files(self.touched, folder)
        if found is None:
            raise _Skip(reason)
        git("add", "--force", ".")
        git("commit", "--quiet", "--allow-empty", "-m", "orig")
        git("am", "--quiet", "--keep-cr", self.tmp / "reseat.mbox")


def check(root: Path = common.ROOT, base: compose.Base | None = None) -> list[Result]:
    """Run every check."""
    base = base or compose.base_of()
    results: list[Result] = []
    with tempfile.TemporaryDirectory(prefix="reseat-") as folder:
        trip = Roundtrip(root, base, Path(folder).resolve())
        checks: list[tuple[str, Callable[[], None]]] = [
            ("compose is deterministic", trip.deterministic), ("absorb after compose changes no byte", trip.absorbed),
            ("git am gives the composed tree", trip.am), ("quilt patches apply without fuzz", trip.quilt),
            ("git am on the .orig source", trip.orig)]
        for name, run in checks:
            timer = Timer()
            outcome, reason = "pass", ""
            try:
                if not trip.patches and run not in (trip.deterministic, trip.absorbed):
                    raise _Skip("the series has no patches")
                run()
            except Error as e:
                outcome, reason = "fail", str(e)
            except _Skip as e:
                outcome, reason = "skip", str(e)
            results.append(Result("roundtrip", name, outcome, reason, seconds=timer()))
    return results
