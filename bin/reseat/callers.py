"""The callers of what the semantic patches change: all of them compile in an x86_64 allmodconfig."""

from __future__ import annotations

from . import base, common, compose, objects, outcomes, patchbuild, result, semantic, sparse, worktree
from .git import Git
from .result import Result

_GOAL = "allmodconfig"


def _objects() -> objects.Objects:
    return objects.Objects(common.arch("x86_64"), worktree.path("check"), sparse.ensure(), _GOAL)


def key(composed: compose.Composed) -> str:
    """What the outcome depends on."""
    scripts = [p.read_text() for p in sorted(semantic.FOLDER.glob("*.cocci"))]
    return outcomes.key("callers", composed.tip, _objects().key(), *scripts)


def _files(commit: str) -> list[str]:
    """The C files of the kernel that name a function which a semantic patch speaks of."""
    git = Git(base.git_dir())
    found = {f for p in semantic.FOLDER.glob("*.cocci") for f in semantic.files(git, commit, p.read_text())}
    return sorted(f for f in found if f.endswith(".c") and patchbuild.is_kernel(f))


def check(composed: compose.Composed) -> list[Result]:
    """Compile them all at the tip of the series; a file that is not of this architecture is left out."""
    timer = result.Timer()
    place = _objects()
    log = common.LOGS / "check" / f"callers-{_GOAL}.log"
    files = [f for f in _files(composed.tip) if not f.startswith("arch/") or f.startswith("arch/x86/")]
    with worktree.at("check", composed.tip):
        said = place.compile(composed.tip, files, log)
    wrong = [f"{f}: not in the configuration" for f in files if f not in said.files]
    # What sparse calls an error may be the base's, and stops nothing.
    wrong += sorted({m for f in files for m in said.messages.get(f, ()) if m == f"{f}: {objects.FAILED}"})
    return [Result("check", f"callers compile in an {_GOAL}", "fail" if wrong or not files else "pass",
                   "; ".join(wrong[:4]) or ("" if files else "there are none"), seconds=timer(),
                   log=str(log) if wrong else "")]
