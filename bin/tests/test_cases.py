"""Cases: their headers, which are chosen, and what their output means."""

from __future__ import annotations

from pathlib import Path

import pytest

from reseat import cases, common

HEADER = """#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# What it does, in
# two lines.
# topology: nvme
# arches: x86_64 s390x
# seconds: 5
# expects: one
# expects: t.o

# topology: not a header any more
"""


def write(folder: Path, name: str, text: str = HEADER) -> Path:
    path = folder / f"{name}.sh"
    path.write_text(text)
    return path


def test_header(tmp_path: Path) -> None:
    case = cases.parse(write(tmp_path, "a"))
    assert case == cases.Case("a", "What it does, in two lines.", "nvme", ("x86_64", "s390x"), 5,
                              expects=("one", "t.o"))


@pytest.mark.parametrize(("old", "new", "why"), [
    ("# topology: nvme\n", "", "needs one 'topology'"),
    ("# arches: x86_64 s390x\n", "", "needs one 'topology', one 'arches'"),
    ("x86_64 s390x", "x86", "unknown ARCH 'x86'"),
    ("# What it does, in\n# two lines.\n", "", "a sentence"),
    ("seconds: 5", "seconds: soon", "seconds and length are numbers"),
    ("seconds: 5", "length: long", "seconds and length are numbers"),
    ("seconds: 5", "kernel: old", "kernel is any or debug"),
    ("seconds: 5", "boot: never", "boot is shared"),
    ("seconds: 5", "second: 5", "unknown key 'second'"),
    ("seconds: 5", "arches: s390x", "twice"),
    ("t.o", "(", "expects"),
])
def test_refused(tmp_path: Path, old: str, new: str, why: str) -> None:
    with pytest.raises(common.Error, match=why):
        cases.parse(write(tmp_path, "a", HEADER.replace(old, new)))


def test_at_length(tmp_path: Path) -> None:
    header = HEADER.replace("seconds: 5", "seconds: 5\n# length: 600")
    case, = cases.at_length(cases.parse(write(tmp_path, "a", header)))
    assert (case.name, case.kernel, case.boot, case.seconds) == ("a_at_length", "debug", "own", 605)
    assert case.command == "AT_LENGTH=600 PART= /harness/cases/a.sh" and case.goes_down
    parts = cases.at_length(cases.parse(write(tmp_path, "b", header.replace("600", "600\n# parts: x y"))))
    assert [c.name for c in parts] == ["b_x_at_length", "b_y_at_length"]
    assert parts[1].command == "AT_LENGTH=600 PART=y /harness/cases/b.sh"
    assert not cases.at_length(cases.parse(write(tmp_path, "c")))


def test_select(tmp_path: Path) -> None:
    for name in ("reset", "reset_method", "recover"):
        write(tmp_path, name)
    write(tmp_path, "reset_x86", HEADER.replace("x86_64 s390x", "x86_64"))
    assert [c.name for c in cases.select("s390x", "reset", tmp_path)] == ["reset", "reset_method"]
    assert len(cases.select("x86_64", "", tmp_path)) == 4
    with pytest.raises(common.Error, match="unknown CASE 'vfio'.*there are recover, reset, reset_method, reset_x86"):
        cases.select("x86_64", "vfio", tmp_path)
    with pytest.raises(common.Error, match=r"has nothing for s390x: reset_x86 \(x86_64\)"):
        cases.select("s390x", "reset_x", tmp_path)
    with pytest.raises(common.Error, match="unknown ARCH 'vax': one of x86_64"):
        cases.select("vax", "", tmp_path)


def test_one_machine_for_all_of_a_topology(tmp_path: Path) -> None:
    write(tmp_path, "a")
    write(tmp_path, "b", HEADER.replace("seconds: 5", "boot: own"))
    write(tmp_path, "c", HEADER.replace("topology: nvme", "topology: pci"))
    write(tmp_path, "d")
    write(tmp_path, "e", HEADER.replace("seconds: 5", "append: foo=1"))
    groups = cases.groups(cases.load(tmp_path))
    assert [[c.name for c in g] for g in groups] == [["a", "d"], ["b"], ["c"], ["e"]]


def outcomes(text: str, status: int = 0) -> list[tuple[str, str, str]]:
    return [(r.name, r.outcome, r.reason) for r in cases.read_tap("case", text.splitlines(), status)]


def test_tap() -> None:
    text = """TAP version 13
1..4
ok 1 first
# why it went
# wrong
not ok 2 - second
ok 3 third # SKIP no such thing
not ok 4 fourth # XFAIL
# Totals: pass:1 fail:1"""
    assert outcomes(text, 1) == [
        ("case: first", "pass", ""), ("case: second", "fail", "why it went; wrong"),
        ("case: third", "skip", "no such thing"), ("case: fourth", "pass", "")]


@pytest.mark.parametrize(("text", "status", "result"), [
    ("1..0 # SKIP needs a device", 4, ("case", "skip", "needs a device")),
    ("# cannot", 4, ("case", "skip", "cannot")),
    ("", 0, ("case", "fail", "it reported no result")),
    ("hello", 0, ("case", "fail", "it reported no result")),
    ("", 1, ("case", "fail", "exit status 1")),
    ("1..2\nok 1 a", 0, ("case", "fail", "2 tests planned, 1 reported")),
    ("1..1\nok 1 a", 127, ("case", "fail", "exit status 127")),
    ("Bail out! no room", 1, ("case", "fail", "bailed out: no room")),
    ("1..1\nok 1 a\nBail out!", 0, ("case", "fail", "bailed out: no reason given")),
])
def test_what_is_not_a_pass(text: str, status: int, result: tuple[str, str, str]) -> None:
    assert outcomes(text, status)[-1] == result


def test_ours_are_all_well_formed() -> None:
    assert cases.load()
    for arch in common.ARCHES:
        assert cases.select(arch)
