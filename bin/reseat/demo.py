"""The demo: a machine, a reset, and for each fix what the base does and what the series does, side by side."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Collection, Iterable, Mapping, Sequence

from . import beside, build, cases, common, kunit, onbase, payload, rootfs, setup, topology, vm, worktree
from .result import Result, Timer

ARCH = "x86_64"
TOPOLOGY = "pci"
_PATIENCE = 120  # seconds that a case may ask for, to be shown
_WIDE = (40, 70, 14)
_EVEN = (20, 50, 50)

# The scenes of harness/demo, by the word that starts their lines.
_SCENES = {
    "device": "The patched machine: its devices and their reset methods",
    "reset": "A reset through sysfs",
    "mask": "What a driver gets that asks for some kinds of reset, and the trace of it",
    "scope": "Which functions each kind of reset would touch (the file reset_scope)",
}

Row = tuple[str, str, str]  # a patch, what the base does, what the series does


def machine() -> list[str]:
    """Boot the patched kernel and return what harness/demo says there."""
    top = topology.load(TOPOLOGY, ARCH)
    assert top
    with payload.make(ARCH) as load:
        return vm.script(load, top, "/harness/demo", seconds=120, log=common.LOGS / "vm" / "demo.log")


def recovery(base: bool) -> dict[str, str]:
    """Have a disk hang under a file system and be brought back, on either kernel, and return what became of what."""
    top = topology.load("nvme", ARCH)
    assert top
    with payload.make(ARCH, base=base) as load:
        log = common.LOGS / "vm" / f"{load.name}-demo-recover.log"
        said = vm.script(load, top, "/harness/demo-recover", seconds=120, log=log)
    return {what: seen for what, colon, seen in (line.partition(": ") for line in said) if colon}


def telling(proofs: Iterable[onbase.Proof], known: Collection[str]) -> set[str]:
    """The cases, of those @known, that tell base and series apart for sure: one for each patch that KUnit can't tell of."""
    found: dict[str, str] = {}
    told = {p.patch for p in proofs if p.sure and p.test.startswith("pci-")}
    for proof in (p for p in proofs if p.patch not in told):
        case = proof.test.split(":")[0]
        hangs = re.search("killed|does not end", proof.reason)  # and takes all the time it is given
        if case in known and proof.sure and not hangs:
            found.setdefault(proof.patch, case)
    return set(found.values())


def by_test(base: bool, names: Collection[str]) -> dict[str, Result]:
    """Run KUnit and the cases called @names on x86_64, beside each other; results by name."""
    with beside.Task(lambda: kunit.run(ARCH, base=base)) as units:
        found = vm.run_cases(ARCH, base=base, names=names)
        return {r.name: r for r in units.result() + found}


def rows(proofs: Sequence[onbase.Proof], base: Mapping[str, Result], series: Mapping[str, Result]) -> list[Row]:
    """A row for each test that a patch speaks of and that was run on both kernels.

    In the order of the series; of each patch what user space sees comes first, then what KUnit sees inside.
    """
    order = {p.patch: i for i, p in enumerate(reversed(proofs))}
    found: list[tuple[int, bool, str, Row]] = []
    for test in base.keys() & series.keys():
        b, s = base[test], series[test]
        if (proof := onbase.of(test, proofs)) and proof.sure and "skip" not in (b.outcome, s.outcome):
            was = "passes: it proves nothing" if b.outcome == "pass" else f"{test}: {_short(b.reason)}"
            row = (proof.patch, was, "ok" if s.outcome == "pass" else f"{s.outcome}: {s.reason}")
            found.append((-order[proof.patch], b.suite == "kunit", test, row))
    return [row for *_, row in sorted(found)]


def _short(reason: str) -> str:
    """Why a test failed, without where in the test's source that was noticed."""
    first = re.split(r"; # ", reason)[0]
    return re.sub(r"^\w+: EXPECTATION FAILED at \S+?; ", "", first)


def table(lines: Sequence[Row], wide: tuple[int, int, int] = _WIDE, first: str = "patch") -> str:
    """Rows of text, wrapped into columns; of several rows that start alike, the first one is shown."""
    out = []
    seen = set()
    for row in [(first, "base", "series"), *lines]:
        if row[0] in seen:
            continue
        seen.add(row[0])
        cells = [textwrap.wrap(text, width)[:3] or [""] for text, width in zip(row, wide, strict=True)]
        for i in range(max(map(len, cells))):
            out.append("  ".join((c[i] if i < len(c) else "").ljust(w) for c, w in zip(cells, wide, strict=True)).rstrip())
        if row[0] == first:
            out.append("-" * (sum(wide) + 4))
    return "\n".join(out)


def run() -> int:
    """Run the demo and print it on one screen."""
    timer = Timer()
    setup.setup_beside(worktree.fetch)
    # To be shown within a quarter of an hour: a source that is put into git keeps one processor busy, as a machine does.
    with beside.Task(lambda: rootfs.image(ARCH)) as userland:
        proofs = onbase.load()
        names = telling(proofs, {c.name for c in cases.select(ARCH) if c.seconds <= _PATIENCE and c.kernel != "debug"})
        for base in (False, True):
            build.kernel(ARCH, base=base)
        userland.result()
    before, after, lost, (said, recovered) = beside.every(
        [lambda: by_test(True, names), lambda: by_test(False, names),
         lambda: recovery(True), lambda: (machine(), recovery(False))], build.jobs())
    lines = rows(proofs, before, after)
    for scene, title in _SCENES.items():
        print(f"\n{title}")
        print("\n".join("  " + s.removeprefix(f"{scene} ") for s in said if s.startswith(f"{scene} ")))
    print("\nA disk that hangs is brought back while a file system on it is in use\n")
    print(table([(what, lost.get(what, "-"), recovered.get(what, "-")) for what in lost | recovered], _EVEN, "what"))
    print("\nWhat patches change: one test of each, on both kernels\n")
    print(table(lines))
    bad = [line for line in lines if line[2] != "ok"]
    print(f"\n{len(lines)} tests on both kernels, {len(lines) - len(bad)} fixed, {timer():.0f} s.")
    return 1 if bad or not lines else 0
