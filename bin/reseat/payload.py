"""What a guest gets besides its userland: the kernel, and a disk with init, cases, kselftests and test modules."""

from __future__ import annotations

import contextlib
import dataclasses
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from . import build, cases, common, rootfs, worktree

# The kselftest targets that run in the guests; most of vfio's are the kernel's own.
TARGETS = ("pci", "vfio")


@dataclasses.dataclass(frozen=True)
class Payload:
    """A kernel and the run's disk, copies that no other run can change under us."""

    arch: str
    name: str  # of the kernel: x86_64, x86_64-debug, x86_64-base...
    image: Path
    disks: tuple[Path, Path]


@contextlib.contextmanager
def make(arch: str, *, debug: bool = False, base: bool = False, folder: Path = cases.FOLDER) -> Iterator[Payload]:
    """Build what is to be booted, with the cases in @folder; the copies last as long as the context."""
    root = rootfs.image(arch)
    with tempfile.TemporaryDirectory(prefix="reseat-run-") as tmp:
        top = Path(tmp)
        tree = top / "tree"
        tree.mkdir()
        while True:
            kernel = build.kernel(arch, debug=debug, base=base)
            with worktree.at("base" if base else "series"):
                # Another run may have built another kernel in the same folder since: then once more.
                if kernel.built():
                    image = Path(shutil.copy2(kernel.image, top / "kernel"))
                    _selftests(common.arch(arch), kernel, tree / "kselftest")
                    break
        for name in ("init", "profile", "demo", "demo-recover"):
            shutil.copy2(common.ROOT / "harness" / name, tree / name)
        for name in ("bin", "stress"):
            shutil.copytree(common.ROOT / "harness" / name, tree / name)
        shutil.copytree(folder, tree / "cases")
        shutil.copytree(common.ROOT / "bench", tree / "bench", ignore=shutil.ignore_patterns("*.py"))
        rootfs.pack(tree, top / "run.img")
        yield Payload(arch, kernel.name, image, (root, top / "run.img"))


def _selftests(a: common.Arch, kernel: build.Kernel, to: Path) -> None:
    """Build and install the kselftests with the kernel's own make, static: they run on any userland."""
    folder = kernel.src / "tools/testing/selftests"
    targets = [t for t in TARGETS if (folder / t / "Makefile").exists()]
    if not targets:
        return
    # Scripts alone, but the Makefiles above them want to compile the neighbours.
    shutil.copytree(folder / "powerpc/eeh", to / "powerpc/eeh")
    log = common.LOGS / "vm" / f"selftests-{kernel.name}.log"
    args = [f"ARCH={a.kernel}", *build.make_args(a), f"KDIR={kernel.build}"]
    for modules in (folder / t / "modules" for t in targets):
        if modules.exists():
            # Test modules are built beside their source: away with those of another architecture, and with hard links
            # to those of another tree, which the compiler would write into.
            common.run(["make", "-C", modules, *args, "clean"], env=build.make_env(kernel.src), log=log, timeout=60)
    common.run(["make", "-C", folder, f"O={kernel.build}", *args, f"TARGETS={' '.join(targets)}", "FORCE_TARGETS=1",
                "USERLDFLAGS=-static", f"KSFT_INSTALL_PATH={to}", "install"], env=build.make_env(kernel.src), log=log,
               timeout=600)
