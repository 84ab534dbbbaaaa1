"""Everything that is too long for `make test`: every kernel with every case, each once for what it is made of.

A unit (a case, KUnit, ten minutes of stress, a row of pairs, on one kernel) is proved when it has run without a failure.
Its results are kept in the cache under a key of the kernel, the unit and what it runs on, so that runs which are
interrupted, or end with a session, add up; and they are judged each time anew.
"""

from __future__ import annotations

import contextlib
import dataclasses
import fnmatch
import hashlib
import itertools
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

from . import (
    beside, build, callers, cases, common, compose, context, kunit, noise, onbase, pairs, patchbuild, payload, result, stress,
    vm,
)
from .result import Result

# What every unit depends on besides the kernel, which has its own key, and its case.
_HARNESS = ("harness/bin", "harness/init", "harness/noise", "harness/topologies",
            *(f"bin/reseat/{m}.py" for m in ("cases", "guest", "kunit", "ktap", "line", "noise", "payload", "qemu", "vm")))
_CASES = ("tools/testing/selftests/pci",)
_STRESS = ("harness/stress", "tools/testing/selftests/pci/lib.sh", "bin/reseat/stress.py", "bin/reseat/pairs.py")
_STRESS_SEEDS = tuple(range(1000, 7000, 1000))  # an hour, in parts that are kept one by one


@dataclasses.dataclass(frozen=True)
class Kernel:
    """One kernel, which is built when its turn comes. @arch may be uml, for KUnit alone."""

    arch: str
    debug: bool = False
    base: bool = False

    @property
    def name(self) -> str:
        """As in results."""
        return build.name(self.arch, debug=self.debug, base=self.base)

    def key(self) -> str:
        """What it is made of."""
        if self.arch != "uml":
            return build.plan(self.arch, debug=self.debug, base=self.base).key
        text = "".join(p.read_text() for p in (common.ROOT / "harness" / "configs").glob("uml*.config"))
        return build.plan("x86_64", base=self.base).key + hashlib.sha256(text.encode()).hexdigest()


@dataclasses.dataclass(frozen=True)
class Unit:
    """One thing to run on one kernel. @run is given the machines' payload; KUnit needs none."""

    kernel: Kernel
    what: str
    key: str
    run: Callable[[payload.Payload], list[Result]] | None = None

    @property
    def name(self) -> str:
        """As in ONLY."""
        return f"{self.kernel.name} {self.what}"

    def file(self) -> Path:
        """Where its results are kept."""
        return common.cache() / "evidence" / f"{self.key}.json"


def _hash(paths: Iterable[str], root: Path) -> str:
    sha = hashlib.sha256()
    for top in (root / p for p in paths):
        files = [top] if top.is_file() else [p for p in top.rglob("*") if p.is_file() and p.suffix != ".pyc"]
        for path in sorted(files):
            sha.update(f"{path.relative_to(root)}\0".encode() + path.read_bytes() + b"\0")
    return sha.hexdigest()


def kernels() -> list[Kernel]:
    """All kernels, in the order in which they are built: the series' first, what takes long last."""
    return [Kernel("uml"), Kernel("uml", base=True),
            *(Kernel(arch, debug, base) for debug in (False, True) for arch in common.ARCHES for base in (False, True))]


def units(root: Path = common.ROOT) -> Iterator[Unit]:
    """Every unit, kernel by kernel. Nothing is built to know them."""
    common_, cases_, stress_ = (_hash(paths, root) for paths in (_HARNESS, _CASES, _STRESS))
    files = {case.name: _hash([f"harness/cases/{case.name}.sh"], root) for case in cases.load()}
    for kernel in kernels():
        made_of = kernel.key()

        def key(what: str, inputs: str, made_of: str = made_of) -> str:
            return hashlib.sha256(f"{made_of}\0{what}\0{common_}\0{inputs}".encode()).hexdigest()[:24]

        yield Unit(kernel, "KUnit", key("KUnit", ""))
        for case in cases.select(kernel.arch) if kernel.arch in common.ARCHES else ():
            made = cases_ + files[case.name]
            if kernel.debug or case.kernel != "debug":
                yield Unit(kernel, case.name, key(case.name, made), lambda load, case=case: _alone(load, case))
            for long in cases.at_length(case) if kernel.debug and not kernel.base else ():
                yield Unit(kernel, long.name, key(long.name, made), lambda load, case=long: _alone(load, case))
        if kernel == Kernel(stress.ARCH, debug=True):
            for seed in _STRESS_SEEDS:
                what = f"stress from {seed}"
                yield Unit(kernel, what, key(what, stress_), lambda load, seed=seed: stress.minutes(load, 10, seed))
        if kernel in (Kernel(pairs.ARCH, debug=True), Kernel(pairs.ARCH, debug=True, base=True)):
            for row in pairs.rows():
                yield Unit(kernel, row, key(row, stress_), lambda load, row=row: pairs.run(load, pairs.select(row)))


def _alone(load: payload.Payload, case: cases.Case) -> list[Result]:
    return vm.Runner(load, noise.load()).group([case])


