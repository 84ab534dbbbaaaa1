"""Which files a configuration compiles, by the kernel's Makefiles."""

from __future__ import annotations

from pathlib import Path

import pytest

from reseat import build, common, objects

FILES = {
    "drivers/Makefile": "obj-y += pci/\nobj-$(CONFIG_VFIO) += vfio/\n",
    "drivers/pci/Makefile": "obj-$(CONFIG_PCI) += pci.o rom.o\nobj-$(CONFIG_NO) += no.o\n"
                            "obj-$(CONFIG_TEST) += tests/\n",
    "drivers/pci/tests/Makefile": "obj-$(CONFIG_TEST) += suite.o\nsuite-y := a.o sub/b.o\n"
                                  "ccflags-y += $(call cc-option,-x) -I$(src) -I$(srctree)/drivers\n",
    "drivers/vfio/Makefile": "obj-y += vfio.o\n",
    "arch/x86/Kbuild": "obj-y += kernel/\n",
    "arch/x86/kernel/Makefile": "obj-y += quirks.o\n",
    "arch/x86/Makefile": "core-y += x\ndrivers-$(CONFIG_PCI) += arch/x86/pci/\n",
    "arch/x86/pci/Makefile": "obj-y += common_$(BITS).o\n",
    "arch/s390/Kbuild": "obj-y += pci/\n",
    "arch/s390/pci/Makefile": "obj-y += pci.o\n",
}


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> objects.Objects:
    """A little kernel, configured for x86_64."""
    monkeypatch.setattr(build, "compiler", lambda arch: "gcc")
    for name, text in FILES.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    found = objects.Objects(common.arch("x86_64"), tmp_path, Path("sparse"))
    (found.folder / "include/config").mkdir(parents=True)
    (found.folder / "include/config/auto.conf").write_text("CONFIG_PCI=y\nCONFIG_TEST=y\n")
    return found


@pytest.mark.parametrize(("file", "answer"), [
    ("drivers/pci/pci.c", True),
    ("drivers/pci/no.c", False),
    ("drivers/pci/tests/a.c", True),
    ("drivers/pci/tests/sub/b.c", True),
    ("drivers/pci/tests/c.c", False),
    ("drivers/vfio/vfio.c", False),  # the folder is not reached
    ("arch/x86/kernel/quirks.c", True),
    ("arch/x86/pci/common_64.c", True),
    ("arch/s390/pci/pci.c", False),
])
def test_what_is_compiled(place: objects.Objects, file: str, answer: bool) -> None:
    assert place.has(file) is answer


def test_nothing_to_compile(place: objects.Objects, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(place, "_configure", lambda: None)
    assert place.compile("0" * 40, ["drivers/pci/gone.c", "arch/s390/pci/pci.c"], tmp_path / "log").files == frozenset()
