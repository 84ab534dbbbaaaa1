"""The test machines, as data: harness/topologies/*.toml says what is plugged where, and what the tests call it."""

from __future__ import annotations

import dataclasses
import re
import tomllib
from pathlib import Path
from typing import Any

from . import common

FOLDER = common.ROOT / "harness" / "topologies"
_MACHINE_KEYS = {"machine", "args", "memory", "cpus", "append", "devices"}
_DEVICE_KEYS = {"qemu", "disk", "role", "path"}


@dataclasses.dataclass(frozen=True)
class Device:
    """One -device of QEMU. @disk gives it an empty disk image, @role and @path its name and place for the tests."""

    qemu: str
    disk: str = ""
    role: str = ""
    path: str = ""


@dataclasses.dataclass(frozen=True)
class Topology:
    """A machine of one architecture with its devices."""

    name: str
    about: str
    arch: str
    machine: str
    memory: str
    cpus: int
    args: tuple[str, ...]
    append: str
    devices: tuple[Device, ...]

    def roles(self) -> dict[str, str]:
        """Where each device that tests know by name sits: a path of devices below the host bridge, or an address."""
        return {d.role: d.path for d in self.devices if d.role}


def names(folder: Path = FOLDER) -> list[str]:
    """The names of all topologies."""
    return sorted(p.stem for p in folder.glob("*.toml"))


def load(name: str, arch: str, folder: Path = FOLDER) -> Topology | None:
    """Read the topology @name for @arch; None when that architecture has no such machine."""
    path = folder / f"{name}.toml"
    if not path.is_file():
        raise common.Error(f"unknown topology '{name}': one of {', '.join(names(folder))}")
    try:
        data = tomllib.loads(path.read_text())
        return _parse(name, arch, data)
    except (tomllib.TOMLDecodeError, ValueError, TypeError) as e:
        raise common.Error(f"{path}: {e}") from None


def _parse(name: str, arch: str, data: dict[str, Any]) -> Topology | None:
    unknown = set(data) - {"about"} - set(common.ARCHES)
    if unknown:
        raise ValueError(f"unknown key {', '.join(sorted(unknown))}")
    if not data.get("about"):
        raise ValueError("needs an 'about' line")
    machine = data.get(arch)
    if machine is None:
        return None
    unknown = set(machine) - _MACHINE_KEYS
    if unknown:
        raise ValueError(f"{arch}: unknown key {', '.join(sorted(unknown))}")
    devices = tuple(_device(d) for d in machine.get("devices", ()))
    roles = [d.role for d in devices if d.role]
    if len(roles) != len(set(roles)):
        raise ValueError(f"{arch}: a role is given twice")
    return Topology(name, data["about"], arch, str(machine["machine"]) if "machine" in machine else _default(arch),
                    str(machine.get("memory", "1G")), int(machine.get("cpus", 2)), tuple(machine.get("args", ())),
                    str(machine.get("append", "")), devices)


def _default(arch: str) -> str:
    return {"x86_64": "q35", "s390x": "s390-ccw-virtio", "ppc64le": "powernv9"}[arch]


def _device(entry: dict[str, str] | str) -> Device:
    if isinstance(entry, str):
        entry = {"qemu": entry}
    unknown = set(entry) - _DEVICE_KEYS
    if unknown:
        raise ValueError(f"device {entry}: unknown key {', '.join(sorted(unknown))}")
    if "qemu" not in entry:
        raise ValueError(f"device {entry}: no 'qemu'")
    d = Device(**entry)
    if bool(d.role) != bool(d.path):
        raise ValueError(f"device '{d.qemu}': role and path go together")
    if d.role and not re.fullmatch(r"[A-Z][A-Z0-9_]*", d.role):
        raise ValueError(f"device '{d.qemu}': role '{d.role}' is no name for a shell variable")
    if d.disk and not re.fullmatch(r"\d+[KMG]", d.disk):
        raise ValueError(f"device '{d.qemu}': disk '{d.disk}' is no size")
    if d.disk and ("drive=" in d.qemu or "id=" not in d.qemu):
        raise ValueError(f"device '{d.qemu}': a disk needs an id and no drive")
    return d
