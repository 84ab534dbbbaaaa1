"""A session with a guest: jobs out, lines back, and an end within bounded time whatever the guest does."""

from __future__ import annotations

import dataclasses
import re
import selectors
import time
from collections.abc import Callable

from . import line
from .qemu import Machine


@dataclasses.dataclass(frozen=True)
class Limits:
    """Seconds of real time. A guest is silent when it neither says anything on the line nor on its console."""

    boot: float = 240  # until init says hello, as long as the console goes on
    silence: float = 60
    stacks: float = 15  # after the NMI
    job: float = 2  # for each second that a job may take by the guest's clock


@dataclasses.dataclass
class Job:
    """What became of one command. @state is ok, timeout, stuck, or how the machine ended."""

    state: str = "ok"
    status: int = -1
    locks: str = "-"
    output: list[str] = dataclasses.field(default_factory=list)
    log: str = ""  # what the kernel said meanwhile
    seconds: float = 0.0


class Ended(Exception):
    """The machine is of no more use; its argument says how it ended."""


class Session:
    """Talks with harness/init on @machine."""

    def __init__(self, machine: Machine, limits: Limits = Limits(),
                 say: Callable[[str], None] = lambda _: None) -> None:
        self._machine = machine
        self._limits = limits
        self._say = say
        self._lines = {"line": line.Lines(), "monitor": line.Lines()}
        self._queue: list[line.Message] = []
        self._heard = time.monotonic()
        self._console_size = 0
        self._number = 0
        self.release = ""
        self.ended = ""

    def hello(self) -> None:
        """Wait until the guest is up. Raises Ended if it never is."""
        end = time.monotonic() + self._limits.boot
        while time.monotonic() < end:
            m = self._next()
            if m.kind == "hello":
                self.release = m.text
                return
        self._finish("hang")

    def role(self, name: str, path: str) -> str:
        """Tell the guest that the device at @path is called @name; return its address, '' if it is not there."""
        self._send("line", f"role {name} {path}\n".encode())
        while (m := self._next()).kind != "role":
            pass
        address = m.text.split()[-1]
        return "" if address == "-" else address

    def run(self, command: str, seconds: int) -> Job:
        """Run one job. A machine that dies meanwhile is reported in the job's state, and in @ended."""
        job = Job()
        begin = len(self._machine.console_text())
        start = time.monotonic()
        self._number += 1
        try:
            self._send("line", line.job(self._number, seconds, command))
            # Inside the guest a job is killed at its limit; ours is for a guest that lives on and does not do it.
            while time.monotonic() < start + self._limits.job * seconds + 60:
                m = self._next()
                if m.kind == "out":
                    job.output.append(m.text)
                    self._say(m.text)
                elif m.kind == "done" and m.number == self._number:
                    job.locks = m.locks
                    job.state = m.status if m.status in ("timeout", "stuck") else "ok"
                    job.status = int(m.status) if job.state == "ok" else -1
                    self._settle(begin, f"reseat: end {self._number}")
                    if job.state == "stuck":
                        self.ended = "stuck"
                    break
            else:
                self._finish("hang")
        except Ended as e:
            job.state = str(e)
        while job.output and not job.output[-1]:
            job.output.pop()
        job.log = self._machine.console_text()[begin:]
        job.seconds = time.monotonic() - start
        return job

    def _send(self, name: str, data: bytes) -> None:
        try:
            self._machine.sockets[name].sendall(data)
        except OSError:
            self._finish("")

    def _settle(self, begin: int, mark: str) -> None:
        """Wait until the console has caught up with the line."""
        end = time.monotonic() + 10
        while mark not in self._machine.console_text()[begin:] and time.monotonic() < end:
            time.sleep(0.02)

    def _next(self) -> line.Message:
        """The next message from the guest but its heartbeat, serving its monitor requests meanwhile."""
        while not self._queue:
            self._pump()
            if time.monotonic() - self._heard > self._limits.silence:
                self._finish("hang")
        return self._queue.pop(0)

    def _pump(self) -> None:
        sockets = self._machine.sockets
        with selectors.DefaultSelector() as s:
            for name, sock in sockets.items():
                s.register(sock, selectors.EVENT_READ, name)
            ready = [key.data for key, _ in s.select(0.5)]
        try:
            for name in ready:
                if name == "qmp":
                    self._machine.read_qmp()
                    continue
                data = sockets[name].recv(65536)
                if not data:
                    raise ConnectionError
                self._heard = time.monotonic()
                for text in self._lines[name].feed(data):
                    self._take(name, text)
        except (ConnectionError, OSError):
            self._finish("")
        size = self._machine.console.stat().st_size
        if not self.release and size != self._console_size:
            # While it boots the console is the only sign of life; later a hung guest may still print there for ever.
            self._heard = time.monotonic()
        self._console_size = size

    def _take(self, name: str, text: str) -> None:
        if name == "monitor":
            self._send("monitor", line.answer(self._monitor(text)))
        elif (m := line.parse(text)).kind != "beat":
            self._queue.append(m)

    def _monitor(self, text: str) -> dict[str, object]:
        try:
            request = line.request(text)
            if isinstance(request, line.Wait):
                event = self._machine.wait_event(request.event, request.seconds)
                return {"return": event} if event else {"error": {"desc": f"no {request.event} came"}}
            return self._machine.qmp(request)
        except ValueError as e:
            return {"error": {"desc": f"{text}: {e}"}}

    def _finish(self, how: str) -> None:
        """End the machine; @how is 'hang', or empty if it went by itself. Raises Ended."""
        if self.ended:
            raise Ended(self.ended)
        if how == "hang":
            size = self._machine.console.stat().st_size
            self._machine.nmi()
            self._wait_quiet(size)
        else:
            self._wait_exit(self._limits.stacks)
        self.ended = how or verdict(self._machine.console_text(), self._machine.process.poll())
        self._machine.kill()
        raise Ended(self.ended)

    def _wait_exit(self, seconds: float) -> None:
        end = time.monotonic() + seconds
        while self._machine.process.poll() is None and time.monotonic() < end:
            time.sleep(0.05)

    def _wait_quiet(self, size: int) -> None:
        """Wait for what the guest prints after an NMI: until QEMU ends, or the console has been still for a while."""
        end = time.monotonic() + self._limits.stacks
        still = 0
        while self._machine.process.poll() is None and time.monotonic() < end and still < 30:
            time.sleep(0.1)
            now = self._machine.console.stat().st_size
            still = still + 1 if now == size else 0
            size = now


def verdict(console: str, status: int | None) -> str:
    """How a machine ended that went by itself, from its console and QEMU's exit status."""
    if re.search(r"Attempted to kill init", console):
        return "init-died"
    if "Kernel panic" in console:
        return "panic"
    return "qemu-died" if status else "rebooted"
