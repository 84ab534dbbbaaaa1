"""Bench: what is read of a measurement, and the table."""

from __future__ import annotations

import pytest

from reseat import bench, common, topology

SAID = ["# one", "value method nvme flr 103000", "value method nvme flr 101000", "value method nvme flr 250000",
        "# method igb bus: refused", "value many flr,at-once 8 9500"]


def test_read() -> None:
    assert bench.read(SAID) == {("method", "nvme", "flr"): [103.0, 101.0, 250.0], ("many", "flr,at-once", "8"): [9.5]}
    with pytest.raises(common.Error, match="no value"):
        bench.read(["# refused", "value method nvme flr soon"])


def test_the_median_counts() -> None:
    found = list(bench.points("base", "guest", bench.read(SAID)))
    assert found[0] == bench.Point("method", "nvme", "flr", "base", "guest", 103.0, 101.0, 250.0)


def test_table() -> None:
    found = [bench.Point("method", "nvme", "flr", kernel, clock, ms, ms, ms)
             for kernel, clock, ms in (("base", "guest", 100.0), ("series", "guest", 50.0), ("series", "wall", 70.25))]
    found.append(bench.Point("method", "igb", "pm", "series", "guest", 3.0, 3.0, 3.0))
    lines = bench.table(found).splitlines()
    assert lines[2] == "method"
    assert lines[3].split() == ["nvme", "flr", "100.0", "50.0", "-50.0", "%", "-", "70.2"]
    assert lines[4].split() == ["igb", "pm", "-", "3.0", "-", "-", "-"]


def _guest(kernel: str, figure: str, ms: float) -> bench.Point:
    return bench.Point(figure, "one", "all", kernel, "guest", ms, ms, ms)


def _outcomes(*found: bench.Point) -> list[str]:
    return [r.outcome for r in bench.within_bounds(found)]


@pytest.mark.parametrize("ms, outcome", [(104.9, "pass"), (105.1, "fail"), (50, "pass")])
def test_bounds(ms: float, outcome: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bench, "BOUNDS", {"boot": 5})
    assert _outcomes(_guest("base", "boot", 100), _guest("series", "boot", ms)) == [outcome]
    assert _outcomes(_guest("base", "boot", 100), _guest("series", "boot", 100),
                     _guest("base", "method", 100), _guest("series", "method", 900)) == ["pass"]


def test_what_was_not_measured_is_no_proof(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bench, "BOUNDS", {"boot": 5, "sriov": 5})
    assert _outcomes() == ["fail", "fail"]
    assert _outcomes(_guest("base", "boot", 1), _guest("series", "sriov", 1)) == ["fail", "fail"]


def test_same_devices() -> None:
    base = bench.devices(["# boot", "device boot 0000:01:00.0 0x8086 0x10c9 0x020000 igb eth0", "value boot kernel all 1",
                          "device boot 0000:02:00.0 0x8086 0x10d3 0x020000 e1000e eth1"])
    assert base[0] == "boot 0000:01:00.0 0x8086 0x10c9 0x020000 igb eth0"
    assert bench.same_devices(base, list(base)).outcome == "pass"
    named = bench.same_devices(base, [base[0].replace("eth0", "eth1"), base[1].replace("eth1", "eth0")])
    assert named.outcome == "fail" and "igb eth1" in named.reason
    assert bench.same_devices(base, base[:1]).outcome == "fail"
    disks = [f"boot 0000:03:00.{n} 0x1b36 0x0010 0x010802 nvme nvme{n} nvme{n}n1" for n in range(2)]
    swapped = [disks[0].replace("nvme0", "nvme1"), disks[1].replace("nvme1", "nvme0")]
    assert bench.same_devices(disks, swapped).outcome == "pass"
    assert bench.same_devices(disks, [disks[0].removesuffix(" nvme0n1"), disks[1]]).outcome == "fail"
    assert bench.same_devices([], []).outcome == "fail"


@pytest.mark.parametrize("script", bench.SCRIPTS)
def test_the_machine_has_what_is_measured(script: str) -> None:
    top = topology.load(bench.SCRIPTS[script], bench.ARCH)
    assert top
    text = (bench.HERE / script).read_text()
    assert all(f"${role}" in text or f" {role}" in text for role in top.roles())


def test_every_bound_is_measured_and_has_a_title() -> None:
    text = (bench.HERE / "tree").read_text()
    titles = (bench.HERE / "draw.py").read_text()
    assert all(f"value {figure} " in text and f'"{figure}":' in titles for figure in bench.BOUNDS)


def test_recovery_has_to_be_fast() -> None:
    """Each demand is judged by guest time, the base's by the series', and fails if one of them was not measured."""
    def point(line: str, kernel: str, ms: float, clock: str = "guest") -> bench.Point:
        return bench.Point("recover", line, "16", kernel, clock, ms, ms, ms)

    found = [point("in-place", "series", 100), point("reset", "base", 95), point("remove-rescan", "base", 400),
             point("remove-rescan", "base", 9000, "wall")]
    said = {r.name.removeprefix("recover: "): r for r in bench.fast_enough(found)}
    assert said["in-place of 16: at least 0.9 times as fast as reset on the base"].outcome == "pass"
    slow = said["in-place of 16: at least 5 times as fast as remove-rescan on the base"]
    assert slow.outcome == "fail" and slow.reason == "400.0 and 100.0 ms: 4.00"
    assert said["rebind of 16: at least 4 times as fast as remove-rescan on the base"].reason == "not measured"
