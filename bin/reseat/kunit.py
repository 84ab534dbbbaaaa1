"""KUnit: on user-mode Linux with time travel, and on the one kernel of each architecture in a VM."""

from __future__ import annotations

import dataclasses
import json
import os
import re
import shutil
import sys
import tempfile
from pathlib import Path

from . import build, common, config, ktap, noise, qemu, result, topology, vm, worktree
from .result import Result

PLACES = ("uml", *common.ARCHES)
GLOB = "pci*"  # our suites among those that a kernel may have
_UML_SECONDS = 120
_VM_SECONDS = 600
_UML_CONFIG = "harness/configs/uml.config"


def run(where: str, base: bool = False, *, debug: bool = False) -> list[Result]:
    """Run our suites on @where: uml or an architecture. A run without a result, or that ends early, is a failure."""
    if where not in PLACES:
        raise common.Error(f"unknown ARCH '{where}': one of {', '.join(PLACES)}, or all")
    if debug and where == "uml":
        raise common.Error("DEBUG=1 is for kernels in VMs: uml has no debug kernel")
    timer = result.Timer()
    kernel = build.name(where, debug=debug, base=base)
    results, log, why = _uml(kernel, base) if where == "uml" else _machine(where, base, debug)
    if not results and not why:
        why = "KUnit reported nothing"
    said = ours = result.summary(results)
    if results and not any("ended" in r.reason for r in results):  # of a run that was cut off, each makes what it can
        said = _counted(log)
    if why and not any(r.outcome == "fail" for r in results):
        results.append(Result("kunit", f"run on {where}", "fail", why, kernel))
    if said != ours:
        results.append(Result("kunit", f"count on {where}", "fail", f"kunit.py counts otherwise: {said}", kernel))
    if not base and not debug:
        _remember(where, results)
    results = [dataclasses.replace(r, log=str(log)) for r in results]
    if not base and log.exists():  # what warns on the unpatched base is what the suites are there to show
        for splat in noise.sort(log.read_text(errors="replace"), noise.load())[0]:
            results.append(Result("kunit", f"kernel's log on {where}", "fail", splat.title, kernel, log=str(log)))
    passed = result.summary(results)
    common.say(f"KUnit on {kernel}: {passed}, {timer():.0f} s")
    return results + (_absent(where, kernel, results) if base else [])


def _counted(log: Path) -> str:
    """What the kernel's own kunit.py counts in @log; its results lack the reasons, so that ours are read by ktap.py."""
    tool = next((t for v in worktree.VARIANTS if (t := worktree.path(v) / "tools/testing/kunit/kunit.py").exists()), None)
    if not tool:
        return "no source tree has it"
    said = common.run([sys.executable, tool, "parse", log], check=False).stdout
    m = re.search(r"Testing complete\. Ran \d+ tests: (.*)", said)
    count = {name: int(n) for name, n in re.findall(r"(\w+): (\d+)", m[1])} if m else {}
    passed, failed, skipped = (count.pop(name, 0) for name in ("passed", "failed", "skipped"))
    rest = "".join(f", {n} {name}" for name, n in count.items())
    return f"{passed} passed, {failed} failed, {skipped} skipped{rest}"


def _remember(where: str, results: list[Result]) -> None:
    with common.fresh(common.OUT / "results" / f"kunit-cases-{where}.json") as tmp:
        tmp.write_text(json.dumps([r.name for r in results]))


def _absent(where: str, kernel: str, results: list[Result]) -> list[Result]:
    """Skips for the cases that the series has and the base has not, as far as a run of the series told which."""
    try:
        known = json.loads((common.OUT / "results" / f"kunit-cases-{where}.json").read_text())
    except (OSError, ValueError):
        return []
    have = {r.name for r in results}
    return [Result("kunit", name, "skip", "not on the base: it needs what the series adds", kernel)
            for name in known if name not in have]


