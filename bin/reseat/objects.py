"""Single files of the kernel, compiled with W=1 and sparse in a configuration that has nearly everything on."""

from __future__ import annotations

import dataclasses
import hashlib
import re
import shlex
from collections import Counter
from pathlib import Path

from . import base, build, common, config

_WARNING = re.compile(r"^(?:\.\./)*([^\s:]+):(?:\d+:){0,2}\s*(?:fatal )?(warning|error): (.*)$|^(Warning|Error): "
                      r"(\S+?):(?:\d+)?:? ?(.*)$", re.M | re.I)
FAILED = "error: it does not compile"  # the message for a file whose object is not there afterwards
# Lists the objects that a folder's Makefile asks for, those that others are made of included.
_LIST = """
include include/config/auto.conf
src := $(srctree)/$(folder)
obj := $(folder)
include $(or $(wildcard $(src)/Kbuild),$(src)/Makefile)
made-of = $(foreach o,$(1),$($(o:.o=-objs)) $($(o:.o=-y)) $($(o:.o=-m)))
first := $(obj-y) $(obj-m) $(lib-y) $(lib-m) $(always-y)
second := $(call made-of,$(first))
$(info OBJECTS $(first) $(second) $(call made-of,$(second)))
.PHONY: all
all: ;
"""


@dataclasses.dataclass(frozen=True)
class Said:
    """What compiling some files said: the files that the configuration has, and the messages for each."""

    files: frozenset[str]
    messages: dict[str, Counter[str]]


def warnings(text: str) -> Counter[str]:
    """Warnings and errors in @text, without their line numbers: those shift when lines are added above."""
    found: Counter[str] = Counter()
    for m in _WARNING.finditer(text):
        name, kind, what = (m[1], m[2], m[3]) if m[1] else (m[5], m[4], m[6])
        found[f"{name}: {kind.lower()}: {what.strip()}"] += 1
    return found


def by_file(text: str) -> dict[str, Counter[str]]:
    """What make printed, by the file that it was compiling or checking: -Otarget keeps each one's lines together."""
    blocks: dict[str, list[str]] = {}
    current = ""
    for line in text.splitlines():
        if m := re.match(r"  (?:CC|CHECK) +(?:\[M\] +)?(?:\.\./)*(\S+)\.[oc]$", line):
            current = f"{m[1]}.c"
        elif re.match(r"  [A-Z]+ ", line):
            current = ""
        blocks.setdefault(current, []).append(line)
    return {file: warnings("\n".join(lines)) for file, lines in blocks.items()}


