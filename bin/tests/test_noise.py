"""What a kernel's log may say."""

from __future__ import annotations

from pathlib import Path

import pytest

from reseat import common, noise

KASAN = """[    1.000000] pci 0000:00:03.0: fine
[    2.000000] ==================================================================
[    2.000000] BUG: KASAN: slab-use-after-free in __pci_bus_unlock+0x116/0x140
[    2.000000] Read of size 8 at addr ff11000001 by task init/164
[    2.000000] Call Trace:
[    2.000000]  handle_edge_irq+0x1/0x2
[    3.000000] Oops: general protection fault, probably for non-canonical address
"""
LOCKDEP = """[   10.1] WARNING: possible circular locking dependency detected
[   10.1] 7.3.4 Not tainted
[   10.1] ------------------------------------------------------
"""


def test_splats() -> None:
    found = [s.title for s in noise.splats(KASAN + LOCKDEP)]
    assert found == ["BUG: KASAN: slab-use-after-free in __pci_bus_unlock+0x116/0x140",
                     "Oops: general protection fault, probably for non-canonical address",
                     "WARNING: possible circular locking dependency detected"]


@pytest.mark.parametrize("line", [
    "pci 0000:01:00.0: unlocked secondary bus reset via: x", "ACPI: report a bug", "DEBUG: nothing",
    "AER: Corrected error", "reseat: begin 3: BUGS"])
def test_harmless(line: str) -> None:
    assert noise.splats(f"[    1.0] {line}\n") == []


@pytest.mark.parametrize("line", [
    "WARNING: CPU: 0 PID: 1 at drivers/pci/pci.c:1", "INFO: task init:184 blocked for more than 10 seconds.",
    "BUG: sleeping function called from invalid context", "Kernel panic - not syncing: x",
    "rcu: INFO: rcu_preempt detected stalls", "WARNING: suspicious RCU usage"])
def test_harmful(line: str) -> None:
    assert [s.title for s in noise.splats(f"[    1.0] {line}\n")] == [line]


def load(tmp_path: Path, text: str) -> list[noise.Noise]:
    (tmp_path / "noise").write_text(text)
    return noise.load(tmp_path / "noise")


def test_known_noise_is_named_and_the_rest_stays(tmp_path: Path) -> None:
    known = load(tmp_path, "# comment\n\nKASAN: slab-use.*handle_edge_irq  the emulator does it\n")
    bad, noisy = noise.sort(KASAN, known)
    assert [s.title.split(":")[0] for s in bad] == ["Oops"]
    assert noisy == ["noise: BUG: KASAN: slab-use-after-free in __pci_bus_unlock+0x116/0x140 (the emulator does it)"]


def test_expected_is_no_failure() -> None:
    bad, _ = noise.sort(KASAN, [], ["KASAN: slab", "Oops"])
    assert bad == []


def test_noise_without_reason_is_refused(tmp_path: Path) -> None:
    with pytest.raises(common.Error, match="noise:1: no reason"):
        load(tmp_path, "pattern only\n")
    with pytest.raises(common.Error, match="noise:1"):
        load(tmp_path, "(  unbalanced\n")


def test_ours_is_well_formed() -> None:
    assert noise.load()
