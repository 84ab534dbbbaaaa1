"""Everything at once: the steps of `make test` and `make check`, what they found and where the time went."""

from __future__ import annotations

import dataclasses
import os
import subprocess
import sys
import xml.etree.ElementTree as xml
from collections.abc import Callable, Sequence
from pathlib import Path

from . import cases, common, kunit, onbase, result, roundtrip, setup, static, vm
from .result import Result

ARCHES = tuple(common.ARCHES)


@dataclasses.dataclass(frozen=True)
class Step:
    """A part of a run: a name for people and what does it."""

    name: str
    run: Callable[[], list[Result]]


def pytest(*args: str) -> list[Result]:
    """Run the tests of bin/, each of them a result."""
    report = common.OUT / "results" / "pytest.xml"
    log = common.LOGS / "pytest.log"
    report.parent.mkdir(parents=True, exist_ok=True)
    report.unlink(missing_ok=True)
    cmd = [_python(), "-m", "pytest", "-q", "-p", "no:cacheprovider", f"--junitxml={report}", *args,
           str(common.ROOT / "bin" / "tests")]
    common.run(cmd, cwd=common.ROOT, log=log, check=False, env=common.clean_env())
    if not report.exists():
        raise common.Error(f"pytest reported nothing, log: {log}")
    return [_case(c, log) for c in xml.parse(report).iter("testcase")]


def _python() -> str:
    """A Python that has pytest: this one, or Debian's."""
    for python in (sys.executable, "/usr/bin/python3"):
        if not subprocess.run([python, "-c", "import pytest"], capture_output=True, check=False).returncode:
            return python
    raise common.Error("no pytest: install what `bin/kernel setup` names")


def _case(case: xml.Element, log: Path) -> Result:
    name = f"{case.get('classname', '').rpartition('.')[2]}::{case.get('name')}"
    seconds = float(case.get("time", 0))
    for tag, outcome in (("failure", "fail"), ("error", "fail"), ("skipped", "skip")):
        if (found := case.find(tag)) is not None:
            why = (found.get("message") or "no reason given").splitlines()[0]
            return Result("pytest", name, outcome, why, seconds=seconds, log=str(log))
    return Result("pytest", name, "pass", seconds=seconds)


def _installed() -> list[Result]:
    setup.setup()
    return []


def _on_base(run: Callable[[], list[Result]]) -> list[Result]:
    return onbase.judge(run(), onbase.load())


def _races() -> list[Result]:
    """A sample of the debug kernel: what races. `make evidence` runs all cases there."""
    names = [c.name for c in cases.select("x86_64") if c.name.endswith("_race")]
    return [r for name in names for r in vm.run_cases("x86_64", name, debug=True)]


def check_steps() -> list[Step]:
    """What needs no VM."""
    return [
        Step("set-up", _installed),
        Step("tests of bin/", lambda: pytest("-m", "not vm")),
        Step("round trip", roundtrip.check),
        Step("KUnit on UML", lambda: kunit.run("uml")),
        Step("KUnit on UML, base", lambda: _on_base(lambda: kunit.run("uml", base=True))),
        Step("patches: style, sparse, builds", static.check),
    ]


def test_steps() -> list[Step]:
    """What CI must see pass."""
    steps = check_steps()
    for arch in ARCHES:
        steps.append(Step(f"KUnit on {arch}", lambda arch=arch: kunit.run(arch)))
        steps.append(Step(f"cases on {arch}", lambda arch=arch: vm.run_cases(arch)))
    return [
        *steps,
        Step("cases on x86_64, base", lambda: _on_base(lambda: vm.run_cases("x86_64", base=True))),
        Step("races on x86_64, debug kernel", _races),
        Step("VMs that hang, panic and lose init", lambda: pytest("-m", "vm")),
    ]


def run(name: str, steps: Sequence[Step]) -> int:
    """Run the steps; one that can't finish is a failure, and the next one runs all the same."""
    results: list[Result] = []
    times: list[tuple[str, float, str]] = []
    total = result.Timer()
    for step in steps:
        common.say(f"== {step.name}")
        timer = result.Timer()
        try:
            found = step.run()
        except common.Error as e:
            found = [Result("suite", step.name, "fail", str(e))]
            print(f"{step.name}: {e}", file=sys.stderr)
        results += found
        times.append((step.name, timer(), result.summary(found)))
        result.save(common.OUT / "results" / f"{name}.json", results)
        common.say(f"   {times[-1][1]:.0f} s: {times[-1][2]}")
    if name == "test":
        results += onbase.unproved([r for r in results if r.kernel.endswith("-base")], onbase.load())
    print("\nWhere the time went")
    for what, seconds, found_ in times:
        print(f"  {seconds:7.0f} s  {what:36}  {found_}")
    print(f"  {total():7.0f} s  in all, {os.cpu_count()} CPUs\n")
    status = result.report(results, name)
    with common.fresh(common.OUT / "results" / f"{name}.sum") as tmp:
        tmp.write_text(result.summary(results) + "\n")
    return status
