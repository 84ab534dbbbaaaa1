"""QEMU: the command line for a topology, and a running machine with its three sockets."""

from __future__ import annotations

import contextlib
import json
import selectors
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from . import common, kvm
from .topology import Topology

BINARIES = {"x86_64": "qemu-system-x86_64", "s390x": "qemu-system-s390x", "ppc64le": "qemu-system-ppc64"}

# Where the harness's own devices sit: out of the way of what a topology plugs in, and so that the root is /dev/vda. On
# s390x, where devices come up in any order, the run's disk is ignored until the root is mounted (rootfs.py frees it).
_BUS = {"x86_64": ("virtio-blk-pci", "virtio-serial-pci", ("addr=0x1b", "addr=0x1c", "addr=0x1d")),
        "s390x": ("virtio-blk-ccw", "virtio-serial-ccw", ("devno=fe.0.0001", "devno=fe.0.0002", "devno=fe.0.0003")),
        "ppc64le": ("virtio-blk-pci", "virtio-serial-pci", ("bus=pcie.0", "bus=pcie.1", "bus=pcie.2"))}

_CONSOLE = {"x86_64": "console=ttyS0", "s390x": "console=ttysclp0", "ppc64le": "console=hvc0"}

# With a thread for each processor, QEMU 10.0's x86 loses timer interrupts (both processors idle, no timer ever fires)
# and trips over an assertion in its IOMMU code (iotlb_to_section), within a minute of parallel resets. They take turns.
_TCG = {"x86_64": "tcg,thread=single", "s390x": "tcg", "ppc64le": "tcg"}

# Clocks that count the guest's instructions. Of one processor, without waiting while it idles: what takes how long. Of
# all, and idling as it is: whatever else the host does, the guest's timeouts are the same. Of all, and without waiting:
# what sleeps and needs no device's answer is over at once.
TIMED, COUNTED, HURRIED = "shift=1,sleep=off", "shift=3", "shift=3,sleep=off"


def binary(arch: str) -> str:
    """The QEMU for @arch, or an error that names the package."""
    path = shutil.which(BINARIES[arch])
    if not path:
        raise common.Error(f"'{BINARIES[arch]}' is not there: install QEMU 10 (qemu-system-{arch[:3]}...)")
    return path


def command(top: Topology, kernel: Path, *, folder: Path, append: str = "", disks: Sequence[Path] = (),
            icount: str = "", console: Path | None = None) -> list[str]:
    """The command line that boots @kernel on @top: @disks are the harness's images, @folder has sockets and disks.

    Without @console the guest's console is on the terminal, and there is no line to the host.
    """
    accel = "kvm" if not icount and kvm.works(top.arch, binary(top.arch)) else _TCG[top.arch]
    cmd = [binary(top.arch), "-M", top.machine, "-accel", accel, "-cpu", "host" if accel == "kvm" else "max",
           "-m", top.memory, "-smp", "1" if icount == TIMED else str(top.cpus), "-nodefaults", "-display", "none", "-no-reboot",
           "-kernel", str(kernel)]
    if top.arch == "ppc64le":
        cmd[cmd.index("-cpu"):cmd.index("-cpu") + 2] = []  # the machine brings its own, and by default its root ports
        cmd[cmd.index("-nodefaults"):cmd.index("-nodefaults") + 1] = ["-nic", "none", "-monitor", "none"]
    if icount:
        cmd += ["-icount", icount]
    line = [_CONSOLE[top.arch], "panic=-1 panic_sys_info=all_bt,blocked_tasks",
            "ignore_loglevel" if console else "quiet", top.append, append]
    if top.arch == "x86_64":
        # Or an NMI prints nothing; and a busy host loses the ticks by which the kernel checks its timer, and panics.
        line.append("unknown_nmi_panic no_timer_check")
    cmd += ["-chardev", f"file,id=con,path={console}" if console else "stdio,id=con,mux=on,signal=off"]
    cmd += ["-device", "sclpconsole,chardev=con"] if top.arch == "s390x" else ["-serial", "chardev:con"]
    if not console:
        cmd += ["-mon", "chardev=con,mode=readline"]
    else:
        cmd += ["-chardev", f"socket,id=qmp,path={folder}/qmp", "-mon", "chardev=qmp,mode=control"]
    if disks:
        blk, serial, places = _BUS[top.arch]
        line.insert(0, "root=/dev/vda ro rootfstype=ext4 init=/sbin/harness-start kunit.enable=0")
        if top.arch == "s390x":
            line.append("cio_ignore=0.0.0002")
        for path, name, place in zip(disks, ("reseat-root", "reseat-run"), places):
            cmd += ["-drive", f"file={path},format=raw,if=none,id={name},readonly=on,file.locking=off",
                    "-device", f"{blk},drive={name},serial={name},{place}"]
        if console:
            cmd += ["-device", f"{serial},id=reseat,{places[2]}"]
            for port in ("line", "monitor"):
                cmd += ["-chardev", f"socket,id={port},path={folder}/{port}",
                        "-device", f"virtserialport,bus=reseat.0,chardev={port},name=reseat.{port}"]
    cmd += ["-append", " ".join(s for s in line if s), *top.args]
    for n, d in enumerate(top.devices):
        text = d.qemu
        if d.disk:
            cmd += ["-drive", f"file={folder}/disk{n},format=raw,if=none,id=disk{n},cache=unsafe"]
            text += f",drive=disk{n}"
        cmd += ["-device", text]
    return cmd


