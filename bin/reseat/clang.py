"""clang: the kernel's context analysis wants a newer one than Debian 12 has, so sid's is unpacked into the cache."""

from __future__ import annotations

import tempfile
from pathlib import Path

from . import apt, common, setup

MAJOR = 23  # what lib/Kconfig.debug asks for
_LOADER = "usr/lib/x86_64-linux-gnu/ld-linux-x86-64.so.2"


def ensure() -> Path:
    """Return that clang, which brings its own libraries and starts no other program."""
    top = common.cache() / "tools" / f"clang-{MAJOR}"
    with common.lock(common.cache() / "locks" / "clang", "clang in the cache"):
        if not (top / "clang").exists():
            setup.setup(setup.CLANG)
            common.need_space(top, 2)
            with common.fresh(top) as new:
                _unpack(new, top)
    return top / "clang"


def _unpack(new: Path, top: Path) -> None:
    package = f"clang-{MAJOR}"
    archive = apt.Apt(["sid"], arch="amd64")
    common.say(f"fetching {package} from {archive.uri} sid")
    with tempfile.TemporaryDirectory(prefix="reseat-clang-", dir=common.cache()) as tmp:
        for deb in archive.closure(package, Path(tmp)):
            common.run(["dpkg-deb", "-x", deb, new])
    home = f"usr/lib/llvm-{MAJOR}"
    # It runs itself again by the name of its own file, so that its loader must be in the file, not on a command line.
    common.run(["patchelf", "--set-interpreter", top / _LOADER, new / home / "bin" / "clang"])
    start = new / "clang"
    libraries = f"{(top / _LOADER).parent}:{top / home / 'lib'}"
    start.write_text(f"#!/bin/sh\nLD_LIBRARY_PATH={libraries} exec {top / home}/bin/clang \"$@\"\n")
    start.chmod(0o755)
