"""Everything at once: the steps of `make test` and `make check`, what they found and where the time went."""

from __future__ import annotations

import contextlib
import dataclasses
import fnmatch
import itertools
import multiprocessing
import os
import sys
import xml.etree.ElementTree as xml
from collections.abc import Callable, Collection, Sequence
from multiprocessing.connection import wait
from multiprocessing.synchronize import Event
from pathlib import Path

from . import beside, build, cases, common, kunit, onbase, result, roundtrip, setup, static, vm, worktree
from .result import Result

ARCHES = tuple(common.ARCHES)
_WARM = 26 * 60  # seconds: a run that is through by then waits that long for what could be left


@dataclasses.dataclass(frozen=True)
class Step:
    """A part of a run: a name for people and what does it."""

    name: str
    run: Callable[[], list[Result]]
    beside: bool = False  # it keeps one processor busy or so, and may run beside others of the kind
    leisure: bool = False  # it takes what the steps after it leave of the processors
    hurry: Event | None = None  # set once those are done: a step that goes by it leaves what else it has to do


def pytest(*args: str) -> list[Result]:
    """Run the tests of bin/, each of them a result."""
    report = common.OUT / "results" / "pytest.xml"
    log = common.LOGS / "pytest.log"
    report.parent.mkdir(parents=True, exist_ok=True)
    report.unlink(missing_ok=True)
    cmd = [setup.python_with("pytest"), "-m", "pytest", "-q", "-p", "no:cacheprovider", f"--junitxml={report}", *args,
           str(common.ROOT / "bin" / "tests")]
    common.run(cmd, cwd=common.ROOT, log=log, check=False, env=common.clean_env())
    if not report.exists():
        raise common.Error(f"pytest reported nothing, log: {log}")
    return [_case(c, log) for c in xml.parse(report).iter("testcase")]


def _case(case: xml.Element, log: Path) -> Result:
    name = f"{case.get('classname', '').rpartition('.')[2]}::{case.get('name')}"
    seconds = float(case.get("time", 0))
    for tag, outcome in (("failure", "fail"), ("error", "fail"), ("skipped", "skip")):
        if (found := case.find(tag)) is not None:
            why = (found.get("message") or "no reason given").splitlines()[0]
            return Result("pytest", name, outcome, why, seconds=seconds, log=str(log))
    return Result("pytest", name, "pass", seconds=seconds)


def _installed() -> list[Result]:
    setup.setup_beside(worktree.fetch)
    return []


def _told(proofs: Sequence[onbase.Proof], names: Collection[str]) -> set[str]:
    """The cases of which a patch says that they fail on the base."""
    return {n for n in names if any(fnmatch.fnmatchcase(n, _group(p.test)) for p in proofs)}


def _cases_on_base() -> list[Result]:
    """What is to fail there. `make evidence` has the cases that pass there as well."""
    proofs = onbase.load()
    names = _told(proofs, {c.name for c in cases.select("x86_64")})
    return onbase.judge(vm.run_cases("x86_64", base=True, names=names), proofs)


def _races() -> list[Result]:
    """A sample of the debug kernel: what races. `make evidence` runs all cases there."""
    names = {c.name for c in cases.select("x86_64") if c.name.endswith("_race")}
    return vm.run_cases("x86_64", debug=True, names=names)


def _kernels() -> list[Result]:
    """Build what the machines boot, one after the other: a build takes all processors, and what the last one compiled."""
    for arch in ARCHES:
        build.kernel(arch)
    build.kernel("x86_64", base=True)
    build.kernel("x86_64", debug=True)
    return []


def check_steps(hurry: Event | None = None) -> list[Step]:
    """What needs no VM. With @hurry, patches are built until it is set, and as far as they were before."""
    return [
        Step("set-up", _installed),
        Step("tests of bin/", lambda: pytest("-m", "not vm"), beside=True),
        Step("round trip", roundtrip.check, beside=True),
        Step("KUnit on UML", lambda: kunit.run("uml"), beside=True),
        Step("KUnit on UML, base", lambda: onbase.judge(kunit.run("uml", base=True), onbase.load())),
        # Many small builds, each of which has parts that keep one processor waiting.
        Step("patches: style, sparse, builds", lambda: static.check(hurry.is_set if hurry else None), leisure=True,
             hurry=hurry),
    ]


