"""Bench: the scripts of bench/ in a machine of each kernel, in guest time and beside it in wall time; bench/draw.py draws it.

What the series must not make slower has a bound, and the devices that it finds, their drivers and names are the base's.
"""

from __future__ import annotations

import csv
import dataclasses
import difflib
import hashlib
import json
import re
import statistics
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from . import build, common, guest, payload, qemu, result, setup, topology, vm
from .result import Result

ARCH = "x86_64"
SCRIPTS = {"measure": "bench", "tree": "many", "recover": "sixteen"}  # of bench/, and the machine that each runs in
BOUNDS = {"boot": 5, "rescan": 5, "sriov": 5}  # figures, and by how many percent of guest time the series may be slower
# Recovery of so many: how many times as fast it has to be as something else on the base, in guest time. Nine tenths is
# what is called no slower: it traces and logs what it does.
SPEEDS = (*(("in-place", n, "reset", 0.9) for n in ("1", "4", "16")),
          *(("rebind", n, "unbind-reset-bind", 0.9) for n in ("1", "4", "16")),
          ("in-place", "16", "remove-rescan", 5.0), ("rebind", "16", "remove-rescan", 4.0))
HERE = common.ROOT / "bench"
OUT = common.OUT / "bench"
KERNELS, CLOCKS = ("base", "series"), ("guest", "wall")
_SECONDS = 1800
_LIMITS = guest.Limits(boot=900, silence=300)  # an icount machine with many devices is slow in real time

# What the figures depend on besides the kernel, the script and its machine.
_INPUTS = (common.ROOT / "harness" / "init", common.ROOT / "tools" / "testing" / "selftests" / "pci" / "lib.sh")

Key = tuple[str, str, str]  # figure, line, x


@dataclasses.dataclass(frozen=True)
class Point:
    """A measurement on one kernel by one clock, in milliseconds: the median, and the smallest and largest."""

    figure: str
    line: str
    x: str
    kernel: str
    clock: str
    ms: float
    low: float
    high: float


def read(output: Iterable[str]) -> dict[Key, list[float]]:
    """The milliseconds in what a script printed."""
    found: dict[Key, list[float]] = {}
    for line in output:
        if m := re.fullmatch(r"value (\S+) (\S+) (\S+) (\d+)", line):
            found.setdefault((m[1], m[2], m[3]), []).append(int(m[4]) / 1000)
    if not found:
        raise common.Error("no value was printed")
    return found


def devices(output: Iterable[str]) -> list[str]:
    """The devices that a script listed: when, address, what it is, its driver and names."""
    return [line.removeprefix("device ") for line in output if line.startswith("device ")]


def points(kernel: str, clock: str, found: dict[Key, list[float]]) -> Iterator[Point]:
    """Sum up what was measured several times."""
    for (figure, line, x), ms in found.items():
        yield Point(figure, line, x, kernel, clock, round(statistics.median(ms), 3), min(ms), max(ms))


def _key(kernel: str, clock: str, script: str) -> str:
    sha = hashlib.sha256(f"{kernel} {clock}".encode())
    for path in (HERE / script, topology.FOLDER / f"{SCRIPTS[script]}.toml", *_INPUTS):
        sha.update(path.read_bytes())
    return sha.hexdigest()[:24]


def _measure(kernel: str, clock: str, script: str) -> list[str]:
    """What a script prints on one kernel by one clock: from the cache, or from a machine."""
    base = kernel == "base"
    what = f"{script}, {kernel}, {clock} time"
    kept = common.cache() / "bench" / f"{_key(build.plan(ARCH, base=base).key, clock, script)}.json"
    if kept.exists():
        common.say(f"{what}: measured before")
        return json.loads(kept.read_text())
    top = topology.load(SCRIPTS[script], ARCH)
    assert top
    common.say(f"{what}: measuring")
    timer = result.Timer()
    with payload.make(ARCH, base=base) as load, vm.alone(load.name):
        said = vm.script(load, top, f"/harness/bench/{script}", seconds=_SECONDS, limits=_LIMITS, say=_progress,
                         icount=qemu.TIMED if clock == "guest" else "",
                         log=common.LOGS / "vm" / f"bench-{script}-{kernel}-{clock}.log")
    common.say(f"{what}: {timer():.0f} s")
    read(said)
    with common.fresh(kept) as tmp:
        tmp.write_text(json.dumps(said))
    return said


def _progress(text: str) -> None:
    if text.startswith("# "):
        common.say(f"  {text.removeprefix('# ')}")


def _by_key(found: Iterable[Point]) -> dict[Key, dict[tuple[str, str], Point]]:
    at: dict[Key, dict[tuple[str, str], Point]] = {}
    for p in found:
        at.setdefault((p.figure, p.line, p.x), {})[p.kernel, p.clock] = p
    return at


