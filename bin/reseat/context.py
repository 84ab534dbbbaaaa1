"""The context analysis of s390's PCI code: clang says which lock is missing, or still held."""

from __future__ import annotations

import re

from . import clang, common, compose, objects, outcomes, result, worktree
from .result import Result

FOLDER = "arch/s390/pci"
_ON = "CONFIG_WARN_CONTEXT_ANALYSIS=y"
_OURS = re.compile(r"\[-Wthread-safety|" + re.escape(objects.FAILED))


def _objects() -> objects.Objects:
    return objects.Objects(common.arch("s390x"), worktree.path("check"), None, clang=clang.ensure())


def key(composed: compose.Composed) -> str:
    """What the outcome depends on."""
    return outcomes.key("context", composed.tip, _objects().key())


def check(composed: compose.Composed) -> list[Result]:
    """Compile the folder at the tip of the series."""
    timer = result.Timer()
    place = _objects()
    log = common.LOGS / "check" / "context.log"
    with worktree.at("check", composed.tip):
        files = sorted(str(f.relative_to(place.src)) for f in (place.src / FOLDER).glob("*.c"))
        said = place.compile(composed.tip, files, log)
        on = _ON in (place.folder / ".config").read_text().splitlines()
    wrong = sorted({m for f in said.files for m in said.messages.get(f, ()) if _OURS.search(m)})
    if not on or not said.files:
        wrong = [f"{len(said.files)} files, {_ON} {'is there' if on else 'is not'}"]
    return [Result("check", f"context analysis of {FOLDER}", "fail" if wrong else "pass",
                   "; ".join(wrong[:4]) or f"{len(said.files)} files", seconds=timer(), log=str(log) if wrong else "")]
