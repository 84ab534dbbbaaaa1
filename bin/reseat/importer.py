"""A kernel source becomes the root commit of a bare git repository: same source, same commit, wherever it came from."""

from __future__ import annotations

import hashlib
import lzma
import os
import subprocess
import tarfile
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import IO

from . import common

WHO = "Reseat <reseat@localhost>"
WHEN = "1700000000 +0000"  # fixed: the commit depends on the source alone


def _run(git_dir: Path, *args: str, **extra: str) -> str:
    return common.run(["git", f"--git-dir={git_dir}", *args], env=common.clean_env(**extra)).stdout.strip()


def _copy(source: list[str], git_dir: Path, what: list[str], wanted: str = "") -> None:
    """Copy objects from one repository to another as a pack: @what for pack-objects, @wanted for its stdin."""
    env = common.clean_env()
    with subprocess.Popen(["git", *source, "pack-objects", "-q", *what, "--stdout"], env=env, stdin=subprocess.PIPE,
                          stdout=subprocess.PIPE) as pack:
        assert pack.stdin
        pack.stdin.write(wanted.encode() + b"\n" if wanted else b"")
        pack.stdin.close()
        index = subprocess.run(["git", f"--git-dir={git_dir}", "index-pack", "--stdin"], stdin=pack.stdout, env=env,
                               capture_output=True, check=False)
    if pack.returncode or index.returncode:
        raise common.Error(f"{git_dir}: cannot take objects from {source[-1].removeprefix('--git-dir=')}: "
                           f"{index.stderr.decode(errors='replace').strip()}")


class Importer:
    """Takes a source into a repository of its own and hands it over to @git_dir whole, or leaves nothing."""

    def __init__(self, git_dir: Path) -> None:
        self.git_dir = git_dir
        self.makefile = ""
        self._tree = ""

    def __enter__(self) -> Importer:
        self._fresh = common.fresh(self.git_dir.parent / "import.git")
        self._tmp = self._fresh.__enter__()
        common.run(["git", "init", "-q", "--bare", "--template=", self._tmp])
        # Objects of composed commits are few and stay loose; nothing may be collected while another run uses it.
        for key, value in (("gc.auto", "0"), ("core.compression", "1"), ("maintenance.auto", "false")):
            _run(self._tmp, "config", key, value)
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None,
                 trace: TracebackType | None) -> None:
        try:
            self._fresh.__exit__(kind or common.Error, value or common.Error(), trace)
        except common.Error:
            if kind:
                raise

    def tarball(self, path: Path) -> None:
        """Take a tarball, without its top folder."""
        self._fast_import(self._tar_entries(path))

    def tree(self, path: Path) -> None:
        """Take a plain source tree."""
        self._fast_import((name, mode, (path / name).read_bytes() if mode != "120000" else
                           os.fsencode(os.readlink(path / name))) for name, mode, _ in walk(path))

    def git(self, path: Path) -> None:
        """Take HEAD of a git repository, with the objects that it needs."""
        tree = common.run(["git", "-C", path, "rev-parse", "HEAD^{tree}"]).stdout.strip()
        _copy(["-C", str(path)], self._tmp, ["--revs"], tree)
        self._tree = tree

    def commit(self, version: str, ref: str) -> str:
        """Make the root commit, point @ref at it in the final repository, and return it."""
        who = {"NAME": WHO.split(" <")[0], "EMAIL": WHO.split("<")[1][:-1], "DATE": WHEN}
        env = {f"GIT_{role}_{k}": v for role in ("AUTHOR", "COMMITTER") for k, v in who.items()}
        commit = _run(self._tmp, "commit-tree", self._tree, "-m", f"Linux {version}", **env)
        _run(self._tmp, "update-ref", ref, commit)
        _run(self._tmp, "symbolic-ref", "HEAD", "refs/heads/none")
        if self.git_dir.exists():
            # The objects in one pack first, then the reference: a run that ends between the two does no harm.
            _copy([f"--git-dir={self._tmp}"], self.git_dir, ["--revs", "--all"])
            _run(self.git_dir, "update-ref", ref, commit)
        else:
            self._tmp.rename(self.git_dir)
        return commit

    def _tar_entries(self, path: Path) -> Iterator[tuple[str, str, bytes]]:
        try:
            # Not tarfile's own "r|xz": that takes a file that ends too early for the end of the archive.
            with lzma.open(path) as data_file, tarfile.open(fileobj=data_file, mode="r|") as tar:
                for entry in tar:
                    name = entry.name.removeprefix("./").partition("/")[2]
                    if entry.isfile() and (data := tar.extractfile(entry)):
                        yield name, "100755" if entry.mode & 0o100 else "100644", data.read()
                    elif entry.issym():
                        yield name, "120000", os.fsencode(entry.linkname)
                    elif not entry.isdir():
                        raise common.Error(f"{path.name}: {entry.name} is neither file nor link")
                while data_file.read(1 << 20):
                    pass
        except (tarfile.TarError, EOFError, lzma.LZMAError) as e:
            raise common.Error(f"{path.name} is damaged or short: {e}") from None

    def _fast_import(self, entries: Iterator[tuple[str, str, bytes]]) -> None:
        """Feed git fast-import: 1.7 GB never touch the disk as files."""
        marks = self._tmp / "reseat-marks"
        with subprocess.Popen(["git", f"--git-dir={self._tmp}", "fast-import", "--quiet", "--depth=0", "--force",
                               f"--export-marks={marks}"], stdin=subprocess.PIPE, stderr=subprocess.PIPE,
                              env=common.clean_env()) as p:
            assert p.stdin and p.stderr
            try:
                self._feed(p.stdin, entries)
                p.stdin.close()
            except BrokenPipeError:
                pass
            except BaseException:
                p.kill()
                raise
            why = p.stderr.read().decode(errors="replace").strip()
        if p.returncode:
            raise common.Error(f"git fast-import failed: {why[-400:]}")
        commit = marks.read_text().split()[1]
        self._tree = _run(self._tmp, "rev-parse", f"{commit}^{{tree}}")
        marks.unlink()
        _run(self._tmp, "update-ref", "-d", "refs/import")

    def _feed(self, out: IO[bytes], entries: Iterator[tuple[str, str, bytes]]) -> None:
        out.write(b"commit refs/import\nmark :1\ncommitter %s %s\ndata 1\n.\n" % (WHO.encode(), WHEN.encode()))
        count = 0
        for name, mode, data in entries:
            if not name or name.startswith('"') or "\n" in name:
                raise common.Error(f"a source with a file named {name!r}")
            if name == "Makefile":
                self.makefile = data.decode(errors="replace")
            out.write(b"M %s inline %s\ndata %d\n" % (mode.encode(), os.fsencode(name), len(data)))
            out.write(data)
            out.write(b"\n")
            count += 1
        if not count:
            raise common.Error("an empty source")


