"""Cases in machines: boots them, a machine for all cases of a topology, and turns what they say into results."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import re
import subprocess
import tempfile
from collections.abc import Callable, Collection, Sequence
from pathlib import Path

from . import beside, build, cases, common, guest, noise, payload, qemu, topology
from .result import Result, summary

LOGS = common.LOGS / "vm"
_TRIES = 3  # of a case whose run is void because something turned lockdep off

_CLOCK = {"timed": qemu.TIMED, "counted": qemu.COUNTED}

_ENDED = {
    "hang": "the guest fell silent; its log has what its processors were doing",
    "panic": "the guest's kernel died",
    "init-died": "the guest's init died",
    "qemu-died": "QEMU died",
    "rebooted": "the guest went down",
    "stuck": "it could not be killed: its log has the blocked tasks",
}


@dataclasses.dataclass(frozen=True)
class Outcome:
    """How a machine without the harness's init ended: 'ok' when it went down by itself, in time."""

    status: str
    console: Path


def alone(kernel: str, what: str = "cases") -> contextlib.AbstractContextManager[None]:
    """Hold the machines of one kernel that do the same: two runs of one clone would write the same logs."""
    return common.lock(common.OUT / "locks" / f"vm-{kernel}-{what}", f"the {kernel} machines")


def boot(kernel: build.Kernel, top: topology.Topology, *, append: str = "", timeout: float = 300,
         log: str = "boot", icount: str = "") -> Outcome:
    """Boot @kernel without a userland, for what runs before it (KUnit), until it powers off or reboots."""
    console = LOGS / kernel.name / f"{log}.log"
    with alone(kernel.name, log), qemu.start(top, kernel.image, append=append, log=console, icount=icount) as machine:
        with contextlib.suppress(subprocess.TimeoutExpired):
            machine.process.wait(timeout)
        if machine.process.returncode is None:
            machine.nmi()
            with contextlib.suppress(subprocess.TimeoutExpired):
                machine.process.wait(10)
            status = "hang"
        else:
            status = guest.verdict(machine.console_text(), machine.process.returncode)
    return Outcome("ok" if status == "rebooted" else status, console)


def script(load: payload.Payload, top: topology.Topology, command: str, *, seconds: int, log: Path, icount: str = "",
           limits: guest.Limits | None = None, say: Callable[[str], None] = lambda _: None) -> list[str]:
    """Boot @top and run one @command there, which must succeed; returns what it printed."""
    with qemu.start(top, load.image, append=top.append, disks=load.disks, log=log, icount=icount) as machine:
        session = guest.Session(machine, limits or guest.Limits(), say)
        try:
            session.hello()
            missing = [name for name, path in top.roles().items() if not session.role(name, path)]
        except guest.Ended as e:
            raise common.Error(f"{top.name} did not boot: {_ENDED[str(e)]}, log: {log}") from None
        if missing:
            raise common.Error(f"{', '.join(missing)} not where the topology {top.name} says, log: {log}")
        job = session.run(command, seconds)
    if job.state != "ok" or job.status:
        raise common.Error(f"{command} failed ({job.state}, {job.status}), log: {log}\n" +
                           "\n".join("  | " + s for s in job.output[-15:]))
    return job.output


def run_cases(arch: str, prefix: str = "", *, debug: bool = False, base: bool = False,
              names: Collection[str] | None = None, at_once: int = 1) -> list[Result]:
    """Run the cases whose names start with @prefix, or are among @names, on @arch, @at_once machines; their results."""
    chosen = [c for c in cases.select(arch, prefix) if names is None or c.name in names]
    known = noise.load()
    with payload.make(arch, debug=debug, base=base) as load, alone(load.name):
        fit = [c for c in chosen if debug or c.kernel != "debug"]
        long_first = sorted(cases.groups(fit), key=lambda group: -sum(c.seconds for c in group))
        found = beside.every([lambda group=group: Runner(load, known).group(group) for group in long_first], at_once)
    return [r for results in found for r in results] + \
        [Result("selftest", c.name, "skip", "it needs the debug kernel", load.name) for c in chosen if c not in fit]


