"""Paths, errors, locks, progress and child processes: what every command shares."""

from __future__ import annotations

import contextlib
import dataclasses
import errno
import fcntl
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
OUT = ROOT / "out"
LOGS = OUT / "logs"

# Variables that change what the kernel's make or git does without anyone asking for it.
_UNWANTED = ("MAKEFLAGS", "MFLAGS", "MAKELEVEL", "MAKEOVERRIDES", "ARCH", "CROSS_COMPILE", "DEBUG", "BASE", "CASE",
             "KERNEL", "O", "C", "W", "V", "M", "REV", "MERGE", "MINUTES", "MATRIX", "SEED", "SIGNOFF", "ONLY", "KBUILD_OUTPUT",
             "KCONFIG_CONFIG", "INSTALL_PATH", "LANG", "LANGUAGE", "GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE",
             "LIBRARY_PATH", "CPATH")

# What can be wrong with a path that the user gave us, or with the file system that it is on. Others are our mistakes.
_OUTSIDE = (errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOTDIR, errno.ELOOP, errno.ENAMETOOLONG, errno.EIO)


class Error(Exception):
    """Something the user can understand and act on; printed without a traceback."""


@dataclasses.dataclass(frozen=True)
class Arch:
    """One architecture: our name, and the names that others have for it."""

    name: str
    kernel: str  # ARCH= of the kernel's make
    debian: str
    cross: str  # CROSS_COMPILE=, empty for the native compiler
    target: str  # the make target that builds the image
    image: str  # the image, below the build folder
    own: tuple[str, ...]  # what its kernels are made of below arch/; UML counts as x86_64


ARCHES = {
    a.name: a
    for a in (
        Arch("x86_64", "x86_64", "amd64", "" if os.uname().machine == "x86_64" else "x86_64-linux-gnu-",
             "bzImage", "arch/x86/boot/bzImage", ("x86", "um")),
        Arch("s390x", "s390", "s390x", "s390x-linux-gnu-", "bzImage", "arch/s390/boot/bzImage", ("s390",)),
        Arch("ppc64le", "powerpc", "ppc64el", "powerpc64le-linux-gnu-", "vmlinux", "vmlinux", ("powerpc",)),
    )
}


def arch(name: str) -> Arch:
    """Return the architecture called @name, or say which there are."""
    try:
        return ARCHES[name]
    except KeyError:
        raise Error(f"unknown ARCH '{name}': one of {', '.join(ARCHES)}") from None


def cache() -> Path:
    """The cache that all clones share."""
    top = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    if not top.is_absolute():
        raise Error(f"XDG_CACHE_HOME must be an absolute path, not '{top}'")
    return top / "reseat"


def clean_env(**extra: str) -> dict[str, str]:
    """The environment for child processes: ours without what would steer the kernel's make or git, plus @extra."""
    env = {k: v for k, v in os.environ.items() if k not in _UNWANTED and not k.startswith("LC_")}
    env.update(LC_ALL="C.UTF-8", GIT_CONFIG_GLOBAL="/dev/null", GIT_CONFIG_NOSYSTEM="1", GIT_TERMINAL_PROMPT="0",
               PYTHONDONTWRITEBYTECODE="1")
    env.update(extra)
    return env


_start = time.monotonic()


def say(text: str) -> None:
    """One line of progress, with the minutes and seconds since the start, on stderr."""
    t = int(time.monotonic() - _start)
    print(f"[{t // 60:02}:{t % 60:02}] {text}", file=sys.stderr, flush=True)


def _tail(path: Path, lines: int = 15) -> str:
    with contextlib.suppress(OSError):
        return "\n".join("  | " + s for s in path.read_text(errors="replace").splitlines()[-lines:])
    return ""


