"""The base: pinned, fetched whole or not at all, and the same commit wherever its source comes from."""

from __future__ import annotations

import hashlib
import io
import subprocess
import tarfile
from pathlib import Path

import pytest

from reseat import apt, base, common

MAKEFILE = "# SPDX\nVERSION = 7\nPATCHLEVEL = 3\nSUBLEVEL = {}\nEXTRAVERSION =\n"
PIN = """# comment
version = 7.3.4
suite = some-suite
package = linux-source-7.3
package_version = 7.3.4-1
tarball = usr/src/linux-source-7.3.tar.xz
sha256 = {}
"""


def source(folder: Path, sublevel: int = 4) -> Path:
    """A kernel of four files."""
    (folder / "scripts").mkdir(parents=True)
    (folder / "Makefile").write_text(MAKEFILE.format(sublevel))
    (folder / ".gitignore").write_text("*.o\n/*\n")
    (folder / "scripts" / "tool").write_text("#!/bin/sh\n")
    (folder / "scripts" / "tool").chmod(0o755)
    (folder / "link").symlink_to("Makefile")
    return folder


def tarball(folder: Path, path: Path) -> str:
    with tarfile.open(path, "w:xz") as tar:
        tar.add(folder, "linux-source-7.3")
    return hashlib.sha256(path.read_bytes()).hexdigest()


