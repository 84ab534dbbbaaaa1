"""The context analysis: what counts as wrong."""

import contextlib
from collections import Counter
from pathlib import Path
from types import SimpleNamespace

import pytest

from reseat import context, objects

FILE = "arch/s390/pci/pci.c"
HELD = f"{FILE}: warning: mutex 'a' is still held at the end of function [-Wthread-safety-analysis]"
OTHER = f"{FILE}: warning: unused variable 'a' [-Wunused-variable]"


@pytest.mark.parametrize(("files", "messages", "config", "outcome", "reason"), [
    ([FILE], [], context._ON, "pass", "1 files"),
    ([FILE], [OTHER], context._ON, "pass", "1 files"),
    ([FILE], [OTHER, HELD], context._ON, "fail", HELD),
    ([FILE], [f"{FILE}: {objects.FAILED}"], context._ON, "fail", f"{FILE}: {objects.FAILED}"),
    ([FILE], [], "# CONFIG_WARN_CONTEXT_ANALYSIS is not set", "fail", f"1 files, {context._ON} is not"),
    ([], [], context._ON, "fail", f"0 files, {context._ON} is there"),
])
def test_what_is_wrong(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, files: list[str], messages: list[str], config: str,
                       outcome: str, reason: str) -> None:
    (tmp_path / ".config").write_text(f"CONFIG_PCI=y\n{config}\n")
    said = objects.Said(frozenset(files), {FILE: Counter(messages)})
    place = SimpleNamespace(src=tmp_path, folder=tmp_path, compile=lambda *_: said)
    monkeypatch.setattr(context, "_objects", lambda: place)
    monkeypatch.setattr(context.worktree, "at", lambda *_: contextlib.nullcontext())
    [r] = context.check(SimpleNamespace(tip="a"))
    assert (r.outcome, r.reason.startswith(reason) or r.reason) == (outcome, True)
