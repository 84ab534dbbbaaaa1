"""The example in HACKING.md works, typed as it stands there; and bin/series says clearly what it does not like."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest
from minikernel import FILES, sh
from reseat import base, common


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """A clone of this project without patches."""
    root = tmp_path / "clone"
    root.mkdir()
    for name in ("Makefile", "base", ".gitignore"):
        if (common.ROOT / name).exists():
            shutil.copy(common.ROOT / name, root)
    shutil.copytree(common.ROOT / "bin", root / "bin", ignore=shutil.ignore_patterns("__pycache__", "tests"))
    (root / "series").mkdir()
    (root / "series/series").write_text("")
    (root / "series/cover").write_text("PCI: An example\n\nOf a series.\n")
    sh(root, "git", "init", "-q", "--template=", "--initial-branch=main")
    sh(root, "git", "add", "-A")
    sh(root, "git", "commit", "-q", "-m", "Begin")
    return root


@pytest.fixture
def linux(tmp_path: Path) -> Path:
    """A kernel's source, of the version that is pinned."""
    root = tmp_path / "linux"
    root.mkdir()
    numbers = base.pin().version.split(".")
    for path, text in {**FILES, "Makefile": "VERSION = {}\nPATCHLEVEL = {}\nSUBLEVEL = {}\n".format(*numbers)}.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text)
    sh(root, "git", "init", "-q", "--template=")
    sh(root, "git", "add", "--force", ".")
    sh(root, "git", "commit", "-q", "-m", "Linux")
    return root


def run(folder: Path, linux: Path, *cmd: str) -> tuple[int, str]:
    """Run a command; the exit code, and all it printed."""
    env = common.clean_env(LINUX_SRC=str(linux), GIT_EDITOR="true", EMAIL="a@example.org")
    p = subprocess.run(cmd, cwd=folder, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                       check=False)
    return p.returncode, p.stdout


def test_the_example(clone: Path, linux: Path) -> None:
    text = (common.ROOT / "HACKING.md").read_text()
    section = text[text.index("## The edit cycle"):]
    block = re.search(r"^```sh\n(.*?)^```$", section, re.M | re.S)
    assert block
    code, out = run(clone, linux, "bash", "-eux", "-c", block[1])
    assert code == 0, out
    names = [p.name for p in sorted((clone / "series").glob("*.patch"))]
    assert names == ["0010-PCI-Add-an-example.patch", "0020-PCI-Declare-the-example.patch", "0030-PCI-Theirs.patch"]
    assert run(clone, linux, "bin/series", "absorb") == (0, "0 files written\n")
    assert run(clone, linux, "git", "status", "--porcelain")[1] == ""


@pytest.mark.parametrize(("args", "code", "says"), [
    (["nonsense"], 2, "invalid choice"),
    (["tree", "--rev", "nonsense"], 1, "series: REV 'nonsense' is no commit"),
    (["absorb"], 1, "make tree` first"),
    (["dist"], 1, "nothing to send"),
    (["dist", "--signoff", "me"], 1, "is not 'Name <mail>'"),
])
def test_wrong_input(clone: Path, linux: Path, args: list[str], code: int, says: str) -> None:
    found, out = run(clone, linux, "bin/series", *args)
    assert found == code and says in out and "Traceback" not in out


def test_the_path_is_on_the_last_line(clone: Path, linux: Path) -> None:
    code, out = run(clone, linux, "bin/series", "tree")
    assert code == 0 and out.splitlines()[-1] == str(clone / "out/tree")
    assert run(clone, linux, "bin/series", "compose") == (0, "")


def test_a_wrong_kernel(clone: Path, linux: Path) -> None:
    (linux / "Makefile").write_text("VERSION = 6\nPATCHLEVEL = 12\nSUBLEVEL = 1\n")
    sh(linux, "git", "commit", "-q", "-a", "-m", "Old")
    code, out = run(clone, linux, "bin/series", "tree")
    assert code == 1 and "6.12.1" in out and "Traceback" not in out and not (clone / "out/tree").exists()
