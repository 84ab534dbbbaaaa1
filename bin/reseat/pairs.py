"""Pairs: what takes the PCI core's locks, each operation against each other, on a PF of each kind.

A pair is a case whose command is harness/stress/pair, and gives one result. On the series' kernel pairs share a machine
until one spoils it; on the base, where many do, each has its own.
"""

from __future__ import annotations

import dataclasses
import re
from collections import Counter
from collections.abc import Iterator, Sequence

from . import cases, common, noise, onbase, payload, result, topology, vm
from .result import Result

GROUP = "locks"  # what MATRIX calls them, and what their names start with: locks-igb-power-rescan
ARCH, TOPOLOGY = "x86_64", "sriov_hotplug"
OPERATIONS = ("recover", "numvfs_up", "numvfs_down", "remove", "ports", "rescan", "bind", "bind_vf", "button", "surprise",
              "power", "reset", "subordinate", "vfio")
_ROLES = {"igb": "IGB", "nvme": "PF1"}
_IMPOSSIBLE = {
    ("nvme", "surprise"): "QEMU dies of an assertion when it takes away an NVMe controller that can have VFs",
    ("nvme", "button"): "its port has no power controller, so that QEMU keeps the device",
    ("nvme", "power"): "its port has no power controller",
}
_SECONDS = 250  # on a kernel that is not the debug kernel
_DEAD = re.compile(r"Oops|general protection fault|kernel BUG at|Kernel panic|Unable to handle kernel")
_MARKS = {"ok": ".", "hang": "H", "splat": "S", "crash": "C", "fail": "F", "n/a": "-"}


@dataclasses.dataclass(frozen=True)
class Pair:
    """Two operations on one device."""

    device: str
    first: str
    second: str

    @property
    def name(self) -> str:
        """As in MATRIX and in results."""
        return f"{GROUP}-{self.device}-{self.first}-{self.second}"

    @property
    def impossible(self) -> str:
        """Why it can't be had on this device, if so."""
        if self.role == "IGB1" and {self.first, self.second} & {"button", "power"}:
            return "QEMU pulls a device without a word only from a port without a power controller"
        return next((why for o in (self.first, self.second) if (why := _IMPOSSIBLE.get((self.device, o)))), "")

    @property
    def role(self) -> str:
        """Which device of the topology: what is pulled must be below a port without a power controller."""
        return "IGB1" if self.device == "igb" and "surprise" in (self.first, self.second) else _ROLES[self.device]

    def case(self) -> cases.Case:
        """What runs it."""
        return cases.Case(self.name, "a pair of operations", TOPOLOGY, (ARCH,), _SECONDS, kernel="debug", boot="counted",
                          append="kmemleak=off",  # which makes it half as fast again; make stress looks for leaks
                          command=f"/harness/stress/pair {self.role} {self.first} {self.second} {_plug(self.role)}")


def _plug(role: str) -> str:
    """What device_add is to be told to plug that device in again."""
    top = topology.load(TOPOLOGY, ARCH)
    assert top
    return "driver=" + next(d.qemu for d in top.devices if d.role == role).replace(",", " ")


def every() -> Iterator[Pair]:
    """All pairs, device by device and row by row."""
    for device in _ROLES:
        for n, first in enumerate(OPERATIONS):
            for second in OPERATIONS[n:]:
                yield Pair(device, first, second)


def rows() -> list[str]:
    """What select() takes to get a device's pairs with one operation first."""
    return list(dict.fromkeys(p.name.rpartition("-")[0] for p in every()))


def select(matrix: str) -> list[Pair]:
    """The pairs that @matrix names: locks, or more of a pair's name."""
    found = [p for p in every() if f"{p.name}-".startswith(f"{matrix}-")]
    if not found:
        raise common.Error(f"unknown MATRIX '{matrix}': it is {GROUP}[-DEVICE[-FIRST[-SECOND]]], of {', '.join(_ROLES)} and " +
                           ", ".join(OPERATIONS))
    return found


def classify(found: Sequence[Result], log: str) -> str:
    """How a pair ended, from its case's results and the kernel's messages meanwhile."""
    reasons = " ".join(r.reason for r in found if r.outcome == "fail")
    titles = " ".join(s.title for s in noise.splats(log))
    if not reasons:
        return "ok"
    if re.search(r"kernel died|init died|went down|QEMU died", reasons) or _DEAD.search(titles):
        return "crash"
    if re.search(r"makes no progress|fell silent|could not be killed|not done within", reasons):
        return "hang"
    return "splat" if "kernel: " in reasons else "fail"


