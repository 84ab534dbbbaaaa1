"""Everything that is too long for `make test`: every kernel with every case, each once for what it is made of.

A result counts as long as the kernel, the case and what the case runs on are the same; it is kept in the cache under a
key of all that, so that runs which are interrupted, or end with a session, add up.
"""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Callable, Iterator
from pathlib import Path

from . import build, cases, common, kunit, noise, onbase, payload, result, vm
from .result import Result

# What a case or a KUnit run depends on besides the kernel, which has its own key.
_INPUTS = ("harness", "tools/testing/selftests/pci", "bin/reseat")


@dataclasses.dataclass(frozen=True)
class Unit:
    """One thing to run on one kernel."""

    name: str
    key: str
    run: Callable[[], list[Result]]


def _inputs(root: Path) -> str:
    sha = hashlib.sha256()
    for top in _INPUTS:
        for path in sorted(p for p in (root / top).rglob("*") if p.is_file() and p.suffix != ".pyc"):
            sha.update(f"{path.relative_to(root)}\0".encode() + path.read_bytes() + b"\0")
    return sha.hexdigest()


def units() -> Iterator[Unit]:
    """Every unit, kernel by kernel; a kernel is built when its turn comes."""
    inputs = _inputs(common.ROOT)
    for arch in common.ARCHES:
        for debug in (False, True):
            for base in (False, True):
                yield from _of_kernel(arch, debug, base, inputs)


def _of_kernel(arch: str, debug: bool, base: bool, inputs: str) -> Iterator[Unit]:
    kernel = build.kernel(arch, debug=debug, base=base)

    def judged(found: list[Result]) -> list[Result]:
        return onbase.judge(found, onbase.load()) if base else found

    def unit(what: str, run: Callable[[], list[Result]]) -> Unit:
        key = hashlib.sha256(f"{kernel.key}\0{inputs}\0{what}".encode()).hexdigest()[:24]
        return Unit(f"{what} on {kernel.name}", key, lambda: judged(run()))

    def alone(case: cases.Case) -> list[Result]:
        with payload.make(arch, debug=debug, base=base) as load:
            return vm.Runner(load, noise.load()).group([case])

    if not debug:
        yield unit("KUnit", lambda: kunit.run(arch, base=base))
    for case in cases.select(arch):
        if debug or case.kernel != "debug":
            yield unit(case.name, lambda case=case: alone(case))


def run() -> int:
    """Run what is not proved yet; say at the end what failed, and so is still missing."""
    store = common.cache() / "evidence"
    results: list[Result] = []
    kept = 0
    for unit in units():
        file = store / f"{unit.key}.json"
        if file.exists():
            results += result.load(file)
            kept += 1
            continue
        common.say(f"== {unit.name}")
        try:
            found = unit.run()
        except common.Error as e:
            found = [Result("evidence", unit.name, "fail", str(e))]
        if found and all(r.outcome != "fail" for r in found):
            result.save(file, found)
        results += found
    print(f"\n{kept} units were proved before")
    return result.report(results, "evidence")
