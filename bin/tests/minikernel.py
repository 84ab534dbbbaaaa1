"""A kernel of a dozen files, and a repository of a series for it: what the tests of the series work on."""

from __future__ import annotations

import os
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

from reseat import compose, cycle, git, mail

C_FILE = "".join(f"int line_{n}(void);\n" for n in range(1, 61))
FILES = {
    "Makefile": "VERSION = 7\nPATCHLEVEL = 3\nSUBLEVEL = 4\nEXTRAVERSION =\n",
    "Kconfig": "mainmenu \"Linux\"\n",
    "MAINTAINERS": "THE REST\nM:\tSomeone\n",
    ".gitignore": "*.o\n.*\n!.gitignore\n!.kunitconfig\n#\n# Debian packaging: ignore everything\n#\n/*\n!/debian/\n",
    ".gitattributes": "*.[ch] diff=cpp\n",
    "drivers/pci/pci.c": C_FILE,
    "drivers/pci/probe.c": C_FILE.replace("line", "probe"),
    "drivers/pci/Makefile": "# PCI\n\nobj-y += pci.o\n\nobj-y += probe.o\n\n# the end\n",
    "drivers/pci/old.c": "int old;\n",
    "include/linux/pci.h": "#define PCI 1\n\n\nint pci(void);\n",
    "Documentation/PCI/pci.rst": "PCI\n===\n",
    "scripts/run.sh": "#!/bin/sh\necho 1\n",
}


@dataclass(frozen=True)
class Base:
    """Stands in for base.Base."""

    version: str
    git_dir: Path
    commit: str


def sh(folder: Path, *cmd: str, data: str | None = None, check: bool = True, **env: str) -> str:
    """Run a command, and return what it prints. The author's name is the repository's own, or a stranger's."""
    environ = {**os.environ, "GIT_EDITOR": "true", "GIT_CONFIG_GLOBAL": "/dev/null", "GIT_CONFIG_NOSYSTEM": "1",
               "EMAIL": "stranger@example.org", **env}
    p = subprocess.run(cmd, cwd=folder, env=environ, input=data, text=True, capture_output=True, check=False)
    if check and p.returncode:
        raise AssertionError(f"{cmd}: {p.returncode}\n{p.stdout}{p.stderr}")
    return p.stdout


def make_base(folder: Path, version: str = "7.3.4", **changed: str) -> Base:
    """A bare repository with the little kernel as its root commit; @changed overrides files (path, or path=None)."""
    bare = folder / "linux.git"
    if not bare.exists():
        bare.mkdir(parents=True)
        sh(bare, "git", "init", "--quiet", "--bare", "--template=")
    files = {p: git.File("100755" if p.endswith(".sh") else "100644", t.encode())
             for p, t in {**FILES, **changed}.items()}
    commit = git.Git(bare).fast_import(f"refs/base/{version}", None, [
        git.Change(f"Linux {version}\n", "x <x@example.org>", "0 +0000", files)])[0]
    return Base(version, bare, commit)


@dataclass
class Repo:
    """A repository with series/ and files at the kernel's places."""

    root: Path
    base: Base

    def write(self, path: str, text: str, mode: int = 0o644) -> None:
        """Write one of its files."""
        full = self.root / path
        full.parent.mkdir(parents=True, exist_ok=True)
        full.write_text(text)
        full.chmod(mode)

    def read(self, path: str) -> str:
        """Read one of its files."""
        return (self.root / path).read_text()

    def all(self) -> dict[str, git.File]:
        """The files that the series is made of."""
        return compose.load(self.root, self.base)

    def names(self) -> list[str]:
        """The patches in their order."""
        return [s for s in self.read("series/series").splitlines() if s and not s.startswith("#")]

    def patch(self, name: str, **change: object) -> None:
        """Change fields of a stored patch."""
        from dataclasses import replace
        path = f"series/{name}"
        self.write(path, mail.format(replace(mail.parse(self.read(path), path), **change)))

    def tree(self, **options: object) -> Kernel:
        """make tree."""
        return Kernel(cycle.make(self.root, base=self.base, **options))

    def absorb(self, **options: object) -> list[str]:
        """make absorb."""
        return cycle.take(self.root, base=self.base, **options)

    def compose(self) -> compose.Composed:
        """The series as commits."""
        return compose.series(self.root, self.base)

    def tree_hash(self) -> str:
        """The tree that the series composes to."""
        return sh(self.base.git_dir, "git", "rev-parse", f"{self.compose().tip}^{{tree}}")

    def commit(self, message: str = "x") -> str:
        """Commit all of the repository."""
        sh(self.root, "git", "add", "-A")
        sh(self.root, "git", "commit", "-qm", message)
        return sh(self.root, "git", "rev-parse", "HEAD").strip()


