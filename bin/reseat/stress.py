"""Stress: races and faults on the debug kernel, chosen at random from a seed; harness/stress has the operations.

A minute of it is a case like any other: it has a seed of its own, its run is void when lockdep is off at its end, and a
machine that it spoils is replaced by a new one.
"""

from __future__ import annotations

import dataclasses
import random
import re
from pathlib import Path

from . import cases, common, noise, payload, result, vm
from .result import Result

FOLDER = common.ROOT / "harness" / "stress"
ARCH, TOPOLOGY = "x86_64", "pci"
MINUTES = 10
_BOUTS = 6  # in a minute, of which some seconds go into seeing whether the devices still work
_SECONDS = 120  # for these, on a machine that is not the debug kernel's


@dataclasses.dataclass(frozen=True)
class Operation:
    """A script in harness/stress: what one worker does over and over."""

    name: str
    about: str
    off: str  # why it is not part of a run that does not name it


def parse(path: Path) -> Operation:
    """Read an operation's header: a sentence, and `off: reason`."""
    about: list[str] = []
    off = ""
    for line in path.read_text().splitlines():
        if not line.startswith("#"):
            break
        text = line.lstrip("#").strip()
        if text.startswith("off:"):
            off = text.removeprefix("off:").strip()
        elif text and not text.startswith(("shellcheck ", "SPDX-")):
            about.append(text)
    if not about:
        raise common.Error(f"{path}: needs a sentence about what it does")
    return Operation(path.stem, " ".join(about), off)


def operations(folder: Path = FOLDER) -> list[Operation]:
    """All operations, by name."""
    return [parse(p) for p in sorted(folder.glob("*.sh"))]


def choose(matrix: str, known: list[Operation]) -> list[str]:
    """The operations that @matrix names (name,name...), or those that are on."""
    names = [n for n in re.split(r"[,\s]+", matrix) if n]
    there = {o.name: o for o in known}
    if unknown := [n for n in names if n not in there]:
        raise common.Error(f"unknown MATRIX '{','.join(unknown)}': there are " +
                           ", ".join(o.name + (" (off)" if o.off else "") for o in known))
    if matrix and not names:
        raise common.Error(f"MATRIX='{matrix}' names nothing: there are {', '.join(there)}")
    return sorted(set(names)) or [o.name for o in known if not o.off]


def number(name: str, text: str, most: int) -> int:
    """A whole number from 1 to @most that the user gave for @name."""
    if not re.fullmatch(r"[1-9]\d{0,8}", text) or int(text) > most:
        raise common.Error(f"{name}='{text}': a whole number from 1 to {most}")
    return int(text)


def minute(seed: int, names: list[str]) -> cases.Case:
    """The case that @seed stands for."""
    return cases.Case(f"stress-{seed}", "a minute of stress", TOPOLOGY, (ARCH,), _SECONDS, kernel="debug",
                      command=f"/harness/stress/run {seed} {_BOUTS} {' '.join(names)}")


def again(seed: int, names: list[str], base: bool) -> str:
    """The command that repeats one minute."""
    return f"make stress MINUTES=1 SEED={seed} MATRIX={','.join(names)}{' BASE=1' if base else ''}"


def minutes(load: payload.Payload, count: int, seed: int, matrix: str = "") -> list[Result]:
    """Run @count minutes on the machines of @load; the n-th has the seed @seed + n."""
    known = operations()
    names = choose(matrix, known)
    common.say(f"SEED={seed} MINUTES={count} MATRIX={','.join(names)}")
    for o in known:
        if o.off and o.name not in names:
            common.say(f"off: {o.name}: {o.off}")
    found = vm.Runner(load, noise.load(), say=_progress).group([minute(seed + n, names) for n in range(count)])
    return [_with_command(r, names, load.name.endswith("-base")) for r in found]


def run(count: int, matrix: str, seed: int, *, base: bool = False) -> list[Result]:
    """Build what is needed and run @count minutes."""
    choose(matrix, operations())  # a wrong name is said before a kernel is built
    with payload.make(ARCH, debug=True, base=base) as load, vm.alone(load.name):
        return minutes(load, count, seed, matrix)


def _progress(text: str) -> None:
    if text.startswith("# bout: "):
        common.say(f"  {text.removeprefix('# bout: ')}")


def _with_command(r: Result, names: list[str], base: bool) -> Result:
    m = re.search(r"stress-(\d+)", r.name)
    if r.outcome != "fail" or not m:
        return r
    return dataclasses.replace(r, reason=f"{r.reason} (again: {again(int(m[1]), names, base)})")


def command(length: str, matrix: str, seed: str, *, base: bool) -> int:
    """bin/vm stress: run, report, exit code."""
    count = number("MINUTES", length, 24 * 60) if length else MINUTES
    first = number("SEED", seed, 10**8) if seed else random.randrange(1, 10**6)
    return result.report(run(count, matrix, first, base=base), f"stress{'-base' if base else ''}")