def _uml(kernel: str, base: bool) -> tuple[list[Result], Path, str]:
    """Run the kernel's own kunit.py; returns results, the kernel's log, and what went wrong besides."""
    variant = "uml-base" if base else "uml"
    log = common.LOGS / f"kunit-{kernel}.log"
    tool_log = common.LOGS / f"kunit-{kernel}-tool.log"
    commit = worktree.commit(variant)
    with worktree.at(variant, commit) as src:
        suites = config.kunit_fragment(src)
        if not suites:
            return [Result("kunit", "all suites", "skip", "this tree has none", kernel)], log, ""
        folder = src / "build-uml"
        if not folder.exists():
            common.say(f"building {kernel}: some minutes the first time, then seconds")
            common.need_space(src, 1)
        configured = build.config_key([suites, (common.ROOT / _UML_CONFIG).read_text()], "gcc")
        worktree.adopt(variant, folder.name, commit, configured)
        console = folder / "test.log"
        console.unlink(missing_ok=True)
        cc = "ccache gcc" if shutil.which("ccache") else "gcc"
        # kunit.py wants the folder of one of our files, a file for the other.
        status = build.watch(
            [sys.executable, "tools/testing/kunit/kunit.py", "run", "--build_dir=build-uml",
             f"--kunitconfig={config.KUNITCONFIG}", f"--kunitconfig={common.ROOT / _UML_CONFIG}",
             "--kernel_args=time-travel=inf-cpu", f"--timeout={_UML_SECONDS}", f"--jobs={build.jobs()}",
             f"--make_options=CC={cc}", "--make_options=LOCALVERSION=", GLOB],
            cwd=src, log=tool_log, what=f"KUnit on {kernel}",
            progress=lambda: f"{_objects(folder)} objects")
        if not console.exists():
            lines = [s for s in tool_log.read_text(errors="replace").splitlines()
                     if re.search(r"error|Error|ERROR|^Missing", s)]
            raise common.Error(f"building {kernel} for KUnit failed, log: {tool_log}\n" +
                               "\n".join("  | " + s for s in lines[:12]))
        worktree.configured(variant, folder.name, commit, configured)
        worktree.finished(variant, folder.name, commit)
        with common.fresh(log) as tmp:
            shutil.copyfile(console, tmp)
    return ktap.parse(log.read_text(errors="replace"), kernel), log, \
        f"kunit.py says the run failed, log: {tool_log}" if status else ""


def _objects(folder: Path) -> int:
    return sum(name.endswith(".o") for _, _, names in os.walk(folder) for name in names)  # folders may vanish meanwhile


def _machine(arch: str, base: bool, debug: bool) -> tuple[list[Result], Path, str]:
    """Boot the kernel of @arch with KUnit alone."""
    top = topology.load("nvme", arch)
    assert top
    with tempfile.TemporaryDirectory(prefix="reseat-kunit-") as folder:
        kernel = build.kernel(arch, debug=debug, base=base, image_to=Path(folder) / "kernel")
        outcome = vm.boot(kernel, top, timeout=_VM_SECONDS * (3 if debug else 1), log="kunit",
                          icount="" if debug else qemu.HURRIED,  # the debug kernel hardly ever idles
                          append=f"kunit.enable=1 kunit.autorun=1 kunit.filter_glob={GLOB} kunit_shutdown=poweroff")
    results = ktap.parse(outcome.console.read_text(errors="replace"), kernel.name)
    return results, outcome.console, "" if outcome.status == "ok" else f"the VM ended so: {outcome.status}"


def command(where: str, *, base: bool, debug: bool) -> int:
    """bin/kernel kunit: run, report, exit code."""
    places = (common.ARCHES if debug else PLACES) if where == "all" else (where,)
    results: list[Result] = []
    for place in places:
        results += run(place, base, debug=debug)
    return result.report(results, f"kunit-{build.name(where, debug=debug, base=base)}")
