"""Kernels: one build folder per (architecture, flavour, series or base), rebuilt only as far as something changed."""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from . import base as base_
from . import common, config, worktree

_FORMAT = "1"  # part of every key: raise it when what a build does changes
_CCACHE_MAX = "5G"


@dataclasses.dataclass(frozen=True)
class Kernel:
    """A kernel that was built."""

    image: Path
    build: Path
    src: Path
    key: str
    name: str

    @property
    def stamp(self) -> Path:
        """Where the build folder says what it holds."""
        return self.build / "reseat-key"

    @property
    def _held(self) -> str:
        # The path too: a cache that was moved has the old one in its Makefiles, which external modules are built by.
        return f"{self.key} {self.src}"

    def built(self) -> bool:
        """Whether the build folder holds this very kernel."""
        return self.image.exists() and self.stamp.exists() and self.stamp.read_text() == self._held

    def sign(self) -> None:
        """Note that it does."""
        with common.fresh(self.stamp) as tmp:
            tmp.write_text(self._held)


def name(arch: str, *, debug: bool = False, base: bool = False) -> str:
    """The name of a kernel in results and logs: x86_64, x86_64-debug, x86_64-base..."""
    return arch + ("-debug" if debug else "") + ("-base" if base else "")


def jobs() -> int:
    """How many compilers, or machines, run at once: one more than there are processors, as each waits now and then."""
    return len(os.sched_getaffinity(0)) + 1


def compiler(arch: common.Arch) -> str:
    """The C compiler of an architecture, there or else a clear error."""
    cc = f"{arch.cross}gcc"
    if not shutil.which(cc):
        raise common.Error(f"no {cc} for {arch.name}: install what `bin/kernel setup` names")
    return cc


def make_args(arch: common.Arch, clang: Path | None = None) -> list[str]:
    """What every make of the kernel is told, besides ARCH: to use gcc, or @clang."""
    cc = clang or compiler(arch)
    return [f"CROSS_COMPILE={arch.cross}", f"CC={'ccache ' if shutil.which('ccache') else ''}{cc}", "LOCALVERSION="]


def make_env(src: Path) -> dict[str, str]:
    """The environment of the kernel's make: fixed stamps, and a compiler cache that serves all source trees alike."""
    return common.clean_env(
        KBUILD_BUILD_TIMESTAMP="Thu Jan  1 00:00:00 UTC 2026", KBUILD_BUILD_USER="reseat", KBUILD_BUILD_HOST="reseat",
        KBUILD_BUILD_VERSION="1", CCACHE_DIR=str(common.cache() / "ccache"), CCACHE_MAXSIZE=_CCACHE_MAX,
        CCACHE_BASEDIR=str(src), CCACHE_NOHASHDIR="1", CCACHE_CONFIGPATH="/dev/null",
        CCACHE_DEPEND="1",  # the compiler says what a file includes: no preprocessor run of ccache's own
        # By way of ours, which knows what that does not say. Commands stay the same, or all would be built again.
        RESEAT_CCACHE=shutil.which("ccache") or "", PATH=f"{common.ROOT / 'bin' / 'cc'}:{os.environ['PATH']}")


def tree_key(commit: str, arch: common.Arch | None = None) -> str:
    """A key of a commit's files, without Documentation/ and tools/, which no kernel is made of.

    With @arch, the folders of other architectures count neither.
    """
    lines = [line for line in base_.git("ls-tree", commit).splitlines()
             if line.partition("\t")[2] not in ("Documentation", "tools", "arch" if arch else "")]
    if not lines:
        raise common.Error(f"no commit {commit} in {base_.git_dir()}")
    if arch:
        below = base_.git("ls-tree", commit, "arch/").splitlines()
        lines += [line for line in below if " tree " not in line or line.rpartition("/")[2] in arch.own]
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def config_key(texts: Sequence[str], cc: str) -> str:
    """A key of a configuration and of the compiler."""
    version = common.run([cc, "--version"]).stdout.partition("\n")[0]
    return hashlib.sha256("\0".join([_FORMAT, version, *texts]).encode()).hexdigest()[:20]


def key(commit: str, config: str, arch: common.Arch) -> str:
    """The key of a kernel: same key, same kernel."""
    return hashlib.sha256(f"{tree_key(commit, arch)} {config}".encode()).hexdigest()[:20]


