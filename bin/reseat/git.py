"""Git's plumbing, as the series needs it: the user's settings never change what it does."""

from __future__ import annotations

import dataclasses
import os
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from . import common

NAME, MAIL = "Reseat", "reseat@example.org"

# Given on the command line, these win over whatever the repository's own config says.
_SETTINGS = ("core.excludesFile=/dev/null", f"core.attributesFile={Path(__file__).with_name('gitattributes')}",
             "core.hooksPath=/dev/null", "core.fsmonitor=false", "core.quotePath=false", "core.autocrlf=false",
             "core.fileMode=true", "core.symlinks=true", "safe.directory=*", "gc.auto=0", "maintenance.auto=false",
             "commit.gpgSign=false", "advice.detachedHead=false", "color.ui=false", "core.commentChar=#")

# One way to write a diff, whatever diff.* settings a repository has.
DIFF = ("-p", "-r", "--no-color", "--no-ext-diff", "--no-textconv", "--no-renames", "--src-prefix=a/",
        "--dst-prefix=b/", "--unified=3", "--inter-hunk-context=0", "--diff-algorithm=default", "--indent-heuristic",
        "--submodule=short", "--ignore-submodules=none", "-O/dev/null", "--binary", "--abbrev=12")


class File(NamedTuple):
    """A file's mode, as git writes it, and what is in it."""

    mode: str
    data: bytes


Files = dict[str, File]


@dataclasses.dataclass(frozen=True)
class Change:
    """One commit for fast_import(): what it sets (None deletes) on top of the one before."""

    message: str
    author: str  # Name <mail>
    date: str  # seconds since 1970, a blank, the zone as +hhmm
    files: Mapping[str, File | None]


def text(data: bytes) -> str:
    """Bytes as text that encode() turns back into the same bytes."""
    return data.decode("utf-8", "surrogateescape")


def encode(data: str) -> bytes:
    """The opposite of text()."""
    return data.encode("utf-8", "surrogateescape")


def environment(**extra: str) -> dict[str, str]:
    """The environment for git: nothing of the caller's own GIT_ variables."""
    env = {k: v for k, v in common.clean_env().items() if not k.startswith("GIT_")}
    env.update(GIT_CONFIG_GLOBAL="/dev/null", GIT_CONFIG_NOSYSTEM="1", GIT_TERMINAL_PROMPT="0", GIT_EDITOR="true",
               GIT_OPTIONAL_LOCKS="0", GIT_AUTHOR_NAME=NAME, GIT_AUTHOR_EMAIL=MAIL, GIT_COMMITTER_NAME=NAME,
               GIT_COMMITTER_EMAIL=MAIL, **extra)
    return env


