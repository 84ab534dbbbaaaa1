"""What must be on the machine."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from reseat import apt, common, setup, sparse


def need(**kwargs: str) -> setup.Need:
    return setup.Need("testing", "some-package", **kwargs)


@pytest.fixture
def lacking(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine that lacks one program and one header."""
    monkeypatch.setattr(setup, "NEEDS", (need(program="sh"), need(program="no-such-program"), need(header="no/such.h")))


def os_release(monkeypatch: pytest.MonkeyPatch, debian: bool) -> None:
    monkeypatch.setattr(setup, "is_debian_12", lambda: debian)


def test_debian_12(tmp_path: Path) -> None:
    path = tmp_path / "os-release"
    for text, answer in (('ID=debian\nVERSION_ID="12"\n', True), ('ID=debian\nVERSION_ID="13"\n', False),
                         ('ID=fedora\nVERSION_ID=12\n', False)):
        path.write_text(text)
        assert setup.is_debian_12(path) is answer
    assert setup.is_debian_12(tmp_path / "none") is False


def test_another_system_is_told_what_is_missing(lacking: None, monkeypatch: pytest.MonkeyPatch) -> None:
    os_release(monkeypatch, False)
    with pytest.raises(common.Error) as e:
        setup.setup()
    assert "no-such-program (Debian: some-package), for testing" in str(e.value)
    assert "<no/such.h>" in str(e.value) and "not Debian 12" in str(e.value)
    assert "  sh " not in str(e.value)


def test_another_system_with_everything_is_fine(monkeypatch: pytest.MonkeyPatch) -> None:
    os_release(monkeypatch, False)
    monkeypatch.setattr(setup, "NEEDS", (need(program="sh"),))
    setup.setup()


def test_debian_without_root_is_told(lacking: None, monkeypatch: pytest.MonkeyPatch) -> None:
    os_release(monkeypatch, True)
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    with pytest.raises(common.Error, match="as root"):
        setup.setup()


def test_debian_installs_backports_apart(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    installed: list[tuple[str, list[str]]] = []
    there: set[str] = set()

    class FakeApt:
        def __init__(self, suites: list[str], *, install: bool) -> None:
            assert install and "bookworm-backports" in suites

        def install(self, packages: list[str], log: Path, suite: str = "") -> None:
            installed.append((suite, packages))
            there.update(packages)
    os_release(monkeypatch, True)
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(apt, "Apt", FakeApt)
    monkeypatch.setattr(setup, "NEEDS", (setup.Need("x", "plain", "no-such-1"),
                                         setup.Need("x", "newer", "no-such-2", suite=setup.BACKPORTS)))
    monkeypatch.setattr(setup.Need, "there", lambda self: self.package in there)
    setup.setup()
    assert installed == [("", ["plain"]), ("bookworm-backports", ["newer"])]


def test_an_old_qemu_does_not_count(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = tmp_path / "qemu-system-x86_64"
    monkeypatch.setattr(setup, "_PATH", str(tmp_path))
    for version, answer in (("7.2.0", False), ("10.0.2", True)):
        program.write_text(f"#!/bin/sh\necho QEMU emulator version {version}\n")
        program.chmod(0o755)
        assert need(program="qemu-system-x86_64").there() is answer


def test_a_sparse_that_is_too_old_does_not_count(tmp_path: Path) -> None:
    program = tmp_path / "sparse"
    program.write_text("#!/bin/sh\necho \"$1:3:9: error: Expected ;\" >&2\n")
    program.chmod(0o755)
    assert not sparse.works(program) and not sparse.works(tmp_path / "none")
    program.write_text("#!/bin/sh\n")
    assert sparse.works(program)


@pytest.mark.parametrize(("git", "missing", "order"), [
    (True, True, "fetched installed "), (False, True, "installed "), (True, False, "installed ")])
def test_sources_are_fetched_meanwhile(git: bool, missing: bool, order: str, monkeypatch: pytest.MonkeyPatch,
                                       tmp_path: Path) -> None:
    said = tmp_path / "said"

    def done(what: str) -> None:
        with said.open("a") as f:
            f.write(f"{what} ")

    def install() -> None:
        for _ in range(100):
            if order.startswith("fetched") and not said.exists():
                time.sleep(0.05)
        done("installed")

    monkeypatch.setattr(setup.shutil, "which", lambda _: git and "git")
    monkeypatch.setattr(setup, "lacking", lambda: [need(program="no-such-program")] if missing else [])
    monkeypatch.setattr(setup, "setup", install)
    setup.setup_beside(lambda: done("fetched"))
    assert said.read_text() == order


def test_sources_that_cannot_be_fetched_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    def gone() -> None:
        raise common.Error("no network")

    monkeypatch.setattr(setup, "lacking", lambda: [need(program="no-such-program")])
    monkeypatch.setattr(setup, "setup", lambda: None)
    with pytest.raises(common.Error, match="no network"):
        setup.setup_beside(gone)