def _judged(unit: Unit, found: list[Result], proofs: Sequence[onbase.Proof]) -> list[Result]:
    return onbase.judge(found, proofs) if unit.kernel.base else found


def proved(found: Sequence[Result]) -> bool:
    """Do these results of a unit, judged, prove it?"""
    return bool(found) and all(r.outcome != "fail" for r in found)


def missing(todo: Iterable[Unit]) -> list[str]:
    """A line for each kernel that has units in @todo."""
    return [f"  {kernel.name}: {', '.join(u.what for u in group)}"
            for kernel, group in itertools.groupby(todo, key=lambda u: u.kernel)]


def _kept(unit: Unit) -> list[Result]:
    with contextlib.suppress(OSError, ValueError, TypeError):
        return result.load(unit.file())
    return []


def _run_kernel(kernel: Kernel, group: Iterable[Unit]) -> Iterator[tuple[Unit, list[Result]]]:
    """Run units of one kernel; it is built, and its payload made, once and when the first one needs it."""
    with contextlib.ExitStack() as stack:
        load: payload.Payload | None = None
        for unit in group:
            common.say(f"== {unit.what} on {kernel.name}")
            try:
                if not unit.run:
                    found = kunit.run(kernel.arch, kernel.base, debug=kernel.debug)
                else:
                    if not load:
                        load = stack.enter_context(payload.make(kernel.arch, debug=kernel.debug, base=kernel.base))
                    with vm.alone(load.name):
                        found = unit.run(load)
            except common.Error as e:
                found = [Result("evidence", f"{unit.what} on {kernel.name}", "fail", str(e))]
            yield unit, found


def _prove(kernel: Kernel, group: Sequence[Unit], proofs: Sequence[onbase.Proof]) -> list[list[Result]]:
    """Run units of one kernel and keep what proves them; the results of each, judged."""
    results: list[list[Result]] = []
    for unit, found in _run_kernel(kernel, group):
        results.append(_judged(unit, found, proofs))
        if proved(results[-1]):
            result.save(unit.file(), found)
        common.say(f"   {unit.what} on {kernel.name}: {result.summary(results[-1])}; "
                   f"{len(group) - len(results)} units of this kernel are left")
    return results


def _compiled() -> list[Result]:
    """What is compiled and not booted: each patch by itself everywhere, callers of what changes, the context analysis."""
    composed = compose.series()
    found = patchbuild.check(composed, thorough=True)  # which keeps what it found out itself
    for what, step in (("callers in an allmodconfig", callers), ("context analysis", context)):
        kept = common.cache() / "evidence" / f"{step.key(composed)}.json"
        with contextlib.suppress(OSError, ValueError, TypeError):
            found += result.load(kept)
            continue
        common.say(f"== {what}")
        compiled = step.check(composed)
        if proved(compiled):
            result.save(kept, compiled)
        found += compiled
    return found


def choose(only: str, every: Sequence[Unit]) -> list[Unit]:
    """The units that @only means: patterns of "KERNEL UNIT", as of files, separated by commas."""
    patterns = [p.strip() for p in only.split(",") if p.strip()]
    for p in patterns:
        if not any(fnmatch.fnmatchcase(u.name, p) for u in every):
            raise common.Error(f"ONLY='{p}' is none of the units, which are called so: " +
                               ", ".join(u.name for u in every[:3]) + "...")
    if only and not patterns:
        raise common.Error(f"ONLY='{only}' names nothing")
    return [u for u in every if any(fnmatch.fnmatchcase(u.name, p) for p in patterns or ["*"])]


def run(only: str = "") -> int:
    """Run what is not proved yet; say before and after it what is missing. @only chooses units that are run."""
    every = choose(only, list(units()))
    compiled = [] if only else _compiled()
    proofs = onbase.load()
    results = {u: _judged(u, _kept(u), proofs) for u in every}
    todo = [u for u in every if not proved(results[u])]
    print(f"{len(every) - len(todo)} of {len(every)} units are proved; missing:\n" + "\n".join(missing(todo) or ["  nothing"]),
          flush=True)
    groups = [(kernel, list(group)) for kernel, group in itertools.groupby(todo, key=lambda u: u.kernel)]
    for (_, group), found in zip(groups, beside.every([lambda g=g: _prove(*g, proofs) for g in groups]), strict=True):
        results.update(zip(group, found, strict=True))
    left = [u for u in every if not proved(results[u])]
    said = compiled + [r for u in every for r in results[u]]
    for base in (False, True):
        pairs.write_tables([r for r in said if r.kernel == Kernel(pairs.ARCH, True, base).name], base)
    if not left and not only:  # of a part of them, a test that has another name now can't be told from one that has not run
        said += onbase.unproved([r for r in said if r.kernel.endswith("-base")], proofs)
    print(f"\n{len(every) - len(left)} of {len(every)} units are proved; missing:\n" + "\n".join(missing(left) or ["  nothing"]))
    return result.report(said, "evidence")