def summed(pair: Pair, found: Sequence[Result], log: str, *, base: bool) -> Result:
    """One result of what the case of @pair gave."""
    how = classify(found, log)
    rounds = re.search(r"^# (rounds: .*)$", log, re.M)
    failed = next((r for r in found if r.outcome == "fail"), None)
    if not failed:
        return dataclasses.replace(found[0], name=pair.name, reason=rounds[1] if rounds else found[0].reason)
    why = "; ".join(dict.fromkeys(r.reason for r in found if r.outcome == "fail"))
    again = f"(again: make stress MATRIX={pair.name}{' BASE=1' if base else ''})"
    return dataclasses.replace(failed, name=pair.name, reason=f"{how}: {why} {again}")


def run(load: payload.Payload, chosen: Sequence[Pair]) -> list[Result]:
    """Run pairs on the machines of @load; what is not possible is skipped. Leaks of the series are results of their own."""
    base = load.name.endswith("-base")
    results = [Result("selftest", p.name, "skip", p.impossible, load.name) for p in chosen if p.impossible]
    possible = {p.name: p for p in chosen if not p.impossible}
    todo = [p.case() for p in possible.values()]
    for case in todo:
        (vm.LOGS / load.name / f"{case.name}.log").unlink(missing_ok=True)
    for group in _machines(todo) if base else [todo]:
        found = vm.Runner(load, noise.load(), say=_progress).group(group)
        for case in group:
            mine = [r for r in found if r.name.split(":")[0] == case.name]
            log = vm.LOGS / load.name / f"{case.name}.log"
            results.append(summed(possible[case.name], mine, log.read_text() if log.exists() else "", base=base))
        results += [r for r in found if r.name.split(":")[0] not in possible and not (base and r.name.startswith("leaks"))]
    return results


def _machines(todo: Sequence[cases.Case]) -> list[list[cases.Case]]:
    """The base has no recovery: its pairs say so one after the other, in a machine for all."""
    unknown = [c for c in todo if "-recover" in c.name]
    return [g for g in (unknown, *([c] for c in todo if c not in unknown)) if g]


def _progress(text: str) -> None:
    if text.startswith("# rounds: "):
        common.say(f"  {text.removeprefix('# rounds: ')}")


def mark(r: Result) -> str:
    """How a pair's result stands in a table: @r may be judged, or of the base."""
    if r.outcome == "skip":
        return _MARKS["n/a"]
    how = re.search(r"\b(hang|splat|crash|fail): ", r.reason)
    return _MARKS[how[1] if how else "ok"]


def table(device: str, results: Sequence[Result]) -> str:
    """A table of the pairs of @device among @results, and how many ended how."""
    of = {r.name: mark(r) for r in results if r.name.startswith(f"{GROUP}-{device}-")}
    letters = "abcdefghijklmnopqrstuvwxyz"[:len(OPERATIONS)]
    lines = [f"{'':18}{' '.join(letters)}"]
    for n, first in enumerate(OPERATIONS):
        cells = [of.get(Pair(device, first, second).name, " ") for second in OPERATIONS[n:]]
        lines.append(f"{letters[n]} {first:16}{'  ' * n}{' '.join(cells)}".rstrip())
    count = Counter(of.values())
    words = ", ".join(f"{count[c]} {how}" for how, c in _MARKS.items() if count[c])
    return "\n".join([*lines, "", f"{len(of)} pairs: {words}",
                      "  ".join(f"{c} {how}" for how, c in _MARKS.items())]) + "\n"


def write_tables(results: Sequence[Result], base: bool) -> None:
    """Write a file for each device that is among @results, and print it."""
    for device in _ROLES:
        if any(r.name.startswith(f"{GROUP}-{device}-") for r in results):
            path = common.OUT / "results" / f"{GROUP}-{device}{'-base' if base else ''}.txt"
            with common.fresh(path) as tmp:
                tmp.write_text(table(device, results))
            print(f"{path.relative_to(common.ROOT)}:\n{path.read_text()}")


def command(matrix: str, *, base: bool) -> int:
    """bin/vm stress with a MATRIX of pairs: run, report, exit code."""
    chosen = select(matrix)
    with payload.make(ARCH, debug=True, base=base) as load, vm.alone(load.name):
        found = run(load, chosen)
    if base:
        found = onbase.judge(found, onbase.load())
    write_tables(found, base)
    return result.report(found, f"{matrix}{'-base' if base else ''}")
