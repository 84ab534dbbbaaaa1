"""QEMU's command line, and its start."""

from __future__ import annotations

from pathlib import Path

import pytest

from reseat import common, kvm, qemu, rootfs, topology


@pytest.fixture
def no_kvm(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kvm, "works", lambda *_: False)
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


def test_clocks(no_kvm: None) -> None:
    text = line("x86_64", icount=qemu.TIMED, console=Path("log"))
    assert "-icount shift=1,sleep=off" in text and "-smp 1" in text
    text = line("x86_64", icount=qemu.COUNTED, console=Path("log"))
    assert "-icount shift=3 " in text and "-smp 2" in text
    text = line("x86_64", icount=qemu.HURRIED, console=Path("log"))
    assert "-icount shift=3,sleep=off " in text and "-smp 2" in text


def test_shell_has_its_console_on_the_terminal(no_kvm: None) -> None:
    text = line("x86_64", disks=(Path("root"), Path("run")))
    assert "stdio" in text and "virtserialport" not in text


def test_a_qemu_that_will_not_start_says_why(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, no_kvm: None) -> None:
    script = tmp_path / "qemu"
    script.write_text("#!/bin/sh\necho no such machine >&2; exit 1\n")
    script.chmod(0o755)
    monkeypatch.setattr(qemu, "binary", lambda _: str(script))
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