def _accept(listener: socket.socket, process: subprocess.Popen[bytes]) -> socket.socket:
    """The connection that QEMU makes to @listener once it runs."""
    listener.settimeout(0.2)
    for _ in range(150):
        with contextlib.suppress(TimeoutError):
            return listener.accept()[0]
        if process.poll() is not None:
            break
    raise ConnectionError("QEMU does not connect")


def _size(text: str) -> int:
    return int(text[:-1]) << {"K": 10, "M": 20, "G": 30}[text[-1]]


def make_disks(top: Topology, folder: Path) -> None:
    """Make the empty (sparse) disks that the devices of @top want."""
    for n, d in enumerate(top.devices):
        if d.disk:
            with (folder / f"disk{n}").open("wb") as f:
                f.truncate(_size(d.disk))


class Machine:
    """A running QEMU: its process, and the sockets to its monitor (QMP) and to the guest."""

    def __init__(self, process: subprocess.Popen[bytes], console: Path, sockets: dict[str, socket.socket]) -> None:
        self.process = process
        self.console = console
        self.sockets = sockets
        self.events: list[dict[str, Any]] = []
        self.last_words = ""
        self._buffer = b""

    def qmp(self, request: dict[str, Any], timeout: float = 20) -> dict[str, Any]:
        """Send one monitor command and return its answer; events that arrive meanwhile are kept in @events."""
        self.sockets["qmp"].sendall(json.dumps(request).encode() + b"\n")
        end = time.monotonic() + timeout
        while time.monotonic() < end:
            for message in self.read_qmp(end - time.monotonic()):
                if "return" in message or "error" in message:
                    return message
        return {"error": {"class": "Timeout", "desc": f"the monitor did not answer within {timeout:.0f} s"}}

    def read_qmp(self, timeout: float = 0) -> list[dict[str, Any]]:
        """What the monitor says within @timeout; events are kept in @events too."""
        sock = self.sockets["qmp"]
        with selectors.DefaultSelector() as s:
            s.register(sock, selectors.EVENT_READ)
            if not s.select(max(0, timeout)):
                return []
        try:
            data = sock.recv(65536)
        except OSError:
            data = b""
        if not data:
            raise ConnectionError("QEMU closed its monitor")
        *lines, self._buffer = (self._buffer + data).split(b"\n")
        messages = [json.loads(s) for s in lines if s.strip()]
        self.events += [m for m in messages if "event" in m]
        return messages

    def wait_event(self, name: str, timeout: float) -> dict[str, Any] | None:
        """Take the first event called @name out of the list, waiting for it if need be."""
        end = time.monotonic() + timeout
        while True:
            for e in self.events:
                if e["event"] == name:
                    self.events.remove(e)
                    return e
            if time.monotonic() >= end:
                return None
            self.read_qmp(end - time.monotonic())

    def nmi(self) -> None:
        """Ask the guest for the stacks of its processors, whatever they are doing, and QEMU for their registers."""
        with contextlib.suppress(OSError, ValueError):
            answer = self.qmp({"execute": "human-monitor-command",
                               "arguments": {"command-line": "info registers -a"}}, timeout=5)
            self.last_words = f"== registers when it was given up ==\n{answer.get('return', answer)}"
            self.qmp({"execute": "inject-nmi"}, timeout=5)

    def console_text(self) -> str:
        """The console so far."""
        with contextlib.suppress(OSError):
            return self.console.read_text(errors="replace").replace("\r", "")
        return ""

    def kill(self) -> None:
        """End QEMU now."""
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()


@contextlib.contextmanager
def start(top: Topology, kernel: Path, *, append: str = "", disks: Sequence[Path] = (), icount: str = "",
          log: Path | None = None) -> Iterator[Machine]:
    """Run QEMU; on leaving it is gone, and its console (with QEMU's own complaints at the end) stands in @log."""
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="reseat-vm-")))
        listeners: dict[str, socket.socket] = {}
        for name in ("qmp", "line", "monitor") if disks else ("qmp",):
            listeners[name] = stack.enter_context(socket.socket(socket.AF_UNIX))
            listeners[name].bind(str(folder / name))
            listeners[name].listen(1)
            listeners[name].settimeout(30)
        make_disks(top, folder)
        console = log or folder / "console"
        console.parent.mkdir(parents=True, exist_ok=True)
        console.unlink(missing_ok=True)
        cmd = command(top, kernel, append=append, folder=folder, disks=disks, icount=icount, console=console)
        stderr = stack.enter_context((folder / "stderr").open("wb"))
        # setpriv: QEMU must not outlive us, not even when we are killed. A group of its own, which Ctrl-C does not reach.
        process = subprocess.Popen(["setpriv", "--pdeathsig", "KILL", *cmd], stdin=subprocess.DEVNULL, stdout=stderr,
                                   stderr=stderr, env=common.clean_env(), process_group=0)
        machine = Machine(process, console, {})
        try:
            try:
                for name, s in listeners.items():
                    machine.sockets[name] = stack.enter_context(_accept(s, process))
                machine.qmp({"execute": "qmp_capabilities"})
            except (ConnectionError, TimeoutError):
                said = (folder / "stderr").read_text(errors="replace").strip()
                raise common.Error(f"QEMU did not start: {said or 'it said nothing'}") from None
            yield machine
        finally:
            machine.kill()
            words = (folder / "stderr").read_text(errors="replace")
            with console.open("a") as f:
                f.write(f"\n{machine.last_words}")
                f.write(f"\n== QEMU said ==\n{words}" if words else "")
                f.write(f"\n== command ==\n{' '.join(cmd)}\n")