def test_steps() -> list[Step]:
    """What CI must see pass; what takes long comes first, so that it does not end alone."""
    machines: list[tuple[str, Callable[[], list[Result]]]] = [
        ("cases on x86_64", lambda: vm.run_cases("x86_64", at_once=2)),
        ("cases on x86_64, base", _cases_on_base),
        ("races on x86_64, debug kernel", _races),
        ("cases on s390x", lambda: vm.run_cases("s390x")),
        ("cases on ppc64le", lambda: vm.run_cases("ppc64le")),
        ("VMs that hang, panic and lose init", lambda: pytest("-m", "vm")),
        ("KUnit on x86_64", lambda: kunit.run("x86_64")),
        ("KUnit on s390x", lambda: kunit.run("s390x")),
        ("KUnit on ppc64le", lambda: kunit.run("ppc64le")),
    ]
    return [*check_steps(multiprocessing.Event()), Step("kernels", _kernels), *(Step(name, run, beside=True) for name, run in machines)]


@dataclasses.dataclass(frozen=True)
class Done:
    """What a step found, and how long it took."""

    step: str
    results: list[Result]
    seconds: float


def _do(step: Step) -> Done:
    """Run a step; one that can't finish is a failure."""
    common.say(f"== {step.name}")
    timer = result.Timer()
    try:
        found = step.run()
    except common.Error as e:
        found = [Result("suite", step.name, "fail", str(e))]
        print(f"{step.name}: {e}", file=sys.stderr)
    done = Done(step.name, found, timer())
    common.say(f"   {step.name}: {done.seconds:.0f} s: {result.summary(found)}")
    return done


def _at_leisure(step: Step) -> Done:
    os.nice(10)
    return _do(step)


def _all(steps: Sequence[Step], save: Callable[[list[Done]], None]) -> list[Done]:
    """Run the steps, and @save what is done every now and then."""
    timer = result.Timer()
    done: list[Done] = []
    with contextlib.ExitStack() as stack:
        aside: list[beside.Task[Done]] = []
        for (abreast, leisure), group in itertools.groupby(steps, key=lambda step: (step.beside, step.leisure)):
            if leisure:
                aside += [stack.enter_context(beside.Task(lambda step=step: _at_leisure(step))) for step in group]
            else:
                done += beside.every([lambda step=step: _do(step) for step in group]) if abreast else map(_do, group)
            save(done)
        if aside:
            wait([task.pipe for task in aside], max(0, _WARM - timer()))
        for step in steps:
            if step.hurry:
                step.hurry.set()
        done += [task.result() for task in aside]
        save(done)
    return done


def _proved_here(proofs: Sequence[onbase.Proof], results: Sequence[Result]) -> list[onbase.Proof]:
    """Without those of tests that only other architectures run: `make evidence` has their bases."""
    far = {_group(r.name) for r in results} - {_group(r.name) for r in results if r.kernel.startswith(("x86_64", "uml"))}
    return [p for p in proofs if _group(p.test) not in far]


def _group(test: str) -> str:
    """The suite or case that a test is of."""
    return test.partition(":")[0]


def run(name: str, steps: Sequence[Step]) -> int:
    """Run the steps, some of them beside each other; after one that can't finish the next one runs all the same."""
    total = result.Timer()
    file = common.OUT / "results" / f"{name}.json"
    done = _all(steps, lambda done: result.save(file, [r for d in done for r in d.results]))
    results = [r for d in done for r in d.results]
    if name == "test":
        proofs = _proved_here(onbase.load(), results)
        results += onbase.unproved([r for r in results if r.kernel.endswith("-base")], proofs)
    print("\nWhere the time went")
    for d in done:
        print(f"  {d.seconds:7.0f} s  {d.step:36}  {result.summary(d.results)}")
    print(f"  {total():7.0f} s  in all, {os.cpu_count()} CPUs\n")
    status = result.report(results, name)
    with common.fresh(common.OUT / "results" / f"{name}.sum") as tmp:
        tmp.write_text(result.summary(results) + "\n")
    return status