def run(cmd: Sequence[str | Path], *, cwd: Path | None = None, env: Mapping[str, str] | None = None,
        log: Path | None = None, check: bool = True, input: str | bytes | None = None,
        timeout: float | None = None) -> subprocess.CompletedProcess[str]:
    """Run @cmd and return it, its output as text; with @log, the output goes to that file instead.

    A command that fails raises Error with the end of its output and the log's name, unless @check is false.
    """
    argv = [str(c) for c in cmd]
    data = input.encode() if isinstance(input, str) else input
    try:
        if log:
            log.parent.mkdir(parents=True, exist_ok=True)
            with log.open("wb") as f:
                p = subprocess.run(argv, cwd=cwd, env=env or clean_env(), stdout=f, stderr=subprocess.STDOUT,
                                   input=data, stdin=None if data is not None else subprocess.DEVNULL,
                                   timeout=timeout, check=False)
            out, err = "", ""
        else:
            p = subprocess.run(argv, cwd=cwd, env=env or clean_env(), capture_output=True, input=data,
                               stdin=None if data is not None else subprocess.DEVNULL, timeout=timeout, check=False)
            out, err = p.stdout.decode(errors="surrogateescape"), p.stderr.decode(errors="replace")
    except FileNotFoundError as e:
        missing = e.filename if e.filename and not Path(str(e.filename)).is_dir() else argv[0]
        raise Error(f"'{missing}' is not there: install what `bin/kernel setup` names") from None
    except subprocess.TimeoutExpired:
        raise Error(f"'{' '.join(argv[:4])}' did not end within {timeout:.0f} s" +
                    (f"; see {log}" if log else "")) from None
    if check and p.returncode:
        tail = _tail(log) if log else "\n".join("  | " + s for s in (err or out).splitlines()[-15:])
        raise Error(f"'{' '.join(argv[:4])}' failed ({p.returncode})" + (f", log: {log}" if log else "") +
                    (f"\n{tail}" if tail else ""))
    return subprocess.CompletedProcess(argv, p.returncode, out, err)


@contextlib.contextmanager
def lock(path: Path, what: str) -> Iterator[None]:
    """Hold the lock file @path; say once that we wait when another run holds it. Freed when the process ends."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a") as f:
        try:
            fcntl.flock(f, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say(f"waiting for another run that uses {what}")
            fcntl.flock(f, fcntl.LOCK_EX)
        yield


@contextlib.contextmanager
def try_lock(path: Path) -> Iterator[bool]:
    """Hold the lock file @path if nobody else does: yields whether we have it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a") as f:
        try:
            fcntl.flock(f, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
        else:
            yield True


@contextlib.contextmanager
def fresh(path: Path) -> Iterator[Path]:
    """Make the file or folder @path whole or not at all: yields a new folder's or file's temporary name beside it.

    On success the temporary name is renamed to @path; on any error, or Ctrl-C, what was written is removed.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    for old in path.parent.glob(f".{path.name}.tmp-*"):
        if not Path(f"/proc/{old.name.rsplit('-', 1)[1]}").exists():
            remove(old)
    tmp = path.parent / f".{path.name}.tmp-{os.getpid()}"
    remove(tmp)
    try:
        yield tmp
        if path.is_dir() and not path.is_symlink():
            remove(path)
        tmp.rename(path)
    finally:
        remove(tmp)


def remove(path: Path) -> None:
    """Delete a file or a whole folder; nothing there is fine."""
    if path.is_symlink() or path.is_file():
        path.unlink(missing_ok=True)
    elif path.exists():
        shutil.rmtree(path, ignore_errors=True)


def need_space(path: Path, gib: float) -> None:
    """Refuse early when fewer than @gib GiB are free where @path is, or would be."""
    while not path.exists():
        path = path.parent
    free = shutil.disk_usage(path).free / 2**30
    if free < gib:
        raise Error(f"{path}: {free:.1f} GiB free, {gib:.1f} needed; `make clean-cache` frees the caches")


def main(name: str, body: Callable[[], int | None]) -> None:
    """Run a command's body: errors become one clear line and exit code 1, Ctrl-C 130, a full disk says so."""
    for other in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(other) != signal.SIG_IGN:  # nohup
            signal.signal(other, signal.default_int_handler)  # a terminal that is closed ends us as Ctrl-C does
    try:
        sys.exit(body() or 0)
    except Error as e:
        print(f"{name}: {e}", file=sys.stderr)
        sys.exit(1)
    except KeyboardInterrupt:
        print(f"\n{name}: interrupted; nothing half-done was left, run it again", file=sys.stderr)
        sys.exit(130)
    except BrokenPipeError:
        sys.exit(1)
    except OSError as e:
        if e.errno in (errno.ENOSPC, errno.EDQUOT):
            print(f"{name}: the disk is full ({e.filename or 'writing'}); `make clean-cache` frees the caches",
                  file=sys.stderr)
            sys.exit(1)
        if e.errno not in _OUTSIDE:
            raise
        print(f"{name}: {e.filename}: {e.strerror}", file=sys.stderr)
        sys.exit(1)
