"""Whether KVM runs a guest here: a /dev/kvm may exist and hang, so something tiny has to run and answer."""

from __future__ import annotations

import contextlib
import json
import os
import tempfile
from pathlib import Path

from . import common

# A boot sector that leaves QEMU through its debug exit port with 0x2a: mov dx,0xf4; mov al,0x2a; out dx,al; hlt
_PAYLOAD = bytes.fromhex("baf400b02aeef4").ljust(510, b"\0") + b"\x55\xaa"
_SECONDS = 8


def works(arch: str, qemu: str) -> bool:
    """Whether @qemu runs a guest of @arch with KVM; tried once per boot of this machine."""
    if arch != "x86_64" or os.uname().machine != "x86_64" or not os.access("/dev/kvm", os.R_OK | os.W_OK):
        return False
    boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    note = common.cache() / "probe" / "kvm.json"
    with contextlib.suppress(OSError, ValueError, KeyError):
        known = json.loads(note.read_text())
        if known["boot"] == boot:
            return bool(known["works"])
    answered = _probe(qemu)
    common.say(f"/dev/kvm {'works' if answered else 'does not run a guest here: using TCG'}")
    with common.fresh(note) as new:
        new.write_text(json.dumps({"boot": boot, "works": answered}))
    return answered


def _probe(qemu: str) -> bool:
    with tempfile.NamedTemporaryFile(suffix=".img") as f:
        f.write(_PAYLOAD)
        f.flush()
        cmd = ["timeout", "-s", "KILL", str(_SECONDS), qemu, "-M", "pc,accel=kvm", "-nodefaults", "-display",
               "none", "-device", "isa-debug-exit,iobase=0xf4,iosize=0x04", "-drive",
               f"file={f.name},format=raw,if=floppy", "-boot", "a"]
        return common.run(cmd, check=False).returncode == 0x2A << 1 | 1