class Git:
    """A repository, bare or with a work tree."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def run(self, *args: str | Path, data: bytes | None = None, check: bool = True,
            **env: str) -> tuple[int, str, str]:
        """Run git; return the exit code, what it printed, and its messages."""
        settings = [s for pair in _SETTINGS for s in ("-c", pair)]
        p = common.run(["git", "-C", self.path, *settings, *args], env=environment(**env), input=data, check=False)
        if check and p.returncode:
            tail = "\n".join("  | " + s for s in (p.stderr or p.stdout).splitlines()[-15:])
            raise common.Error(f"git {' '.join(str(a) for a in args[:3])} failed in {self.path}\n{tail}")
        return p.returncode, p.stdout, p.stderr

    def __call__(self, *args: str | Path, data: bytes | None = None, **env: str) -> str:
        return self.run(*args, data=data, **env)[1]

    def id(self, name: str) -> str | None:
        """The object id that @name stands for, or None."""
        code, out, _ = self.run("rev-parse", "--verify", "--quiet", "--end-of-options", name, check=False)
        return out.strip() if code == 0 else None

    def ids(self, names: Sequence[str]) -> list[str | None]:
        """The same for many names, in one process."""
        out = self("cat-file", "--batch-check=%(objectname)", data=encode("".join(n + "\n" for n in names)))
        return [None if s.endswith((" missing", " ambiguous")) else s for s in out.splitlines()]

    def read(self, names: Sequence[str]) -> list[bytes | None]:
        """What the objects @names hold; None where there is none."""
        if not names:
            return []
        raw = encode(self("cat-file", "--batch", data=encode("".join(n + "\n" for n in names))))
        found: list[bytes | None] = []
        pos = 0
        for _ in names:
            end = raw.index(b"\n", pos)
            head = raw[pos:end]
            if head.endswith((b" missing", b" ambiguous")):
                found.append(None)
                pos = end + 1
                continue
            size = int(head.rsplit(b" ", 1)[1])
            found.append(raw[end + 1:end + 1 + size])
            pos = end + 2 + size
        return found

    def files(self, commit: str, paths: Iterable[str]) -> Files:
        """Those of @paths that are files in @commit."""
        wanted = sorted(set(paths))
        if not wanted:
            return {}
        # --literal-pathspecs: a path is a path. Batches keep the command line short.
        rows = []
        for i in range(0, len(wanted), 500):
            out = self("--literal-pathspecs", "ls-tree", "-z", "--full-tree", commit, "--", *wanted[i:i + 500])
            rows += [r.split("\t", 1) for r in out.split("\0") if r]
        heads = [(path, head.split()) for head, path in rows]
        blobs = [(path, h[0], h[2]) for path, h in heads if h[1] == "blob"]
        data = self.read([b[2] for b in blobs])
        return {path: File(mode, d) for (path, mode, _), d in zip(blobs, data, strict=True) if d is not None}

    def folders(self, commit: str) -> set[str]:
        """The names of the folders at the root of @commit."""
        return {r for r in self("ls-tree", "-d", "--name-only", "-z", commit).split("\0") if r}

    def fast_import(self, ref: str, parent: str | None, changes: Sequence[Change]) -> list[str]:
        """Put one commit a change on top of @parent, the last one at @ref; return their ids.

        Author and committer are the same: who composes must not show in the ids.
        """
        out = [f"reset {ref}\n".encode() + (f"from {parent}\n\n".encode() if parent else b"\n")]
        for n, c in enumerate(changes, 1):
            message = encode(c.message)
            out.append(f"commit {ref}\nmark :{n}\n".encode() +
                       encode(f"author {c.author} {c.date}\ncommitter {c.author} {c.date}\n") +
                       b"data %d\n" % len(message) + message + b"\n")
            for path, file in sorted(c.files.items()):
                name = encode(_quote(path))
                if file is None:
                    out.append(b"D " + name + b"\n")
                else:
                    out.append(b"M " + file.mode.encode() + b" inline " + name +
                               b"\ndata %d\n" % len(file.data) + file.data + b"\n")
            out.append(b"\n")
        out.append(b"done\n")
        with tempfile.TemporaryDirectory() as tmp:
            marks = Path(tmp) / "marks"
            self("fast-import", "--quiet", "--done", "--force", f"--export-marks={marks}", data=b"".join(out))
            ids = dict(line.split() for line in marks.read_text().splitlines()) if marks.exists() else {}
        return [ids[f":{n}"] for n in range(1, len(changes) + 1)]


def _quote(path: str) -> str:
    if path.startswith('"') or any(c in path for c in '\n\\"'):
        return '"' + path.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") + '"'
    return path


def merge(base: bytes, ours: bytes, theirs: bytes) -> bytes | None:
    """Merge two edits of one text three ways; None where they conflict."""
    if ours in (base, theirs):
        return theirs
    if theirs == base:
        return ours
    if any(b"\0" in d for d in (base, ours, theirs)):
        return None
    with tempfile.TemporaryDirectory() as tmp:
        names = [Path(tmp) / n for n in ("ours", "base", "theirs")]
        for name, data in zip(names, (ours, base, theirs), strict=True):
            name.write_bytes(data)
        code, out, err = Git(Path(tmp)).run("merge-file", "-p", "--quiet", *names, check=False)
    if code > 127:
        raise common.Error(f"git merge-file failed: {err.strip()}")
    return encode(out) if code == 0 else None


def put(root: Path, path: str, file: File | None) -> None:
    """Write one file below @root, or delete it (and the folders that this empties)."""
    full = root / path
    if file is None:
        full.unlink(missing_ok=True)
        for folder in full.relative_to(root).parents:
            if folder == Path("."):
                break
            try:
                (root / folder).rmdir()
            except OSError:
                break
        return
    full.parent.mkdir(parents=True, exist_ok=True)
    with common.fresh(full) as tmp:
        if file.mode == "120000":
            tmp.symlink_to(os.fsdecode(file.data))
        else:
            tmp.write_bytes(file.data)
            tmp.chmod(0o755 if file.mode == "100755" else 0o644)


def get(root: Path, path: str) -> File | None:
    """Read one file below @root as git would; None when there is none."""
    full = root / path
    if full.is_symlink():
        return File("120000", os.fsencode(os.readlink(full)))
    if not full.is_file():
        return None
    return File("100755" if full.stat().st_mode & 0o100 else "100644", full.read_bytes())
