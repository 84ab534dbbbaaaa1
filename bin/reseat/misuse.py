"""What sparse must refuse: the files of harness/misuse say on each line which warnings it gets, and no other comes.

They are checked with the options of a file of the kernel, so that they see its headers as the kernel does.
"""

from __future__ import annotations

import re
from pathlib import Path

from . import common, compose, objects, outcomes, result, sparse, worktree
from .result import Result

FOLDER = common.ROOT / "harness" / "misuse"
_MODEL = "drivers/pci/rom.c"  # whose options are taken


def expected(source: str) -> dict[int, list[str]]:
    """The texts that a file asks for, by line."""
    found = {}
    for number, line in enumerate(source.splitlines(), 1):
        if m := re.search(r"/\* refused: (\S.*?) \*/$", line):
            found[number] = m[1].split("; ")
    return found


def warned(name: str, output: str) -> dict[int, list[str]]:
    """The warnings and errors in what sparse printed about the file @name, by line."""
    found: dict[int, list[str]] = {}
    for m in re.finditer(rf"^\S*{re.escape(name)}:(\d+):\d+: (?:warning|error): (.*)$", output, re.M):
        found.setdefault(int(m[1]), []).append(m[2])
    return found


def wrong(wanted: dict[int, list[str]], said: dict[int, list[str]]) -> list[str]:
    """Where sparse did not say what it was to, or something else."""
    if not wanted:
        return ["nothing in it is to be refused"]
    left = []
    for line in sorted({*wanted, *said}):
        others = list(said.get(line, []))
        for text in wanted.get(line, []):
            if hit := next((s for s in others if text in s), None):
                others.remove(hit)
            else:
                left.append(f"line {line}: not refused: {text}")
        left += [f"line {line}: {s}" for s in others]
    return left


def check(composed: compose.Composed) -> list[Result]:
    """Check the files on x86_64, at the tip of the series."""
    place = objects.Objects(common.arch("x86_64"), worktree.path("check"), sparse.ensure())
    results = []
    for path in sorted(FOLDER.glob("*.c")):
        timer = result.Timer()
        key = outcomes.key("misuse", composed.tip, place.key(), path.read_text())
        left = outcomes.recall(key)
        if left is None:
            left = wrong(expected(path.read_text()), warned(path.name, _sparse(place, composed.tip, path)))
            outcomes.remember(key, left)
        results.append(Result("check", f"harness/misuse/{path.name}: sparse refuses what it says",
                              "fail" if left else "pass", "; ".join(left[:3]), seconds=timer(),
                              log=str(_log(path)) if left else ""))
    return results


def _sparse(place: objects.Objects, commit: str, path: Path) -> str:
    with worktree.at("check", commit):
        command = place.checker(commit, _MODEL, common.LOGS / "check" / "misuse-make.log")
        p = common.run([*command, path], cwd=place.folder, check=False)
    _log(path).write_text(p.stderr + p.stdout)
    return p.stderr + p.stdout


def _log(path: Path) -> Path:
    return common.LOGS / "check" / f"misuse-{path.stem}.log"
