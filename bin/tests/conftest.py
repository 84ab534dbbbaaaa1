"""What every test shares: our package on the path, a cache of its own, and a small kernel with a series."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import pytest

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import minikernel  # noqa: E402


def pytest_configure(config: pytest.Config) -> None:
    """Markers of tests that need more than this machine's git."""
    config.addinivalue_line("markers", "base: needs the real kernel's source")
    config.addinivalue_line("markers", "vm: boots a VM")


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> None:
    """No test touches the user's cache, unless it asks for the real base or a VM."""
    if not any(request.node.get_closest_marker(m) for m in ("base", "vm")):
        monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


@pytest.fixture(scope="session")
def _template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("template")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(folder / "cache"))
        minikernel.make_repo(folder, minikernel.make_base(folder))
    return folder


@pytest.fixture
def repo(_template: Path, tmp_path: Path) -> minikernel.Repo:
    """A repository of three patches on a kernel of a dozen files, its tree made."""
    for name in ("linux.git", "repo"):
        shutil.copytree(_template / name, tmp_path / name, symlinks=True)
    found = minikernel.Repo(tmp_path / "repo", minikernel.make_base(tmp_path))
    found.tree()
    return found
