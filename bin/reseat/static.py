"""What needs no running kernel: checkpatch, kernel-doc, documents, spatch, sparse, a build of each patch by itself, shellcheck."""

from __future__ import annotations

import dataclasses
import os
import re
import shutil
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path

from . import base, common, compose, docs, misuse, objects, outcomes, patchbuild, result, semantic, worktree
from .result import Result

EXCEPTIONS = common.ROOT / "harness" / "checkpatch"
LOGS = common.LOGS / "check"


def check(hurry: Callable[[], bool] | None = None) -> list[Result]:
    """Check every patch of the series, and the shell scripts of the repository; patchbuild.check() says what @hurry is."""
    composed = compose.series()
    LOGS.mkdir(parents=True, exist_ok=True)
    results = shell_scripts()
    results += checkpatch(composed)
    results += kernel_doc(composed)
    results += docs.check(composed)
    results += semantic.check(composed)
    results += misuse.check(composed)
    if not hurry:
        return results + patchbuild.check(composed)
    os.nice(19)  # what may be left takes nothing from what may not
    return results + patchbuild.check(composed, hurry=hurry)


@dataclasses.dataclass(frozen=True)
class Allowed:
    """A message of checkpatch that stays, and why."""

    patch: str
    kind: str
    reason: str


def exceptions(path: Path = EXCEPTIONS) -> list[Allowed]:
    """Read the list of messages that stay."""
    found = []
    for number, line in enumerate(path.read_text().splitlines(), 1):
        if not line.strip() or line.startswith("#"):
            continue
        m = re.fullmatch(r"(\S+\.patch) +([A-Z_]+)  +(\S.*)", line)
        if not m:
            raise common.Error(f"{path}:{number}: a patch, a message's type, two blanks and the reason")
        found.append(Allowed(m[1], m[2], m[3]))
    return found


def checkpatch(composed: compose.Composed) -> list[Result]:
    """checkpatch --strict on each patch; what is allowed and does not occur any more fails as well."""
    allowed = exceptions()
    used: set[Allowed] = set()
    results = []
    for patch in composed.commits:
        timer = result.Timer()
        log = LOGS / f"checkpatch-{patch.name}.log"
        left = []
        for kind, text in _messages(patch, composed, log):
            stays = [a for a in allowed if (a.patch, a.kind) == (patch.name, kind)]
            used.update(stays)
            if not stays:
                left.append(f"{kind}: {text}")
        results.append(_judged(f"{patch.name}: checkpatch", left, log, timer()))
    for a in allowed:
        if a not in used:
            results.append(Result("check", f"{a.patch}: checkpatch exception {a.kind}", "fail",
                                  f"{EXCEPTIONS.relative_to(common.ROOT)} names it, but it does not occur"))
    return results


def _messages(patch: compose.Patch, composed: compose.Composed, log: Path) -> list[tuple[str, str]]:
    """What checkpatch says about a patch: the types and texts of its messages."""
    mail = base.git("format-patch", "-1", "--stdout", "--no-signature", patch.commit) + "\n"
    key = outcomes.key("checkpatch", composed.base, re.sub(r"^From [0-9a-f]{40} ", "", mail))
    said = outcomes.recall(key)
    if said is None or not log.exists():
        with worktree.at("check", composed.tip) as src:
            # The base is a single commit, without the history in which checkpatch looks up what a message names.
            p = common.run(["perl", src / "scripts/checkpatch.pl", "--strict", "--no-signoff", "--show-types",
                            "--terse", "--no-summary", "--ignore", "UNKNOWN_COMMIT_ID", "-"],
                           cwd=src, input=mail.encode(errors="surrogateescape"), check=False)
        log.parent.mkdir(parents=True, exist_ok=True)
        log.write_text(p.stdout + p.stderr)
        said = re.findall(r"^.*?: ((?:ERROR|WARNING|CHECK):[A-Z_]+: .*)$", p.stdout, re.M)
        if p.returncode and not said:
            raise common.Error(f"checkpatch did not run: {(p.stderr or p.stdout).strip()[:200]}")
        outcomes.remember(key, said)
    return [(s.split(":")[1], s.partition(": ")[2]) for s in said]


def kernel_doc(composed: compose.Composed) -> list[Result]:
    """kernel-doc on the files that each patch touches: nothing that its parent does not say too."""
    results = []
    for patch in composed.commits:
        timer = result.Timer()
        files = [f for f in patchbuild.touched(patch) if f.endswith((".c", ".h")) and patchbuild.is_kernel(f)]
        if not files:
            continue
        log = LOGS / f"kernel-doc-{patch.name}.log"
        key = outcomes.key("kernel-doc", patch.parent, patch.commit, *files)
        new = outcomes.recall(key)
        if new is None:
            before, _ = _doc_warnings(patch.parent, files)
            after, text = _doc_warnings(patch.commit, files)
            log.write_text(text)
            new = sorted((after - before).elements())
            outcomes.remember(key, new)
        results.append(_judged(f"{patch.name}: kernel-doc", new, log, timer()))
    return results


def _doc_warnings(commit: str, files: list[str]) -> tuple[Counter[str], str]:
    with worktree.at("check", commit) as src:
        there = [f for f in files if (src / f).exists()]
        if not there:
            return Counter(), ""
        p = common.run([sys.executable, src / "scripts/kernel-doc", "-none", "-Werror", *there], cwd=src, check=False)
    text = p.stderr + p.stdout
    found = objects.warnings(text)
    if p.returncode and not found:
        raise common.Error(f"kernel-doc did not run: {text.strip()[-300:]}")
    return found, text


def shell_scripts(root: Path = common.ROOT) -> list[Result]:
    """shellcheck on every shell script of the repository."""
    if not shutil.which("shellcheck"):
        return [Result("check", "shellcheck", "skip", "shellcheck is not installed")]
    files = common.run(["git", "ls-files", "-co", "--exclude-standard", "-z"], cwd=root).stdout.split("\0")
    scripts = []
    for name in sorted(set(filter(None, files))):
        path = root / name
        if path.is_file() and not path.is_symlink():
            with path.open("rb") as f:
                first = f.readline(80)
            if re.match(rb"#!\s*/(usr/)?bin/(env )?(ba|da)?sh\b", first) or name.endswith(".sh"):
                scripts.append(name)
    results = []
    for name in scripts:
        # -x: sourced files are read as well; 1091: but not the kernel's own, which are not here.
        p = common.run(["shellcheck", "-x", "-e", "SC1091", "-P", "SCRIPTDIR", "-f", "gcc", name], cwd=root,
                       check=False)
        log = LOGS / "shellcheck.log"
        left = p.stdout.splitlines()
        if left:
            log.parent.mkdir(parents=True, exist_ok=True)
            log.write_text(p.stdout)
        results.append(_judged(f"shellcheck {name}", left, log, 0))
    return results


def _judged(name: str, left: list[str], log: Path, seconds: float) -> Result:
    if not left:
        return Result("check", name, "pass", seconds=seconds)
    more = f" (and {len(left) - 3} more)" if len(left) > 3 else ""
    return Result("check", name, "fail", "; ".join(left[:3]) + more, seconds=seconds, log=str(log))
