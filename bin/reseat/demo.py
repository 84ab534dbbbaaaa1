"""The demo: a machine, a reset, and for each fix what the base does and what the series does, side by side."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Mapping, Sequence

from . import common, guest, kunit, onbase, payload, qemu, setup, topology, vm
from .result import Result, Timer

ARCH = "x86_64"
TOPOLOGY = "pci"
_WIDE = (40, 70, 14)

Row = tuple[str, str, str]  # a patch, what the base does, what the series does


def machine() -> list[str]:
    """Boot the patched kernel and return what harness/demo says there."""
    top = topology.load(TOPOLOGY, ARCH)
    assert top
    log = common.LOGS / "vm" / "demo.log"
    with payload.make(ARCH) as load, qemu.start(top, load.image, append=top.append, disks=load.disks, log=log) as m:
        session = guest.Session(m)
        try:
            session.hello()
            for name, path in top.roles().items():
                session.role(name, path)
        except guest.Ended as e:
            raise common.Error(f"the machine did not boot ({e}), log: {log}") from None
        job = session.run("/harness/demo", 120)
    if job.state != "ok" or job.status:
        raise common.Error(f"the demo's script failed ({job.state}, {job.status}), log: {log}\n" + "\n".join(job.output))
    return job.output


def by_test(base: bool) -> dict[str, Result]:
    """Run what can tell base and series apart on x86_64, by name."""
    results = kunit.run(ARCH, base=base) + vm.run_cases(ARCH, base=base)
    return {r.name: r for r in results}


def rows(proofs: Sequence[onbase.Proof], base: Mapping[str, Result], series: Mapping[str, Result]) -> list[Row]:
    """A row for each test that a patch speaks of and that was run on both kernels.

    In the order of the series; of each patch what user space sees comes first, then what KUnit sees inside.
    """
    order = {p.patch: i for i, p in enumerate(reversed(proofs))}
    found: list[tuple[int, bool, str, Row]] = []
    for test in base.keys() & series.keys():
        if proof := onbase.of(test, proofs):
            b, s = base[test], series[test]
            was = "passes: it proves nothing" if b.outcome == "pass" else f"{test}: {_short(b.reason)}"
            row = (proof.patch, was, "ok" if s.outcome == "pass" else f"{s.outcome}: {s.reason}")
            found.append((-order[proof.patch], b.suite == "kunit", test, row))
    return [row for *_, row in sorted(found)]


def _short(reason: str) -> str:
    """Why a test failed, without where in the test's source that was noticed."""
    first = re.split(r"; # ", reason)[0]
    return re.sub(r"^\w+: EXPECTATION FAILED at \S+?; ", "", first)


def table(lines: Sequence[Row]) -> str:
    """Rows of text, wrapped into columns; of several rows of one patch, the first one is shown."""
    out = []
    seen = set()
    for row in [("patch", "base", "series"), *lines]:
        if row[0] in seen:
            continue
        seen.add(row[0])
        cells = [textwrap.wrap(text, width)[:3] or [""] for text, width in zip(row, _WIDE, strict=True)]
        for i in range(max(map(len, cells))):
            out.append("  ".join((c[i] if i < len(c) else "").ljust(w) for c, w in zip(cells, _WIDE, strict=True)).rstrip())
        if row[0] == "patch":
            out.append("-" * (sum(_WIDE) + 4))
    return "\n".join(out)


def run() -> int:
    """Run the demo and print it on one screen."""
    timer = Timer()
    setup.setup()
    proofs = onbase.load()
    said = machine()
    series, base = by_test(False), by_test(True)
    lines = rows(proofs, base, series)
    print("\nThe patched machine: its devices and their reset methods")
    print("\n".join("  " + s.removeprefix("device ") for s in said if s.startswith("device ")))
    print("\nA reset through sysfs")
    print("\n".join("  " + s.removeprefix("reset ") for s in said if s.startswith("reset ")))
    print("\nWhat the first patches change: one test of each, on both kernels\n")
    print(table(lines))
    bad = [line for line in lines if line[2] != "ok"]
    print(f"\n{len(lines)} tests on both kernels, {len(lines) - len(bad)} fixed, {timer():.0f} s.")
    return 1 if bad or not lines else 0