class Runner:
    """Runs cases on the machines of one payload."""

    def __init__(self, load: payload.Payload, known: Sequence[noise.Noise],
                 limits: guest.Limits | None = None, say: Callable[[str], None] = lambda _: None) -> None:
        self._load = load
        self._known = known
        self._debug = "-debug" in load.name
        self._slow = 3 if self._debug else 1
        self._limits = limits or guest.Limits(silence=60 * self._slow)
        self._say = say
        self._boots = 0

    def group(self, group: Sequence[cases.Case]) -> list[Result]:
        """Run cases that share a machine; after a case that spoilt it the next ones get a new one."""
        results: list[Result] = []
        todo = list(group)
        tries: dict[str, int] = {}
        silent_boots = 0
        while todo:
            done = self._boot(todo, tries, results)
            silent_boots = 0 if done else silent_boots + 1
            if silent_boots == 2:
                log = str(self._console(todo[0]))
                return results + [Result("selftest", c.name, "fail", "its machine did not boot, twice",
                                         self._load.name, log=log) for c in todo]
        return results

    def _console(self, case: cases.Case) -> Path:
        return LOGS / self._load.name / f"{case.topology}-{case.name}-{self._boots}.log"

    def _patience(self, case: cases.Case) -> guest.Limits:
        """A guest whose clock counts instructions may be slow in real time."""
        factor = 4 if case.boot == "counted" else 1
        limits = self._limits
        return dataclasses.replace(limits, boot=limits.boot * factor, silence=limits.silence * factor, job=limits.job * factor)

    def _boot(self, todo: list[cases.Case], tries: dict[str, int], results: list[Result]) -> bool:
        """Boot once; take cases off @todo until there are none or the machine is spoilt. False if it never was up."""
        self._boots += 1
        first = todo[0]
        top = topology.load(first.topology, self._load.arch)
        assert top
        console = self._console(first)
        common.say(f"{self._load.name}: booting {top.name} ({len(todo)} cases)")
        with qemu.start(top, self._load.image, append=first.append, disks=self._load.disks, log=console,
                        icount=_CLOCK.get(first.boot, "")) as machine:
            session = guest.Session(machine, self._patience(first), self._say)
            try:
                session.hello()
                missing = [name for name, path in top.roles().items() if not session.role(name, path)]
            except guest.Ended as e:
                common.say(f"{self._load.name}: {top.name} did not boot: {_ENDED[str(e)]}, log: {console}")
                return False
            if missing:
                why = f"{', '.join(missing)} not where the topology {top.name} says"
                results += [Result("selftest", c.name, "fail", why, self._load.name, log=str(console)) for c in todo]
                todo.clear()
                return True
            early, noisy = noise.sort(machine.console_text(), self._known)
            for text in noisy:
                print(text)
            if early:
                results.append(Result("selftest", f"boot of {top.name}", "fail", f"kernel: {early[0].title}",
                                      self._load.name, log=str(console)))
            if self._debug and session.run("/harness/bin/kmemleak quiet", 60).locks == "0" and not early and \
                    tries.get(first.name, 0) < _TRIES - 1:
                tries[first.name] = tries.get(first.name, 0) + 1
                common.say(f"{self._load.name}: {top.name}: lockdep is off since it booted: again")
                return True
            while todo:
                case = todo[0]
                tries[case.name] = tries.get(case.name, 0) + 1
                found, spoilt, void = self._case(session, case)
                if void and tries[case.name] < _TRIES:
                    common.say(f"{self._load.name}: {case.name}: void, lockdep is off: again")
                    return True
                results += found
                todo.pop(0)
                if spoilt:
                    return True
            if self._debug:
                leaks = session.run("/harness/bin/kmemleak report", 300)
                results += self._named(cases.read_tap(f"leaks after {first.name}", leaks.output, leaks.status), leaks,
                                       console)
            if case.goes_down:
                results += self._power_off(session, case, console)
        return True

    def _power_off(self, session: guest.Session, case: cases.Case, log: Path) -> list[Result]:
        """Switch the machine off: whoever waits for a lock of a device for ever makes that wait, too."""
        job = session.run("echo o >/proc/sysrq-trigger; sleep 120", 120)
        went = job.state == "rebooted"
        return self._named([Result("selftest", f"{case.name}: the machine goes down", "pass" if went else "fail",
                                   "" if went else f"it does not, {_ENDED.get(job.state, job.state)}")], job, log)

    def _named(self, found: Sequence[Result], job: guest.Job, log: Path) -> list[Result]:
        return [dataclasses.replace(r, kernel=self._load.name, log=str(log), seconds=round(job.seconds, 2))
                for r in found]

    def _case(self, session: guest.Session, case: cases.Case) -> tuple[list[Result], bool, bool]:
        """Run one case: its results, whether the machine is spoilt, and whether the run was void."""
        seconds = case.seconds * self._slow
        job = session.run(case.command or f"/harness/cases/{case.name}.sh", seconds)
        log = LOGS / self._load.name / f"{case.name}.log"
        log.write_text("\n".join(job.output) + f"\n\n== the kernel meanwhile ==\n{job.log}")
        bad, noisy = noise.sort(job.log, self._known, case.expects)
        for text in noisy:
            print(text)
        if job.state == "hang":
            # What the NMI caused, that was sent to see the stacks.
            bad = [s for s in bad if not re.search("NMI: Not continuing|System Reset|Fatal exception", s.title)]
        if job.state == "ok":
            found = cases.read_tap(case.name, job.output, job.status)
        else:
            why = f"not done within {seconds} s" if job.state == "timeout" else _ENDED[job.state]
            found = [r for r in cases.read_tap(case.name, job.output, 0) if r.name != case.name]
            found.append(Result("selftest", case.name, "fail", why + (f": {bad[0].title}" if bad else "")))
        if bad and job.state in ("ok", "timeout"):
            found.append(Result("selftest", case.name, "fail", f"kernel: {bad[0].title}"))
        void = job.locks == "0" and not bad and not case.expects
        if void:
            found.append(Result("selftest", case.name, "fail", "void: lockdep is off, the run proves nothing"))
        found = self._named(found, job, log)
        common.say(f"{self._load.name}: {case.name}: {summary(found)}")
        bailed = any(s.startswith("Bail out!") for s in job.output)
        return found, bool(session.ended or bad or bailed or job.locks == "0"), void


def shell(arch: str, *, base: bool = False, name: str = "") -> int:
    """A machine to play in, by default the one with the most kinds of devices: its console is the terminal."""
    tops = [topology.load(n, arch) for n in ([name] if name else ("pci", "nvme"))]
    top = next((t for t in tops if t), None)
    if top is None:
        raise common.Error(f"topology '{name}' has no {arch} machine")
    with payload.make(arch, base=base) as load, tempfile.TemporaryDirectory(prefix="reseat-vm-") as folder:
        qemu.make_disks(top, Path(folder))
        cmd = qemu.command(top, load.image, folder=Path(folder), disks=load.disks)
        return subprocess.run(cmd, env=dict(os.environ), check=False).returncode
