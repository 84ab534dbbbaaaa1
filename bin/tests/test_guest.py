"""A session with a guest that is played by the test: jobs, silence, deaths, each ended in time."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from reseat import guest

QUICK = guest.Limits(boot=5, silence=1, stacks=1)


class Process:
    """A QEMU that lives until told otherwise."""

    def __init__(self) -> None:
        self.status: int | None = None

    def poll(self) -> int | None:
        return self.status


class Machine:
    """What a session needs of qemu.Machine."""

    def __init__(self, folder: Path) -> None:
        self.console = folder / "console"
        self.console.touch()
        self.process = Process()
        pairs = {name: socket.socketpair() for name in ("qmp", "line", "monitor")}
        self.sockets = {name: p[0] for name, p in pairs.items()}
        self.far = {name: p[1] for name, p in pairs.items()}
        self.nmis = 0
        self.requests: list[object] = []

    def console_text(self) -> str:
        return self.console.read_text()

    def printk(self, text: str) -> None:
        with self.console.open("a") as f:
            f.write(text + "\n")

    def says(self, text: str) -> None:
        self.far["line"].sendall(text.encode() + b"\n")

    def dies(self, console: str, status: int = 0) -> None:
        self.printk(console)
        self.process.status = status
        for s in self.far.values():
            s.close()

    def read_qmp(self) -> None:
        self.sockets["qmp"].recv(100)

    def qmp(self, request: object) -> dict[str, object]:
        self.requests.append(request)
        return {"return": {}}

    def wait_event(self, name: str, _: float) -> dict[str, object] | None:
        return {"event": name} if name == "GOOD" else None

    def nmi(self) -> None:
        self.nmis += 1
        self.printk("stacks")

    def kill(self) -> None:
        self.process.status = -9


@pytest.fixture
def machine(tmp_path: Path) -> Iterator[Machine]:
    m = Machine(tmp_path)
    yield m
    for s in (*m.sockets.values(), *m.far.values()):
        s.close()


def session(machine: Machine) -> guest.Session:
    """A session that is past hello."""
    s = guest.Session(machine, QUICK)  # type: ignore[arg-type]
    machine.says("hello 7.3.4")
    s.hello()
    return s


def later(seconds: float, *steps: object) -> None:
    def play() -> None:
        time.sleep(seconds)
        for step in steps:
            step()  # type: ignore[operator]
    threading.Thread(target=play, daemon=True).start()


def test_a_job(machine: Machine) -> None:
    s = session(machine)
    assert s.release == "7.3.4"
    machine.printk("before")
    later(0.1, lambda: machine.printk("during\nreseat: end 1"),
          lambda: machine.says("> one\nbeat\n> two\n> \ndone 1 4 1"))
    job = s.run("true", 10)
    assert (job.state, job.status, job.locks, job.output) == ("ok", 4, "1", ["one", "two"])
    assert "during" in job.log and "before" not in job.log
    assert machine.far["line"].recv(100) == b"run 1 10 true\n"


def test_roles(machine: Machine) -> None:
    s = session(machine)
    machine.says("role A 0000:01:00.0\nrole B -")
    assert (s.role("A", "x"), s.role("B", "y")) == ("0000:01:00.0", "")


@pytest.mark.parametrize("status", ["timeout", "stuck"])
def test_a_job_that_takes_too_long(machine: Machine, status: str) -> None:
    s = session(machine)
    later(0.1, lambda: machine.printk("reseat: end 1"), lambda: machine.says(f"> half\ndone 1 {status} -"))
    job = s.run("sleep 100", 1)
    assert (job.state, job.output) == (status, ["half"])
    assert s.ended == ("stuck" if status == "stuck" else "")


def test_silence_is_a_hang_and_gets_an_nmi(machine: Machine) -> None:
    s = session(machine)
    start = time.monotonic()
    job = s.run("hang", 100)
    assert (job.state, s.ended, machine.nmis) == ("hang", "hang", 1)
    assert "stacks" in job.log
    assert time.monotonic() - start < 10
    assert machine.process.status == -9


def test_beats_are_life(machine: Machine) -> None:
    s = session(machine)
    for n in range(6):
        later(0.5 * n, lambda: machine.says("beat"))
    later(3, lambda: machine.printk("reseat: end 1"), lambda: machine.says("done 1 0 -"))
    assert s.run("sleep 3", 10).state == "ok"


def test_console_chatter_is_no_life_once_init_is_up(machine: Machine) -> None:
    s = session(machine)
    for n in range(20):
        later(0.2 * n, lambda: machine.printk("watchdog: still stuck"))
    assert s.run("hang", 10).state == "hang"


@pytest.mark.parametrize(("console", "status", "state"), [
    ("Kernel panic - not syncing: sysrq triggered crash", 0, "panic"),
    ("Kernel panic - not syncing: Attempted to kill init! exitcode=0x00000100", 0, "init-died"),
    ("", 1, "qemu-died"),
    ("reboot: Restarting system", 0, "rebooted"),
])
def test_deaths(machine: Machine, console: str, status: int, state: str) -> None:
    s = session(machine)
    later(0.1, lambda: machine.dies(console, status))
    job = s.run("x", 10)
    assert (job.state, s.ended) == (state, state)
    # What comes after it says the same, and does not wait.
    assert s.run("y", 10).state == state


def test_a_machine_that_never_boots(machine: Machine) -> None:
    s = guest.Session(machine, QUICK)  # type: ignore[arg-type]
    with pytest.raises(guest.Ended, match="hang"):
        s.hello()
    assert machine.nmis == 1


def test_a_slow_boot_is_alive_while_it_prints(machine: Machine) -> None:
    s = guest.Session(machine, QUICK)  # type: ignore[arg-type]
    for n in range(12):
        later(0.25 * n, lambda: machine.printk("booting"))
    later(3, lambda: machine.says("hello 7"))
    s.hello()


def test_the_monitor_answers(machine: Machine) -> None:
    s = session(machine)
    guest_end = machine.far["monitor"]
    guest_end.sendall(b"device_del id=n0\nwait GOOD 1\nwait BAD 1\nnonsense here\n")
    later(0.3, lambda: machine.printk("reseat: end 1"), lambda: machine.says("done 1 0 -"))
    s.run("x", 10)
    answers = guest_end.recv(4096).decode().splitlines()
    assert machine.requests == [{"execute": "device_del", "arguments": {"id": "n0"}}]
    assert answers[:3] == ['{"return": {}}', '{"return": {"event": "GOOD"}}', '{"error": {"desc": "no BAD came"}}']
    assert "is not key=value" in answers[3]