def same_devices(base: Sequence[str], series: Sequence[str]) -> Result:
    """Whether the series finds the devices of the base, and they get the same drivers and names.

    But for the numbers of NVMe controllers: these are probed all at once, and two boots of the base differ.
    """
    name = "devices, drivers and names are those of the base"
    if not base:
        return Result("bench", name, "fail", "no device is listed")
    differ = [s for s in difflib.ndiff(*([re.sub(r"\bnvme\d+", "nvme", s) for s in found] for found in (base, series)))
              if s[0] in "-+"]
    more = f"; {len(differ) - 6} more" if len(differ) > 6 else ""
    return Result("bench", name, "fail" if differ else "pass", "; ".join(differ[:6]) + more)


def within_bounds(found: Iterable[Point]) -> Iterator[Result]:
    """Whether the figures that have a bound keep it, each line of them."""
    at = _by_key(found)
    for figure in BOUNDS:
        if not any(key[0] == figure for key in at):
            yield Result("bench", figure, "fail", "not measured")
    for (figure, line, x), by in at.items():
        if figure not in BOUNDS:
            continue
        name = f"{figure}: {line} {x}: at most {BOUNDS[figure]} % slower than the base"
        base, series = by.get(("base", "guest")), by.get(("series", "guest"))
        if not base or not series:
            yield Result("bench", name, "fail", f"not measured on the {'series' if base else 'base'}")
        elif series.ms > base.ms * (1 + BOUNDS[figure] / 100):
            yield Result("bench", name, "fail", f"{base.ms:.1f} ms on the base, {series.ms:.1f} ms here")
        else:
            yield Result("bench", name, "pass")


def fast_enough(found: Iterable[Point]) -> Iterator[Result]:
    """Whether recovery is as fast as it has to be."""
    ms = {(p.line, p.x, p.kernel): p.ms for p in found if p.figure == "recover" and p.clock == "guest"}
    for line, n, other, times in SPEEDS:
        name = f"recover: {line} of {n}: at least {times:g} times as fast as {other} on the base"
        here, there = ms.get((line, n, "series")), ms.get((other, n, "base"))
        if not here or not there:
            yield Result("bench", name, "fail", "not measured")
        else:
            yield Result("bench", name, "pass" if there >= here * times else "fail", f"{there:.1f} and {here:.1f} ms: {there / here:.2f}")


def table(found: Iterable[Point]) -> str:
    """The figures as text: what, milliseconds of guest time on base and series, the change, and both wall times."""
    at = _by_key(found)
    out = [f"{'':50}{'guest time, ms':>22}{'':10}{'wall time, ms':>20}",
           f"{'':50}{'base':>11}{'series':>11}{'change':>10}{'base':>10}{'series':>10}"]
    before = ""
    for (figure, line, x), by in at.items():
        if figure != before:
            out.append(figure)
        before = figure
        ms = [f"{by[c].ms:.1f}" if c in by else "-" for c in ((k, clock) for clock in CLOCKS for k in KERNELS)]
        b, s = by.get(("base", "guest")), by.get(("series", "guest"))
        change = f"{100 * (s.ms / b.ms - 1):+.1f} %" if b and s and b.ms else "-"
        out.append(f"  {line:30}{x:18}{ms[0]:>11}{ms[1]:>11}{change:>10}{ms[2]:>10}{ms[3]:>10}")
    return "\n".join(out)


def _write(found: list[Point]) -> None:
    rows = [dataclasses.asdict(p) for p in found]
    with common.fresh(OUT / "figures.json") as tmp:
        tmp.write_text(json.dumps(rows, indent=1) + "\n")
    with common.fresh(OUT / "figures.csv") as tmp, tmp.open("w", newline="") as f:
        writer = csv.DictWriter(f, [field.name for field in dataclasses.fields(Point)])
        writer.writeheader()
        writer.writerows(rows)


def run() -> int:
    """Measure what is not measured yet, draw, print the table, and say what is not as on the base and should be."""
    setup.setup(setup.BENCH)
    found: list[Point] = []
    listed: dict[str, list[str]] = {kernel: [] for kernel in KERNELS}
    for script in SCRIPTS:
        for clock in CLOCKS:
            for kernel in KERNELS:
                said = _measure(kernel, clock, script)
                found += points(kernel, clock, read(said))
                # With two processors, drivers that are probed in the background may finish in any order.
                if clock == "guest":
                    listed[kernel] += devices(said)
    _write(found)
    drawn = common.run([setup.python_with("matplotlib"), HERE / "draw.py", OUT / "figures.json", OUT],
                       env=common.clean_env(MPLCONFIGDIR=str(OUT / ".matplotlib"))).stdout
    print(table(found))
    print(f"\n{OUT.relative_to(common.ROOT)}: figures.json, figures.csv, {', '.join(drawn.split())}")
    return result.report([same_devices(listed["base"], listed["series"]), *within_bounds(found), *fast_enough(found)],
                         "bench")