def watch(command: Sequence[str | Path], *, cwd: Path, log: Path, what: str, progress: Callable[[], str]) -> int:
    """Run a @command that takes long, its output in @log, and say @progress every 20 s; returns its exit status.

    When we are interrupted, all that it started ends too: nothing goes on building in a tree that we no longer hold.
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("wb") as out:
        # setpriv: nor when we are killed outright. No session of its own: those share processors evenly, however nice.
        p = subprocess.Popen(["setpriv", "--pdeathsig", "TERM", *command], cwd=cwd, stdout=out, stdin=subprocess.DEVNULL,
                             stderr=subprocess.STDOUT, env=make_env(cwd), process_group=0)
    told = time.monotonic()
    try:
        while True:
            with contextlib.suppress(subprocess.TimeoutExpired):
                return p.wait(1)
            if time.monotonic() - told >= 20:
                told = time.monotonic()
                common.say(f"{what}: {progress()}")
    except BaseException:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(p.pid, signal.SIGTERM)
        p.wait()
        raise


def make(src: Path, build: Path, arch: str, args: Sequence[str], *, log: Path, what: str, check: bool = True) -> int:
    """Run the kernel's make with @args, its output in @log."""
    status = watch(["make", "-C", src, f"O={build}", f"ARCH={arch}", f"-j{jobs()}", *args], cwd=src, log=log, what=what,
                   progress=lambda: f"{_objects(log)} objects")
    if status and check:
        lines = log.read_text(errors="replace").splitlines()
        why = [s for s in lines if "error:" in s or "Error " in s or "No space left" in s or "undefined reference" in s]
        raise common.Error(f"building {what} failed, log: {log}\n" +
                           "\n".join("  | " + s for s in why[:12] or lines[-12:]))
    return status


def _objects(log: Path) -> int:
    with log.open("rb") as f:
        return sum(line.startswith((b"  CC ", b"  AS ", b"  HOSTCC ")) for line in f)


@dataclasses.dataclass(frozen=True)
class Plan:
    """What a kernel is made of; nothing is built to know it."""

    name: str
    commit: str
    wanted: list[tuple[str, str]]  # the configuration's fragments: name, text
    kunit: str
    configured: str  # a key of the configuration
    key: str


def plan(arch: str, *, debug: bool = False, base: bool = False) -> Plan:
    """Say what a kernel would be built from now."""
    a = common.arch(arch)
    commit = worktree.commit("base" if base else "series")
    wanted = [(str(f.relative_to(common.ROOT)), f.read_text()) for f in config.fragments(arch, debug=debug)]
    kunit = config.kunit_fragment_of(commit)
    configured = config_key([arch, kunit, *(text for _, text in wanted)], compiler(a))
    return Plan(name(arch, debug=debug, base=base), commit, wanted, kunit, configured, key(commit, configured, a))


def kernel(arch: str, *, debug: bool = False, base: bool = False, image_to: Path | None = None) -> Kernel:
    """Build a kernel, as far as it is not there yet; a kernel whose key has not changed is returned at once.

    With @image_to, the image is copied there, where no other run changes it.
    """
    a = common.arch(arch)
    variant = "base" if base else "series"
    p = plan(arch, debug=debug, base=base)
    with worktree.at(variant, p.commit) as src:
        build = src / f"build-{arch}{'-debug' if debug else ''}"
        result = Kernel(build / a.image, build, src, p.key, p.name)
        if not result.built():
            common.say(f"building the {p.name} kernel")
            common.need_space(build, 3)
            args = make_args(a)
            if not worktree.adopt(variant, build.name, p.commit, p.configured):
                config.make(src, build, a, p.wanted, args, optional=p.kunit)
                worktree.configured(variant, build.name, p.commit, p.configured)
            log = common.LOGS / f"build-{p.name}.log"
            make(src, build, a.kernel, [*args, a.target, "modules", "headers"], log=log, what=p.name)
            worktree.finished(variant, build.name, p.commit)
            result.sign()
            common.say(f"{p.name}: built, {_objects(log)} objects")
        if image_to:
            return dataclasses.replace(result, image=Path(shutil.copyfile(result.image, image_to)))
        return result
