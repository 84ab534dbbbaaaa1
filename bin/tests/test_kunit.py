"""KUnit runs: what they report, and what counts as a failure."""

from __future__ import annotations

from pathlib import Path

import pytest

from reseat import common, kunit, result, worktree
from reseat.result import Result

Found = tuple[list[Result], Path, str]


@pytest.fixture
def out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder for results."""
    monkeypatch.setattr(common, "OUT", tmp_path / "out")
    return tmp_path


def runs(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, *results: Result, why: str = "", log: str = "") -> None:
    """Let the next run on UML find @results, and @log in the kernel's log."""
    path = tmp_path / "kernel.log"
    path.write_text(log)
    monkeypatch.setattr(kunit, "_uml", lambda kernel, base: (list(results), path, why))
    monkeypatch.setattr(kunit, "_counted", lambda _: result.summary(results))


def case(name: str, outcome: str = "pass") -> Result:
    return Result("kunit", name, outcome, "why" if outcome != "pass" else "", "uml")


def test_unknown_place() -> None:
    with pytest.raises(common.Error, match="unknown ARCH 'arm64': one of uml, x86_64, s390x, ppc64le, or all"):
        kunit.run("arm64")


def test_no_result_is_a_failure(out: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    runs(monkeypatch, out)
    found = kunit.run("uml")
    assert [(r.outcome, r.reason) for r in found] == [("fail", "KUnit reported nothing")]
    assert found[0].log == str(out / "kernel.log")


def test_a_run_that_ends_badly_is_a_failure_though_its_cases_passed(out: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    runs(monkeypatch, out, case("a"), why="hang")
    assert [(r.outcome, r.reason) for r in kunit.run("uml")] == [("pass", ""), ("fail", "hang")]
    runs(monkeypatch, out, case("a", "fail"), why="kunit.py says so")
    assert [(r.outcome, r.reason) for r in kunit.run("uml")] == [("fail", "why")]


def test_what_the_kernel_complains_about_is_a_failure(out: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    runs(monkeypatch, out, case("a"), log="WARNING: drivers/pci/pci.c:100 at pci_reset+0x10\n")
    assert [r.outcome for r in kunit.run("uml")] == ["pass", "fail"]
    assert [r.outcome for r in kunit.run("uml", base=True)] == ["pass"]


def test_cases_that_the_base_lacks_are_skips(out: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    runs(monkeypatch, out, case("a"), case("new"))
    kunit.run("uml")
    runs(monkeypatch, out, case("a", "fail"))
    assert [(r.name, r.outcome) for r in kunit.run("uml", base=True)] == [("a", "fail"), ("new", "skip")]


def test_kunit_py_must_count_the_same(out: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    runs(monkeypatch, out, case("a"), case("b", "skip"))
    monkeypatch.setattr(kunit, "_counted", lambda _: "2 passed, 0 failed, 0 skipped")
    assert [(r.name, r.outcome, r.reason) for r in kunit.run("uml")][2:] == [
        ("count on uml", "fail", "kunit.py counts otherwise: 2 passed, 0 failed, 0 skipped")]


@pytest.mark.parametrize(("said", "count"), [
    ("Testing complete. Ran 53 tests: passed: 50, skipped: 3", "50 passed, 0 failed, 3 skipped"),
    ("Testing complete. Ran 54 tests: passed: 26, failed: 27, crashed: 1", "26 passed, 27 failed, 0 skipped, 1 crashed"),
    ("Testing complete. Ran 1 tests: passed: 1, errors: 1", "1 passed, 0 failed, 0 skipped, 1 errors"),
    ("usage: kunit.py", "0 passed, 0 failed, 0 skipped"),
])
def test_what_kunit_py_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, said: str, count: str) -> None:
    tool = tmp_path / "uml" / "tools/testing/kunit/kunit.py"
    tool.parent.mkdir(parents=True)
    tool.write_text(f"print('[10:00:00] {said}')\n")
    monkeypatch.setattr(worktree, "path", lambda variant: tmp_path / variant)
    assert kunit._counted(tmp_path / "log") == count
