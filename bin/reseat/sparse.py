"""sparse: Debian 12's is too old for this kernel, so it is built from sid's source package into the cache."""

from __future__ import annotations

import re
import shutil
import tarfile
import tempfile
from pathlib import Path

from . import apt, common

_PROBE = "static inline int u(const int *q)\n{\n\t__typeof_unqual__(*q) v = *q;\n\treturn v;\n}\n"


def works(sparse: str | Path) -> bool:
    """Does this sparse understand what the kernel is written in? (0.6.5~rc1 still calls itself 0.6.4.)"""
    with tempfile.TemporaryDirectory() as tmp:
        probe = Path(tmp) / "probe.c"
        probe.write_text(_PROBE)
        try:
            p = common.run([sparse, probe], check=False, timeout=20)
        except (common.Error, OSError):
            return False
    return p.returncode == 0 and "error" not in p.stdout + p.stderr


def ensure() -> Path:
    """Return a sparse that works: the one in the cache, the machine's, or one built now."""
    tools = common.cache() / "tools"
    for folder in sorted(tools.glob("sparse-*"), reverse=True):
        if (folder / "sparse").exists():
            return folder / "sparse"
    own = shutil.which("sparse")
    if own and works(own):
        return Path(own)
    with common.lock(common.cache() / "locks" / "tools", "the tools in the cache"):
        for folder in tools.glob("sparse-*"):
            if (folder / "sparse").exists():
                return folder / "sparse"
        return _build(tools)


def _build(tools: Path) -> Path:
    common.need_space(tools, 0.5)
    archive = apt.Apt(["sid"], sources=True)
    common.say(f"building sparse from {archive.uri} sid")
    with tempfile.TemporaryDirectory(prefix="reseat-sparse-") as tmp:
        folder = Path(tmp)
        archive.source("sparse", folder, tar_only=True)
        tarballs = list(folder.glob("sparse_*.orig.tar.*z"))
        if len(tarballs) != 1:
            raise common.Error(f"sparse: apt-get left {len(tarballs)} source tarballs")
        name = re.sub(r"^sparse_(.*)\.orig\.tar\..*$", r"\1", tarballs[0].name)
        source = folder / "source"
        with tarfile.open(tarballs[0]) as tar:
            tar.extractall(source, filter="data")
        top = next(source.iterdir())
        log = common.LOGS / "sparse.log"
        common.run(["make", "-C", top, "sparse"], log=log)
        if not works(top / "sparse"):
            raise common.Error(f"sparse {name} from sid does not understand this kernel's source; log: {log}")
        with common.fresh(tools / f"sparse-{name}") as new:
            new.mkdir()
            shutil.copy2(top / "sparse", new / "sparse")
    return tools / f"sparse-{name}" / "sparse"
