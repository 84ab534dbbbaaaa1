"""QEMU's command line, and whether KVM is to be trusted."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path

import pytest

from reseat import common, qemu, rootfs, topology


@pytest.fixture
def no_kvm(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(qemu, "kvm_works", lambda _: False)
    monkeypatch.setattr(qemu, "binary", lambda arch: qemu.BINARIES[arch])


def line(arch: str, **more: object) -> str:
    top = topology.load("nvme", arch)
    assert top
    return " ".join(qemu.command(top, Path("image"), folder=Path("/f"), **more))  # type: ignore[arg-type]


@pytest.mark.parametrize(("arch", "console", "disk"), [
    ("x86_64", "console=ttyS0", "virtio-blk-pci,drive=reseat-run"),
    ("s390x", "console=ttysclp0", "virtio-blk-ccw,drive=reseat-run"),
    ("ppc64le", "console=hvc0", "virtio-blk-pci,drive=reseat-run"),
])
def test_command(no_kvm: None, arch: str, console: str, disk: str) -> None:
    text = line(arch, disks=(Path("root"), Path("run")), console=Path("log"))
    for part in ("-accel tcg", console, disk, "-no-reboot", "serial=n0", "path=/f/line", "file=/f/disk"):
        assert part in text


def test_timed(no_kvm: None) -> None:
    text = line("x86_64", icount=True, console=Path("log"))
    assert "-icount shift=1,sleep=off" in text and "-smp 1" in text


def test_shell_has_its_console_on_the_terminal(no_kvm: None) -> None:
    text = line("x86_64", disks=(Path("root"), Path("run")))
    assert "stdio" in text and "virtserialport" not in text


def fake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, body: str) -> None:
    """A QEMU and a /dev/kvm of the test's making, asked on an x86 machine."""
    script = tmp_path / "qemu"
    script.write_text(f"#!/bin/sh\n{body}\n")
    script.chmod(0o755)
    monkeypatch.setattr(qemu, "binary", lambda _: str(script))
    monkeypatch.setattr(qemu, "_PROBE_SECONDS", 1)
    real = os.access
    monkeypatch.setattr(os, "access", lambda p, m: True if p == "/dev/kvm" else real(p, m))


@pytest.mark.skipif(os.uname().machine != "x86_64", reason="KVM is probed on x86 only")
@pytest.mark.parametrize(("body", "works"), [
    ("exit 85", True),  # the payload answered
    ("exit 0", False),
    ("exit 1", False),
    ("exec sleep 30", False),  # the /dev/kvm that hangs
])
def test_kvm_is_probed_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, body: str, works: bool) -> None:
    fake(tmp_path, monkeypatch, body)
    start = time.monotonic()
    assert qemu.kvm_works("x86_64") is works
    assert time.monotonic() - start < 10
    monkeypatch.setattr(qemu, "_probe_kvm", lambda _: pytest.fail("probed again"))
    assert qemu.kvm_works("x86_64") is works
    assert json.loads((common.cache() / "probe" / "kvm.json").read_text())["works"] is works


def test_no_kvm_for_others() -> None:
    assert not qemu.kvm_works("s390x")


def test_a_qemu_that_will_not_start_says_why(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, no_kvm: None) -> None:
    fake(tmp_path, monkeypatch, "echo no such machine >&2; exit 1")
    top = topology.load("nvme", "x86_64")
    assert top
    with pytest.raises(common.Error, match="did not start: no such machine"), \
            qemu.start(top, Path("image"), log=tmp_path / "log"):
        pass
    assert "no such machine" in (tmp_path / "log").read_text()


def test_pack(tmp_path: Path) -> None:
    (tmp_path / "tree" / "dir").mkdir(parents=True)
    (tmp_path / "tree" / "dir" / "file").write_text("content")
    rootfs.pack(tmp_path / "tree", tmp_path / "image")
    with (tmp_path / "image").open("rb") as f:
        f.seek(0x438)
        assert f.read(2) == b"\x53\xef"  # ext's magic number
    assert b"content" in (tmp_path / "image").read_bytes()
