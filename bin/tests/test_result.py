"""Results: how they are printed."""

from __future__ import annotations

from pathlib import Path

import pytest

from reseat import common, result


def test_skips_alike_are_one_line(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(common, "ROOT", tmp_path)
    monkeypatch.setattr(common, "OUT", tmp_path / "out")
    skips = [result.Result("kunit", n, "skip", "no", "uml") for n in "abc"] + [result.Result("kunit", "d", "skip", "never", "uml")]
    assert result.report([*skips, result.Result("kunit", "e", "pass")], "x") == 0
    assert capsys.readouterr().out.splitlines() == ["SKIP kunit: a and 2 more [uml]: no", "SKIP kunit: d [uml]: never",
                                                    "results: out/results/x.json", "1 passed, 0 failed, 4 skipped"]