def walk(path: Path) -> Iterator[tuple[str, str, os.stat_result]]:
    """(name, git's mode, stat) of each file of a plain tree, sorted; refuses a tree that was built in."""
    for sign in (".config", "vmlinux", "include/generated"):
        if (path / sign).exists():
            raise common.Error(f"{path} was built in ({sign} is there): `make mrproper`, or give a git repository")
    stack = [""]
    while stack:
        folder = stack.pop()
        for entry in sorted(os.scandir(path / folder), key=lambda e: e.name):
            name = folder + entry.name
            if entry.is_dir(follow_symlinks=False):
                if entry.name != ".git":
                    stack.append(name + "/")
            elif entry.is_symlink():
                yield name, "120000", entry.stat(follow_symlinks=False)
            elif entry.is_file():
                st = entry.stat()
                yield name, "100755" if st.st_mode & 0o100 else "100644", st


def tree_key(path: Path) -> str:
    """A key of a plain tree that changes when a file does, without reading them all."""
    sha = hashlib.sha256()
    for name, mode, st in walk(path):
        sha.update(os.fsencode(f"{name}\0{mode}\0{st.st_size}\0{st.st_mtime_ns}\n"))
    return sha.hexdigest()


def git_key(path: Path) -> str:
    """The key of a git repository: the tree of its HEAD. Says so when changes are not committed."""
    status = common.run(["git", "-C", path, "status", "--porcelain", "-uno"], check=False)
    if status.returncode == 0 and status.stdout.strip():
        common.say(f"LINUX_SRC={path}: HEAD is used, changes that are not committed are not")
    return common.run(["git", "-C", path, "rev-parse", "HEAD^{tree}"]).stdout.strip()
