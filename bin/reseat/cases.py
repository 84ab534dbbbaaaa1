"""Cases: which there are, what each needs, and what its output means."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterable
from pathlib import Path

from . import common, topology
from .result import Result

FOLDER = common.ROOT / "harness" / "cases"
_KEYS = {"topology", "arches", "seconds", "kernel", "expects", "boot", "append", "length", "parts"}


@dataclasses.dataclass(frozen=True)
class Case:
    """A script in harness/cases. Its header comments (`# key: value`) say where and how it runs."""

    name: str
    about: str
    topology: str
    arches: tuple[str, ...]
    seconds: int = 60
    kernel: str = "any"  # 'debug': only means something there
    expects: tuple[str, ...] = ()  # regular expressions for complaints of the kernel that belong to the case
    boot: str = "shared"  # 'own': a machine for itself; 'timed', 'counted': that, with one of qemu's clocks
    append: str = ""  # for the kernel's command line
    length: int = 0  # for how many seconds `make evidence` repeats it on debug kernels; 0: not at all
    parts: tuple[str, ...] = ()  # what it does then one by one, each as long: it is told by PART
    command: str = ""  # what is run, if it is no script in harness/cases
    goes_down: bool = False  # the last one of its machine, which has to power off after it


def parse(path: Path) -> Case:
    """Read a case's header: the comments at its top, a paragraph about it, and the keys."""
    keys: dict[str, list[str]] = {}
    about: list[str] = []
    for line in path.read_text().splitlines():
        if not line.startswith("#"):
            break
        text = line.lstrip("#").strip()
        m = re.fullmatch(r"([a-z]+): +(.*)", text)
        if m and m[1] in _KEYS:
            keys.setdefault(m[1], []).append(m[2].strip())
        elif m:
            raise common.Error(f"{path}: unknown key '{m[1]}': one of {', '.join(sorted(_KEYS))}")
        elif text and not text.startswith(("!", "SPDX-")):
            about.append(text)
    twice = [k for k, v in keys.items() if len(v) > 1 and k != "expects"]
    if twice or "topology" not in keys or "arches" not in keys or not about:
        raise common.Error(f"{path}: needs one 'topology', one 'arches' and a sentence" +
                           (f"; twice: {', '.join(twice)}" if twice else ""))
    one = {k: v[0] for k, v in keys.items()}
    arches = tuple(common.arch(a).name for a in one["arches"].split())
    kernel, boot = one.get("kernel", "any"), one.get("boot", "shared")
    if kernel not in ("any", "debug") or boot not in ("shared", "own", "timed", "counted") or \
            not all(re.fullmatch(r"[1-9]\d*", one.get(k, "60")) for k in ("seconds", "length")):
        raise common.Error(f"{path}: kernel is any or debug, boot is shared, own, timed or counted, "
                           "seconds and length are numbers")
    for pattern in keys.get("expects", ()):
        try:
            re.compile(pattern)
        except re.error as e:
            raise common.Error(f"{path}: expects: {e}") from None
    return Case(path.stem, " ".join(about), one["topology"], arches, int(one.get("seconds", "60")), kernel,
                tuple(keys.get("expects", ())), boot, one.get("append", ""), int(one.get("length", "0")),
                tuple(one.get("parts", "").split()))


def at_length(case: Case) -> list[Case]:
    """The same case over and over, for as long as it wants to be repeated: each part of it in a machine of its own."""
    return [dataclasses.replace(case, name="_".join(filter(None, (case.name, part, "at_length"))),
                                seconds=case.seconds + case.length, kernel="debug",
                                boot="own" if case.boot == "shared" else case.boot, goes_down=True,
                                command=f"AT_LENGTH={case.length} PART={part} /harness/cases/{case.name}.sh")
            for part in (case.parts or ("",) if case.length else ())]


def load(folder: Path = FOLDER) -> list[Case]:
    """All cases, by name."""
    return [parse(p) for p in sorted(folder.glob("*.sh"))]


def select(arch: str, prefix: str = "", folder: Path = FOLDER) -> list[Case]:
    """The cases whose names start with @prefix and that run on @arch; an error says what there is if none does."""
    common.arch(arch)
    known = load(folder)
    named = [c for c in known if c.name.startswith(prefix)]
    if not named:
        raise common.Error(f"unknown CASE '{prefix}': no name starts so; there are {', '.join(c.name for c in known)}")
    found = [c for c in named if arch in c.arches]
    if not found:
        there = ", ".join(f"{c.name} ({' '.join(c.arches)})" for c in named)
        raise common.Error(f"CASE '{prefix}' has nothing for {arch}: {there}")
    for c in found:
        if topology.load(c.topology, arch) is None:
            raise common.Error(f"{c.name}: topology '{c.topology}' has no {arch} machine")
    return found


def groups(cases: Iterable[Case]) -> list[list[Case]]:
    """Which cases share a machine: those of one topology and command line, unless one wants its own."""
    shared: dict[tuple[str, str, str], list[Case]] = {}
    for c in cases:
        shared.setdefault((c.topology, c.append, "" if c.boot == "shared" else c.name), []).append(c)
    return list(shared.values())


_TEST = re.compile(r"(not )?ok\b\s*(\d+)?\s*(?:- )?(.*?)\s*(?:# (SKIP|XFAIL|TODO)\b\s*(.*))?", re.I)


def read_tap(case: str, output: Iterable[str], status: int) -> list[Result]:
    """Turn what a case printed, and its exit status, into results, one for each line of TAP."""
    results: list[Result] = []
    plan: int | None = None
    remarks: list[str] = []
    whole_skip = bail = ""
    for line in output:
        if m := re.fullmatch(r"1\.\.(\d+)\s*(?:# SKIP\s*(.*))?", line):
            plan = int(m[1])
            if plan == 0:
                whole_skip = m[2] or "no reason given"
        elif m := re.match(r"Bail out!\s*(.*)", line):
            bail = m[1].strip() or "no reason given"
        elif (m := _TEST.fullmatch(line)) and (m[2] or m[3]):
            skip = (m[4] or "").upper() == "SKIP"
            outcome = "skip" if skip else "fail" if m[1] and not m[4] else "pass"
            reason = (m[5] or "; ".join(remarks[-2:]) or "no reason given") if skip else \
                "; ".join(remarks[-3:]) or "not ok" if outcome == "fail" else ""
            results.append(Result("selftest", f"{case}: {m[3] or m[2]}", outcome, reason))
            remarks = []
        elif line.startswith("# ") and not line.startswith(("# Totals:", "# RUN", "#  RUN", "#    OK")):
            remarks.append(line[2:].strip())
    if bail:
        results.append(Result("selftest", case, "fail", f"bailed out: {bail}"))
    elif whole_skip or status == 4 and not results:
        results.append(Result("selftest", case, "skip", whole_skip or "; ".join(remarks[-1:]) or "no reason given"))
    elif status and not any(r.outcome == "fail" for r in results) and not (status == 4 and results):
        results.append(Result("selftest", case, "fail", f"exit status {status}"))
    elif plan is not None and plan != len(results):
        results.append(Result("selftest", case, "fail", f"{plan} tests planned, {len(results)} reported"))
    elif not results:
        results.append(Result("selftest", case, "fail", "it reported no result"))
    return results