@dataclass
class Kernel:
    """The author's work tree."""

    path: Path

    def git(self, *args: str, data: str | None = None, check: bool = True, **env: str) -> str:
        """Git as the author runs it."""
        return sh(self.path, "git", *args, data=data, check=check, **env)

    def edit(self, path: str, old: str, new: str) -> None:
        """Replace text in one file."""
        text = (self.path / path).read_text()
        assert old in text
        (self.path / path).write_text(text.replace(old, new, 1))

    def write(self, path: str, text: str, mode: int = 0o644) -> None:
        """Write one file."""
        full = self.path / path
        full.parent.mkdir(parents=True, exist_ok=True)
        full.write_text(text)
        full.chmod(mode)

    def commit(self, subject: str, body: str = "Because.", date: int | None = None) -> None:
        """Commit everything, new files too."""
        self.git("add", "-A")
        stamp = {"GIT_AUTHOR_DATE": f"{date} +0100"} if date else {}
        self.git("commit", "-q", "-m", subject, "-m", body, **stamp)

    def rebase(self, script: str, **env: str) -> None:
        """git rebase -i onto the base, its todo list edited by the sed @script."""
        self.git("rebase", "-q", "-i", "base", GIT_SEQUENCE_EDITOR=f"sed -i -E '{script}'", **env)

    def tree_hash(self) -> str:
        """The tree that is checked out."""
        return self.git("rev-parse", "HEAD^{tree}")

    def subjects(self) -> list[str]:
        """The subjects of the branch."""
        return self.git("log", "--reverse", "--format=%s", "base..").splitlines()


def make_repo(folder: Path, base: Base) -> Repo:
    """A repository with three patches: one that edits, one that adds a file, and one that edits both."""
    root = folder / "repo"
    root.mkdir(parents=True)
    sh(root, "git", "init", "-q", "--template=", "--initial-branch=main")
    repo = Repo(root, base)
    repo.write(".gitignore", "/out/\n")
    repo.write("README.md", "ours, not the kernel's\n")
    repo.write("Makefile", "ours\n")
    repo.write("bin/x", "ours\n")
    repo.write("series/cover", "A series\n\nThat does it.\n")
    repo.write("series/series", "")
    k = repo.tree()
    k.edit("drivers/pci/pci.c", "line_10(void)", "line_10(int)")
    k.commit("PCI: Fix line 10", date=1700000000)
    k.write("drivers/pci/reset.c", "".join(f"int reset_{n};\n" for n in range(1, 31)))
    k.edit("drivers/pci/Makefile", "probe.o", "probe.o reset.o")
    k.commit("PCI: Add a reset file", date=1700000100)
    k.edit("drivers/pci/reset.c", "int reset_15;", "long reset_15;")
    k.edit("drivers/pci/probe.c", "probe_40", "probed_40")
    k.commit("PCI: Use the reset file", date=1700000200)
    repo.absorb()
    lines = repo.read("series/series").splitlines()
    repo.write("series/series", f"# fixes\n{lines[0]}\n\n# the core\n# of it all\n{lines[1]}\n\n{lines[2]}\n")
    repo.tree()
    return repo


def hunk_numbers(text: str) -> list[str]:
    """The line numbers of a patch's hunks."""
    return re.findall(r"^@@ -(\d+)", text, re.M)
