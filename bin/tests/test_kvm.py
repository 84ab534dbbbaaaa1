"""Whether KVM is to be trusted."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path

import pytest

from reseat import common, kvm


def fake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, body: str) -> str:
    """A QEMU and a /dev/kvm of the test's making."""
    script = tmp_path / "qemu"
    script.write_text(f"#!/bin/sh\n{body}\n")
    script.chmod(0o755)
    monkeypatch.setattr(kvm, "_SECONDS", 1)
    real = os.access
    monkeypatch.setattr(os, "access", lambda p, m: True if p == "/dev/kvm" else real(p, m))
    return str(script)


@pytest.mark.skipif(os.uname().machine != "x86_64", reason="KVM is probed on x86 only")
@pytest.mark.parametrize(("body", "works"), [
    ("exit 85", True),  # the payload answered
    ("exit 0", False),
    ("exit 1", False),
    ("exec sleep 30", False),  # the /dev/kvm that hangs
])
def test_kvm_is_probed_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, body: str, works: bool) -> None:
    qemu = fake(tmp_path, monkeypatch, body)
    start = time.monotonic()
    assert kvm.works("x86_64", qemu) is works
    assert time.monotonic() - start < 10
    monkeypatch.setattr(kvm, "_probe", lambda _: pytest.fail("probed again"))
    assert kvm.works("x86_64", qemu) is works
    assert json.loads((common.cache() / "probe" / "kvm.json").read_text())["works"] is works


def test_no_kvm_for_others() -> None:
    assert not kvm.works("s390x", "qemu")