class FakeApt:
    """An archive that offers @versions of the package made of @tarball."""

    uri = "http://mirror.example.net/debian"
    versions_offered = ["7.3.4-1"]
    deb = Path("")

    def __init__(self, suites: list[str], **kwargs: object) -> None:
        self.suites = suites

    def versions(self, package: str) -> list[str]:
        return self.versions_offered

    def update(self, *, force: bool = False) -> None:
        pass

    def download(self, package: str, into: Path) -> Path:
        to = into / "linux-source-7.3_1_all.deb"
        to.write_bytes(self.deb.read_bytes())
        return to


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository whose base a fake archive offers."""
    monkeypatch.delenv("LINUX_SRC", raising=False)
    sha = tarball(source(tmp_path / "source"), tmp_path / "source.tar.xz")
    monkeypatch.setattr(FakeApt, "deb", tmp_path / "source.tar.xz")
    monkeypatch.setattr(FakeApt, "versions_offered", ["7.3.4-1"])
    monkeypatch.setattr(apt, "Apt", FakeApt)

    def unpack(deb: Path, member: str, to: Path) -> str:
        to.write_bytes(deb.read_bytes())
        return hashlib.sha256(to.read_bytes()).hexdigest()
    monkeypatch.setattr(base, "unpack_deb", unpack)
    root = tmp_path / "root"
    root.mkdir()
    (root / "base").write_text(PIN.format(sha))
    return root


def leftovers() -> list[str]:
    """What is in the cache besides locks and the repository."""
    return sorted(p.name for p in common.cache().iterdir() if p.name not in ("locks", "git")) + \
        sorted(p.name for p in (common.cache() / "git").glob("*") if p.name != "linux.git")


def test_pin_errors(tmp_path: Path) -> None:
    with pytest.raises(common.Error, match="base"):
        base.pin(tmp_path)
    (tmp_path / "base").write_text("version = 7.3.4\n")
    with pytest.raises(common.Error, match="no line 'suite = "):
        base.pin(tmp_path)
    (tmp_path / "base").write_text(PIN.format("0" * 63))
    with pytest.raises(common.Error, match="64 hexadecimal"):
        base.pin(tmp_path)


def test_the_pinned_base_of_this_repository_reads() -> None:
    assert base.pin().version.startswith("7.3.")


def test_same_commit_from_package_tree_and_repository(root: Path, tmp_path: Path,
                                                      monkeypatch: pytest.MonkeyPatch) -> None:
    packaged = base.ensure(root)
    assert base.git("ls-tree", "-r", "--name-only", packaged.commit).split() == \
        [".gitignore", "Makefile", "link", "scripts/tool"]
    assert base.git("log", "--format=%s", packaged.commit) == "Linux 7.3.4"
    assert leftovers() == []
    assert base.ensure(root) == packaged

    monkeypatch.setenv("LINUX_SRC", str(tmp_path / "source"))
    assert base.ensure(root).commit == packaged.commit
    repo = tmp_path / "repository"
    subprocess.run(["git", "init", "-q", repo], check=True)
    for command in (["add", "-f", "-A"], ["-c", "user.name=x", "-c", "user.email=x@example.org", "commit", "-qm", "x"]):
        subprocess.run(["git", "-C", repo, f"--work-tree={tmp_path / 'source'}", *command], check=True)
    monkeypatch.setenv("LINUX_SRC", str(repo))
    assert base.ensure(root).commit == packaged.commit
    assert base.ensure(root).sha256 == ""
    assert leftovers() == []


def test_checksum_mismatch(root: Path) -> None:
    (root / "base").write_text(PIN.format("0" * 64))
    with pytest.raises(common.Error, match="sha256"):
        base.ensure(root)
    assert not base.git_dir().exists() and leftovers() == []


def test_short_download(root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    short = tmp_path / "short.tar.xz"
    whole = (tmp_path / "source.tar.xz").read_bytes()
    short.write_bytes(whole[:len(whole) // 2])
    monkeypatch.setattr(FakeApt, "deb", short)
    (root / "base").write_text(PIN.format(hashlib.sha256(short.read_bytes()).hexdigest()))
    with pytest.raises(common.Error, match="damaged or short"):
        base.ensure(root)
    assert not base.git_dir().exists() and leftovers() == []


def test_damaged_package(tmp_path: Path) -> None:
    deb = tmp_path / "x.deb"
    deb.write_bytes(b"no package")
    with pytest.raises(common.Error, match="x.deb"):
        base.unpack_deb(deb, "usr/src/x", tmp_path / "x")


def test_interrupted(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(*args: object) -> None:
        raise KeyboardInterrupt
    monkeypatch.setattr(base.importer.Importer, "commit", interrupt)
    with pytest.raises(KeyboardInterrupt):
        base.ensure(root)
    assert not base.git_dir().exists() and leftovers() == []
    monkeypatch.undo()


def test_full_disk(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Usage:
        free = 2**20
    monkeypatch.setattr(common.shutil, "disk_usage", lambda path: Usage)
    with pytest.raises(common.Error, match="clean-cache"):
        base.ensure(root)


def test_another_point_release_when_the_pinned_one_is_gone(root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
                                                           capsys: pytest.CaptureFixture[str]) -> None:
    tarball(source(tmp_path / "newer", 6), tmp_path / "newer.tar.xz")
    monkeypatch.setattr(FakeApt, "deb", tmp_path / "newer.tar.xz")
    monkeypatch.setattr(FakeApt, "versions_offered", ["7.4.1-1", "7.3.6-1", "7.3.5-1"])
    for _ in range(2):  # fetched, then from the cache: said both times
        found = base.ensure(root)
        assert found.version == "7.3.6"
        assert "7.3.4 (7.3.4-1), is gone" in capsys.readouterr().err
    monkeypatch.setattr(FakeApt, "versions_offered", ["7.4.1-1"])
    common.remove(common.cache())
    with pytest.raises(common.Error, match="no other 7.3.y"):
        base.ensure(root)


def test_linux_src_errors(root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for path, message in ((tmp_path / "none", "no such folder"), (tmp_path / "root", "no kernel source"),
                          (source(tmp_path / "old", 3), r"Linux 7\.3\.3, but the series stands on 7\.3\.4")):
        monkeypatch.setenv("LINUX_SRC", str(path))
        with pytest.raises(common.Error, match=message):
            base.ensure(root)
    (tmp_path / "source" / ".config").touch()
    monkeypatch.setenv("LINUX_SRC", str(tmp_path / "source"))
    with pytest.raises(common.Error, match="mrproper"):
        base.ensure(root)
    assert not base.git_dir().exists()


def test_makefile_version() -> None:
    assert base.makefile_version(MAKEFILE.format(4)) == "7.3.4"
    assert base.makefile_version(MAKEFILE.format(0).replace("EXTRAVERSION =", "EXTRAVERSION = -rc2")) == "7.3.0-rc2"
    with pytest.raises(common.Error):
        base.makefile_version("all:\n")


def test_orig_files(root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fetch(self: FakeApt, package: str, into: Path, *, tar_only: bool) -> None:
        tarball(tmp_path / "source", into / "linux_7.3.4.orig.tar.xz")
    pinned = base.pin(root)
    monkeypatch.setattr(base, "pin", lambda root=root: pinned)
    monkeypatch.setattr(FakeApt, "source", fetch, raising=False)
    where, why = base.orig_files(["Makefile", "scripts/tool", "not/there"], tmp_path / "orig")
    assert (where, why) == (tmp_path / "orig", "")
    assert (tmp_path / "orig" / "scripts" / "tool").stat().st_mode & 0o100
    assert not (tmp_path / "orig" / "not").exists()
    common.remove(common.cache() / "base-orig")

    def refuse(self: FakeApt, package: str, into: Path, *, tar_only: bool) -> None:
        raise common.Error("404  Not Found")
    monkeypatch.setattr(FakeApt, "source", refuse)
    where, why = base.orig_files(["Makefile"], tmp_path / "orig2")
    assert where is None and "404 Not Found" in why
    assert not (common.cache() / "base-orig").exists()


def test_unpack_deb(tmp_path: Path) -> None:
    """A package made by hand: an ar archive with a control and a data tarball."""
    def member(name: str, data: bytes) -> bytes:
        header = f"{name:<16}{0:<12}{0:<6}{0:<6}{100644:<8}{len(data):<10}`\n".encode()
        return header + data + (b"\n" if len(data) % 2 else b"")

    def tar(name: str, data: bytes) -> bytes:
        out = io.BytesIO()
        with tarfile.open(fileobj=out, mode="w:xz") as t:
            info = tarfile.TarInfo(name)
            info.size = len(data)
            t.addfile(info, io.BytesIO(data))
        return out.getvalue()
    deb = tmp_path / "p.deb"
    deb.write_bytes(b"!<arch>\n" + member("debian-binary", b"2.0\n") + member("control.tar.xz", tar("./control", b"")) +
                    member("data.tar.xz", tar("./usr/src/x.tar.xz", b"content")))
    assert base.unpack_deb(deb, "usr/src/x.tar.xz", tmp_path / "x") == hashlib.sha256(b"content").hexdigest()
    assert (tmp_path / "x").read_bytes() == b"content"
    with pytest.raises(common.Error, match="has no usr/src/y"):
        base.unpack_deb(deb, "usr/src/y", tmp_path / "y")
