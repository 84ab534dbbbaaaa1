"""Where Debian's archive is, by the machine's own sources."""

from __future__ import annotations

from pathlib import Path

import pytest

from reseat import apt, common

OTHER = "Types: deb\nURIs: https://tools.example.org/apt\nSuites: tools-bookworm\nComponents: main\n"
SECURITY = "Types: deb\nURIs: http://mirror.example.net/debian-security\nSuites: bookworm-security\nComponents: main\n"


def etc(tmp_path: Path, **files: str) -> Path:
    folder = tmp_path / "etc"
    (folder / "sources.list.d").mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        name = name.replace("_", ".")
        (folder / name if name == "sources.list" else folder / "sources.list.d" / name).write_text(text)
    return folder


@pytest.fixture(autouse=True)
def _no_mirror(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("APT_MIRROR", raising=False)


def test_deb822(tmp_path: Path) -> None:
    text = ("# a comment\nTypes: deb\nURIs: http://mirror.example.net/debian/\nSuites: bookworm\n bookworm-updates\n"
            "Components: main\nSigned-By: /usr/share/keyrings/debian-archive-keyring.gpg\n\n" + SECURITY)
    assert apt.mirror(etc(tmp_path, debian_sources=text, a_sources=OTHER)) == "http://mirror.example.net/debian"


def test_one_line(tmp_path: Path) -> None:
    text = ("# deb http://old.example.net/debian bookworm main\n"
            "deb http://security.example.net/debian-security bookworm-security main\n"
            "deb cdrom:[Debian]/ bookworm main\n"
            "deb [arch=amd64 signed-by=/x.gpg] http://mirror.example.net/debian bookworm main contrib # ours\n")
    docker = "deb https://d.example.org/linux/debian bookworm stable\n"
    assert apt.mirror(etc(tmp_path, sources_list=text, docker_list=docker)) == "http://mirror.example.net/debian"


def test_disabled_and_source_stanzas_do_not_count(tmp_path: Path) -> None:
    stanza = "Types: deb\nURIs: http://mirror.example.net/debian\nSuites: bookworm\nComponents: main\n"
    with pytest.raises(common.Error, match="APT_MIRROR"):
        apt.mirror(etc(tmp_path, a_sources=stanza + "Enabled: no\n", b_sources=stanza.replace("deb\n", "deb-src\n", 1),
                       c_sources=SECURITY, ignored_save=stanza))


def test_path_that_ends_in_debian_goes_first(tmp_path: Path) -> None:
    other = "deb https://node.example.org/node bookworm main\n"
    assert apt.mirror(etc(tmp_path, a_list=other, b_list="deb http://m.example.net/debian bookworm main\n")) \
        == "http://m.example.net/debian"


def test_environment_goes_before(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("APT_MIRROR", "http://given.example.net/debian/")
    assert apt.mirror(etc(tmp_path)) == "http://given.example.net/debian"
    monkeypatch.setenv("APT_MIRROR", "given.example.net")
    with pytest.raises(common.Error, match="no URI"):
        apt.mirror(etc(tmp_path))


@pytest.fixture
def archive(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """An archive that is not there."""
    monkeypatch.setattr(apt, "KEYRING", tmp_path / "keyring.gpg")
    (tmp_path / "keyring.gpg").touch()
    monkeypatch.setenv("APT_MIRROR", f"file:{tmp_path}/nothing")
    return f"file:{tmp_path}/nothing"


def test_private_settings(archive: str) -> None:
    options = " ".join(apt.Apt(["sid"], arch="s390x").options)
    assert f"Dir::State::status={common.cache()}" in options and "APT::Architecture=s390x" in options
    assert "Dir::Etc::sourcelist=/dev/null" in options and "AllowUnauthenticated" not in options
    assert "Dir::State::status" not in " ".join(apt.Apt(["sid"], install=True).options)


def test_no_archive_is_a_clear_error(archive: str) -> None:
    with pytest.raises(common.Error, match=f"reading the package lists failed .{archive}, sid") as e:
        apt.Apt(["sid"]).update()
    assert "E: " in str(e.value)
    assert not (apt.Apt(["sid"]).dir / "updated").exists()


def test_no_keyring_is_a_clear_error(archive: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(apt, "KEYRING", tmp_path / "none.gpg")
    with pytest.raises(common.Error, match="debian-archive-keyring"):
        apt.Apt(["sid"])
