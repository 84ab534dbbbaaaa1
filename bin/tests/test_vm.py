"""Real machines: one that hangs, one that panics, one whose init dies, and one that does its work."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from reseat import cases, common, guest, payload, vm
from reseat.result import Result

pytestmark = pytest.mark.vm

LIMITS = guest.Limits(silence=20)

SCRIPTS = {
    # Interrupts off for ever, on every processor: nothing but an NMI gets through.
    "hang": """
for cpu in 0 1; do
    taskset -c $cpu bash -c 'echo HARDLOCKUP >/sys/kernel/debug/provoke-crash/DIRECT' &
done
sleep 600""",
    "panic": "echo c >/proc/sysrq-trigger",
    # The port that init listens on goes away, and init with it.
    "init": "for d in /sys/bus/virtio/drivers/virtio_console/virtio*; do echo ${d##*/} >${d%/*}/unbind; done",
    "sleep": "sleep 600",
    "both_sides": """
echo 1..4
port=$(basename "$(dirname "$(readlink -f /sys/bus/pci/devices/$NVME)")")
monitor device_del id=n0 && monitor wait DEVICE_DELETED 30 && echo ok 1 unplugged
[ -e /sys/bus/pci/devices/$NVME ] || echo ok 2 gone
monitor device_add driver=virtio-rng-pci id=r0 bus=rp1 && sleep 4
lspci -s $NVME | grep RNG && echo ok 3 plugged
monitor hmp pcie_aer_inject_error rp1 DLP && sleep 3
grep 'DLP 1' /sys/bus/pci/devices/$port/aer_dev_fatal && echo ok 4 error
""",
    "good": """
echo 1..3
echo "# $NVME"
[ -e /sys/bus/pci/devices/$NVME/config ] && echo ok 1 device
monitor query-status | grep -q running && echo ok 2 monitor
monitor no_such_command 2>&1 | grep -q CommandNotFound && echo ok 3 refusal""",
}


@pytest.fixture(scope="module")
def load(tmp_path_factory: pytest.TempPathFactory) -> Iterator[payload.Payload]:
    folder = tmp_path_factory.mktemp("cases")
    for name, text in SCRIPTS.items():
        script = folder / f"{name}.sh"
        script.write_text(f"#!/bin/bash\n{text}\n")
        script.chmod(0o755)
    with payload.make("x86_64", folder=folder) as made:
        yield made


@pytest.fixture
def runner(load: payload.Payload, monkeypatch: pytest.MonkeyPatch) -> vm.Runner:
    monkeypatch.setattr(vm, "LOGS", common.LOGS / "vm-pytest")
    return vm.Runner(load, [], LIMITS)


def case(name: str, **more: object) -> cases.Case:
    return cases.Case(name, "about", "nvme", ("x86_64",), **more)  # type: ignore[arg-type]


def run(runner: vm.Runner, *group: cases.Case, limit: float) -> list[Result]:
    start = time.monotonic()
    found = runner.group(group)
    assert time.monotonic() - start < limit
    return found


def test_a_machine_works(runner: vm.Runner) -> None:
    found = run(runner, case("good"), limit=120)
    assert [r.outcome for r in found] == ["pass"] * 3


def test_a_case_acts_on_both_sides(runner: vm.Runner) -> None:
    found = run(runner, case("both_sides"), limit=180)
    assert [r.outcome for r in found] == ["pass"] * 4


@pytest.mark.parametrize(("name", "why", "in_log"), [
    ("hang", "fell silent", "lkdtm_HARDLOCKUP"),  # the stacks, thanks to the NMI
    ("panic", "kernel died: ", "sysrq triggered crash"),
    ("init", "init died", "Attempted to kill init"),
])
def test_a_machine_that_dies(runner: vm.Runner, name: str, why: str, in_log: str) -> None:
    found = run(runner, case(name), case("good"), limit=240)
    assert [r.outcome for r in found] == ["fail", "pass", "pass", "pass"]
    assert why in found[0].reason
    assert in_log in Path(found[0].log).read_text()


def test_a_job_that_takes_too_long(runner: vm.Runner) -> None:
    found = run(runner, case("sleep", seconds=3), case("good"), limit=120)
    assert [r.outcome for r in found] == ["fail", "pass", "pass", "pass"]
    assert found[0].reason == "not done within 3 s"


def test_guest_time(runner: vm.Runner) -> None:
    found = run(runner, case("good", boot="timed"), limit=240)
    assert [r.outcome for r in found] == ["pass"] * 3
