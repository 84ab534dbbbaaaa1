"""Runs of cases on machines that the test plays: what is repeated, what is a failure, what gets a new machine."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from reseat import cases, guest, noise, payload, qemu, result, vm

OK = guest.Job("ok", 0, "1", ["1..1", "ok 1 fine"])
LOCKDEP_OFF = guest.Job("ok", 0, "0", ["1..1", "ok 1 fine"])
SPLAT = guest.Job("ok", 0, "1", ["1..1", "ok 1 fine"], "[ 1.0] BUG: KASAN: bad\n")
BAILED = guest.Job("ok", 1, "1", ["1..2", "Bail out! it hangs"])
CIRCLE = guest.Job("ok", 0, "0", ["1..1", "ok 1 fine"], "[ 1.0] WARNING: possible circular locking\n")


def case(name: str, **more: object) -> cases.Case:
    return cases.Case(name, "about", "nvme", ("x86_64",), **more)  # type: ignore[arg-type]


class Play:
    """Answers each boot with the next script: the jobs it does, or '' for a machine that never boots."""

    def __init__(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str = "x86_64-debug") -> None:
        self.boots: list[list[guest.Job]] = []
        self.commands: list[str] = []
        self.seconds: list[int] = []
        self.count = 0
        self.early = ""
        self.leaks = ""
        self.booted_without_lockdep = 0
        self.address = "0000:01:00.0"
        monkeypatch.setattr(vm, "LOGS", tmp_path)
        (tmp_path / name).mkdir()
        monkeypatch.setattr(qemu, "start", self._start)
        monkeypatch.setattr(guest, "Session", lambda *_: self)
        load = payload.Payload("x86_64", name, Path("image"), (Path("root"), Path("run")))
        self.runner = vm.Runner(load, [noise.Noise(__import__("re").compile("harmless"), "why")])

    @contextlib.contextmanager
    def _start(self, *_: object, **__: object) -> Iterator[Play]:
        self.count += 1
        self.ended = ""
        self._jobs = iter(self.boots.pop(0))
        yield self

    def console_text(self) -> str:
        return self.early

    def hello(self) -> None:
        if self.boots is None:
            raise guest.Ended("hang")

    def role(self, *_: str) -> str:
        return self.address

    def run(self, command: str, seconds: int) -> guest.Job:
        if command.startswith("/harness/bin/kmemleak"):
            off = command.endswith("quiet") and self.count <= self.booted_without_lockdep
            return guest.Job("ok", 0, "0" if off else "1", [self.leaks])
        self.commands.append(command)
        self.seconds.append(seconds)
        job = next(self._jobs)
        self.ended = "" if job.state in ("ok", "timeout") else job.state
        return job

    def group(self, *group: cases.Case) -> list[tuple[str, str, str]]:
        found = [(r.name, r.outcome, r.reason) for r in self.runner.group(group)]
        return found if self.leaks else [r for r in found if not r[0].startswith("leaks after")]


@pytest.fixture
def play(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Play:
    return Play(tmp_path, monkeypatch)


def test_cases_share_a_machine(play: Play) -> None:
    play.boots = [[OK, OK]]
    assert play.group(case("a"), case("b")) == [("a: fine", "pass", ""), ("b: fine", "pass", "")]
    assert play.commands == ["/harness/cases/a.sh", "/harness/cases/b.sh"]
    assert play.seconds == [180, 180]  # a debug kernel is given more time
    assert play.count == 1


def test_a_void_run_is_repeated(play: Play) -> None:
    play.boots = [[LOCKDEP_OFF], [OK, OK]]
    assert play.group(case("a"), case("b")) == [("a: fine", "pass", ""), ("b: fine", "pass", "")]
    assert play.count == 2


def test_a_machine_that_boots_without_lockdep_is_booted_again(play: Play) -> None:
    play.booted_without_lockdep = 1
    play.boots = [[], [OK]]
    assert play.group(case("a")) == [("a: fine", "pass", "")]
    assert play.commands == ["/harness/cases/a.sh"]


def test_a_machine_that_never_has_lockdep_runs_all_the_same(play: Play) -> None:
    play.booted_without_lockdep = 3
    play.boots = [[], [], [LOCKDEP_OFF]]
    assert [r[1] for r in play.group(case("a"))] == ["pass", "fail"]


def test_a_case_that_bails_out_spoils_its_machine(play: Play) -> None:
    play.boots = [[BAILED], [OK]]
    assert play.group(case("a"), case("b")) == [("a", "fail", "bailed out: it hangs"), ("b: fine", "pass", "")]
    assert play.count == 2


def test_a_run_that_is_always_void_fails_in_the_end(play: Play) -> None:
    play.boots = [[LOCKDEP_OFF]] * 3
    assert play.group(case("a"))[-1] == ("a", "fail", "void: lockdep is off, the run proves nothing")
    assert play.count == 3


def test_a_complaint_of_the_kernel_is_a_failure_and_spoils_the_machine(play: Play) -> None:
    play.boots = [[SPLAT], [OK]]
    assert play.group(case("a"), case("b")) == [
        ("a: fine", "pass", ""), ("a", "fail", "kernel: BUG: KASAN: bad"), ("b: fine", "pass", "")]
    assert play.count == 2


def test_lockdep_off_by_its_own_report_is_no_void_run(play: Play) -> None:
    play.boots = [[CIRCLE]]
    assert play.group(case("a"))[-1] == ("a", "fail", "kernel: WARNING: possible circular locking")
    assert play.count == 1


def test_an_expected_complaint_is_none(play: Play) -> None:
    play.boots = [[CIRCLE], [OK]]
    assert play.group(case("a", expects=("circular",)), case("b")) == [("a: fine", "pass", ""), ("b: fine", "pass", "")]
    assert play.count == 2


def test_noise_is_printed(play: Play, capsys: pytest.CaptureFixture[str]) -> None:
    play.boots = [[guest.Job("ok", 0, "1", ["ok 1 fine"], "[ 1.0] WARNING: harmless\n")]]
    assert play.group(case("a")) == [("a: fine", "pass", "")]
    assert "noise: WARNING: harmless (why)" in capsys.readouterr().out


@pytest.mark.parametrize(("state", "why"), [
    ("hang", "the guest fell silent"), ("panic", "kernel died: Kernel panic - not syncing"),
    ("init-died", "init died"), ("stuck", "could not be killed"), ("qemu-died", "QEMU died")])
def test_a_machine_that_ends_fails_its_case_only(play: Play, state: str, why: str) -> None:
    log = "[ 1.0] Kernel panic - not syncing\n" if state == "panic" else ""
    play.boots = [[guest.Job(state, -1, "-", ["ok 1 half"], log)], [OK]]
    first, second, third = play.group(case("a"), case("b"))
    assert first == ("a: half", "pass", "")
    assert second[:2] == ("a", "fail") and why in second[2]
    assert third == ("b: fine", "pass", "")


@pytest.mark.parametrize(("state", "outcome"), [("rebooted", "pass"), ("hang", "fail"), ("ok", "fail")])
def test_a_machine_that_has_to_go_down(play: Play, state: str, outcome: str) -> None:
    play.boots = [[OK, guest.Job(state, 0, "1", [])]]
    assert [r[:2] for r in play.group(case("a", goes_down=True))] == [("a: fine", "pass"), ("a: the machine goes down", outcome)]
    assert play.commands[1].startswith("echo o >/proc/sysrq-trigger")


def test_a_timeout_fails(play: Play) -> None:
    play.boots = [[guest.Job("timeout", -1, "1", []), OK]]
    assert play.group(case("a", seconds=5), case("b"))[0] == ("a", "fail", "not done within 15 s")
    assert play.count == 1


def test_a_boot_that_complains_fails(play: Play) -> None:
    play.early = "[ 0.1] WARNING: at init/main.c\n"
    play.boots = [[OK]]
    assert play.group(case("a"))[0] == ("boot of nvme", "fail", "kernel: WARNING: at init/main.c")


def test_a_device_that_is_not_there_fails_all(play: Play) -> None:
    play.address = ""
    play.boots = [[]]
    assert play.group(case("a"), case("b")) == [
        (name, "fail", "NVME not where the topology nvme says") for name in ("a", "b")]


def test_a_machine_that_never_boots_fails_all(play: Play) -> None:
    play.hello = lambda: (_ for _ in ()).throw(guest.Ended("hang"))  # type: ignore[method-assign]
    play.boots = [[], []]
    assert play.group(case("a"), case("b")) == [
        (name, "fail", "its machine did not boot, twice") for name in ("a", "b")]


def test_leaks_are_looked_for_when_all_is_done(play: Play) -> None:
    play.leaks = "not ok 1 none"
    play.boots = [[OK, OK]]
    assert play.group(case("a"), case("b"))[-1] == ("leaks after a: none", "fail", "not ok")


def test_nothing_run_is_a_failure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(result.common, "OUT", tmp_path / "out")
    monkeypatch.setattr(result.common, "ROOT", tmp_path)
    assert result.report([], "empty") == 1
