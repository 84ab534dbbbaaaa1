"""What must be on the machine: installed on Debian 12 as root, otherwise named exactly."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterable
from pathlib import Path

from . import apt, beside, common

BACKPORTS = "bookworm-backports"
QEMU_MIN = 9  # the oldest major version that has what the topologies use; 10.0 is what we run
_PATH = os.environ.get("PATH", "") + ":/usr/sbin:/sbin:/usr/bin:/bin"


@dataclasses.dataclass(frozen=True)
class Need:
    """One thing that must be there: a program, a header that the compiler finds, or a module of some Python here."""

    purpose: str
    package: str  # Debian's name of the package that has it
    program: str = ""
    header: str = ""
    module: str = ""
    suite: str = ""  # where Debian 12 takes it from, if not from its own suites

    def there(self) -> bool:
        """Is it on this machine?"""
        if self.header:
            return any((folder / self.header).exists() for folder in _include())
        if self.module:
            return bool(_python_with(self.module))
        path = shutil.which(self.program, path=_PATH)
        return bool(path) and (not self.program.startswith("qemu-system") or _qemu_major(path) >= QEMU_MIN)

    def __str__(self) -> str:
        what = f"<{self.header}>" if self.header else f"Python's {self.module}" if self.module else self.program
        if self.program.startswith("qemu-system"):
            what += f" (version {QEMU_MIN} or later)"
        return f"{what} (Debian: {self.package}{', from ' + self.suite if self.suite else ''}), for {self.purpose}"


def _kernel(*programs: str) -> list[Need]:
    return [Need("building the kernel", package, program)
            for package, program in (p.split(":") if ":" in p else (p, p) for p in programs)]


NEEDS = (
    *_kernel("gcc", "make", "flex", "bison", "bc", "cpio", "rsync", "perl", "git", "xz-utils:xz", "ccache",
             "mawk:awk", "findutils:find", "diffutils:cmp", "patch"),
    Need("building the kernel", "libelf-dev", header="gelf.h"),
    Need("building the kernel", "libssl-dev", header="openssl/evp.h"),
    Need("building the kernel", "libc6-dev", header="stdio.h"),
    *(Need(f"building the {a.name} kernel", f"gcc-{a.cross[:-1].replace('_', '-')}", f"{a.cross}gcc")
      for a in common.ARCHES.values() if a.cross),
    Need("building selftests", "libcap-dev", header="sys/capability.h"),
    Need("building the selftests of VFIO", "uuid-dev", header="uuid/uuid.h"),
    *(Need(f"building selftests for {a.name}", f"libc6-dev-{a.debian}-cross",
           header=f"/usr/{a.cross[:-1]}/include/stdio.h") for a in common.ARCHES.values() if a.cross),
    Need("fetching Debian packages", "apt", "apt-get"),
    Need("fetching Debian packages", "dpkg", "dpkg-deb"),
    Need("fetching Debian packages", "debian-archive-keyring", header=str(apt.KEYRING)),
    Need("the userland of the VMs", "mmdebstrap", "mmdebstrap"),
    Need("the userland of the VMs", "e2fsprogs", "mke2fs"),
    Need("the VMs", "util-linux", "setpriv"),
    Need("the x86_64 VM", "qemu-system-x86", "qemu-system-x86_64", suite=BACKPORTS),
    Need("the s390x VM", "qemu-system-s390x", "qemu-system-s390x", suite=BACKPORTS),
    Need("the ppc64le VM", "qemu-system-ppc", "qemu-system-ppc64", suite=BACKPORTS),
    Need("the tests of bin/", "python3-pytest", "pytest-3"),
    Need("checking shell scripts", "shellcheck", "shellcheck"),
    Need("making mechanical patches again", "coccinelle", "spatch"),
    Need("rendering documents", "python3-sphinx", "sphinx-build"),
    Need("rendering documents", "python3-yaml", header="/usr/lib/python3/dist-packages/yaml/__init__.py"),
)

# What only `make bench` needs.
BENCH = (Need("drawing figures", "python3-matplotlib", module="matplotlib"),)

# What only the context analysis of `make evidence` needs.
CLANG = (Need("the context analysis", "patchelf", "patchelf"),)


def _python_with(module: str) -> str:
    for path in (sys.executable, "/usr/bin/python3"):
        with contextlib.suppress(OSError):
            if not subprocess.run([path, "-c", f"import {module}"], capture_output=True, check=False).returncode:
                return path
    return ""


def python_with(module: str) -> str:
    """A Python that has @module: this one, or Debian's."""
    path = _python_with(module)
    if not path:
        raise common.Error(f"no Python here has {module}: install what `bin/kernel setup` names")
    return path


def _include() -> list[Path]:
    top = Path("/usr/include")
    return [top, top / f"{os.uname().machine}-linux-gnu", Path("/usr/local/include"), Path("/usr/lib64/include")]


def _qemu_major(path: str) -> int:
    try:
        text = subprocess.run([path, "--version"], capture_output=True, text=True, check=False, timeout=20).stdout
    except (OSError, subprocess.TimeoutExpired):
        return 0
    m = re.search(r"version (\d+)\.", text)
    return int(m[1]) if m else 0


def is_debian_12(os_release: Path = Path("/etc/os-release")) -> bool:
    """Is this the system that packages can be installed on?"""
    try:
        fields = dict(line.partition("=")[::2] for line in os_release.read_text().splitlines())
    except OSError:
        return False
    return fields.get("ID", "").strip('"') == "debian" and fields.get("VERSION_ID", "").strip('"') == "12"


def lacking(needs: Iterable[Need] = NEEDS) -> list[Need]:
    """What is not there."""
    return [n for n in needs if not n.there()]


def setup_beside(work: Callable[[], object]) -> None:
    """Install what is missing, and meanwhile do @work, which needs git alone; else that is left to who needs it."""
    if not lacking() or not shutil.which("git"):
        setup()
        return
    with beside.Task(work) as task:
        setup()
        task.result()


def setup(more: Iterable[Need] = ()) -> None:
    """Install what is missing, of what every command needs and of @more, where that can be done, or name it."""
    needs = (*NEEDS, *more)
    if sys.version_info < (3, 11):
        raise common.Error(f"Python 3.11 or later is needed, this is {sys.version.split()[0]}")
    lack = lacking(needs)
    if not lack:
        return
    names = "missing here:\n" + "\n".join(f"  {n}" for n in lack)
    if not is_debian_12():
        raise common.Error(f"{names}\nThis is not Debian 12: install them your system's way, then run it again")
    if os.geteuid() != 0:
        raise common.Error(f"{names}\nRun `bin/kernel setup` once as root, and it installs them")
    _install(lack)
    lack = lacking(needs)
    if lack:
        raise common.Error("still missing after installing:\n" + "\n".join(f"  {n}" for n in lack) + f"\nlog: {_log()}")


def _log() -> Path:
    return common.LOGS / "setup.log"


def _install(lack: list[Need]) -> None:
    common.need_space(Path("/usr"), 2)
    common.say(f"installing {' '.join(sorted({n.package for n in lack}))} (log: {_log()})")
    # The machine's own suites and the backports, in settings of our own: the machine's stay as they are.
    source = apt.Apt(["bookworm", "bookworm-updates", BACKPORTS], install=True)
    plain = sorted({n.package for n in lack if not n.suite})
    backports = sorted({n.package for n in lack if n.suite})
    for suite, packages in (("", plain), (BACKPORTS, backports)):
        if packages:
            source.install(packages, _log(), suite=suite)
