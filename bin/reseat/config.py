"""Kernel configurations: tinyconfig plus fragments, merged by the kernel's own script, then verified line by line."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import Path

from . import base, common, git

CONFIGS = common.ROOT / "harness" / "configs"
KUNITCONFIG = "drivers/pci/tests/.kunitconfig"
_LINE = re.compile(r"^(?:(CONFIG_\w+)=(.*)|# (CONFIG_\w+) is not set)$", re.M)


def parse(text: str) -> dict[str, str]:
    """The symbols that a fragment or .config sets; not set reads `n`."""
    return {m[1] or m[3]: m[2] if m[1] else "n" for m in _LINE.finditer(text)}


def fragments(arch: str, *, debug: bool = False, folder: Path = CONFIGS) -> list[Path]:
    """The fragments of an architecture's kernel, later ones go before earlier ones."""
    names = ["common", arch] + (["debug", f"{arch}-debug"] if debug else [])
    found = [folder / f"{name}.config" for name in names]
    return [f for f in found if f.exists() or not f.name.endswith("-debug.config")]


def missing(wanted: Iterable[tuple[str, str]], have: Mapping[str, str]) -> list[tuple[str, str, str]]:
    """What of @wanted, (name of a fragment, its text), did not come out in @have: (fragment, line, what is there)."""
    final: dict[str, tuple[str, str]] = {}
    for name, text in wanted:
        for symbol, value in parse(text).items():
            final[symbol] = (name, value)
    return [(name, f"{symbol}={value}", have.get(symbol, "n"))
            for symbol, (name, value) in final.items() if have.get(symbol, "n") != value]


def verify(wanted: Iterable[tuple[str, str]], config: Path) -> None:
    """Refuse a configuration that lacks a line of the fragments: its tests would test something else."""
    lost = missing(wanted, parse(config.read_text()))
    if lost:
        raise common.Error("the kernel's configuration does not take these lines (a dependency, or a symbol that is "
                           "gone):\n" + "\n".join(f"  {name}: {line}, is {have}" for name, line, have in lost))


def kunit_fragment(src: Path) -> str:
    """The KUnit suites of the source tree @src, empty when it has none (the pristine base)."""
    try:
        return (src / KUNITCONFIG).read_text()
    except FileNotFoundError:
        return ""


def kunit_fragment_of(commit: str) -> str:
    """The same of a commit, whether or not a source tree is at it."""
    found = git.Git(base.git_dir()).files(commit, {KUNITCONFIG})
    return git.text(found[KUNITCONFIG].data) if KUNITCONFIG in found else ""


def make(src: Path, build: Path, arch: common.Arch, wanted: list[tuple[str, str]], make_args: list[str],
         optional: str = "") -> None:
    """Write @build/.config of the source @src from the fragments @wanted, verified.

    @optional are lines that are taken where the architecture has what they depend on.
    A .config that does not change keeps its time stamp, so that nothing is rebuilt.
    """
    scratch = build / "config-new"
    common.remove(scratch)
    scratch.mkdir(parents=True)
    parts = []
    for i, (name, text) in enumerate([*wanted, ("optional", optional)]):
        if text:
            part = scratch / f"{i}-{Path(name).name}"
            part.write_text(text if text.endswith("\n") else text + "\n")
            parts.append(part)
    config = scratch / ".config"
    log = common.LOGS / f"config-{build.parent.name}-{build.name}.log"
    # Made in the build folder proper, whose kconfig tools are built already, but under another name.
    env = common.clean_env(KCONFIG_CONFIG=str(config))
    tool = ["make", "-s", "-C", src, f"O={build}", f"ARCH={arch.kernel}", *make_args]
    common.run([*tool, "tinyconfig"], env=env, log=log)
    common.run([src / "scripts/kconfig/merge_config.sh", "-m", "-Q", "-O", scratch, config, *parts], env=env, cwd=src,
               log=log)
    common.run([*tool, "olddefconfig"], env=env, log=log)
    verify(wanted, config)
    if optional:
        for name, line, _ in missing([("", optional)], parse(config.read_text())):
            common.say(f"{arch.name}: not available here: {line}")
    final = build / ".config"
    if not final.exists() or final.read_bytes() != config.read_bytes():
        config.rename(final)
    common.remove(scratch)
