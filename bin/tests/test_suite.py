"""The suite: steps that can't finish, and the demo's table."""

from __future__ import annotations

import multiprocessing
import os
import time
from pathlib import Path

import pytest

from reseat import common, demo, onbase, suite
from reseat.result import Result


@pytest.fixture(autouse=True)
def _out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(common, "OUT", tmp_path / "out")
    monkeypatch.setattr(common, "ROOT", tmp_path)


def broken() -> list[Result]:
    """A step that can't do its work."""
    raise common.Error("no disk, no network")


def test_a_step_that_cannot_finish(capsys: pytest.CaptureFixture[str]) -> None:
    """It is a failure, what comes after it runs all the same, and the sum is the last line."""
    steps = [suite.Step("first", broken), suite.Step("second", lambda: [Result("x", "works", "pass")])]
    assert suite.run("check", steps) == 1
    out = capsys.readouterr().out
    assert "no disk, no network" in out
    assert out.splitlines()[-1] == "1 passed, 1 failed, 0 skipped"
    assert (common.OUT / "results" / "check.sum").read_text() == "1 passed, 1 failed, 0 skipped\n"


def test_a_step_at_leisure(tmp_path: Path) -> None:
    """It runs beside those after it, gives way to them, and is waited for."""
    sign = tmp_path / "sign"

    def slow() -> list[Result]:
        while not sign.exists():
            time.sleep(0.01)
        return [Result("x", "slow", "pass" if os.nice(0) > here else "fail", "not nice")]

    def quick() -> list[Result]:
        sign.touch()
        return [Result("x", "quick", "pass")]

    here = os.nice(0)
    assert suite.run("check", [suite.Step("slow", slow, leisure=True), suite.Step("quick", quick)]) == 0
    assert os.nice(0) == here
    assert (common.OUT / "results" / "check.sum").read_text() == "2 passed, 0 failed, 0 skipped\n"


def test_leisure_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    """What goes by hurry leaves off once the other steps are done, unless that was quick."""
    monkeypatch.setattr(suite, "_WARM", 0)
    hurry = multiprocessing.Event()

    def slow() -> list[Result]:
        return [Result("x", "slow", "skip" if hurry.wait(60) else "fail", "no time was left")]

    steps = [suite.Step("slow", slow, leisure=True, hurry=hurry), suite.Step("quick", lambda: [Result("x", "quick", "pass")])]
    assert suite.run("check", steps) == 0
    assert (common.OUT / "results" / "check.sum").read_text() == "1 passed, 0 failed, 1 skipped\n"


def test_nothing_ran() -> None:
    """A run without a single result does not pass."""
    assert suite.run("check", [suite.Step("idle", list)]) == 1


def test_demo_rows() -> None:
    """A row for what ran on both kernels; a test that passes on the base is shown up."""
    proofs = [onbase.Proof(f"PCI: {t.upper()}", t, ".") for t in ("a", "b", "c")]
    base = {"a": Result("x", "a", "fail", "broke"), "b": Result("x", "b", "pass")}
    series = {"a": Result("x", "a", "pass"), "b": Result("x", "b", "fail", "still"), "c": Result("x", "c", "pass")}
    rows = demo.rows(proofs, base, series)
    assert rows == [("PCI: A", "a: broke", "ok"), ("PCI: B", "passes: it proves nothing", "fail: still")]
    assert demo.table(rows).splitlines()[2].split() == ["PCI:", "A", "a:", "broke", "ok"]


def test_demo_runs_one_case_a_patch() -> None:
    proofs = [onbase.Proof("A", "kunit: x", "r"), onbase.Proof("A", "one: x", "r"), onbase.Proof("A", "two: x", "r"),
              onbase.Proof("B", "two: *", "r"), onbase.Proof("C", "kunit: y", "r"),
              onbase.Proof("D", "three: x", "r"), onbase.Proof("D", "pci-reset: y", "r")]
    assert demo.telling(proofs, {"one", "two", "three"}) == {"one", "two"}


def test_proofs_of_other_architectures_are_evidence_s() -> None:
    ran = [("near: a", "x86_64"), ("near: a", "s390x"), ("far", "s390x"), ("pci-reset: a", "uml"), ("pci-far: a", "ppc64le")]
    results = [Result("selftest", name, "skip", "why", kernel) for name, kernel in ran]
    proofs = [onbase.Proof("PCI: Fix it", test, "broke")
              for test in ("near: a", "far: a", "pci-reset: a", "pci-far: a", "unknown: a")]
    assert [p.test for p in suite._proved_here(proofs, results)] == ["near: a", "pci-reset: a", "unknown: a"]


def test_cases_that_are_to_fail_on_the_base() -> None:
    proofs = [onbase.Proof("A", test, "broke") for test in ("one: x", "two*", "pci-reset: y")]
    assert suite._told(proofs, {"one", "one_more", "two_races", "three"}) == {"one", "two_races"}
