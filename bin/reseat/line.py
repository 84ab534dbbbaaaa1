"""The line between a guest and its host: what is said on it, without the sockets.

The guest's init (harness/init) says, a line each:
  hello RELEASE                 it is up and listens for jobs
  beat                          it is alive, every two seconds
  role NAME ADDRESS             where the device called NAME is, or '-'
  > TEXT                        a line of output of the job
  done N STATUS LOCKS           job N ended: exit status, 'timeout' or 'stuck'; LOCKS is lockdep's debug_locks or '-'
The host says:
  role NAME PATH | run N SECONDS COMMAND

A case in the guest can also speak to QEMU's monitor, over a second port, one request and one answer at a time:
  device_del id=n0              any QMP command, with its arguments
  {"execute": ...}              the same, spelt out
  hmp pcie_aer_inject_error ... a command of the human monitor
  wait DEVICE_DELETED 10        the next event of that name, within so many seconds
The answer is what QEMU answered: one line of JSON with 'return' or 'error'.
"""

from __future__ import annotations

import dataclasses
import json
from typing import Any


@dataclasses.dataclass(frozen=True)
class Message:
    """One line from the guest. @kind is hello, beat, role, out or done."""

    kind: str
    text: str = ""
    number: int = 0
    status: str = ""
    locks: str = "-"


def parse(line: str) -> Message:
    """Read one line; what is none of ours is output, for nothing that a guest says may be lost."""
    word, _, rest = line.partition(" ")
    if word == ">":
        return Message("out", rest)
    if word in ("hello", "role") and rest:
        return Message(word, rest)
    if line == "beat":
        return Message("beat")
    fields = rest.split()
    if word == "done" and len(fields) == 3 and fields[0].isdigit() and _is_status(fields[1]):
        return Message("done", number=int(fields[0]), status=fields[1], locks=fields[2])
    return Message("out", line)


def _is_status(text: str) -> bool:
    return text in ("timeout", "stuck") or text.isdigit() and int(text) < 256


def job(number: int, seconds: int, command: str) -> bytes:
    """The line that starts a job."""
    if "\n" in command:
        raise ValueError("a job is one line")
    return f"run {number} {seconds} {command}\n".encode()


class Lines:
    """Puts the pieces that come out of a socket together into lines."""

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, data: bytes) -> list[str]:
        """Add @data; return the lines that are now complete."""
        *lines, self._rest = (self._rest + data).split(b"\n")
        return [s.decode(errors="replace").rstrip("\r") for s in lines]


@dataclasses.dataclass(frozen=True)
class Wait:
    """A guest's wish to wait for an event of the monitor."""

    event: str
    seconds: float


def request(line: str) -> dict[str, Any] | Wait:
    """Turn a guest's request into a QMP command or a wait. Raises ValueError with the reason if it is neither."""
    line = line.strip()
    if line.startswith("{"):
        command = json.loads(line)
        if not isinstance(command, dict) or "execute" not in command:
            raise ValueError("a JSON request needs 'execute'")
        return command
    word, _, rest = line.partition(" ")
    if word == "hmp" and rest:
        return {"execute": "human-monitor-command", "arguments": {"command-line": rest}}
    if word == "wait":
        event, seconds = rest.split()
        return Wait(event, float(seconds))
    if not word:
        raise ValueError("an empty request")
    arguments: dict[str, Any] = {}
    for field in rest.split():
        key, equals, value = field.partition("=")
        if not equals:
            raise ValueError(f"'{field}' is not key=value")
        arguments[key] = _value(value)
    return {"execute": word, "arguments": arguments}


def _value(text: str) -> Any:
    if text in ("true", "false", "on", "off"):
        return text in ("true", "on")
    return int(text) if text.isdigit() else text


def answer(reply: dict[str, Any]) -> bytes:
    """The line that goes back to the guest."""
    return json.dumps(reply).encode() + b"\n"