class Objects:
    """Compiles single files of the source tree @src for one architecture, and has sparse read them, if it is given."""

    def __init__(self, arch: common.Arch, src: Path, sparse: Path | None, goal: str = "allyesconfig",
                 clang: Path | None = None) -> None:
        self.arch, self.src, self.sparse, self.goal = arch, src, sparse, goal
        self.compiler = clang or build.compiler(arch)
        self.folder = src / f"build-{arch.name}-{'all' if goal == 'allyesconfig' else goal}{'-clang' if clang else ''}"
        self.args = build.make_args(arch, clang)
        self._read = ["C=2", f"CHECK={sparse}"] if sparse else []
        self._srcarch = "x86" if arch.kernel == "x86_64" else arch.kernel
        self._configured = ""  # the commit that the configuration was made for

    def key(self) -> str:
        """What stands for compiler, configuration and sparse in the names of outcomes."""
        version = common.run([self.compiler, "--version"]).stdout.partition("\n")[0]
        text = "\0".join([self.arch.name, version, self.sparse.parent.name if self.sparse else "", self._wanted()])
        return hashlib.sha256(text.encode()).hexdigest()

    def compile(self, commit: str, files: list[str], log: Path) -> Said:
        """Compile those of @files that the tree, which is at @commit, and the configuration have."""
        self._prepare(commit)
        have = [f for f in files if (self.src / f).exists() and self.has(f)]
        names = [f[:-2] + ".o" for f in have]
        if not names:
            return Said(frozenset(), {})
        for name in names:
            (self.folder / name).unlink(missing_ok=True)
        build.make(self.src, self.folder, self.arch.kernel,
                   [*self.args, *self._read, "-k", "-Otarget", "W=1", *names],
                   log=log, what=f"{self.arch.name} objects", check=False)
        messages = by_file(log.read_text(errors="replace"))
        for name, file in zip(names, have):
            if not (self.folder / name).exists():
                messages.setdefault(file, Counter())[f"{file}: {FAILED}"] += 1
        return Said(frozenset(have), messages)

    def checker(self, commit: str, file: str, log: Path) -> list[str]:
        """The command that checks @file with sparse at @commit, run in the build folder, without that file at its end."""
        self._prepare(commit)
        build.make(self.src, self.folder, self.arch.kernel,
                   [*self.args, *self._read, "V=1", file[:-2] + ".o"], log=log, what=f"{self.arch.name} {file}")
        found = re.findall(rf"^  ({re.escape(str(self.sparse))} .*) \S*{re.escape(file)}\b", log.read_text(), re.M)
        if not found:
            raise common.Error(f"make did not check {file} with sparse, log: {log}")
        return shlex.split(found[-1])

    def has(self, file: str) -> bool:
        """Is the C file part of the kernel in this configuration? Asks the Makefiles from its folder up."""
        path = Path(file)
        if path.parts[0] == "arch" and path.parts[1] != self._srcarch:
            return False
        want = path.stem + ".o"
        folder = path.parent
        while folder != Path("."):
            if (self.src / folder / "Makefile").exists() or (self.src / folder / "Kbuild").exists():
                if want not in self._listed(str(folder)):
                    return False
                if len(folder.parts) <= (2 if folder.parts[0] == "arch" else 1):
                    return True  # the list of the top level is the kernel's own
                want = folder.name + "/"
            else:  # a folder without a Makefile of its own: its parent names the object by path
                want = f"{folder.name}/{want}"
            folder = folder.parent
        return False

    def _listed(self, folder: str) -> set[str]:
        p = common.run(["make", "-s", "-f", "-", f"srctree={self.src}", "objtree=.", f"srcroot={self.src}",
                        f"folder={folder}", f"SRCARCH={self._srcarch}", f"ARCH={self.arch.kernel}", "BITS=64", "all"],
                       cwd=self.folder, input=_LIST, check=False)
        words = {w for line in p.stdout.splitlines() if line.startswith("OBJECTS") for w in line.split()[1:]}
        if not words and p.returncode:
            raise common.Error(f"{folder}/Makefile could not be read: {p.stderr.strip()[:200]}")
        makefile = self.src / folder / "Makefile"
        if folder == f"arch/{self._srcarch}" and makefile.exists():  # beside Kbuild: names folders by their whole path
            text = makefile.read_text()
            words |= set(re.findall(rf"^drivers-\S+\s*\+=\s*{folder}/(\w+/)$", text, re.M))
        return {w.removeprefix("./") for w in words}

    def _wanted(self) -> str:
        files = (config.CONFIGS / "check.config", config.CONFIGS / f"check-{self.arch.name}.config")
        return "".join(f.read_text() for f in files if f.exists())

    def _prepare(self, commit: str) -> None:
        if not self._configured or "Kconfig" in base.git("diff", "--name-only", self._configured, commit):
            self._configure()
        self._configured = commit

    def _configure(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        common.need_space(self.folder, 2)
        wanted, new, final = (self.folder / name for name in ("wanted.config", "config-new", ".config"))
        wanted.write_text(self._wanted())
        log = common.LOGS / "check" / f"config-{self.arch.name}.log"
        env = build.make_env(self.src) | {"KCONFIG_ALLCONFIG": str(wanted), "KCONFIG_CONFIG": str(new)}
        common.say(f"{self.arch.name}: preparing to compile single files")
        common.run(["make", "-s", "-C", self.src, f"O={self.folder}", f"ARCH={self.arch.kernel}", *self.args,
                    self.goal], env=env, log=log)
        if not final.exists() or new.read_bytes() != final.read_bytes():
            new.rename(final)
        build.make(self.src, self.folder, self.arch.kernel, [*self.args, "prepare"], log=log,
                   what=f"{self.arch.name} headers")
