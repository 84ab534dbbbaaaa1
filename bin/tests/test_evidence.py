"""Evidence: what is proved stays proved, until something that it depends on changes; the rest is run, and named."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from reseat import beside, common, evidence, kunit, onbase, payload, vm
from reseat.result import Result

SERIES, BASE = evidence.Kernel("x86_64"), evidence.Kernel("x86_64", base=True)


class Play:
    """Three units of two kernels, whose runs the test plays; counts builds."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        self.ran: list[str] = []
        self.payloads: list[str] = []
        self.fails: set[str] = set()
        self.proofs: list[onbase.Proof] = []
        self.key = "k"
        monkeypatch.setattr(common, "OUT", tmp_path / "out")
        monkeypatch.setattr(common, "ROOT", tmp_path)
        monkeypatch.setattr(evidence, "units", self._units)
        monkeypatch.setattr(evidence, "_compiled", list)
        monkeypatch.setattr(onbase, "load", lambda: self.proofs)
        monkeypatch.setattr(payload, "make", self._payload)
        monkeypatch.setattr(beside, "every", lambda work: [function() for function in work])  # here, where we count
        monkeypatch.setattr(vm, "alone", lambda _: contextlib.nullcontext())
        monkeypatch.setattr(kunit, "run", lambda arch, base, debug: self._ran("KUnit", SERIES))

    def _units(self) -> Iterator[evidence.Unit]:
        yield evidence.Unit(SERIES, "KUnit", f"{self.key}0")
        yield evidence.Unit(SERIES, "a", f"{self.key}1", lambda _: self._ran("a", SERIES))
        yield evidence.Unit(BASE, "a", f"{self.key}2", lambda _: self._ran("a on base", BASE))

    @contextlib.contextmanager
    def _payload(self, arch: str, *, debug: bool, base: bool) -> Iterator[payload.Payload]:
        name = evidence.Kernel(arch, debug, base).name
        self.payloads.append(name)
        yield payload.Payload(arch, name, Path("image"), (Path("root"), Path("run")))

    def _ran(self, what: str, kernel: evidence.Kernel) -> list[Result]:
        self.ran.append(what)
        if "ctrl-c" in self.fails and what == "a":
            raise KeyboardInterrupt
        return [Result("x", what, "fail" if what in self.fails else "pass", "broke" if what in self.fails else "",
                       kernel.name)]


@pytest.fixture
def play(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Play:
    return Play(monkeypatch, tmp_path)


def test_what_is_proved_is_not_run_again(play: Play, capsys: pytest.CaptureFixture[str]) -> None:
    assert evidence.run() == 0
    assert play.ran == ["KUnit", "a", "a on base"]
    assert play.payloads == ["x86_64", "x86_64-base"]
    play.ran.clear()
    play.payloads.clear()
    capsys.readouterr()
    assert evidence.run() == 0
    assert (play.ran, play.payloads) == ([], [])
    out = capsys.readouterr().out
    assert "3 of 3 units are proved; missing:\n  nothing\n" in out
    assert out.splitlines()[-1] == "3 passed, 0 failed, 0 skipped"


def test_it_goes_on_after_an_interruption(play: Play, capsys: pytest.CaptureFixture[str]) -> None:
    play.fails = {"ctrl-c"}
    with pytest.raises(KeyboardInterrupt):
        evidence.run()
    assert play.ran == ["KUnit", "a"]
    play.fails.clear()
    play.ran.clear()
    capsys.readouterr()
    assert evidence.run() == 0
    assert play.ran == ["a", "a on base"]
    assert "1 of 3 units are proved; missing:\n  x86_64: a\n  x86_64-base: a\n" in capsys.readouterr().out


def test_a_failure_is_run_again_and_named(play: Play, capsys: pytest.CaptureFixture[str]) -> None:
    play.fails = {"a"}
    assert evidence.run() == 1
    out = capsys.readouterr().out
    assert "\n2 of 3 units are proved; missing:\n  x86_64: a\n" in out
    play.fails.clear()
    play.ran.clear()
    assert evidence.run() == 0
    assert play.ran == ["a"]


def test_another_kernel_is_run(play: Play) -> None:
    assert evidence.run() == 0
    play.ran.clear()
    play.key = "other"
    assert evidence.run() == 0
    assert len(play.ran) == 3


def test_results_of_the_base_are_judged_each_time(play: Play) -> None:
    """A patch that says a test fails without it, which passes there: what was proved before is not any more."""
    assert evidence.run() == 0
    play.ran.clear()
    play.proofs = [onbase.Proof("PCI: Fix it", "a on base", "broke")]
    assert evidence.run() == 1
    assert play.ran == ["a on base"]
    play.fails = {"a on base"}
    assert evidence.run() == 0
    play.ran.clear()
    assert evidence.run() == 0
    assert play.ran == []


def test_a_proof_without_a_test_fails_in_the_end(play: Play, capsys: pytest.CaptureFixture[str]) -> None:
    play.proofs = [onbase.Proof("PCI: Fix it", "no such test", "broke")]
    assert evidence.run() == 1
    assert "no test is called so, but 'PCI: Fix it' says that it fails" in capsys.readouterr().out


def test_what_cannot_be_built_does_not_stop_the_rest(play: Play, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object, **__: object) -> list[Result]:
        raise common.Error("no compiler")

    monkeypatch.setattr(kunit, "run", broken)
    assert evidence.run() == 1
    assert play.ran == ["a", "a on base"]


def test_only_some(play: Play, capsys: pytest.CaptureFixture[str]) -> None:
    play.proofs = [onbase.Proof("PCI: Fix it", "no such test", "broke")]  # which a part of them can't tell
    assert evidence.run("x86_64 K*, *-base a") == 0
    assert play.ran == ["KUnit", "a on base"]
    assert "2 of 2 units are proved" in capsys.readouterr().out
    for wrong in ("x86_64 b", "x86_64 a,frob"):
        with pytest.raises(common.Error, match="is none of the units, which are called so: x86_64 KUnit, x86_64 a"):
            evidence.run(wrong)
    with pytest.raises(common.Error, match="names nothing"):
        evidence.run(" , ")


@pytest.mark.base
def test_every_kernel_has_its_units() -> None:
    every = list(evidence.units())
    assert len({u.key for u in every}) == len(every)
    of = {k.name: [u.what for u in every if u.kernel == k] for k in evidence.kernels()}
    assert set(of) == {"uml", "uml-base", *(a + d + b for a in common.ARCHES for d in ("", "-debug") for b in ("", "-base"))}
    assert all("KUnit" in units for units in of.values())
    assert "reset_subordinate_race" in of["x86_64-debug"] and "reset_subordinate_race" not in of["x86_64"]
    assert "reset" in of["ppc64le-debug-base"]
    assert [name for name, units in of.items() if "iov_numvfs_remove_at_length" in units] == ["x86_64-debug"]
    assert [name for name, units in of.items() if any(u.startswith("stress") for u in units)] == ["x86_64-debug"]
    assert [name for name, units in of.items() if "locks-nvme-vfio" in units] == ["x86_64-debug", "x86_64-debug-base"]
