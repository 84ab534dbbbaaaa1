"""Topologies: what is read, and what is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from reseat import common, topology

GOOD = """
about = "a machine"
[x86_64]
args = ["-device", "intel-iommu"]
devices = [
    "pcie-root-port,id=rp1",
    { qemu = "nvme,id=n0,bus=rp1", disk = "64M", role = "NVME", path = "0000:00/03.0/00.0" },
]
"""


def read(tmp_path: Path, text: str, arch: str = "x86_64") -> topology.Topology | None:
    (tmp_path / "t.toml").write_text(text)
    return topology.load("t", arch, tmp_path)


def test_read(tmp_path: Path) -> None:
    top = read(tmp_path, GOOD)
    assert top
    assert (top.machine, top.memory, top.cpus) == ("q35", "1G", 2)
    assert [d.qemu for d in top.devices] == ["pcie-root-port,id=rp1", "nvme,id=n0,bus=rp1"]
    assert top.roles() == {"NVME": "0000:00/03.0/00.0"}


def test_not_for_every_architecture(tmp_path: Path) -> None:
    assert read(tmp_path, GOOD, "s390x") is None


@pytest.mark.parametrize(("old", "new", "why"), [
    ('about = "a machine"', "", "about"),
    ("[x86_64]", "[x86]", "unknown key x86"),
    ("args", "arg", "unknown key arg"),
    ('role = "NVME", ', "", "go together"),
    ("NVME", "nvme", "no name for a shell variable"),
    ("64M", "64", "no size"),
    ("id=n0,", "", "needs an id"),
    ("disk =", "disc =", "unknown key disc"),
    ("]\n", "", "t.toml"),
])
def test_refused(tmp_path: Path, old: str, new: str, why: str) -> None:
    with pytest.raises(common.Error, match=why):
        read(tmp_path, GOOD.replace(old, new))


def test_unknown_name_lists_what_there_is(tmp_path: Path) -> None:
    (tmp_path / "one.toml").touch()
    with pytest.raises(common.Error, match="unknown topology 'two': one of one"):
        topology.load("two", "x86_64", tmp_path)


def test_ours_are_all_well_formed() -> None:
    for name in topology.names():
        assert any(topology.load(name, arch) for arch in common.ARCHES)
